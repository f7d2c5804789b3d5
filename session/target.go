// Package session is a debug session over one checkpoint and restore: it walks
// the scenario's phases, gathers evidence about every restored thread, judges
// it, and keeps a history of stops.
//
// It knows phases, components, kernels as package kernel describes
// them, and debug info. It must not know a particular kernel, a wire protocol,
// or a screen: targets come in as Target, what users see goes out as an
// immutable View.
package session

import (
	"context"
	"debug/elf"

	"thaw/kernel"
	"thaw/session/drive"
	"thaw/session/machine"
)

// Target is a machine that can be stopped, read and resumed: a live one, or one that
// answers from a recording. Except for Interrupt it is used by one goroutine.
type Target interface {
	machine.Target
	drive.Target
	Name() string         // address or file, for messages
	Machine() elf.Machine // from the target description
	// Log is what the guest wrote on its serial line since the last call, by
	// lines and without control characters. Any goroutine may call it.
	Log() []string
	// Close leaves the target as it was found, or ends it if it was started
	// for this session.
	Close(ctx context.Context) error
}

// Ender is a target whose run may have an end that it stops at by itself: a wait for what
// may never come needs no clock there.
type Ender interface {
	// Ends says whether it has one.
	Ends() bool
}

// Decoder reads a kernel's objects from a stopped machine.
type Decoder = kernel.Decoder

// Warner is a target that may have something to say about itself.
type Warner interface {
	// Warning is told once, "" if there is none.
	Warning() string
}
