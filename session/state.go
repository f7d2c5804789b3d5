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
func (tr *traveller) stateNow() *state {
	s := &state{ev: tr.obs.Ev.Clone(), child: tr.memory.State.Clone(), armed: slices.Sorted(maps.Keys(tr.drive.Guard.Armed)), phases: slices.Clone(tr.phases.list), breaks: tr.drive.Breaks.State(),
		leaves: tr.leaves, cpu: tr.m.Stopped, here: tr.m.Here(), logged: tr.log.Count()}
	if tr.rec != nil {
		s.before, s.after = tr.rec.snaps[tr.obs.Ev.Before], tr.rec.snaps[tr.obs.Ev.After]
	}
	return s
}

// takeUp goes on with a state. The break- and watchpoints of it are set.
func (tr *traveller) takeUp(ctx context.Context, s *state) error {
	tr.obs.Ev, tr.memory.State, tr.phases.list = s.ev.Clone(), s.child.Clone(), slices.Clone(s.phases)
	tr.change.Forget()
	tr.leaves = s.leaves
	tr.rec.remember(s)
	tr.programs.ForgetTasks()
	if err := tr.drive.Breaks.TakeUp(ctx, s.breaks); err != nil {
		return err
	}
	for _, block := range s.armed {
		if err := tr.drive.Guard.Arm(ctx, tr.obs.Ev.Tracks[block]); err != nil {
			return err
		}
	}
	return nil
}

// noteMark keeps what is known at a position of a recorded run; from is where
// the engine began to look at it.
func (tr *traveller) noteMark(ctx context.Context, from uint64, leaves uint64) error {
	r := tr.reverser()
	if r == nil {
		return nil
	}
	at, err := r.Position(ctx)
	if err != nil {
		return err
	}
	tr.log.Take()
	m := mark{min(from, at), at, leaves, tr.stateNow()}
	i, there := tr.markAt(at)
	switch {
	case there:
		m.from = min(m.from, tr.marks[i].from)
		if leaves == 0 {
			m.leaves = tr.marks[i].leaves
		}
		tr.marks[i] = m
	default:
		tr.marks = slices.Insert(tr.marks, i, m)
	}
	if len(tr.marks) > maxMarks { // the first one has no evidence: it fits before all
		tr.marks = slices.Delete(tr.marks, 1, 2)
	}
	return nil
}

// markAt is where the mark of a position is, or belongs.
func (tr *traveller) markAt(at uint64) (int, bool) {
	return slices.BinarySearchFunc(tr.marks, at, func(m mark, at uint64) int { return cmp.Compare(m.at, at) })
}

// knownAt is what was known at a position of the recorded run: exact if the
// engine looked at just this place, and leaves is the thread that was on its way
// out of the kernel there.
func (tr *traveller) knownAt(at uint64) (s *state, exact bool, leaves uint64) {
	i, exact := tr.markAt(at)
	if exact {
		return tr.marks[i].state, true, 0
	}
	if i < len(tr.marks) && tr.marks[i].from <= at {
		leaves = tr.marks[i].leaves
	}
	return tr.marks[max(i-1, 0)].state, false, leaves
}

// cutLog forgets LOG lines that the guest has not written yet where it was moved.
func (ps *parts) cutLog(lines int) {
	ps.log.Cut(lines)
	ps.rec.cutLog(lines)
}

// saveVM makes a VM snapshot of this moment.
func (tr *traveller) saveVM(ctx context.Context, name string, position uint64, s *state) error {
	if err := tr.target.(Snapshotter).SaveVM(ctx, name); err != nil {
		return err
	}
	tr.saves = append(tr.saves, save{name, position, s})
	return nil
}

// dropSaves removes the VM snapshots that were made.
func (tr *traveller) dropSaves(ctx context.Context) error {
	for len(tr.saves) > 0 {
		if err := tr.target.(Snapshotter).DropVM(ctx, tr.saves[0].name); err != nil {
			return err
		}
		tr.saves = tr.saves[1:]
	}
	return nil
}
