package session

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/target"
	"thaw/session/view"
)

// Reverser is a target that may run a recording, and then goes backwards in it.
type Reverser interface {
	// Reverses says whether it does.
	Reverses() bool
	// Position is how many instructions of the recording were executed.
	Position(ctx context.Context) (uint64, error)
	// ReverseStep goes back by one instruction.
	ReverseStep(ctx context.Context) (target.Stop, error)
	// ReverseContinue goes back to the last break- or watchpoint that was hit
	// before, or to the beginning. The stop does not say which.
	ReverseContinue(ctx context.Context) (target.Stop, error)
	// RunTo runs forward to a position; a break- or watchpoint on the way is an error.
	RunTo(ctx context.Context, position uint64) (target.Stop, error)
	// RunTowards is RunTo up to the first break- or watchpoint on the way, to a position that
	// is still to come.
	RunTowards(ctx context.Context, position uint64) (target.Stop, error)
}

// Snapshotter is a target that can keep its whole state under a name, and come
// back to it. Break- and watchpoints stay as they are.
type Snapshotter interface {
	SaveVM(ctx context.Context, name string) error
	LoadVM(ctx context.Context, name string) error
	DropVM(ctx context.Context, name string) error
}

// Why the guest does not go back.
const (
	whyNoReverse  = "the stub offers no reverse execution: start QEMU with rr=replay, or use thaw lab --rr"
	whyNoVM       = "the guest cannot be put back: use thaw lab --rr or --snapshots, or attach with --snapshots to a QEMU with a qcow2 drive"
	whyNoSnapshot = "no VM snapshot was taken at this stop: phases have one"
)

var errBeginning = errors.New("this is the beginning of the recorded run")

// traveller takes the guest back in its run.
type traveller struct {
	*parts
	arrive func(ctx context.Context, ev *drive.Event, err error) error // records a stop, see Engine

	snapshots bool         // VM snapshots are made
	saves     []save       // that were made
	marks     []mark       // of a recorded run, by position; the first one is at its beginning
	leaves    uint64       // thread object on its way out of the kernel that was followed here before, 0: none
	travelled int          // counts guests to go back in: another one may come by Reconnect
	moving    atomic.Bool  // QEMU moves the guest, and must not be interrupted
	says      func(string) // told how far a search is, nil if nobody wants to know
	pace      pace
	visits    map[uint64]machine.Visit // where the guest stood at positions that an answer names
}

// backMode is the way of going back that is in force.
func (tr *traveller) backMode() view.BackMode {
	switch {
	case tr.reverser() != nil:
		return view.BackReverse
	case tr.snapshots:
		return view.BackSnapshots
	}
	return view.BackHistory
}

// reverser is the target if it goes backwards now, else nil.
func (tr *traveller) reverser() Reverser {
	if r, ok := tr.target.(Reverser); ok && r.Reverses() {
		return r
	}
	return nil
}

// canRestart says why the guest cannot go on from a moment of the history, ""
// if it can.
func (tr *traveller) canRestart(m *moment) string {
	switch {
	case m.state == nil:
		return whyNoVM
	case m.guest != tr.travelled:
		return "that was another guest, before the connection was lost"
	case tr.reverser() != nil || m.vm != "":
		return ""
	}
	return whyNoSnapshot
}

// position is where in a recorded run the guest is, 0 if it is in none.
func (tr *traveller) position(ctx context.Context) (uint64, error) {
	if r := tr.reverser(); r != nil {
		return r.Position(ctx)
	}
	return 0, nil
}

// saveName is the name of a stop's VM snapshot.
func saveName(stop int) string { return fmt.Sprintf("thaw-%d", stop) }
