package live_test

import (
	"errors"
	"slices"
	"testing"

	"thaw/kernel/kernels"
	"thaw/session"
	"thaw/session/evidence"
)

// Every cause is shown by the bug of the lab guest that the table names, at some
// stop.
func TestEachCauseHasABug(t *testing.T) {
	byBug := map[string][]evidence.Cause{}
	for _, c := range evidence.Causes(kernels.Causes()) {
		if c.Lab != "" {
			byBug[c.Lab] = append(byBug[c.Lab], c)
		}
	}
	for bug, causes := range byBug {
		t.Run(bug, func(t *testing.T) {
			ctx := deadline(t)
			e, _ := openLab(ctx, t, "bug="+bug, true)
			var seen []evidence.Cause
			for {
				err := e.NextPhase(ctx)
				if errors.Is(err, session.ErrFinished) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range e.View().Verdicts {
					seen = append(seen, evidence.Cause{Rule: v.Rule, Verdict: v.Verdict})
				}
			}
			for _, c := range causes {
				if !slices.Contains(seen, evidence.Cause{Rule: c.Rule, Verdict: c.Verdict}) {
					t.Errorf("%s by %s was not seen", c.Verdict, c.Rule)
				}
			}
		})
	}
}
