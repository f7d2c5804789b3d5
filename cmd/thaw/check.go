package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"thaw/report"
	"thaw/session"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
	"thaw/words"
)

// checkFlags are check's own.
type checkFlags struct {
	json    bool
	junit   string
	variant string
	from    string        // recording that is held against, "" for none
	force   string        // thread
	during  time.Duration // 0: to the scenario's end

	restores int // to await, 0: one, or all that a recording has
}

func newCheck() *cobra.Command {
	var o options
	var f checkFlags
	c := &cobra.Command{
		Use:   "check lab[:BUG]|ADDR|FILE|NAME …",
		Short: "walk all phases without a screen and print the verdicts",
		Long: `check runs the scenario to its end and prints the verdict of every restored
thread and the capability diff. Recordings (a file, or the name of one that
comes with thaw) are judged anew from their evidence: a restore bug, once
recorded, is a regression test. With --expect-from the result is held against a
recording, row by row: verdicts, phases, capabilities, waits and memory are to be
as they were then. It ends with 0 if the scenario's expectations
are met, 1 if not, 2 if something could not run.`,
		Example: "  thaw check lab\n  thaw check lab:overwritten --json\n  thaw check lab:zero --kernel hw\n  thaw check :1234 --build build/x86_64\n  thaw check *.thaw --junit report.xml\n  thaw check :1234 --build build/x86_64 --scenario new --expect-from worked.thaw",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("say what to check: lab, lab:BUG, the gdbstub's address, or a recording")
			}
			labScenario(c, &o)
			if f.during > 0 && !c.Flags().Changed("scenario") {
				o.scenario = noScenario
			}
			return o.checkAll(c.Context(), c.OutOrStdout(), args, f)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	labFlag(c)
	o.timeoutFlag(c)
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().StringVar(&f.junit, "junit", "", "write the results as JUnit XML to this `file`, too")
	c.Flags().DurationVar(&f.during, "for", 0, "let the guest run for so long, without a scenario if none is named, and judge every request for a thread's state that comes meanwhile")
	c.Flags().StringVar(&f.force, "force-state", "", "at the end, put the requested state into this `thread` of the restored child, run on, and tell what happens")
	c.Flags().IntVar(&f.restores, "restores", 0, "await this `number` of restores, and judge each (default: one; of a recording, all that it has)")
	c.Flags().StringVar(&f.from, "expect-from", "", "hold the result against this `RECORDING`, a file or the name of one that comes with thaw, instead of the scenario's expectations")
	c.Flags().StringVar(&f.variant, "expect", "", "hold the result against the scenario's expectations of this `NAME` (default: the lab's bug, else \"default\")")
	c.MarkFlagsMutuallyExclusive("expect", "expect-from")
	return c
}

// checkAll checks one thing after the other. What could not run is told when
// all have had their turn.
func (o *options) checkAll(ctx context.Context, w io.Writer, what []string, f checkFlags) error {
	if o.record != "" && len(what) > 1 {
		return errors.New("--record keeps one session: check one thing with it")
	}
	var as []*view.View
	if f.from != "" {
		if _, err := resolve(f.from, subjectRecorded); err != nil {
			return err
		}
		run, err := lastOf(ctx, f.from)
		if err != nil {
			return err
		}
		as = run.views
	}
	var results []report.CheckResult
	var failed []error
	unexpected := false
	for _, name := range what {
		for i, r := range o.check(ctx, name, f) {
			if r.View != nil && r.Err == nil && as != nil {
				holdAgainstRun(&r, f.from, as, i)
			}
			if r.Err != nil {
				err := r.Err
				if len(what) > 1 {
					err = fmt.Errorf("%s: %w", name, err)
				}
				failed = append(failed, err)
			}
			unexpected = unexpected || len(r.Failures) > 0
			if !f.json && tells(r) {
				if len(results) > 0 {
					fmt.Fprintln(w)
				}
				if err := printCheck(w, r); err != nil {
					return err
				}
			}
			results = append(results, r)
		}
	}
	if f.json {
		if err := printJSON(w, results); err != nil {
			return err
		}
	}
	if f.junit != "" {
		failed = append(failed, writeFile(ctx, f.junit, o.force, func(w io.Writer) error { return report.JUnit(w, results) }))
	}
	if err := errors.Join(failed...); err != nil {
		return err
	}
	if unexpected {
		return errUnexpected
	}
	return nil
}

// errMismatch ends a check that could not be trusted.
type errMismatch struct{ text string }

func (e *errMismatch) Error() string { return e.text }

// tells says whether a result is worth printing: that of a run which could not be
// trusted is, too, since it tells why, and that of one which did not come to its end.
func tells(r report.CheckResult) bool {
	var other *errMismatch
	return r.View != nil && (r.Err == nil || errors.As(r.Err, &other) || isCut(r.Err))
}

