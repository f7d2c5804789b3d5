package session

import (
	"context"
	"errors"
	"fmt"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/target"
)

// saveBefore is the last VM snapshot up to a position, nil if there is none.
func (e *Engine) saveBefore(position uint64) *save {
	var last *save
	for i := range e.saves {
		if s := &e.saves[i]; s.position <= position && (last == nil || s.position > last.position) {
			last = s
		}
	}
	return last
}

// goTo moves the guest to a position of the recorded run: from the last VM
// snapshot before, else from the beginning, forward. An interrupt is no
// instruction: before and after its entry the position is the same. want says
// which of both is meant; nil means before, where a step would lead.
func (e *Engine) goTo(ctx context.Context, position uint64, want *machine.Visit, reason string) error {
	err := e.bare(ctx)
	var stop target.Stop
	if err == nil && want != nil {
		if stop, err = e.reach(ctx, position); err == nil && e.m.Here() == *want {
			return e.land(ctx, stop, nil, reason)
		}
	}
	if err == nil {
		stop, err = e.reachByStep(ctx, position)
	}
	if err == nil && want != nil && e.m.Here() != *want {
		err = fmt.Errorf("going to instruction %d of the recorded run: QEMU came to %#x there, and to %#x before: the replay is not what was recorded", position, e.m.Here().PC, want.PC)
	}
	return e.land(ctx, stop, err, reason)
}

// reach goes to a position, and over an interrupt that comes there.
func (e *Engine) reach(ctx context.Context, position uint64) (stop target.Stop, err error) {
	r := e.reverser()
	if err := e.rewind(ctx, r, position); err != nil {
		return stop, err
	}
	if stop, err = r.RunTo(ctx, position); err != nil {
		return stop, err
	}
	return stop, e.m.Look(ctx, stop.CPU)
}

// reachByStep goes to a position by a last single step, which takes no interrupt
// behind its instruction.
func (e *Engine) reachByStep(ctx context.Context, position uint64) (stop target.Stop, err error) {
	if s := e.saveBefore(position); position == 0 || s != nil && s.position == position {
		return e.reach(ctx, position)
	}
	if stop, err = e.reach(ctx, position-1); err != nil {
		return stop, err
	}
	for range drive.MaxIdle {
		if stop, err = e.drive.Guard.Step(ctx, stop.CPU); err != nil {
			return stop, err
		}
		if at, err := e.reverser().Position(ctx); err != nil || at == position {
			return stop, errors.Join(err, e.m.Look(ctx, stop.CPU))
		}
	}
	return stop, fmt.Errorf("going to instruction %d of the recorded run: the processor stays before it in %d steps", position, drive.MaxIdle)
}

// rewind goes to the last VM snapshot before a position, or to the beginning.
func (e *Engine) rewind(ctx context.Context, r Reverser, position uint64) error {
	logged := 0
	if s := e.saveBefore(position); s != nil {
		if err := e.target.(Snapshotter).LoadVM(ctx, s.name); err != nil {
			return err
		}
		logged = s.state.logged
	} else {
		at, err := r.Position(ctx)
		if err != nil || at <= position {
			return err
		}
		if _, err = r.ReverseContinue(ctx); err != nil {
			return err
		}
	}
	e.takeLog()
	e.cutLog(logged)
	return nil
}

// land takes up what was known at the position that the guest was moved to, and
// records the stop. In a part of the run that was not walked so far it may be a
// breakpoint that nobody has looked at.
func (e *Engine) land(ctx context.Context, stop target.Stop, err error, reason string) error {
	if err == nil && stop.Ended {
		err = fmt.Errorf("the guest is gone: %s", stop.Why)
	}
	if err != nil {
		return e.arrive(ctx, nil, err)
	}
	at, err := e.reverser().Position(ctx)
	if err != nil {
		return e.arrive(ctx, nil, err)
	}
	s, exact, leaves := e.knownAt(at)
	cpu := stop.CPU
	if exact {
		cpu = s.cpu
	}
	if err := e.take(ctx, cpu, s); err != nil {
		return e.arrive(ctx, nil, err)
	}
	if t := e.obs.Ev.Tracks[leaves]; t != nil {
		e.leaves = leaves
		if err := e.drive.Guard.Disarm(ctx, t); err != nil {
			return e.arrive(ctx, nil, err)
		}
	}
	ev := &drive.Event{Reason: reason, Idle: true}
	if !exact && e.drive.Breaks.IsHere() {
		got, err := e.drive.Handle(ctx, target.Stop{CPU: cpu})
		if err != nil {
			return e.arrive(ctx, nil, err)
		}
		ev = drive.Merge(ev, got)
	}
	return e.arriveBack(ctx, ev)
}

// arriveBack is arrive for a way back.
func (e *Engine) arriveBack(ctx context.Context, ev *drive.Event) error {
	if err := e.arrive(ctx, ev, nil); err != nil {
		return err
	}
	if !e.m.Booted() {
		return errors.New("the guest is back at a place where its kernel had not booted: n runs on to the next phase")
	}
	return nil
}

// take looks at the guest where it was moved to, with what was known there.
func (e *Engine) take(ctx context.Context, cpu int, s *state) error {
	if err := e.m.Look(ctx, cpu); err != nil {
		return err
	}
	return e.takeUp(ctx, s)
}

// leave goes on with a thread that was on its way out of the kernel where the
// guest was moved to.
func (e *Engine) leave(ctx context.Context) (*drive.Event, error) {
	t := e.obs.Ev.Tracks[e.leaves]
	e.leaves = 0
	if t == nil {
		return nil, nil
	}
	from, err := e.position(ctx)
	if err != nil {
		return nil, err
	}
	ev, entered, err := e.obs.StepOut(ctx, t)
	if !entered && err == nil {
		err = e.drive.Guard.Arm(ctx, t)
	}
	if err == nil && e.drive.Breaks.IsHere() {
		var got *drive.Event
		got, err = e.drive.Breaks.BreakHit(ctx)
		ev = drive.Merge(ev, got)
	}
	if err != nil {
		return nil, err
	}
	return ev, e.noteMark(ctx, from, t.Block)
}

// leaveByStep looks at such a thread after a step.
func (e *Engine) leaveByStep(ctx context.Context) (*drive.Event, error) {
	t := e.obs.Ev.Tracks[e.leaves]
	if t == nil {
		return nil, nil
	}
	ev, entered, err := e.obs.Observe(ctx, t, 0)
	if entered {
		e.leaves = 0
	}
	return ev, err
}

// goesOn is called before the guest goes on: what was forced can no longer be taken back.
func (e *Engine) goesOn(ctx context.Context) (*drive.Event, error) {
	e.change.Forget()
	if err := e.change.EndWaits(ctx); err != nil {
		return nil, err
	}
	return e.leave(ctx)
}

// stopped is called as the guest has stopped: what is found out is known at this place of a recorded run.
func (e *Engine) stopped(ctx context.Context) (done func() error, err error) {
	from, err := e.position(ctx)
	return func() error {
		followed := e.obs.Followed
		e.obs.Followed = 0
		return e.noteMark(ctx, from, followed)
	}, err
}

// runEnds is called at the end of a recorded run: nothing more comes.
func (e *Engine) runEnds() { e.obs.Ev.Finished = e.obs.Ev.Complete }
