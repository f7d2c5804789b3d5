package session

import (
	"context"
	"errors"
	"fmt"

	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/view"
)

// ReverseStep goes back by one instruction of a recorded run.
func (tr *traveller) ReverseStep(ctx context.Context) error {
	r, at, err := tr.beginBack(ctx)
	if err != nil {
		return err
	}
	defer tr.moved()
	const reason = "reverse step"
	if tr.saveBefore(at-1) != nil { // what QEMU does, too; and the LOG is known there
		return tr.goTo(ctx, at-1, nil, reason)
	}
	if err := tr.bare(ctx); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	tr.log.Take()
	logged := tr.log.Count()
	stop, err := r.ReverseStep(ctx)
	tr.log.Take()
	tr.cutLog(logged) // without what QEMU's way back wrote once more
	return tr.land(ctx, stop, err, reason)
}

// beginBack says where in a recorded run the guest is. Nothing interrupts it
// until moved is called.
func (tr *traveller) beginBack(ctx context.Context) (r Reverser, at uint64, err error) {
	if r = tr.reverser(); r == nil {
		return nil, 0, errors.New(whyNoReverse)
	}
	if at, err = r.Position(ctx); err != nil {
		return nil, 0, tr.arrive(ctx, nil, err)
	}
	if at == 0 {
		return nil, 0, errBeginning
	}
	tr.moving.Store(true)
	tr.change.Forget()
	return r, at, nil
}

// moved says that the guest may be interrupted again.
func (tr *traveller) moved() {
	tr.moving.Store(false)
	tr.drive.Asked.Store(false)
}

// ReverseContinue goes back to the last event: the stop before that was made by
// one, or, in a part of the recorded run that was not walked so far, the last
// breakpoint that was hit in its component.
func (tr *traveller) ReverseContinue(ctx context.Context) error {
	r, at, err := tr.beginBack(ctx)
	if err != nil {
		return err
	}
	defer tr.moved()
	here := tr.m.Here()
	m := tr.lastEvent(at)
	var hit breakHit
	if own := tr.drive.Breaks.OwnBreaks(); m == nil || own {
		if hit, err = tr.backToBreak(ctx, r, m, at); err != nil {
			return tr.arrive(ctx, nil, err)
		}
	}
	switch {
	case tr.drive.Asked.Load():
		return tr.stay(ctx, at, here, errors.New("given up"))
	case hit.position > 0:
		return tr.goTo(ctx, hit.position, &hit.here, "back at "+hit.name)
	case m != nil:
		return tr.goTo(ctx, m.position, &m.state.here, fmt.Sprintf("back at stop %d: %s", m.snap.Number, m.snap.Reason))
	}
	return tr.stay(ctx, at, here, errors.New("there is no earlier event in the recorded run"))
}

// backToBreak goes back to the last breakpoint that is hit in its component
// behind the last known event, or in all that was before if none is known: one of
// the user's, and in the latter case a phase's. The result is its position, 0 if
// there is none.
func (tr *traveller) backToBreak(ctx context.Context, r Reverser, last *moment, before uint64) (hit breakHit, err error) {
	if err := tr.drive.Guard.DisarmAll(ctx); err != nil {
		return breakHit{}, err
	}
	if err := tr.drive.Breaks.KeepOnly(ctx, func(i *view.BreakpointInfo) bool { return drive.Stops(i, last != nil) }); err != nil {
		return breakHit{}, err
	}
	if last != nil && tr.saveBefore(last.position) != nil {
		return tr.searchBreaks(ctx, r, last.position, before)
	}
	for {
		stop, err := r.ReverseContinue(ctx)
		if err == nil {
			err = tr.m.Look(ctx, stop.CPU)
		}
		if err != nil {
			return breakHit{}, err
		}
		at, err := r.Position(ctx)
		if err != nil || at == 0 || last != nil && at <= last.position || tr.drive.Asked.Load() {
			return breakHit{}, err
		}
		if name := tr.drive.Breaks.StopsAt(last != nil); name != "" {
			return breakHit{at, tr.m.Here(), name}, nil
		}
	}
}

// breakHit is a breakpoint that was hit in a recorded run; position 0 is none.
type breakHit struct {
	position uint64
	here     machine.Visit
	name     string
}

