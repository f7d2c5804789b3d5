package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"thaw/report"
	"thaw/session/scenario"
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
			if c.Flags().Changed("for") && f.during <= 0 {
				return fmt.Errorf("--for %v is over before it begins: give a time like 30s", f.during)
			}
			if f.restores < 0 {
				return fmt.Errorf("--restores %d: give a number of restores", f.restores)
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
	if err := mayWrite(o.force, f.junit); err != nil {
		return err
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
				err := printCheck(w, r)
				if err != nil && f.junit == "" { // which others read
					return err
				}
				failed = append(failed, err)
			}
			results = append(results, r)
		}
	}
	if f.json {
		failed = append(failed, printJSON(w, results))
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
	return r.View != nil && (stands(r.Err) || errors.As(r.Err, &other))
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
	if len(run.views) == 0 || !stands(err) {
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
