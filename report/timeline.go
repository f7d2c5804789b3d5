package report

import (
	"fmt"
	"slices"

	"thaw/session/view"
)

// timeLine is the walk through the phases, drawn over stops: every stop takes
// the same room. Over seconds nothing could be seen of a restore, which takes
// 0.4 of the 4 that the system needs to come that far, and a user who thinks at
// a stop would stretch it.
type timeLine struct {
	Rows  []timeRow
	Ticks []timeTick
	Marks []timeMark // every one of them also stands in its row
	Last  int        // number of the last stop
}

// timeRow is a phase.
type timeRow struct {
	Name        string
	Depth       int
	State       string // "✓ done"
	Class       string // "done"
	Hits, Stop  int
	At          string  // time of its first stop, "" if unknown
	Bar         bool    // whether it was entered at a known stop
	Left, Width float64 // of the bar, in percent
	Marks       []timeMark

	first, end int // stops, end is the first behind it
}

// timeTick is a stop on the axis.
type timeTick struct {
	Left  float64
	Label string
	Last  bool
}

// timeMark is the point where a thread's state got lost.
type timeMark struct {
	Left   float64
	Stop   int
	Thread string
	Text   string // what happened there
}

// newTimeLine places the phases of a story; nil if there is nothing to draw.
func newTimeLine(s *Story) *timeLine {
	v := s.view()
	tl := &timeLine{}
	for _, st := range s.Stops {
		tl.Last = max(tl.Last, st.Number)
	}
	for _, p := range v.Phases {
		tl.Last = max(tl.Last, p.Stop)
	}
	if tl.Last == 0 || len(v.Phases) == 0 {
		return nil
	}
	for i, p := range v.Phases {
		state := phaseState(p.State)
		row := timeRow{Name: clean(p.Name), Depth: indent(p.Depth), State: state, Class: phaseClass(p.State), Hits: p.Hits, Stop: p.Stop}
		if st, ok := s.stop(p.Stop); ok {
			row.At = seconds(st.Time)
		}
		if p.Stop > 0 {
			row.Bar, row.first, row.end = true, p.Stop, phaseEnd(v.Phases, i, tl.Last)
			row.Left = tl.percent(float64(row.first - 1))
			row.Width = max(tl.percent(float64(row.end-row.first)), 0.6)
		}
		tl.Rows = append(tl.Rows, row)
	}
	tl.mark(s)
	tl.ticks(s)
	return tl
}

func phaseClass(p view.PhaseState) string {
	if _, ok := phaseGlyphs[p]; ok {
		return p.String()
	}
	return "next"
}

// phaseEnd is the first stop behind phase i: where the next phase begins that
// is not inside it.
func phaseEnd(phases []view.Phase, i, last int) int {
	for _, p := range phases[i+1:] {
		if p.Depth <= phases[i].Depth && p.Stop > phases[i].Stop {
			return p.Stop
		}
	}
	return last + 1
}

// percent is the place of a number of stops on the axis.
func (tl *timeLine) percent(stops float64) float64 {
	return min(max(stops/float64(tl.Last)*100, 0), 100)
}

// mark places the points where states got lost. What a stage says was read
// before its stop, that is in the step that leads to it.
func (tl *timeLine) mark(s *Story) {
	for _, t := range s.verdicts() {
		g := t.LostAt()
		if g < 0 {
			continue
		}
		st := t.Stages()[g]
		if !st.Known || st.Stop == 0 {
			continue
		}
		step := min(max(st.Stop-1, 1), tl.Last)
		m := timeMark{Left: tl.percent(float64(step) - 0.5), Stop: st.Stop, Thread: clip(threadName(t), 24),
			Text: fmt.Sprintf("%s at %s, before stop %d; %s", view.StageNames[g], seconds(st.Time), st.Stop, lostBetween(t))}
		tl.Marks = append(tl.Marks, m)
		if i := tl.rowAt(step); i >= 0 {
			tl.Rows[i].Marks = append(tl.Rows[i].Marks, m)
		}
	}
}

// rowAt is the innermost phase that a stop belongs to, -1 if there is none.
func (tl *timeLine) rowAt(stop int) int {
	at := -1
	for i, r := range tl.Rows {
		if r.Bar && r.first <= stop && stop < r.end && (at < 0 || r.Depth >= tl.Rows[at].Depth) {
			at = i
		}
	}
	return at
}

// ticks puts about five stops on the axis, the first and the last among them.
func (tl *timeLine) ticks(s *Story) {
	step := max((tl.Last+3)/4, 1)
	numbers := []int{1}
	for n := 1 + step; n <= tl.Last-step*4/5; n += step {
		numbers = append(numbers, n)
	}
	if tl.Last > 1 {
		numbers = append(numbers, tl.Last)
	}
	for _, n := range slices.Compact(numbers) {
		t := timeTick{Left: tl.percent(float64(n) - 0.5), Label: fmt.Sprintf("%d", n), Last: n == tl.Last && n > 1}
		if st, ok := s.stop(n); ok {
			t.Label += " · " + seconds(st.Time)
		}
		tl.Ticks = append(tl.Ticks, t)
	}
}
