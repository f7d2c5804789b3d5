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
// needs to know before its first request.
func (c *Client) negotiate(ctx context.Context) error {
	answer, err := c.request(ctx, syncRequest)
	if err != nil {
		return err
	}
	if _, bad := parseStubError(answer); bad {
		answer = nil
	}
	c.features = parseFeatures(string(answer))
	if c.features.NoAckMode {
		if err := c.startNoAckMode(ctx); err != nil {
			return err
		}
	}
	if c.features.VCont {
		if answer, err = c.request(ctx, "vCont?"); err != nil {
			return err
		}
		actions := strings.Split(string(answer), ";")
		c.features.VCont = actions[0] == "vCont" && slices.Contains(actions, "c") && slices.Contains(actions, "s")
	}
	if c.features.TargetXML {
		if err := c.fetchDescription(ctx); err != nil {
			return err
		}
	}
	answer, err = c.request(ctx, "qqemu.PhyMemMode")
	if err != nil {
		return err
	}
	switch string(answer) {
	case "0":
		c.physical, c.mode = true, Virtual
	case "1":
		c.physical, c.mode = true, Physical
	default:
		c.mode = Virtual
	}
	return c.askStop(ctx)
}

func (c *Client) startNoAckMode(ctx context.Context) error {
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