// searchBreaks finds the last of the user's breakpoints that is hit in its component
// between two positions, forward from the VM snapshot before: QEMU's own way back runs
// all of that again for each that it finds.
func (tr *traveller) searchBreaks(ctx context.Context, r Reverser, from, before uint64) (hit breakHit, err error) {
	if err := tr.rewind(ctx, r, from); err != nil {
		return breakHit{}, err
	}
	for !tr.drive.Asked.Load() {
		at, err := r.Position(ctx)
		if err != nil || at >= before {
			return hit, err
		}
		stop, err := r.RunTowards(ctx, before)
		if err == nil {
			err = tr.m.Look(ctx, stop.CPU)
		}
		if err != nil {
			return breakHit{}, err
		}
		if at, err = r.Position(ctx); err != nil || at >= before {
			return hit, err
		}
		if name := tr.drive.Breaks.StopsAt(true); at > from && name != "" {
			hit = breakHit{at, tr.m.Here(), name}
		}
		if _, err := tr.drive.StepOnce(ctx); err != nil { // off the breakpoint
			return breakHit{}, err
		}
	}
	return breakHit{}, nil
}

// stay brings the guest back to where it was, for there is nothing to go to.
func (tr *traveller) stay(ctx context.Context, at uint64, here machine.Visit, why error) error {
	if err := tr.goTo(ctx, at, &here, "still here: "+why.Error()); err != nil {
		return err
	}
	return why
}

// lastEvent is the last stop that an event made before a position, on the way
// that led to the present one; nil if there is none.
func (tr *traveller) lastEvent(before uint64) *moment {
	var last *moment
	for _, m := range tr.history.kept {
		if m.event && m.guest == tr.travelled && m.state != nil && m.position < before && (last == nil || m.position >= last.position) {
			last = m
		}
	}
	return last
}

// Restart puts the guest back to a stop of the history, by its number: what was
// found out since is forgotten, and it goes on from there. The stops since stay
// in the history; the guest's new one is added to it.
func (tr *traveller) Restart(ctx context.Context, stop int) error {
	m := tr.history.at(stop)
	if m == nil {
		return fmt.Errorf("there is no stop %d: the history has %d to %d", stop, tr.history.first, tr.history.last())
	}
	if why := tr.canRestart(m); why != "" {
		return fmt.Errorf("stop %d: %s", stop, why)
	}
	reason := fmt.Sprintf("back at stop %d: %s", stop, m.snap.Reason)
	tr.moving.Store(true)
	defer tr.moved()
	tr.change.Forget()
	if tr.reverser() != nil {
		return tr.goTo(ctx, m.position, &m.state.here, reason)
	}
	if err := tr.bare(ctx); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	if err := tr.target.(Snapshotter).LoadVM(ctx, m.vm); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	tr.log.Take()
	tr.cutLog(m.state.logged)
	if err := tr.take(ctx, m.state.cpu, m.state); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	return tr.arriveBack(ctx, &drive.Event{Reason: reason, Idle: true})
}

// beginTravel keeps what is needed to go back to the beginning.
func (tr *traveller) beginTravel(ctx context.Context) error {
	at, err := tr.position(ctx)
	if err != nil {
		return err
	}
	if tr.reverser() != nil {
		tr.marks = []mark{{state: tr.stateNow()}}
	}
	if !tr.snapshots {
		return nil
	}
	if _, ok := tr.target.(Snapshotter); !ok {
		return fmt.Errorf("%s keeps no VM snapshots", tr.target.Name())
	}
	return tr.saveVM(ctx, saveName(0), at, tr.stateNow())
}

// noteTravel keeps in a moment what it takes to come back to it.
func (tr *traveller) noteTravel(ctx context.Context, m *moment, ev *drive.Event) error {
	m.event, m.guest = !ev.Idle, tr.travelled
	if tr.backMode() == view.BackHistory {
		return nil
	}
	var err error
	if m.position, err = tr.position(ctx); err != nil {
		return err
	}
	if err := tr.noteMark(ctx, m.position, 0); err != nil {
		return err
	}
	m.state = tr.stateNow()
	return nil
}

// keepVM makes a VM snapshot of the newest stop, if it is a phase's.
func (tr *traveller) keepVM(ctx context.Context, ev *drive.Event) error {
	if !tr.snapshots || !ev.Phase {
		return nil
	}
	m := *tr.history.newest()
	name := saveName(m.snap.Number)
	if err := tr.saveVM(ctx, name, m.position, m.state); err != nil {
		tr.snapshots = false // a full disk is no reason to end the session
		return fmt.Errorf("no more VM snapshots: %w", err)
	}
	m.vm = name
	tr.history.replaceNewest(&m)
	return nil
}
