package session

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"thaw/session/drive"
	"thaw/session/view"
)

// ErrFinished says that there is no further phase to go to.
var ErrFinished = errors.New("the restore is complete, every verdict is final")

// reasonStep is the reason of a stop after a single step.
const reasonStep = "step"

// walker runs the guest to what is waited for.
type walker struct {
	*parts
	arrive  func(ctx context.Context, ev *drive.Event, err error) error // records a stop, see Engine
	waiting atomic.Pointer[Waiting]                                     // nil: nothing is waited for
}

// Begin sets the scenario's breakpoints and records the first stop, if the
// kernel runs already.
func (e *Engine) Begin(ctx context.Context) error {
	if err := e.drive.Breaks.Together(ctx, func() error { return e.prepare(ctx) }); err != nil {
		return fmt.Errorf("scenario %s: %w", e.scn.Name, err)
	}
	if err := e.beginTravel(ctx); err != nil {
		return err
	}
	if e.m.Booted() {
		return e.recordEvent(ctx, &drive.Event{Reason: "attached"})
	}
	return nil
}

// NextPhase runs to the next event of the scenario: a phase, the end of the
// restore, or a thread's return to user mode after it.
func (wk *walker) NextPhase(ctx context.Context) error { return wk.nextPhase(ctx, 0) }

// nextPhase is NextPhase that waits no longer than so for an event, 0: for ever.
func (wk *walker) nextPhase(ctx context.Context, within time.Duration) error {
	if wk.obs.Ev.Finished {
		return ErrFinished
	}
	if len(wk.phases.list) == 0 {
		return errors.New("there is no scenario, so there are no phases to run to: c continues, i interrupts")
	}
	if wk.obs.Ev.Complete {
		within = time.Duration(wk.scn.Settle)
		if r, ok := wk.target.(Ender); ok && r.Ends() {
			within = time.Duration(wk.scn.Timeout) // a replay may be slower than what it replays
		}
	}
	return wk.nextEvent(ctx, within)
}

// Continue runs until the user interrupts or the scenario's next event.
func (wk *walker) Continue(ctx context.Context) error {
	ev, err := wk.runChecked(ctx, ctx)
	return wk.arrive(ctx, ev, err)
}

// After how long without an event the guest is looked at, and at most: breakpoints of
// files that are not those of the programs that run would never be hit.
const (
	firstLook = 2 * time.Second
	lastLook  = 32 * time.Second
)

// runProved runs until something happens; files that were not compared with what
// runs so far are compared as soon as that is there.
func (wk *walker) runProved(ctx, limit context.Context) (*drive.Event, error) {
	for wait := firstLook; !wk.programs.Checked() || len(wk.programs.Unproved()) > 0; wait = min(2*wait, lastLook) {
		limited, cancel := context.WithTimeout(limit, wait)
		ev, err := wk.drive.Run(ctx, limited)
		cancel()
		if limit.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return ev, err
		}
		if ev, err = wk.drive.Halt(ctx, ""); err != nil || ev.Reason != "" {
			return ev, err
		}
		if u := wk.unfound(); u != nil && u.Other {
			return nil, u
		} else if u != nil {
			continue
		}
		wk.awaitAnew()
		if !wk.programs.Checked() {
			if err := wk.programs.CheckKernel(); err != nil {
				return nil, err
			}
		}
		known := len(wk.obs.Ev.Mismatches)
		sys, err := wk.m.System(ctx)
		if err != nil {
			return nil, err
		}
		if wk.prove(sys); len(wk.obs.Ev.Mismatches) > known {
			return &drive.Event{Reason: "a file is not that of the program that runs", Idle: true}, nil
		}
	}
	return wk.drive.Run(ctx, limit)
}

