package session

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/memcompare"
	"thaw/session/view"
)

// state is what the engine knows at a moment of the guest's run, apart from the
// guest itself: what it takes to go on from there as if nothing had come after.
// It shares nothing that changes with the engine.
type state struct {
	ev            evidence.Evidence
	child         memcompare.State
	armed         []uint64 // threads that are watched, by their objects
	phases        []view.Phase
	breaks        drive.BreaksState
	leaves        uint64
	cpu           int
	here          machine.Visit
	logged        int // LOG lines
	before, after int // records of the snapshots that the evidence refers to
}

// mark is a state at a position of a recorded run. The engine was busy with it
// from another position on, without the guest being its own: what leaves is the
// thread that was followed out of the kernel meanwhile, 0 if none was.
type mark struct {
	from, at uint64
	leaves   uint64
	state    *state
}

// save is a VM snapshot with what was known there.
type save struct {
	name     string
	position uint64 // of a recorded run
	state    *state
}

// maxMarks bounds the marks; going back further than the oldest one loses
// evidence of what came before.
const maxMarks = 20000

// stateNow copies what is known.
func (e *Engine) stateNow() *state {
	s := &state{ev: e.obs.Ev.Clone(), child: e.memory.State.Clone(), armed: slices.Sorted(maps.Keys(e.drive.Guard.Armed)), phases: slices.Clone(e.phases), breaks: e.drive.Breaks.State(),
		leaves: e.leaves, cpu: e.m.Stopped, here: e.m.Here(), logged: e.log.Count()}
	if e.rec != nil {
		s.before, s.after = e.rec.snaps[e.obs.Ev.Before], e.rec.snaps[e.obs.Ev.After]
	}
	return s
}

// takeUp goes on with a state. The break- and watchpoints of it are set.
func (e *Engine) takeUp(ctx context.Context, s *state) error {
	e.obs.Ev, e.memory.State, e.phases = s.ev.Clone(), s.child.Clone(), slices.Clone(s.phases)
	e.change.Forget()
	e.leaves = s.leaves
	e.rec.remember(s)
	e.programs.ForgetTasks()
	if err := e.drive.Breaks.TakeUp(ctx, s.breaks); err != nil {
		return err
	}
	for _, block := range s.armed {
		if err := e.drive.Guard.Arm(ctx, e.obs.Ev.Tracks[block]); err != nil {
			return err
		}
	}
	return nil
}

// noteMark keeps what is known at a position of a recorded run; from is where
// the engine began to look at it.
func (e *Engine) noteMark(ctx context.Context, from uint64, leaves uint64) error {
	r := e.reverser()
	if r == nil {
		return nil
	}
	at, err := r.Position(ctx)
	if err != nil {
		return err
	}
	e.takeLog()
	m := mark{min(from, at), at, leaves, e.stateNow()}
	i, there := e.markAt(at)
	switch {
	case there:
		m.from = min(m.from, e.marks[i].from)
		if leaves == 0 {
			m.leaves = e.marks[i].leaves
		}
		e.marks[i] = m
	default:
		e.marks = slices.Insert(e.marks, i, m)
	}
	if len(e.marks) > maxMarks { // the first one has no evidence: it fits before all
		e.marks = slices.Delete(e.marks, 1, 2)
	}
	return nil
}

// markAt is where the mark of a position is, or belongs.
func (e *Engine) markAt(at uint64) (int, bool) {
	return slices.BinarySearchFunc(e.marks, at, func(m mark, at uint64) int { return cmp.Compare(m.at, at) })
}

// knownAt is what was known at a position of the recorded run: exact if the
// engine looked at just this place, and leaves is the thread that was on its way
// out of the kernel there.
func (e *Engine) knownAt(at uint64) (s *state, exact bool, leaves uint64) {
	i, exact := e.markAt(at)
	if exact {
		return e.marks[i].state, true, 0
	}
	if i < len(e.marks) && e.marks[i].from <= at {
		leaves = e.marks[i].leaves
	}
	return e.marks[max(i-1, 0)].state, false, leaves
}

// cutLog forgets LOG lines that the guest has not written yet where it was moved.
func (e *Engine) cutLog(lines int) {
	e.log.Cut(lines)
	e.rec.cutLog(lines)
}

// saveVM makes a VM snapshot of this moment.
func (e *Engine) saveVM(ctx context.Context, name string, position uint64, s *state) error {
	if err := e.target.(Snapshotter).SaveVM(ctx, name); err != nil {
		return err
	}
	e.saves = append(e.saves, save{name, position, s})
	return nil
}

// dropSaves removes the VM snapshots that were made.
func (e *Engine) dropSaves(ctx context.Context) error {
	for len(e.saves) > 0 {
		if err := e.target.(Snapshotter).DropVM(ctx, e.saves[0].name); err != nil {
			return err
		}
		e.saves = e.saves[1:]
	}
	return nil
}
