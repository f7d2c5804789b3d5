package live_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/recording"
	"thaw/session"
	"thaw/session/view"
)

// judged is what a view says about all threads, by words that do not change
// from stop to stop.
func judged(v *view.View) []string {
	var out []string
	for _, t := range v.Verdicts {
		out = append(out, fmt.Sprintf("%s %s: %s", t.Name, t.Verdict, t.Cause))
	}
	return out
}

// A session with more stops than the history has room for goes on: the oldest
// stops are dropped, and are in the recording; verdicts stay what they were.
func TestHistoryIsBounded(t *testing.T) {
	const most, steps = 12, 40
	ctx := deadline(t)
	path := filepath.Join(t.TempDir(), "session.thaw")
	var w *recording.Writer
	e, _ := openLabWith(ctx, t, "bug=overwritten", true, recordTo(t, path, &w), func(c *session.Config) { c.MaxStops = most })
	var stops []string
	if err := e.RunAll(ctx, func() { stops = append(stops, shown(t, e.View())) }); err != nil {
		t.Fatal(err)
	}
	finished := judged(e.View())
	if !slices.ContainsFunc(finished, func(s string) bool { return strings.Contains(s, "overwritten") }) || len(stops) <= most {
		t.Fatalf("%d stops; %q", len(stops), finished)
	}
	for range steps {
		if err := e.StepInstruction(ctx); err != nil {
			t.Fatal(err)
		}
		stops = append(stops, shown(t, e.View()))
	}
	if diff := cmp.Diff(finished, judged(e.View())); diff != "" {
		t.Errorf("verdicts after %d steps (-want +got):\n%s", steps, diff)
	}
	if v := e.View(); v.State != view.Stopped || v.Stops != len(stops) || v.First != len(stops)-most+1 || v.Snapshot.Number != len(stops) {
		t.Errorf("%s, stops %d to %d, shown %d; there were %d", v.State, v.First, v.Stops, v.Snapshot.Number, len(stops))
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, rec := openReplay(t, path)
	if rec.Damage() != "" || r.Stops() != len(stops) {
		t.Fatalf("%d stops, want %d; damage %q", r.Stops(), len(stops), rec.Damage())
	}
	for n := range stops {
		v, err := r.View(n + 1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(stops[n], shown(t, v)); diff != "" {
			t.Fatalf("stop %d (-live +replay):\n%s", n+1, diff)
		}
	}
}

// The user is told that stops are dropped, and what is left.
func TestControllerTellsOfDroppedStops(t *testing.T) {
	const most = 3
	ctx := deadline(t)
	e, _ := openLabWith(ctx, t, "", true, nil, func(c *session.Config) { c.MaxStops = most })
	c := &control{session.NewController(ctx, e), t, ctx}
	for n := 1; n <= most+2; n++ {
		c.NextPhase()
		v := c.until("a phase", stoppedAt(n))
		if told := strings.Contains(v.Message, "oldest stops are dropped"); told != (n == most+1) {
			t.Errorf("stop %d: %q", n, v.Message)
		}
	}
	for n := most + 1; n >= 3; n-- {
		c.Back()
		c.until("the stop before", func(v *view.View) bool { return v.Snapshot.Number == n && v.First == 3 })
	}
	for _, f := range []func(){c.Back, func() { c.Show(1) }} {
		f()
		v := c.until("the word that it was dropped", func(v *view.View) bool { return strings.Contains(v.Message, "goes back to stop 3") })
		if v.Snapshot.Number != 3 {
			t.Errorf("stop %d is shown", v.Snapshot.Number)
		}
		c.Show(4)
		c.until("a stop that is there", func(v *view.View) bool { return v.Snapshot.Number == 4 && v.Message == "" })
		c.Show(3)
		c.until("a stop that is there", func(v *view.View) bool { return v.Snapshot.Number == 3 })
	}
}
