package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"thaw/session"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
	"thaw/words"
)

// cut is a run that did not come to its end: what was seen before counts.
type cut struct{ error }

func (c *cut) Unwrap() error { return c.error }

func isCut(err error) bool { return errors.As(err, new(*cut)) }

// unkept is what went wrong behind the end of a run, with its files or in leaving the
// guest: what was seen counts.
type unkept struct{ error }

func (u *unkept) Unwrap() error { return u.error }

// stands says whether what a run has seen is a result, whatever else is told of it.
func stands(err error) bool { return err == nil || isCut(err) || errors.As(err, new(*unkept)) }

// cutShort says so of a run in which nothing came for too long, or whose guest has ended
// or cannot be reached any more.
func cutShort(err error, e *session.Engine) error {
	late, gone := errors.As(err, new(*session.Overdue)), errors.As(err, new(*target.Gone))
	if v := e.View(); late || v.Snapshot != nil && (gone || err != nil && v.Lost) {
		return &cut{err}
	}
	return err
}

// checkRun is what came of one thing that was checked.
type checkRun struct {
	scenario *scenario.Scenario
	variant  string       // what is expected of it, if nothing else is asked for
	views    []*view.View // the last of each restore
	forced   string       // what became of a forced state
}

// runOf runs, or reads, what is to be checked.
func (o *options) runOf(ctx context.Context, what string, f checkFlags) (run checkRun, err error) {
	subject, err := resolve(what, subjectAddress|subjectLab|subjectRecorded)
	switch {
	case err != nil:
		return run, err
	case subject.kind&subjectRecorded == 0:
		return o.runAll(ctx, subject, f)
	case f.force != "":
		return run, errors.New("a recording cannot be changed: force a state in a live session")
	}
	if err := o.onlyLive(what + " is a recording"); err != nil {
		return run, err
	}
	run, err = lastOf(ctx, what)
	if n := len(run.views); err == nil && f.restores > 0 && n != f.restores {
		err = fmt.Errorf("%s holds %s, and --restores says %d", what, words.Count(n, "restore"), f.restores)
	}
	return run, err
}

// hasVariant says whether a scenario expects anything of a variant.
func hasVariant(s *scenario.Scenario, variant string) error {
	if _, known := s.Expect[variant]; variant != "" && !known && len(s.Expect) > 0 {
		return fmt.Errorf("scenario %s has no expectations for %q; --expect takes one of: %s", s.Name, variant, strings.Join(s.Variants(), ", "))
	}
	return nil
}

// hasEnd says whether a run by a scenario comes to an end of its own.
func hasEnd(s *scenario.Scenario) error {
	if len(s.Phases) == 0 {
		return errors.New("a scenario without phases, or none, does not tell when all is over: check --for TIME watches for so long, and --record FILE with it keeps what came")
	}
	return nil
}

// runAll runs a live scenario to its end.
func (o *options) runAll(ctx context.Context, what subject, f checkFlags) (run checkRun, err error) {
	s, err := o.loadScenario(ctx)
	if err != nil {
		return run, err
	}
	if err := hasVariant(s, f.variant); err != nil {
		return run, err
	}
	if f.during == 0 {
		if err := hasEnd(s); err != nil {
			return run, err
		}
	}
	o.expect = f.variant
	op, own, err := o.openWhat(ctx, s, what)
	if err != nil {
		return run, err
	}
	run.scenario, run.variant = s, own
	defer func() {
		left := op.close(ctx)
		if left != nil && err == nil {
			left = &unkept{left}
		}
		err = errors.Join(op.goOn(err), left)
	}()
	if err := begin(ctx, op.engine); err != nil {
		return run, err
	}
	for err == nil && len(run.views) < max(f.restores, 1) {
		switch {
		case f.during > 0:
			err = runFor(ctx, op.engine, f.during)
		case len(run.views) == 0:
			err = runAll(ctx, op.engine, nil)
		default:
			err = runOn(ctx, op.engine, op.engine.RunAgain, nil)
		}
		if err = cutShort(err, op.engine); err != nil && !isCut(err) {
			return run, err
		}
		if v := op.engine.View(); len(run.views) == 0 || v.Restore > len(run.views) { // else the next one never came
			run.views = append(run.views, v)
		}
	}
	if err == nil && f.force != "" {
		run.forced, err = force(ctx, op.engine, run.views[len(run.views)-1], f.force, time.Duration(s.Settle))
	}
	return run, err
}

