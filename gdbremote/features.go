package gdbremote

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// Features is what a stub has offered in its answer to qSupported, and to
// vCont?.
type Features struct {
	PacketSize      int // bytes a packet may have, frame included
	TargetXML       bool
	VCont           bool // vCont with at least c and s
	Multiprocess    bool
	SWBreak         bool
	HWBreak         bool
	ReverseStep     bool
	ReverseContinue bool
	NoAckMode       bool
	Raw             string // the whole answer

	known bool // the stub answers qSupported with a PacketSize
}

const (
	// ourFeatures is what the client tells of itself.
	ourFeatures = "multiprocess+;swbreak+;hwbreak+;vContSupported+;xmlRegisters=i386"

	fallbackPacketSize = 400 // what GDB assumes of a stub that says nothing
	smallestPacketSize = 64
	largestPacketSize  = 1 << 16
)

// featureFlags tells which field a name of the qSupported answer sets.
var featureFlags = map[string]func(*Features) *bool{
	"qXfer:features:read": func(f *Features) *bool { return &f.TargetXML },
	"vContSupported":      func(f *Features) *bool { return &f.VCont },
	"multiprocess":        func(f *Features) *bool { return &f.Multiprocess },
	"swbreak":             func(f *Features) *bool { return &f.SWBreak },
	"hwbreak":             func(f *Features) *bool { return &f.HWBreak },
	"ReverseStep":         func(f *Features) *bool { return &f.ReverseStep },
	"ReverseContinue":     func(f *Features) *bool { return &f.ReverseContinue },
	"QStartNoAckMode":     func(f *Features) *bool { return &f.NoAckMode },
}

// parseFeatures reads the answer to qSupported.
func parseFeatures(answer string) Features {
	f := Features{Raw: answer, PacketSize: fallbackPacketSize}
	for item := range strings.SplitSeq(answer, ";") {
		if size, ok := strings.CutPrefix(item, "PacketSize="); ok {
			if n, err := strconv.ParseUint(size, 16, 32); err == nil {
				f.PacketSize = int(min(max(n, smallestPacketSize), largestPacketSize))
				f.known = true
			}
			continue
		}
		if name, ok := strings.CutSuffix(item, "+"); ok {
			if field := featureFlags[name]; field != nil {
				*field(&f) = true
			}
		}
	}
	return f
}

// negotiate agrees on features with the stub. It does everything a client
// needs to know before its first request. Between its steps it ends with until;
// an exchange that has begun is finished as long as ctx holds.
func (c *Client) negotiate(ctx, until context.Context) error {
	for _, step := range []func(context.Context) error{
		c.agree, c.startNoAckMode, c.askActions, c.askDescription, c.askMode, c.askStop,
	} {
		// Without the first, nobody knows how to take leave.
		if err := until.Err(); err != nil && c.agreed {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// agree tells the stub what the client can do, and learns what the stub can.
func (c *Client) agree(ctx context.Context) error {
	answer, err := c.request(ctx, syncRequest)
	if err != nil {
		return err
	}
	if _, bad := parseStubError(answer); bad {
		answer = nil
	}
	c.features, c.agreed = parseFeatures(string(answer)), true
	return nil
}

// askActions finds out whether vCont is of use.
func (c *Client) askActions(ctx context.Context) error {
	if !c.features.VCont {
		return nil
	}
	answer, err := c.request(ctx, "vCont?")
	if err != nil {
		return err
	}
	actions := strings.Split(string(answer), ";")
	c.features.VCont = actions[0] == "vCont" && slices.Contains(actions, "c") && slices.Contains(actions, "s")
	return nil
}

// askDescription gets the description of the registers, if there is one.
func (c *Client) askDescription(ctx context.Context) error {
	if !c.features.TargetXML {
		return nil
	}
	return c.fetchDescription(ctx)
}

// askMode finds out whether memory can be read by physical address, and whether a
// debugger before has left the stub like that.
func (c *Client) askMode(ctx context.Context) error {
	answer, err := c.request(ctx, "qqemu.PhyMemMode")
	if err != nil {
		return err
	}
	c.mode = Virtual
	switch string(answer) {
	case "0":
		c.physical = true
	case "1":
		c.physical, c.mode, c.abandoned = true, Physical, true
	}
	return nil
}

func (c *Client) startNoAckMode(ctx context.Context) error {
	if !c.features.NoAckMode {
		return nil
	}
	answer, err := c.request(ctx, "QStartNoAckMode")
	if err != nil {
		return err
	}
	if string(answer) == "OK" {
		c.noAck = true
	}
	c.features.NoAckMode = c.noAck
	return nil
}