// cut is a run that did not come to its end: what was seen before counts.
type cut struct{ error }

func (c *cut) Unwrap() error { return c.error }

func isCut(err error) bool { return errors.As(err, new(*cut)) }

// cutShort says so of a run in which nothing came for too long, or whose guest has ended
// or cannot be reached any more.
func cutShort(err error, e *session.Engine) error {
	late, gone := errors.As(err, new(*session.Overdue)), errors.As(err, new(*target.Gone))
	if v := e.View(); late || v.Snapshot != nil && (gone || err != nil && v.Lost) {
		return &cut{err}
	}
	return err
}

// printCheck prints a result for people.
func printCheck(w io.Writer, r report.CheckResult) error {
	if r.Forced != "" {
		say(w, "%s", r.Forced)
		fmt.Fprintln(w)
	}
	err := report.Check(w, r.View)
	if len(r.View.Verdicts) == 0 && len(r.View.Phases) == 0 {
		at := view.Awaited(r.View.Breakpoints)
		if at != "" {
			at = ": " + at + " was never entered"
		}
		say(w, "no state of a thread was asked for meanwhile%s", at)
	}
	if s := r.Expected; s != "" {
		met := "met"
		if len(r.Failures) > 0 {
			met = "not met"
		}
		fmt.Fprintf(w, "expected of %s: %s: %s\n", r.Variant, s, met)
	} else if r.Scenario != "" {
		fmt.Fprintln(w, "the scenario expects nothing: nothing was held against it")
	}
	for _, f := range r.Failures {
		say(w, "not as expected: %s", f)
	}
	return err
}

// printJSON prints one result as an object, several as an array of them.
func printJSON(w io.Writer, results []report.CheckResult) error {
	out := []report.CheckJSON{}
	for _, r := range results {
		if tells(r) {
			j := report.NewCheckJSON(r.View, r.Failures)
			j.Forced = r.Forced
			out = append(out, j)
		}
	}
	switch {
	case len(results) > 1:
		return report.JSON(w, out)
	case len(out) == 1:
		return report.JSON(w, out[0])
	}
	return nil
}

// check checks one thing: there is a result for each restore of it. A result's Err says
// why it could not run.
func (o *options) check(ctx context.Context, what string, f checkFlags) []report.CheckResult {
	begin := time.Now()
	run, err := o.runOf(ctx, what, f)
	if len(run.views) == 0 || err != nil && !isCut(err) {
		return []report.CheckResult{{Name: what, Duration: time.Since(begin), Err: err}}
	}
	var results []report.CheckResult
	for i, v := range run.views {
		r := report.CheckResult{Name: what, View: v}
		if len(run.views) > 1 {
			r.Name = fmt.Sprintf("%s, restore %d", what, v.Restore)
		}
		if i == len(run.views)-1 {
			r.Err, r.Forced, r.Duration = err, run.forced, time.Since(begin)
		}
		judge(&r, run, f.variant)
		results = append(results, r)
	}
	return results
}

// judge holds a result against what is expected of it.
func judge(r *report.CheckResult, run checkRun, variant string) {
	r.Scenario, r.Variant = run.scenario.Name, cmp.Or(variant, run.variant)
	if len(r.View.Mismatches) > 0 {
		r.Err = &errMismatch{r.View.Mismatches[0].String()}
		return
	}
	if text := view.PassedBy(r.View.Breakpoints); text != "" {
		r.Err = &errMismatch{text}
		return
	}
	if err := hasVariant(run.scenario, r.Variant); err != nil {
		r.Err = err
		return
	}
	r.Failures, r.Expected = run.scenario.Failures(r.Variant, r.View), run.scenario.Expected(r.Variant, r.View.Restore)
	if c := (*cut)(nil); errors.As(r.Err, &c) {
		r.Failures = append([]string{c.Error()}, r.Failures...)
	}
}

// holdAgainstRun holds a result against the same restore of a recording.
func holdAgainstRun(r *report.CheckResult, name string, as []*view.View, restore int) {
	r.Variant = name
	if restore >= len(as) {
		r.Expected, r.Failures = "no such restore", []string{fmt.Sprintf("%s holds %s, and this is one more", name, words.Count(len(as), "restore"))}
		return
	}
	r.Expected, r.Failures = scenario.Summary(as[restore]), scenario.Differences(as[restore], r.View)
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
	defer func() { err = errors.Join(op.goOn(err), op.close(ctx)) }()
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
	err := e.RunFor(ctx, d, func() {
		if v := e.View(); v.Snapshot != nil {
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
	tell := func() {
		if arrived != nil {
			busy(ctx, "") // it prints lines of its own
			arrived()
		}
		wait()
	}
	return run(ctx, tell)
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
