package session

import (
	"context"
	"errors"
	"fmt"
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
	// RunTowards is RunTo up to the first break- or watchpoint on the way.
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

// backMode is the way of going back that is in force.
func (e *Engine) backMode() view.BackMode {
	switch {
	case e.reverser() != nil:
		return view.BackReverse
	case e.snapshots:
		return view.BackSnapshots
	}
	return view.BackHistory
}

// reverser is the target if it goes backwards now, else nil.
func (e *Engine) reverser() Reverser {
	if r, ok := e.target.(Reverser); ok && r.Reverses() {
		return r
	}
	return nil
}

// canRestart says why the guest cannot go on from a moment of the history, ""
// if it can.
func (e *Engine) canRestart(m *moment) string {
	switch {
	case m.state == nil:
		return whyNoVM
	case m.guest != e.travelled:
		return "that was another guest, before the connection was lost"
	case e.reverser() != nil || m.vm != "":
		return ""
	}
	return whyNoSnapshot
}

// ReverseStep goes back by one instruction of a recorded run.
func (e *Engine) ReverseStep(ctx context.Context) error {
	r, at, err := e.beginBack(ctx)
	if err != nil {
		return err
	}
	defer e.moved()
	const reason = "reverse step"
	if e.saveBefore(at-1) != nil { // what QEMU does, too; and the LOG is known there
		return e.goTo(ctx, at-1, nil, reason)
	}
	if err := e.bare(ctx); err != nil {
		return e.arrive(ctx, nil, err)
	}
	e.takeLog()
	logged := e.log.Count()
	stop, err := r.ReverseStep(ctx)
	e.takeLog()
	e.cutLog(logged) // without what QEMU's way back wrote once more
	return e.land(ctx, stop, err, reason)
}

// beginBack says where in a recorded run the guest is. Nothing interrupts it
// until moved is called.
func (e *Engine) beginBack(ctx context.Context) (r Reverser, at uint64, err error) {
	if r = e.reverser(); r == nil {
		return nil, 0, errors.New(whyNoReverse)
	}
	if at, err = r.Position(ctx); err != nil {
		return nil, 0, e.arrive(ctx, nil, err)
	}
	if at == 0 {
		return nil, 0, errBeginning
	}
	e.moving.Store(true)
	e.change.Forget()
	return r, at, nil
}

// moved says that the guest may be interrupted again.
func (e *Engine) moved() {
	e.moving.Store(false)
	e.drive.Asked.Store(false)
}

// ReverseContinue goes back to the last event: the stop before that was made by
// one, or, in a part of the recorded run that was not walked so far, the last
// breakpoint that was hit in its component.
func (e *Engine) ReverseContinue(ctx context.Context) error {
	r, at, err := e.beginBack(ctx)
	if err != nil {
		return err
	}
	defer e.moved()
	here := e.m.Here()
	m := e.lastEvent(at)
	hit := uint64(0)
	if own := e.drive.Breaks.OwnBreaks(); m == nil || own {
		if hit, err = e.backToBreak(ctx, r, m); err != nil {
			return e.arrive(ctx, nil, err)
		}
	}
	switch there := e.m.Here(); {
	case e.drive.Asked.Load():
		return e.stay(ctx, at, here, errors.New("given up"))
	case hit > 0:
		return e.goTo(ctx, hit, &there, "back at "+e.drive.Breaks.StopsAt(m != nil))
	case m != nil:
		return e.goTo(ctx, m.position, &m.state.here, fmt.Sprintf("back at stop %d: %s", m.snap.Number, m.snap.Reason))
	}
	return e.stay(ctx, at, here, errors.New("there is no earlier event in the recorded run"))
}

// backToBreak goes back to the last breakpoint that is hit in its component
// behind the last known event, or in all that was before if none is known: one of
// the user's, and in the latter case a phase's. The result is its position, 0 if
// there is none.
func (e *Engine) backToBreak(ctx context.Context, r Reverser, last *moment) (uint64, error) {
	if err := e.drive.Guard.DisarmAll(ctx); err != nil {
		return 0, err
	}
	if err := e.drive.Breaks.KeepOnly(ctx, func(i *view.BreakpointInfo) bool { return drive.Stops(i, last != nil) }); err != nil {
		return 0, err
	}
	for {
		stop, err := r.ReverseContinue(ctx)
		if err == nil {
			err = e.m.Look(ctx, stop.CPU)
		}
		if err != nil {
			return 0, err
		}
		at, err := r.Position(ctx)
		if err != nil || at == 0 || last != nil && at <= last.position || e.drive.Asked.Load() {
			return 0, err
		}
		if e.drive.Breaks.StopsAt(last != nil) != "" {
			return at, nil
		}
	}
}

// stay brings the guest back to where it was, for there is nothing to go to.
func (e *Engine) stay(ctx context.Context, at uint64, here machine.Visit, why error) error {
	if err := e.goTo(ctx, at, &here, "still here: "+why.Error()); err != nil {
		return err
	}
	return why
}

// lastEvent is the last stop that an event made before a position, on the way
// that led to the present one; nil if there is none.
func (e *Engine) lastEvent(before uint64) *moment {
	var last *moment
	for _, m := range e.history.kept {
		if m.event && m.guest == e.travelled && m.state != nil && m.position < before && (last == nil || m.position >= last.position) {
			last = m
		}
	}
	return last
}

// Restart puts the guest back to a stop of the history, by its number: what was
// found out since is forgotten, and it goes on from there. The stops since stay
// in the history; the guest's new one is added to it.
func (e *Engine) Restart(ctx context.Context, stop int) error {
	m := e.history.at(stop)
	if m == nil {
		return fmt.Errorf("there is no stop %d: the history has %d to %d", stop, e.history.first, e.history.last())
	}
	if why := e.canRestart(m); why != "" {
		return fmt.Errorf("stop %d: %s", stop, why)
	}
	reason := fmt.Sprintf("back at stop %d: %s", stop, m.snap.Reason)
	e.moving.Store(true)
	defer e.moved()
	e.change.Forget()
	if e.reverser() != nil {
		return e.goTo(ctx, m.position, &m.state.here, reason)
	}
	if err := e.bare(ctx); err != nil {
		return e.arrive(ctx, nil, err)
	}
	if err := e.target.(Snapshotter).LoadVM(ctx, m.vm); err != nil {
		return e.arrive(ctx, nil, err)
	}
	e.takeLog()
	e.cutLog(m.state.logged)
	if err := e.take(ctx, m.state.cpu, m.state); err != nil {
		return e.arrive(ctx, nil, err)
	}
	return e.arriveBack(ctx, &drive.Event{Reason: reason, Idle: true})
}

// position is where in a recorded run the guest is, 0 if it is in none.
func (e *Engine) position(ctx context.Context) (uint64, error) {
	if r := e.reverser(); r != nil {
		return r.Position(ctx)
	}
	return 0, nil
}

// beginTravel keeps what is needed to go back to the beginning.
func (e *Engine) beginTravel(ctx context.Context) error {
	at, err := e.position(ctx)
	if err != nil {
		return err
	}
	if e.reverser() != nil {
		e.marks = []mark{{state: e.stateNow()}}
	}
	if !e.snapshots {
		return nil
	}
	if _, ok := e.target.(Snapshotter); !ok {
		return fmt.Errorf("%s keeps no VM snapshots", e.target.Name())
	}
	return e.saveVM(ctx, saveName(0), at, e.stateNow())
}

// saveName is the name of a stop's VM snapshot.
func saveName(stop int) string { return fmt.Sprintf("thaw-%d", stop) }

// noteTravel keeps in a moment what it takes to come back to it.
func (e *Engine) noteTravel(ctx context.Context, m *moment, ev *drive.Event) error {
	m.event, m.guest = !ev.Idle, e.travelled
	if e.backMode() == view.BackHistory {
		return nil
	}
	var err error
	if m.position, err = e.position(ctx); err != nil {
		return err
	}
	if err := e.noteMark(ctx, m.position, 0); err != nil {
		return err
	}
	m.state = e.stateNow()
	return nil
}

// keepVM makes a VM snapshot of the newest stop, if it is a phase's.
func (e *Engine) keepVM(ctx context.Context, ev *drive.Event) error {
	if !e.snapshots || !ev.Phase {
		return nil
	}
	m := *e.history.newest()
	name := saveName(m.snap.Number)
	if err := e.saveVM(ctx, name, m.position, m.state); err != nil {
		e.snapshots = false // a full disk is no reason to end the session
		return fmt.Errorf("no more VM snapshots: %w", err)
	}
	m.vm = name
	e.history.replaceNewest(&m)
	return nil
}
