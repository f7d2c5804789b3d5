package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// RunOn walks every phase as RunAll does and lets the guest go on then, until a line
// of its LOG holds text that was written since the restore began: what a bug does to
// the system is seen there only. It ends with an *Overdue if none comes within the
// scenario's timeout. The last stop has the LOG up to then.
func (e *Engine) RunOn(ctx context.Context, text string, arrived func()) error {
	from := -1 // LOG lines from before the restore
	err := e.RunAll(ctx, func() {
		if from < 0 && (e.obs.Ev.Before != nil || e.obs.Ev.Complete) {
			from = e.log.Count()
		}
		arrived()
	})
	if err != nil || len(e.obs.Ev.Mismatches) > 0 {
		return err
	}
	said := func() bool {
		e.log.Take()
		return slices.ContainsFunc(e.log.Since(from), func(l string) bool { return strings.Contains(l, text) })
	}
	if said() {
		return nil
	}
	within := time.Duration(e.scn.Timeout)
	w := e.awaited()
	w.For = fmt.Sprintf("a LOG line with %q", text)
	e.waiting.Store(w)
	defer e.waiting.Store(nil)
	limit, cancel := context.WithTimeout(ctx, within)
	var looking sync.WaitGroup
	defer looking.Wait()
	defer cancel()
	looking.Go(func() {
		look := time.NewTicker(logPeriod)
		defer look.Stop()
		for !said() {
			select {
			case <-look.C:
			case <-limit.Done():
				return
			}
		}
		cancel()
	})
	err = e.runUntil(ctx, limit, func() string {
		if said() {
			return fmt.Sprintf("the LOG says %q", text)
		}
		return fmt.Sprintf("the LOG did not say %q within %v", text, within)
	}, arrived)
	if err != nil || said() || len(e.obs.Ev.Mismatches) > 0 {
		return err
	}
	o := e.overdue(w, within)
	o.Why = "the guest went on without it"
	return o
}

// runUntil lets the guest run until limit is over, whatever events come meanwhile, and
// stops it then for that reason.
func (e *Engine) runUntil(ctx, limit context.Context, reason func() string, arrived func()) error {
	for {
		ev, err := e.runChecked(ctx, limit)
		over := err != nil && ctx.Err() == nil && limit.Err() != nil
		if over {
			ev, err = e.drive.Halt(ctx, reason())
		}
		if err := e.arrive(ctx, ev, err); err != nil {
			return err
		}
		if arrived != nil {
			arrived()
		}
		if over || len(e.obs.Ev.Mismatches) > 0 {
			return nil
		}
	}
}
