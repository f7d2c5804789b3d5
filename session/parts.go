package session

import (
	"context"
	"errors"

	"thaw/session/change"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/guestlog"
	"thaw/session/machine"
	"thaw/session/memcompare"
	"thaw/session/observe"
	"thaw/session/scenario"
	"thaw/session/view"
)

// parts are what a session is made of: each knows those before it. What they find out
// becomes the history.
type parts struct {
	target   Target
	scn      *scenario.Scenario
	rec      *recording // nil: nothing is recorded
	programs *components.Set
	m        *machine.Machine
	drive    *drive.Driver
	obs      *observe.Observer
	memory   *memcompare.Comparer
	change   *change.Changer
	phases   *phaseLine
	log      *guestlog.Book
	history  *moments
	notes    *noteBook

	questions *questionBook
	watched   []*watchedWord
}

// moment is a stop in the history with all that was known then.
type moment struct {
	snap *view.Snapshot
	view.Result
	size int // see moments

	event    bool   // made by an event, not by a step or an interrupt
	position uint64 // in a recorded run
	guest    int    // see traveller
	state    *state // to go on from here, nil if that cannot be
	vm       string // VM snapshot of it, "" if there is none
}

// bare takes all breakpoints and watchpoints off a stopped target.
func (ps *parts) bare(ctx context.Context) error {
	if err := ps.drive.Breaks.PutBack(ctx); err != nil {
		return err
	}
	return errors.Join(ps.unwatch(ctx), ps.drive.TakeOff(ctx))
}