// StepInstruction executes one instruction of the stopped processor.
func (e *Engine) StepInstruction(ctx context.Context) error {
	if threads, _ := e.change.PendingCancels(); len(threads) > 0 {
		return fmt.Errorf("the kernel is to end the wait of %s, whose state was forced: continue, or take the state back", threads[0].Name)
	}
	before := e.m.Here()
	user := e.m.CPU().User
	e.change.Forget()
	stop, err := e.drive.StepOnce(ctx)
	if err != nil {
		return e.arrive(ctx, nil, err)
	}
	e.drive.Breaks.NoteFault(before, user)
	ev := &drive.Event{Reason: reasonStep, Idle: true, By: view.ByStep}
	if stop.RunEnds {
		ev.Reason = drive.ReasonRunEnds
	}
	left, err := e.leaveByStep(ctx)
	if err != nil {
		return e.arrive(ctx, nil, err)
	}
	ev = drive.Merge(ev, left)
	if stop.Watch || e.drive.Breaks.IsHere() && e.m.Here() != before {
		got, err := e.drive.Handle(ctx, stop)
		if err != nil {
			return e.arrive(ctx, nil, err)
		}
		ev = drive.Merge(ev, got)
	}
	return e.arrive(ctx, ev, nil)
}

// arrive records a stop, or that the session ended: not by an error of what was cut
// short, since the user leaves.
func (e *Engine) arrive(ctx context.Context, ev *drive.Event, err error) error {
	e.log.Take()
	if err == nil {
		if !e.m.Booted() {
			return nil
		}
		if !e.programs.Checked() {
			err = e.programs.CheckKernel()
		}
	}
	if err == nil {
		e.settle()
		if ev, err = e.watcher.unseen(ev); err == nil {
			err = e.recordEvent(ctx, ev)
		}
	}
	if err != nil {
		if ctx.Err() == nil {
			e.ended = err
		}
		return err
	}
	return e.keepVM(ctx, ev)
}

// settle finds out whether anything more can be learned: not once the restore
// is complete and every thread has entered user mode, unless it is equal by
// coincidence and may wait for ever.
func (ps *parts) settle() {
	if !ps.obs.Ev.Complete || ps.obs.Ev.Finished {
		return
	}
	for _, t := range ps.obs.Ev.Threads {
		q := t.Request()
		// One in an exception gets a reply, and runs.
		equal := q.Thread.IP == q.IP && q.Thread.SP == q.SP && !t.Changed() && !q.Thread.Exception
		if t.Entered == nil && !equal {
			return
		}
	}
	ps.obs.Ev.Finished = true
}

// RunFor lets the guest run for so long, whatever the scenario, and judges every request
// for a thread's state that comes meanwhile. It ends with an *Unfound where its kernel
// does not boot. arrived, if not nil, is called after every stop.
func (wk *walker) RunFor(ctx context.Context, d time.Duration, arrived func()) error {
	limit, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	if err := wk.runUntil(ctx, limit, func() string { return fmt.Sprintf("%v are over", d) }, arrived); err != nil {
		return err
	}
	if u := wk.unfound(); u != nil {
		return u
	}
	return nil
}

// RunAll walks every phase to the end, headless, or until a file turns out to be
// another program's. An event that does not come within the scenario's timeout ends
// it with an *Overdue. arrived, if not nil, is called after every stop.
func (wk *walker) RunAll(ctx context.Context, arrived func()) error {
	for {
		err := wk.nextPhase(ctx, time.Duration(wk.scn.Timeout))
		if errors.Is(err, ErrFinished) {
			return nil
		}
		if err != nil {
			return err
		}
		if arrived != nil {
			arrived()
		}
		if wk.obs.Ev.Finished || len(wk.obs.Ev.Mismatches) > 0 {
			return nil
		}
	}
}

// View is what users see of the newest stop.
func (e *Engine) View() *view.View {
	e.log.Take()
	state := view.Stopped
	if e.ended != nil {
		state = view.Ended
	}
	return e.viewAt(e.history.last(), state, "")
}

// Snapshot reads the current stop; the history gets it only for a recording.
func (e *Engine) Snapshot(ctx context.Context, reason string) (*view.Snapshot, error) {
	if e.rec == nil {
		return e.snapshot(ctx, reason)
	}
	if err := e.record(ctx, reason); err != nil {
		return nil, err
	}
	err := e.rec.err
	if errors.As(err, new(*WaitingError)) {
		err = nil // the stop is there: what is not written at the end is told then
	}
	return e.history.newest().snap, err
}
