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
func (e *Engine) again(ctx context.Context, n int) error {
	if !e.obs.Ev.Complete || e.phases.list[n].Depth > 0 || e.phases.list[n].Hits == 0 {
		return nil
	}
	for i := n; i < len(e.phases.list) && (i == n || e.phases.list[i].Depth > 0); i++ {
		p := &e.phases.list[i]
		p.State, p.Hits, p.Stop = view.PhaseNext, 0, 0
	}
	if n != restorePhase(e.phases.list) {
		return nil // a checkpoint alone takes no verdict away
	}
	if err := e.drive.Guard.DisarmAll(ctx); err != nil {
		return err
	}
	sys, err := e.m.System(ctx)
	if err != nil {
		return err
	}
	next := evidence.New()
	next.Restore, next.Past = e.obs.Ev.Number()+1, e.obs.Ev.Past
	if e.obs.Ev.After != nil {
		if task := e.judge().Restored(e.obs.Ev.After); task != 0 {
			next.Past = append(slices.Clone(e.obs.Ev.Past), task)
		}
	}
	if o := sys.Object(e.obs.Ev.Original); o != nil && o.PD != nil {
		next.Original, next.Waits = e.obs.Ev.Original, e.obs.Ev.Waits
	}
	e.obs.Ev = next
	return nil
}

// RunMany walks so many restores to their ends.
func (e *Engine) RunMany(ctx context.Context, restores int, arrived func()) error {
	err := e.RunAll(ctx, arrived)
	for err == nil && e.obs.Ev.Number() < restores && len(e.obs.Ev.Mismatches) == 0 {
		err = e.RunAgain(ctx, arrived)
	}
	return err
}

// RunAgain waits for the next restore of a session, and walks it to its end as RunAll
// does.
func (e *Engine) RunAgain(ctx context.Context, arrived func()) error {
	for before := e.obs.Ev.Number(); e.obs.Ev.Number() == before; {
		if err := e.nextEvent(ctx, time.Duration(e.scn.Timeout)); err != nil {
			return err
		}
		if arrived != nil {
			arrived()
		}
		if len(e.obs.Ev.Mismatches) > 0 {
			return nil
		}
	}
	return e.RunAll(ctx, arrived)
}
