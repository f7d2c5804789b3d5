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
	"thaw/session/view"
	"thaw/words"
)

// checkFlags are check's own.
type checkFlags struct {
	json    bool
	junit   string
	variant string
	force   string        // thread
	during  time.Duration // 0: to the scenario's end
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
recorded, is a regression test. It ends with 0 if the scenario's expectations
are met, 1 if not, 2 if something could not run.`,
		Example: "  thaw check lab\n  thaw check lab:overwritten --json\n  thaw check :1234 --build build/x86_64\n  thaw check *.thaw --junit report.xml",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("say what to check: lab, lab:BUG, the gdbstub's address, or a recording")
			}
			if f.during > 0 && !c.Flags().Changed("scenario") {
				o.scenario = noScenario
			}
			return o.checkAll(c.Context(), c.OutOrStdout(), args, f)
		},
	}
	o.commonFlags(c)
	o.targetFlags(c)
	o.timeoutFlag(c)
	c.Flags().BoolVar(&f.json, "json", false, "print JSON")
	c.Flags().StringVar(&f.junit, "junit", "", "write the results as JUnit XML to this `file`, too")
	c.Flags().DurationVar(&f.during, "for", 0, "let the guest run for so long, without a scenario if none is named, and judge every request for a thread's state that comes meanwhile")
	c.Flags().StringVar(&f.force, "force-state", "", "at the end, put the requested state into this `thread` of the restored child, run on, and tell what happens")
	c.Flags().StringVar(&f.variant, "expect", "", "hold the result against the scenario's expectations of this `NAME` (default: the lab's bug, else \"default\")")
	return c
}

// checkAll checks one thing after the other. What could not run is told when
// all have had their turn.
func (o *options) checkAll(ctx context.Context, w io.Writer, what []string, f checkFlags) error {
	if o.record != "" && len(what) > 1 {
		return errors.New("--record keeps one session: check one thing with it")
	}
	var results []report.CheckResult
	var failed []error
	unexpected := false
	for i, name := range what {
		r := o.check(ctx, name, f)
		results = append(results, r)
		if r.Err != nil {
			err := r.Err
			if len(what) > 1 {
				err = fmt.Errorf("%s: %w", name, err)
			}
			failed = append(failed, err)
		}
		unexpected = unexpected || len(r.Failures) > 0
		if !f.json && tells(r) {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if err := printCheck(w, r); err != nil {
				return err
			}
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
	var late *session.Overdue
	return r.View != nil && (r.Err == nil || errors.As(r.Err, &other) || errors.As(r.Err, &late))
}

// printCheck prints a result for people.
func printCheck(w io.Writer, r report.CheckResult) error {
	if r.Forced != "" {
		say(w, "%s", r.Forced)
		fmt.Fprintln(w)
	}
	err := report.Check(w, r.View)
	if len(r.View.Verdicts) == 0 && len(r.View.Phases) == 0 {
		say(w, "no state of a thread was asked for meanwhile")
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

// check checks one thing. The result's Err says why it could not run.
func (o *options) check(ctx context.Context, what string, f checkFlags) (r report.CheckResult) {
	variant := f.variant
	begin := time.Now()
	r = report.CheckResult{Name: what}
	defer func() { r.Duration = time.Since(begin) }()
	var s *scenario.Scenario
	var own string
	subject, err := resolve(what, subjectAddress|subjectLab|subjectRecorded)
	switch {
	case err != nil:
		r.Err = err
	case subject.kind&subjectRecorded != 0:
		if f.force != "" {
			r.Err = errors.New("a recording cannot be changed: force a state in a live session")
			return r
		}
		s, own, r.View, r.Err = lastOf(ctx, what)
	default:
		s, own, r.View, r.Forced, r.Err = o.runAll(ctx, subject, f)
	}
	var late *session.Overdue
	if r.Err != nil && !errors.As(r.Err, &late) {
		return r
	}
	r.Scenario, r.Variant = s.Name, cmp.Or(variant, own)
	if len(r.View.Mismatches) > 0 {
		r.Err = &errMismatch{r.View.Mismatches[0].String()}
		return r
	}
	if err := hasVariant(s, r.Variant); err != nil {
		r.Err = err
		return r
	}
	r.Failures, r.Expected = s.Failures(r.Variant, r.View), s.Expected(r.Variant)
	if late != nil {
		r.Failures = append([]string{late.Error()}, r.Failures...)
	}
	return r
}

// hasVariant says whether a scenario expects anything of a variant.
func hasVariant(s *scenario.Scenario, variant string) error {
	if _, known := s.Expect[variant]; variant != "" && !known && len(s.Expect) > 0 {
		return fmt.Errorf("scenario %s has no expectations for %q; --expect takes one of: %s", s.Name, variant, strings.Join(s.Variants(), ", "))
	}
	return nil
}

// runAll runs a live scenario to its end; forced tells what became of a forced state.
func (o *options) runAll(ctx context.Context, what subject, f checkFlags) (s *scenario.Scenario, own string, v *view.View, forced string, err error) {
	if s, err = o.loadScenario(); err != nil {
		return nil, "", nil, "", err
	}
	if err := hasVariant(s, f.variant); err != nil {
		return nil, "", nil, "", err
	}
	op, own, err := o.openWhat(ctx, s, what)
	if err != nil {
		return nil, "", nil, "", err
	}
	defer func() { err = errors.Join(op.goOn(err), op.close(ctx)) }()
	if err := begin(ctx, op.engine); err != nil {
		return nil, "", nil, "", err
	}
	if f.during > 0 {
		err = runFor(ctx, op.engine, f.during)
	} else {
		err = runAll(ctx, op.engine, nil)
	}
	var late *session.Overdue
	if err != nil && !errors.As(err, &late) {
		return nil, "", nil, "", err
	}
	v = op.engine.View()
	if err == nil && f.force != "" {
		forced, err = force(ctx, op.engine, v, f.force, time.Duration(s.Settle))
	}
	return s, own, v, forced, err
}

// runFor lets the guest run for a time and tells what came.
func runFor(ctx context.Context, e *session.Engine, d time.Duration) error {
	defer busy(ctx, "watching the guest for %v", d)()
	err := e.RunFor(ctx, d, func() {
		if v := e.View(); v.Snapshot != nil {
			busy(ctx, "watching the guest for %v: %s, at stop %d: %s", d, words.Count(len(v.Verdicts), "thread")+" asked for", v.Stops, v.Snapshot.Reason)
		}
	})
	if err == nil && e.View().Snapshot == nil {
		err = fmt.Errorf("the kernel did not boot within %v: give it longer with --for", d)
	}
	return err
}

// runAll walks all phases and tells how far that is and what is waited for.
func runAll(ctx context.Context, e *session.Engine, arrived func()) error {
	return runOn(ctx, e, "", arrived)
}

// runOn is runAll, and waits then for the LOG to say something, "" for nothing.
func runOn(ctx context.Context, e *session.Engine, until string, arrived func()) error {
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
	if until != "" {
		return e.RunOn(ctx, until, tell)
	}
	return e.RunAll(ctx, tell)
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

// lastOf works out a recording's last stop.
func lastOf(ctx context.Context, what string) (*scenario.Scenario, string, *view.View, error) {
	r, rec, err := openReplay(ctx, what)
	if err != nil {
		return nil, "", nil, err
	}
	v, err := r.View(r.Stops())
	return rec.Scenario(), cmp.Or(rec.Variant(), scenario.DefaultVariant), v, err
}
