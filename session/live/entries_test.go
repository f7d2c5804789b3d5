package live_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/view"
)

// asksRun asks at every kernel entry between the stop before a write and the last stop when
// an expression changed: the last time around the write, which was found in another way.
func asksRun(ctx context.Context, t *testing.T, e *session.Engine, positions []uint64, expr string, w view.Origin) {
	t.Helper()
	from, _ := slices.BinarySearch(positions, w.Position)
	p, err := e.AskRun(ctx, view.RunQuestion{Expr: expr, From: from, To: len(positions)})
	must(t, err)
	c := p.Changes[len(p.Changes)-1]
	if len(p.Changes) < 2 || c.After >= w.Position || c.Position < w.Position || !strings.Contains(c.Thread, w.Thread) || c.Entry == "" || c.Unknown || c.Old == c.New {
		t.Errorf("%s: %+v, and it was written at %d by %s", p.Summary(), p.Changes, w.Position, w.Thread)
	}
}

// asksStates asks at every kernel entry for a thread's state: what each stop shows is the
// same.
func asksStates(ctx context.Context, t *testing.T, e *session.Engine, positions []uint64, thread kernel.ID) {
	t.Helper()
	const first = 24 // in the restore
	shown := e.View().Snapshot.Number
	expr := fmt.Sprintf("thread(%s).state", thread)
	p, err := e.AskRun(ctx, view.RunQuestion{Expr: expr, From: first, To: len(positions)})
	must(t, err)
	stops := e.Ask(view.Query{Kind: view.QueryRun, Expr: expr}).Stops
	if v := e.View(); v.Snapshot.Number != shown+1 || !strings.HasPrefix(v.Snapshot.Reason, "still here: thread(") {
		t.Errorf("at stop %d: %s", v.Snapshot.Number, v.Snapshot.Reason)
	}
	known := 0
	for i, at := range positions[first-1:] {
		next := slices.IndexFunc(p.Changes, func(c view.PeekChange) bool { return c.Position > at })
		if next < 0 {
			next = len(p.Changes)
		}
		may := []string{p.Changes[next-1].New}
		if next < len(p.Changes) && p.Changes[next].After < at { // it became that before the next look
			may = append(may, p.Changes[next].New)
		}
		s := stops[slices.IndexFunc(stops, func(s view.PeekStops) bool { return s.From <= first+i && s.To >= first+i })]
		if !s.Unknown {
			known++
		}
		if !slices.Contains(may, s.Value) {
			t.Errorf("at stop %d, instruction %d: %s, and by kernel entries %q", first+i, at, s.Value, may)
		}
	}
	t.Log(p.Summary())
	if known < 5 || len(p.Changes) < 2 {
		t.Errorf("%s: %d stops compared, %+v", p.Summary(), known, p.Changes)
	}

	at := e.View().Snapshot.PC
	e.Progress(func(string) { must(t, e.Interrupt()) })
	p, err = e.AskRun(ctx, view.RunQuestion{Expr: "len(threads)"})
	e.Progress(nil)
	if must(t, err); p.Ended != "given up" || len(p.Changes) != 1 || p.Entries > 0 || p.To != p.From || e.View().Snapshot.PC != at {
		t.Errorf("ended at once: %+v, at %s", p, e.View().Snapshot.PC)
	}
	for expr, why := range map[string]string{"verdicts": "belong to stops", "thread(": "unexpected token", "": "an expression is missing"} {
		if _, err := e.AskRun(ctx, view.RunQuestion{Expr: expr}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v", expr, err)
		}
	}
	if _, err := e.AskRun(ctx, view.RunQuestion{Expr: "pc", From: 9, To: 3}); err == nil || !strings.Contains(err.Error(), "lies behind stop 9 and before stop 3") {
		t.Errorf("from the ninth stop to the third: %v", err)
	}
}
