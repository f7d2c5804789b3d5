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
func (wk *walker) RunOn(ctx context.Context, text string, arrived func()) error {
	from := -1 // LOG lines from before the restore
	err := wk.RunAll(ctx, func() {
		if from < 0 && (wk.obs.Ev.Before != nil || wk.obs.Ev.Complete) {
			from = wk.log.Count()
		}
		arrived()
	})
	if err != nil || len(wk.obs.Ev.Mismatches) > 0 {
		return err
	}
	said := func() bool {
		wk.log.Take()
		return slices.ContainsFunc(wk.log.Since(from), func(l string) bool { return strings.Contains(l, text) })
	}
	if said() {
		return nil
	}
	within := time.Duration(wk.scn.Timeout)
	w := wk.awaited()
	w.For = fmt.Sprintf("a LOG line with %q", text)
	wk.waiting.Store(w)
	defer wk.waiting.Store(nil)
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
	err = wk.runUntil(ctx, limit, func() string {
		if said() {
			return fmt.Sprintf("the LOG says %q", text)
		}
		return fmt.Sprintf("the LOG did not say %q within %v", text, within)
	}, arrived)
	if err != nil || said() || len(wk.obs.Ev.Mismatches) > 0 {
		return err
	}
	o := wk.overdue(w, within)
	o.Why = "the guest went on without it"
	return o
}

// runUntil lets the guest run until limit is over, whatever events come meanwhile, and
// stops it then for that reason.
func (wk *walker) runUntil(ctx, limit context.Context, reason func() string, arrived func()) error {
	for {
		ev, err := wk.runChecked(ctx, limit)
		over := err != nil && ctx.Err() == nil && limit.Err() != nil
		if over {
			ev, err = wk.drive.Halt(ctx, reason())
		}
		if err := wk.arrive(ctx, ev, err); err != nil {
			return err
		}
		if arrived != nil {
			arrived()
		}
		if over || len(wk.obs.Ev.Mismatches) > 0 {
			return nil
		}
	}
}
