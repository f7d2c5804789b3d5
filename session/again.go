package session

import (
	"context"
	"slices"
	"time"

	"thaw/session/evidence"
	"thaw/session/view"
)

// A component may be restored again, or another one of the same program: once a restore
// is complete, a phase that is in no other begins the next round. What was found out
// about the restore before stays in the stops of the history.

// restorePhase is the phase that the restore is: the last that is in no other.
func restorePhase(phases []view.Phase) int {
	last := 0
	for i, p := range phases {
		if p.Depth == 0 {
			last = i
		}
	}
	return last
}

// again begins to count anew as a phase is entered that begins another round, and to
// judge anew where that is the restore. Otherwise it does nothing.
func (ps *parts) again(ctx context.Context, n int) error {
	if !ps.obs.Ev.Complete || ps.phases.list[n].Depth > 0 || ps.phases.list[n].Hits == 0 {
		return nil
	}
	for i := n; i < len(ps.phases.list) && (i == n || ps.phases.list[i].Depth > 0); i++ {
		p := &ps.phases.list[i]
		p.State, p.Hits, p.Stop = view.PhaseNext, 0, 0
	}
	if n != restorePhase(ps.phases.list) {
		return nil // a checkpoint alone takes no verdict away
	}
	if err := ps.drive.Guard.DisarmAll(ctx); err != nil {
		return err
	}
	sys, err := ps.m.System(ctx)
	if err != nil {
		return err
	}
	next := evidence.New()
	next.Restore, next.Past = ps.obs.Ev.Number()+1, ps.obs.Ev.Past
	if ps.obs.Ev.After != nil {
		if task := ps.judge().Restored(ps.obs.Ev.After); task != 0 {
			next.Past = append(slices.Clone(ps.obs.Ev.Past), task)
		}
	}
	if o := sys.Object(ps.obs.Ev.Original); o != nil && o.PD != nil {
		next.Original, next.Waits = ps.obs.Ev.Original, ps.obs.Ev.Waits
	}
	ps.obs.Ev = next
	return nil
}

// RunMany walks so many restores to their ends.
func (wk *walker) RunMany(ctx context.Context, restores int, arrived func()) error {
	err := wk.RunAll(ctx, arrived)
	for err == nil && wk.obs.Ev.Number() < restores && len(wk.obs.Ev.Mismatches) == 0 {
		err = wk.RunAgain(ctx, arrived)
	}
	return err
}

// RunAgain waits for the next restore of a session, and walks it to its end as RunAll
// does.
func (wk *walker) RunAgain(ctx context.Context, arrived func()) error {
	for before := wk.obs.Ev.Number(); wk.obs.Ev.Number() == before; {
		if err := wk.nextEvent(ctx, time.Duration(wk.scn.Timeout)); err != nil {
			return err
		}
		if arrived != nil {
			arrived()
		}
		if len(wk.obs.Ev.Mismatches) > 0 {
			return nil
		}
	}
	return wk.RunAll(ctx, arrived)
}
