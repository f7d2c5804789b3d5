package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/session/view"
)

// phaseGlyphs tells a phase's state beside its word.
var phaseGlyphs = map[view.PhaseState]string{
	view.PhaseNext: "·", view.PhaseCurrent: "▶", view.PhaseDone: "✓", view.PhaseSkipped: "–", view.PhaseMissed: "–",
}

// phaseList is the scenario's tree of phases as rows.
type phaseList struct {
	th     *theme
	phases []view.Phase
	notes  map[int][]string // by phase
}

// newPhaseList takes the phases of a view. A phase that contains the current
// one is shown as current too.
func newPhaseList(th *theme, v *view.View) *phaseList {
	l := &phaseList{th: th, phases: append([]view.Phase(nil), v.Phases...)}
	if v.Snapshot != nil {
		l.notes = notesByPhase(l.phases, v.Notes, v.Snapshot.Number)
	}
	if c := l.current(); c >= 0 {
		for i, depth := c-1, l.phases[c].Depth; i >= 0 && depth > 0; i-- {
			if l.phases[i].Depth < depth {
				l.phases[i].State, depth = view.PhaseCurrent, l.phases[i].Depth
			}
		}
	}
	return l
}

// current is the phase that was entered last, -1 if there is none.
func (l *phaseList) current() int {
	for i := len(l.phases) - 1; i >= 0; i-- {
		if l.phases[i].State == view.PhaseCurrent {
			return i
		}
	}
	return -1
}

// last is the phase that was reached last, -1 before the first.
func (l *phaseList) last() int {
	for i := len(l.phases) - 1; i >= 0; i-- {
		if l.is(i, view.PhaseCurrent) || l.is(i, view.PhaseDone) {
			return i
		}
	}
	return -1
}

// reached counts the phases that were entered.
func (l *phaseList) reached() int {
	n := 0
	for _, p := range l.phases {
		if p.State == view.PhaseDone || p.State == view.PhaseCurrent {
			n++
		}
	}
	return n
}

func (l *phaseList) columns() []column {
	out := []column{
		{title: "  phase", min: 17, max: 60},
		{title: "state", min: 7, max: 7, prio: 1},
		{title: "hits", min: 4, max: 5, prio: 2, right: true},
		{title: "1st stop", min: 8, max: 8, prio: 3, right: true},
	}
	if len(l.notes) > 0 {
		out = append(out, column{title: "notes", min: 8, max: 80, prio: 4})
	}
	return out
}

func (l *phaseList) len() int { return len(l.phases) }

func (l *phaseList) row(i int) []cell {
	p := l.phases[i]
	style := l.th.plain
	switch p.State {
	case view.PhaseCurrent:
		style = l.th.bold
	case view.PhaseNext, view.PhaseSkipped, view.PhaseMissed:
		style = l.th.dim
	}
	hits, stop := "", ""
	if p.Hits > 0 {
		hits = fmt.Sprintf("%d×", p.Hits)
	}
	if p.Stop > 0 {
		stop = fmt.Sprint(p.Stop)
	}
	notes, noted := l.notes[i]
	mark := " "
	if noted {
		mark = noteMark
	}
	name := l.th.draw(phaseGlyphs[p.State]) + mark + strings.Repeat(" ", min(p.Depth, 8)) + clean(p.Name)
	out := styled(style, name, p.State.String(), hits, stop)
	if len(l.notes) > 0 {
		out = append(out, cell{text: strings.Join(slices.DeleteFunc(slices.Clone(notes), func(s string) bool { return s == "" }), "; "), style: l.th.plain})
	}
	return out
}

func (l *phaseList) key(i int) any                    { return i }
func (l *phaseList) search(i int) string              { return joinCells(l.row(i)) }
func (l *phaseList) empty() string                    { return "The scenario has no phases." }
func (l *phaseList) name(i int) string                { return clean(l.phases[i].Name) }
func (l *phaseList) is(i int, s view.PhaseState) bool { return l.phases[i].State == s }

// chain is the way through the phases in short, from long to shorter forms.
func (l *phaseList) chain(complete bool) []string {
	if len(l.phases) == 0 {
		return []string{""}
	}
	cur := l.current()
	var tops, inside []string
	for i, p := range l.phases {
		if p.Depth == 0 {
			tops = append(tops, phaseGlyphs[p.State]+" "+l.name(i))
		}
	}
	next := ""
	if cur >= 0 {
		for i := 0; i <= cur; i++ {
			if l.phases[i].Depth > 0 && l.is(i, view.PhaseCurrent) {
				inside = append(inside, l.name(i))
			}
		}
		if cur+1 < len(l.phases) {
			next = " ▸ next " + l.name(cur+1)
		}
	}
	count := fmt.Sprintf("%d of %d", l.reached(), len(l.phases))
	long := strings.Join(tops, " ▸ ")
	if len(inside) > 0 {
		long = l.insert(tops, ": ▶ "+strings.Join(inside, " ▸ ")+next)
	} else if cur >= 0 {
		long = l.insert(tops, next)
	}
	leaf := "not begun"
	if cur >= 0 {
		leaf = "▶ " + l.name(cur)
	} else if l.reached() > 0 {
		leaf = "between phases"
	}
	if complete && cur < 0 {
		leaf = "✓ complete"
		long += " ▸ complete"
	}
	mid := l.insert(tops, "")
	if cur >= 0 && l.phases[cur].Depth > 0 {
		mid = l.insert(tops, ": ▶ "+l.name(cur))
	}
	return []string{long + "  " + count, long, mid + "  " + count, mid, leaf + "  " + count, leaf}
}

// insert puts text behind the top phase that runs; its own arrow goes where
// the text has one.
func (l *phaseList) insert(tops []string, text string) string {
	out := append([]string(nil), tops...)
	n := 0
	for i, p := range l.phases {
		if p.Depth != 0 {
			continue
		}
		if l.is(i, view.PhaseCurrent) {
			if strings.Contains(text, "▶") {
				out[n] = strings.TrimPrefix(out[n], "▶ ")
			}
			out[n] += text
		}
		n++
	}
	return strings.Join(out, " ▸ ")
}

// noteMark marks what has a note or a bookmark.
const noteMark = "◆"

// notesByPhase gives each note to the phase that ran at its stop: the one that
// was entered last before it. Notes on stops after the last shown one belong
// to phases that are not known here.
func notesByPhase(phases []view.Phase, notes []view.Note, last int) map[int][]string {
	out := make(map[int][]string)
	for _, n := range notes {
		at := -1
		for i, p := range phases {
			if p.Stop > 0 && p.Stop <= n.Stop && (at < 0 || p.Stop >= phases[at].Stop) {
				at = i
			}
		}
		if at >= 0 && n.Stop <= last {
			out[at] = append(out[at], clean(n.Text))
		}
	}
	return out
}
