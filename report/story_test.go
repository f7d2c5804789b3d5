package report

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

func TestSummary(t *testing.T) {
	verdict := func(name string, v view.Verdict) view.ThreadVerdict {
		return view.ThreadVerdict{Name: name, Thread: 0x52, Verdict: v}
	}
	for _, c := range []struct {
		verdicts []view.ThreadVerdict
		want     string
	}{
		{nil, "No restored thread was seen."},
		{[]view.ThreadVerdict{verdict("a", view.Coincident), verdict("ep", view.Ignored)}, "1 of 2 threads lost its state: ep (ignored)."},
		{[]view.ThreadVerdict{verdict("ep", view.NotRequested)}, "1 of 1 thread lost its state: ep (not-requested)."},
		{[]view.ThreadVerdict{verdict("a", view.Partial), verdict("", view.Overwritten), verdict("c", view.Applied)},
			"2 of 3 threads lost their state: thread 52 (overwritten), a (partial)."},
		{[]view.ThreadVerdict{verdict("a", view.Applied), verdict("b", view.Pending), verdict("c", view.Applied)},
			"No thread lost its state: of 3 threads 1 pending, 2 applied."},
		{[]view.ThreadVerdict{verdict("a", "melted")}, "No thread lost its state: of 1 thread 1 melted."},
	} {
		s := &Story{View: &view.View{Result: view.Result{Verdicts: c.verdicts, Caps: &view.CapDiff{Same: 3}}}}
		if got := s.Summary(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestSummaryTellsOfCapabilities(t *testing.T) {
	applied := []view.ThreadVerdict{{Name: "ep", Verdict: view.Applied}}
	s := &Story{View: &view.View{Result: view.Result{Verdicts: applied, Caps: &view.CapDiff{Missing: make([]view.SlotCap, 4)}}}}
	if got, want := s.Summary(), "No thread lost its state: of 1 thread 1 applied. Capabilities differ: 4 missing, 0 extra, 0 changed."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if p := newPage(s); p.Tone != "warn" {
		t.Errorf("the page's tone is %q although capabilities are missing", p.Tone)
	}
}

func TestNewStoryLeavesOutHoles(t *testing.T) {
	s := NewStory(nil, []*view.Snapshot{snapshotOf(1, "a", nil), nil, snapshotOf(3, "b", nil)}, nil, "")
	if len(s.Stops) != 2 || s.Stops[1].Number != 3 {
		t.Errorf("stops %+v, want 1 and 3", s.Stops)
	}
	if _, ok := s.stop(2); ok {
		t.Error("stop 2 was found, but there is none")
	}
	if len(s.verdicts()) != 0 || s.failure() != "" {
		t.Error("a story without a view tells verdicts or a failure")
	}
}

func TestProgress(t *testing.T) {
	phases := []view.Phase{{Name: "restore"}}
	for _, c := range []struct {
		view view.View
		want string
	}{
		{view.View{Result: view.Result{Complete: true, Finished: true}}, "every verdict is final"},
		{view.View{Result: view.Result{Complete: true}}, "not every verdict"},
		{view.View{Result: view.Result{Phases: phases}}, "was not complete"},
		{view.View{}, "Nothing"},
	} {
		if got := (&Story{View: &c.view}).progress(); !strings.Contains(got, c.want) {
			t.Errorf("%q does not hold %q", got, c.want)
		}
	}
	s := &Story{View: &view.View{Session: view.Session{Err: errors.New("the guest\nis gone")}}}
	if got := s.failure(); got != "The session ended: the guest?is gone" {
		t.Errorf("failure is %q", got)
	}
}

func TestGaps(t *testing.T) {
	at := func(ip uint64) view.Stage { return view.Stage{Known: true, IP: ip, SP: 9} }
	var none view.Stage
	with := func(st view.Stage, rax uint64) view.Stage {
		st.Registers = []kernel.Register{{Name: "rax", Value: rax}}
		return st
	}
	for _, c := range []struct {
		verdict view.Verdict
		stages  [4]view.Stage
		want    string
		lost    string
	}{
		{view.Applied, [4]view.Stage{at(1), at(1), at(1), at(1)}, "reached reached reached", ""},
		{view.Ignored, [4]view.Stage{at(1), at(1), at(2), at(2)}, "reached lost other", "lost between requested and kernel"},
		{view.Ignored, [4]view.Stage{at(1), at(1), none, none}, "reached lost unknown", "lost between requested and kernel"},
		{view.Overwritten, [4]view.Stage{at(1), at(1), at(2), at(2)}, "reached lost other", "written, then overwritten before the thread ran"},
		{view.Overwritten, [4]view.Stage{at(1), at(1), at(1), none}, "reached reached lost", "written, then overwritten before the thread ran"},
		{view.NotRequested, [4]view.Stage{at(1), none, at(2), none}, "lost unknown unknown", "lost between checkpointed and requested"},
		{view.Partial, [4]view.Stage{with(at(1), 5), with(at(1), 5), at(1), with(at(1), 0)}, "reached lost other", "registers lost between requested and kernel"},
		{view.Coincident, [4]view.Stage{at(1), at(1), at(1), at(1)}, "reached equal reached", ""},
		{view.Pending, [4]view.Stage{at(1), at(1), at(2), none}, "reached other pending", ""},
		{view.Unknown, [4]view.Stage{none, at(1), none, at(1)}, "unknown unknown unknown", ""},
	} {
		v := view.ThreadVerdict{Verdict: c.verdict, Checkpointed: c.stages[0], Requested: c.stages[1], Kernel: c.stages[2], Entered: c.stages[3]}
		g := v.Gaps()
		if got := fmt.Sprintf("%s %s %s", g[0], g[1], g[2]); got != c.want {
			t.Errorf("%s: gaps are %q, want %q", c.verdict, got, c.want)
		}
		if got := lostBetween(&v); got != c.lost {
			t.Errorf("%s: %q, want %q", c.verdict, got, c.lost)
		}
		for _, gap := range g {
			if gap == view.GapLost {
				continue // see ThreadVerdict.Loss
			}
			if _, ok := arrows[gap]; !ok {
				t.Errorf("gap %q has no arrow", gap)
			}
			if _, ok := gapTexts[gap]; !ok {
				t.Errorf("gap %q has no text", gap)
			}
		}
	}
}

func TestPartialShowsRegistersThatDidNotArrive(t *testing.T) {
	v := fixtureVerdict("ep", 1, 2, view.Partial, [2]uint64{1, 2}, [2]uint64{1, 2})
	v.Requested.Registers = []kernel.Register{{Name: "rax", Value: 0}, {Name: "rbx", Value: 0x10}, {Name: "rcx", Value: 1}, {Name: "r11", Value: 1}}
	v.Entered.Registers = []kernel.Register{{Name: "rax", Value: 0}, {Name: "rbx", Value: 0x11}, {Name: "r11", Value: 0x246}}
	rows := valueRows(&v)
	if len(rows) != 3 || rows[2].Name != "rbx" {
		t.Fatalf("rows %+v, want ip, sp and rbx", rows)
	}
	if r := rows[2].Values; r[1].Text != "10" || r[1].Differs || r[3].Text != "11" || !r[3].Differs || r[2].Text != "" {
		t.Errorf("rbx is %+v", r)
	}
	if rows[0].Values[3].Differs {
		t.Error("ip arrived and is marked as different")
	}
	v.Requested.Registers = v.Requested.Registers[3:] // no rcx: ARM's r11 is a register like others
	if rows := valueRows(&v); len(rows) != 3 || rows[2].Name != "r11" {
		t.Errorf("rows %+v, want ip, sp and r11", rows)
	}
	v.Verdict = view.Ignored
	if rows := valueRows(&v); len(rows) != 2 {
		t.Errorf("an ignored thread shows %d rows, want ip and sp", len(rows))
	}
}

func TestTimeLine(t *testing.T) {
	tl := newTimeLine(fixtureStory())
	if tl.Last != 30 || len(tl.Rows) != 31 {
		t.Fatalf("%d rows up to stop %d", len(tl.Rows), tl.Last)
	}
	byStop := map[int]timeRow{}
	for _, r := range tl.Rows {
		if r.Bar {
			byStop[r.Stop] = r
		}
		if r.Bar != (r.Stop > 0) {
			t.Errorf("phase %s at stop %d: bar %v", r.Name, r.Stop, r.Bar)
		}
	}
	for stop, want := range map[int][2]int{1: {1, 13}, 13: {13, 31}, 6: {6, 7}, 21: {21, 23}, 22: {22, 23}, 28: {28, 31}} {
		if r := byStop[stop]; r.first != want[0] || r.end != want[1] {
			t.Errorf("%s goes from stop %d to %d, want %v", r.Name, r.first, r.end, want)
		}
	}
	// ep was asked to set before stop 23, in the step that began at stop 22.
	if len(tl.Marks) != 1 || tl.Marks[0].Thread != "ep" || tl.Marks[0].Stop != 23 {
		t.Fatalf("marks %+v, want ep's at stop 23", tl.Marks)
	}
	r := byStop[22]
	if len(r.Marks) != 1 || r.Marks[0].Left < r.Left || r.Marks[0].Left > r.Left+r.Width {
		t.Errorf("the mark is not on the bar of %s: %+v, bar from %.1f, %.1f wide", r.Name, r.Marks, r.Left, r.Width)
	}
	if first, last := tl.Ticks[0], tl.Ticks[len(tl.Ticks)-1]; !strings.HasPrefix(first.Label, "1 ") || !last.Last || !strings.HasPrefix(last.Label, "30 ") {
		t.Errorf("ticks %+v", tl.Ticks)
	}
}

func TestTimeLineOfFewStops(t *testing.T) {
	if tl := newTimeLine(NewStory(nil, nil, nil, "")); tl != nil {
		t.Errorf("a time line of nothing: %+v", tl)
	}
	for n := 1; n <= 8; n++ {
		s := &Story{View: &view.View{Result: view.Result{Phases: []view.Phase{{Name: "p", Stop: n, State: view.PhaseCurrent, Hits: 1}}}}}
		tl := newTimeLine(s)
		seen := map[string]bool{}
		for _, tick := range tl.Ticks {
			if seen[tick.Label] || tick.Left < 0 || tick.Left > 100 {
				t.Errorf("%d stops: ticks %+v", n, tl.Ticks)
			}
			seen[tick.Label] = true
		}
		if r := tl.Rows[0]; r.Left+r.Width > 100.01 {
			t.Errorf("%d stops: the bar ends at %.2f %%", n, r.Left+r.Width)
		}
	}
}
