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
func (e *Engine) Waiting() (w Waiting, log string, ok bool) {
	p := e.waiting.Load()
	if p == nil {
		return w, "", false
	}
	e.log.Take()
	return *p, e.log.Last(), true
}

// awaited puts in words what the guest is run for now.
func (e *Engine) awaited() *Waiting {
	w := &Waiting{Since: time.Now()}
	reached, requests := 0, 0
	for _, p := range e.phases.list {
		if p.Hits > 0 {
			reached++
		}
	}
	for _, t := range e.obs.Ev.Threads {
		requests += len(t.Requests)
	}
	w.Seen = fmt.Sprintf("%d of %s", reached, words.Count(len(e.phases.list), "phase"))
	if requests > 0 {
		w.Seen += ", " + words.Count(requests, "request")
	}
	switch {
	case e.obs.Ev.Finished:
		w.For = "the next restore to begin"
	case e.obs.Ev.Complete:
		w.For = "restored threads to enter user mode"
	case reached == 0 && e.obs.Ev.Late != "":
		w.For = "what is still to come of the restore"
	case reached == 0 && !e.m.Booted():
		w.For = "the guest's kernel to start"
	case reached == 0:
		w.For = fmt.Sprintf("phase %s (%s)", e.phases.list[0].Name, e.phases.list[0].Function)
	default:
		w.For = "what follows phase " + e.phases.last()
	}
	return w
}

// awaitAnew tells what is waited for, where that is known better since.
func (e *Engine) awaitAnew() {
	if p := e.waiting.Load(); p != nil {
		w := e.awaited()
		w.Since = p.Since
		e.waiting.Store(w)
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
func (e *Engine) overdue(w *Waiting, after time.Duration) *Overdue {
	o := &Overdue{Waiting: *w, After: after}
	switch {
	case !e.m.Booted():
		o.Why = "the guest has not booted, so look at how QEMU was started: machine type, memory, image"
	case e.obs.Ev.Late != "":
		o.Why = e.obs.Ev.Late + ", so start the system anew and attach earlier"
	case strings.HasPrefix(w.For, "phase "):
		o.Why = "nothing called it" + e.alone() + ", so see whether this system checkpoints and restores, and whether the scenario is that of it"
	case e.obs.Ev.Finished:
		o.Why = fmt.Sprintf("there was no other restore after %s", words.Count(e.obs.Ev.Number(), "restore"))
	default:
		o.Why = "the restore went no further"
	}
	_, o.Log, _ = e.Waiting()
	return o
}

// nextEvent runs to the next event, and not for ever if within is not 0.
func (e *Engine) nextEvent(ctx context.Context, within time.Duration) error {
	e.waiting.Store(e.awaited())
	defer e.waiting.Store(nil)
	limit := ctx
	if within > 0 {
		var cancel context.CancelFunc
		limit, cancel = context.WithTimeout(ctx, within)
		defer cancel()
	}
	ev, err := e.runChecked(ctx, limit)
	if err == nil || ctx.Err() != nil || limit.Err() == nil || !errors.Is(err, context.DeadlineExceeded) {
		return e.arrive(ctx, ev, err)
	}
	if e.obs.Ev.Complete && !e.obs.Ev.Finished {
		ev, err = e.drive.Halt(ctx, fmt.Sprintf("no thread returned to user mode within %v", within))
		e.obs.Ev.Finished = true
		return e.arrive(ctx, ev, err)
	}
	reason := fmt.Sprintf("nothing came within %v", within)
	ev, err = e.drive.Halt(ctx, reason)
	came := err != nil || ev.Reason != reason
	if !came && e.obs.Ev.Late != "" {
		e.phases.missAll()
	}
	if err = e.arrive(ctx, ev, err); err != nil || came {
		return err
	}
	return e.overdue(e.waiting.Load(), within)
}
