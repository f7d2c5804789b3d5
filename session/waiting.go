package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"thaw/words"
)

// Waiting is what a running guest is waited for.
type Waiting struct {
	For   string // what would end it
	Since time.Time
	Seen  string // what came by before
}

// Waiting tells what is waited for and the LOG's last line; any goroutine may call it.
func (wk *walker) Waiting() (w Waiting, log string, ok bool) {
	p := wk.waiting.Load()
	if p == nil {
		return w, "", false
	}
	wk.log.Take()
	return *p, wk.log.Last(), true
}

// awaited puts in words what the guest is run for now.
func (ps *parts) awaited() *Waiting {
	w := &Waiting{Since: time.Now()}
	reached, requests := 0, 0
	for _, p := range ps.phases.list {
		if p.Hits > 0 {
			reached++
		}
	}
	for _, t := range ps.obs.Ev.Threads {
		requests += len(t.Requests)
	}
	w.Seen = fmt.Sprintf("%d of %s", reached, words.Count(len(ps.phases.list), "phase"))
	if requests > 0 {
		w.Seen += ", " + words.Count(requests, "request")
	}
	switch {
	case ps.obs.Ev.Finished:
		w.For = "the next restore to begin"
	case ps.obs.Ev.Complete:
		w.For = "restored threads to enter user mode"
	case reached == 0 && ps.obs.Ev.Late != "":
		w.For = "what is still to come of the restore"
	case reached == 0 && !ps.m.Booted():
		w.For = "the guest's kernel to start"
	case reached == 0:
		w.For = fmt.Sprintf("phase %s (%s)", ps.phases.list[0].Name, ps.phases.list[0].Function)
	default:
		w.For = "what follows phase " + ps.phases.last()
	}
	return w
}

// awaitAnew tells what is waited for, where that is known better since.
func (wk *walker) awaitAnew() {
	if p := wk.waiting.Load(); p != nil {
		w := wk.awaited()
		w.Since = p.Since
		wk.waiting.Store(w)
	}
}

// Overdue says that nothing came for so long that the waiting was ended.
type Overdue struct {
	Waiting
	After time.Duration
	Why   string // what is known of it
	Log   string // the LOG's last line, "" if there is none
}

// Error is one sentence, with what to do.
func (o *Overdue) Error() string {
	log := "the LOG is empty, or not read"
	if o.Log != "" {
		log = "the LOG's last line is " + o.Log
	}
	return fmt.Sprintf("waited %v for %s, in vain: %s (%s so far; %s); --timeout waits longer", o.After, o.For, o.Why, o.Seen, log)
}

// overdue says why nothing may have come.
func (wk *walker) overdue(w *Waiting, after time.Duration) *Overdue {
	o := &Overdue{Waiting: *w, After: after}
	u := wk.unfound()
	switch {
	case u != nil && u.Other:
		o.Why = u.Likely() + ", so " + u.Advice()
	case u != nil:
		o.Why = u.Likely() + ", so look at how QEMU was started (machine type, memory, image), and at which kernel was given"
	case wk.obs.Ev.Late != "":
		o.Why = wk.obs.Ev.Late + ", so start the system anew and attach earlier"
	case strings.HasPrefix(w.For, "phase "):
		o.Why = "nothing called it" + wk.alone() + ", so see whether this system checkpoints and restores, and whether the scenario is that of it"
	case wk.obs.Ev.Finished:
		o.Why = fmt.Sprintf("there was no other restore after %s", words.Count(wk.obs.Ev.Number(), "restore"))
	default:
		o.Why = "the restore went no further"
	}
	_, o.Log, _ = wk.Waiting()
	return o
}

// nextEvent runs to the next event, and not for ever if within is not 0.
func (wk *walker) nextEvent(ctx context.Context, within time.Duration) error {
	wk.waiting.Store(wk.awaited())
	defer wk.waiting.Store(nil)
	limit := ctx
	if within > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	ev, err := wk.runChecked(ctx, limit)
	if err == nil || ctx.Err() != nil || limit.Err() == nil || !errors.Is(err, context.DeadlineExceeded) {
		return wk.arrive(ctx, ev, err)
	}
	if wk.obs.Ev.Complete && !wk.obs.Ev.Finished {
		ev, err = wk.drive.Halt(ctx, fmt.Sprintf("no thread returned to user mode within %v", within))
		wk.obs.Ev.Finished = true
		return wk.arrive(ctx, ev, err)
	}
	reason := fmt.Sprintf("nothing came within %v", within)
	ev, err = wk.drive.Halt(ctx, reason)
	came := err != nil || ev.Reason != reason
	if !came && wk.obs.Ev.Late != "" {
		wk.phases.missAll()
	}
	if err = wk.arrive(ctx, ev, err); err != nil || came {
		return err
	}
	return wk.overdue(wk.waiting.Load(), within)
}
