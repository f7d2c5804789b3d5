package session

import (
	"context"
	"errors"
	"fmt"

	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/observe"
	"thaw/session/target"
)

// saveBefore is the last VM snapshot up to a position, nil if there is none.
func (tr *traveller) saveBefore(position uint64) *save {
	var last *save
	for i := range tr.saves {
		if s := &tr.saves[i]; s.position <= position && (last == nil || s.position > last.position) {
			last = s
		}
	}
	return last
}

// goTo moves the guest to a position of the recorded run: from the last VM
// snapshot before, else from the beginning, forward. An interrupt is no
// instruction: before and after its entry the position is the same. want says
// which of both is meant; nil means before, where a step would lead.
func (tr *traveller) goTo(ctx context.Context, position uint64, want *machine.Visit, reason string) error {
	err := tr.bare(ctx)
	var stop target.Stop
	if err == nil && want != nil {
		if stop, err = tr.reach(ctx, position); err == nil && tr.m.Here() == *want {
			return tr.land(ctx, stop, nil, reason)
		}
	}
	if err == nil {
		stop, err = tr.reachByStep(ctx, position)
	}
	if err == nil && want != nil && tr.m.Here() != *want {
		err = fmt.Errorf("going to instruction %d of the recorded run: QEMU came to %#x there, and to %#x before: the replay is not what was recorded", position, tr.m.Here().PC, want.PC)
	}
	return tr.land(ctx, stop, err, reason)
}

// reach goes to a position, and over an interrupt that comes there.
func (tr *traveller) reach(ctx context.Context, position uint64) (stop target.Stop, err error) {
	r := tr.reverser()
	if err := tr.rewind(ctx, r, position); err != nil {
		return stop, err
	}
	if stop, err = r.RunTo(ctx, position); err != nil {
		return stop, err
	}
	return stop, tr.m.Look(ctx, stop.CPU)
}

// reachByStep goes to a position by a last single step, which takes no interrupt
// behind its instruction.
func (tr *traveller) reachByStep(ctx context.Context, position uint64) (stop target.Stop, err error) {
	if s := tr.saveBefore(position); position == 0 || s != nil && s.position == position {
		return tr.reach(ctx, position)
	}
	if stop, err = tr.reach(ctx, position-1); err != nil {
		return stop, err
	}
	for range drive.MaxIdle {
		if stop, err = tr.drive.Guard.Step(ctx, stop.CPU); err != nil {
			return stop, err
		}
		if at, err := tr.reverser().Position(ctx); err != nil || at == position {
			return stop, errors.Join(err, tr.m.Look(ctx, stop.CPU))
		}
	}
	return stop, fmt.Errorf("going to instruction %d of the recorded run: the processor stays before it in %d steps", position, drive.MaxIdle)
}

// rewind goes to the last VM snapshot before a position, or to the beginning.
func (tr *traveller) rewind(ctx context.Context, r Reverser, position uint64) error {
	logged := 0
	if s := tr.saveBefore(position); s != nil {
		if err := tr.target.(Snapshotter).LoadVM(ctx, s.name); err != nil {
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
	tr.log.Take()
	tr.cutLog(logged)
	return nil
}

// land takes up what was known at the position that the guest was moved to, and
// records the stop. In a part of the run that was not walked so far it may be a
// breakpoint that nobody has looked at.
func (tr *traveller) land(ctx context.Context, stop target.Stop, err error, reason string) error {
	if err == nil && stop.Ended {
		err = &target.Gone{Why: stop.Why}
	}
	if err != nil {
		return tr.arrive(ctx, nil, err)
	}
	at, err := tr.reverser().Position(ctx)
	if err != nil {
		return tr.arrive(ctx, nil, err)
	}
	s, exact, leaves := tr.knownAt(at)
	cpu := stop.CPU
	if exact {
		cpu = s.cpu
	}
	if err := tr.take(ctx, cpu, s); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	if t := tr.obs.Ev.Tracks[leaves]; t != nil {
		tr.leaves = leaves
		if err := tr.drive.Guard.Disarm(ctx, t); err != nil {
			return tr.arrive(ctx, nil, err)
		}
	}
	ev := &drive.Event{Reason: reason, Idle: true}
	if !exact && tr.drive.Breaks.IsHere() {
		got, err := tr.drive.Handle(ctx, target.Stop{CPU: cpu})
		if err != nil {
			return tr.arrive(ctx, nil, err)
		}
		ev = drive.Merge(ev, got)
	}
	return tr.arriveBack(ctx, ev)
}

// arriveBack is arrive for a way back.
func (tr *traveller) arriveBack(ctx context.Context, ev *drive.Event) error {
	if err := tr.arrive(ctx, ev, nil); err != nil {
		return err
	}
	if !tr.m.Booted() {
		return errors.New("the guest is back at a place where its kernel had not booted: n runs on to the next phase")
	}
	return nil
}

// take looks at the guest where it was moved to, with what was known there.
func (tr *traveller) take(ctx context.Context, cpu int, s *state) error {
	if err := tr.m.Look(ctx, cpu); err != nil {
		return err
	}
	return tr.takeUp(ctx, s)
}

// leave goes on with a thread that was on its way out of the kernel where the
// guest was moved to.
func (tr *traveller) leave(ctx context.Context) (*drive.Event, error) {
	t := tr.obs.Ev.Tracks[tr.leaves]
	tr.leaves = 0
	if t == nil {
		return nil, nil
	}
	from, err := tr.position(ctx)
	if err != nil {
		return nil, err
	}
	ev, entered, err := tr.obs.StepOut(ctx, t)
	if !entered && err == nil {
		err = tr.drive.Guard.Arm(ctx, t)
	}
	if err == nil && tr.drive.Breaks.IsHere() {
		var got *drive.Event
		got, err = tr.drive.Breaks.BreakHit(ctx)
		ev = drive.Merge(ev, got)
	}
	if err != nil {
		return nil, err
	}
	return ev, tr.noteMark(ctx, from, t.Block)
}

// leaveByStep looks at such a thread after a step.
func (tr *traveller) leaveByStep(ctx context.Context) (*drive.Event, error) {
	t := tr.obs.Ev.Tracks[tr.leaves]
	if t == nil {
		return nil, nil
	}
	ev, entered, err := tr.obs.Observe(ctx, t, observe.Hit{})
	if entered {
		tr.leaves = 0
	}
	return ev, err
}

// goesOn is called before the guest goes on: what was forced can no longer be taken back.
func (tr *traveller) goesOn(ctx context.Context) (*drive.Event, error) {
	tr.change.Forget()
	if err := tr.change.EndWaits(ctx); err != nil {
		return nil, err
	}
	return tr.leave(ctx)
}

// stopped is called as the guest has stopped: what is found out is known at this place of a recorded run.
func (tr *traveller) stopped(ctx context.Context) (done func() error, err error) {
	from, err := tr.position(ctx)
	return func() error {
		followed := tr.obs.Followed
		tr.obs.Followed = 0
		return tr.noteMark(ctx, from, followed)
	}, err
}

// runEnds is called at the end of a recorded run: nothing more comes.
func (ps *parts) runEnds() { ps.obs.Ev.Finished = ps.obs.Ev.Complete }
