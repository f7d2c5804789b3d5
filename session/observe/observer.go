// Package observe takes evidence of the threads whose state is requested: it reads
// requests and the kernel's operations, watches what is written to a saved state, and
// follows a thread to its first instruction in user mode.
//
// It knows how a guest is driven, and where the kernel's platform and a scenario say that
// requests arrive. It must not know phases, verdicts, or a history.
package observe

import (
	"context"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
)

// Observer takes evidence of the threads whose state is requested: requests, the
// kernel's operations, writes of the saved state, and the return to user mode.
type Observer struct {
	m        *machine.Machine
	programs *components.Set
	drive    *drive.Driver
	hooks    Hooks
	Platform Platform

	Ev       evidence.Evidence
	Started  time.Time
	seq      int    // orders evidence
	Followed uint64 // thread object that was followed out of the kernel since this was set to 0
}

// Hooks are what an observer asks, or tells of. All of it must be there.
type Hooks struct {
	Gone func() bool // the target is
	Next func() int  // number of the next stop
	// Asked is called at a request for a thread's state, where its arguments can be
	// evaluated.
	Asked func(t *evidence.Track, scope debuginfo.Scope, r *kernel.Request)
	// Enters is called as a thread has come back to user mode, and Entered once that
	// is noted.
	Enters, Entered func(ctx context.Context, t *evidence.Track) error
}

// New observes what a driver drives.
func New(m *machine.Machine, programs *components.Set, d *drive.Driver, h Hooks) *Observer {
	return &Observer{m: m, programs: programs, drive: d, hooks: h, Ev: evidence.New(), Started: time.Now()}
}

// NextStop is the number of the next stop in the history.
func (ob *Observer) NextStop() int { return ob.hooks.Next() }
