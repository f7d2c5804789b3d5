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
	for _, step := range []func(context.Context) error{c.agree, c.startNoAckMode, c.askState} {
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

// askState finds out, in one exchange, all that needs no answer before: whether vCont is
// of use, how memory is read, why the guest is stopped, and how registers are described,
// if they are.
func (c *Client) askState(ctx context.Context) error {
	var asks []ask
	if c.features.VCont {
		asks = append(asks, ask{"vCont?", c.learnActions})
	}
	description := &document{name: "target.xml"}
	if c.features.TargetXML {
		asks = append(asks, c.pieces(description, 1)...)
	}
	asks = append(asks, ask{"qqemu.PhyMemMode", c.learnMode}, ask{"?", c.learnStop})
	if err := c.askAll(ctx, asks); err != nil || !c.features.TargetXML {
		return err
	}
	return c.fetchDescription(ctx, description)
}

// learnActions notes whether vCont is of use.
func (c *Client) learnActions(answer []byte) error {
	actions := strings.Split(string(answer), ";")
	c.features.VCont = actions[0] == "vCont" && slices.Contains(actions, "c") && slices.Contains(actions, "s")
	return nil
}

// learnMode notes whether memory can be read by physical address, and whether a
// debugger before has left the stub like that.
func (c *Client) learnMode(answer []byte) error {
	c.mode = Virtual
	switch string(answer) {
	case "0":
		c.physical = true
	case "1":
		c.physical, c.mode, c.abandoned = true, Physical, true
	}
	return nil
}

// learnStop notes why the guest is stopped. QEMU removes all breakpoints as it is asked.
func (c *Client) learnStop(answer []byte) error {
	s, err := parseStop(answer)
	if err != nil {
		return c.unexpected("?", answer)
	}
	c.noteStop(s)
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