// runFor lets the guest run for a time and tells what came.
func runFor(ctx context.Context, e *session.Engine, d time.Duration) error {
	defer busy(ctx, "watching the guest for %v", d)()
	warn := unrecorded(ctx)
	err := e.RunFor(ctx, d, func() {
		v := e.View()
		warn(v)
		if v.Snapshot != nil {
			busy(ctx, "watching the guest for %v: %s, at stop %d: %s", d, words.Count(len(v.Verdicts), "thread")+" asked for", v.Stops, v.Snapshot.Reason)
		}
	})
	if errors.As(err, new(*session.Unfound)) {
		err = fmt.Errorf("after %v (--for waits longer): %w", d, err)
	}
	return err
}

// runAll walks all phases and tells how far that is and what is waited for.
func runAll(ctx context.Context, e *session.Engine, arrived func()) error {
	return runOn(ctx, e, e.RunAll, arrived)
}

// untilSaid is a way to run: to the end, and on until the LOG says something, "" for
// nothing.
func untilSaid(e *session.Engine, text string) func(ctx context.Context, arrived func()) error {
	if text == "" {
		return e.RunAll
	}
	return func(ctx context.Context, arrived func()) error { return e.RunOn(ctx, text, arrived) }
}

// runOn has the engine run in some way, and tells how far that is.
func runOn(ctx context.Context, e *session.Engine, run func(ctx context.Context, arrived func()) error, arrived func()) error {
	wait := func() (done func()) {
		return busyWith(ctx, func() string {
			w, log, ok := e.Waiting()
			if !ok {
				return ""
			}
			if log != "" {
				log = "LOG: " + log
			}
			return strings.Trim("waiting for "+w.For+"; "+log, "; ")
		}, "%s", progress(e.View()))
	}
	defer wait()()
	warn := unrecorded(ctx)
	tell := func() {
		if arrived != nil {
			busy(ctx, "") // it prints lines of its own
			arrived()
		} else {
			warn(e.View())
		}
		wait()
	}
	return run(ctx, tell)
}

// unrecorded warns when a recording cannot be written, at once, and when it cannot once
// more.
func unrecorded(ctx context.Context) func(v *view.View) {
	before := ""
	return func(v *view.View) {
		if v.Unrecorded != "" && before == "" {
			busy(ctx, "")
			say(os.Stderr, "thaw: warning: %s: make room, it is tried again at every stop", v.Unrecorded)
		}
		before = v.Unrecorded
	}
}

// progress says what came by so far.
func progress(v *view.View) string {
	reached, last := 0, ""
	for _, p := range v.Phases {
		if p.Hits > 0 {
			reached++
		}
	}
	if v.Snapshot != nil && v.Snapshot.Number > 1 {
		last = ", last: " + v.Snapshot.Reason
	}
	return fmt.Sprintf("%d of %s%s", reached, words.Count(len(v.Phases), "phase"), last)
}

// force puts a thread's requested state in place and tells what happens.
func force(ctx context.Context, e *session.Engine, v *view.View, thread string, runOn time.Duration) (string, error) {
	i := slices.IndexFunc(v.Verdicts, func(t view.ThreadVerdict) bool { return t.Name == thread })
	if i < 0 {
		return "", fmt.Errorf("the restored child has no thread %q", thread)
	}
	how, err := e.Force(ctx, v.Verdicts[i].Thread)
	if err != nil {
		return "", err
	}
	fate, err := e.Follow(ctx, v.Verdicts[i].Thread, runOn)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s", how, fate), nil
}

// lastOf works out the last stop of each restore of a recording.
func lastOf(ctx context.Context, what string) (run checkRun, err error) {
	r, rec, err := openReplay(ctx, what)
	if err != nil {
		return run, err
	}
	run.scenario, run.variant = rec.Scenario(), cmp.Or(rec.Variant(), scenario.DefaultVariant)
	for _, stop := range r.Restores() {
		v, err := r.View(stop)
		if err != nil {
			return run, err
		}
		run.views = append(run.views, v)
	}
	return run, nil
}
