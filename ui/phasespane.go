package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/session/view"
	"thaw/words"
)

// phasesPane is the pane of the phases: it follows the run.
type phasesPane struct {
	*desk
	listed
	rows *phaseList
	last int // phase that was reached last
}

func newPhasesPane(d *desk) *phasesPane {
	p := &phasesPane{desk: d, rows: newPhaseList(d.th, d.view), last: -1}
	p.list = newListPane(d.th, p.rows)
	p.list.bare = true
	return p
}

func (p *phasesPane) follow(*view.View) {
	p.rows = newPhaseList(p.th, p.view)
	if c := p.rows.last(); c != p.last {
		p.last = c
		p.list.wanted = nil
		if c > 0 {
			p.list.wanted = c
		}
	}
	p.list.src = p.rows
	p.list.update()
}

func (p *phasesPane) title() []string {
	count := fmt.Sprintf("%d of %d", p.rows.reached(), p.rows.len())
	if n := len(p.view.Notes); n > 0 {
		return []string{count + ", " + noteMark + " " + words.Count(n, "note"), count + " " + noteMark + fmt.Sprint(n), count}
	}
	return []string{count}
}

func (p *phasesPane) hints() []hint { return keyHints("Enter", "/") }

// words are the names of all phases.
func (p *phasesPane) words() []string {
	var out []string
	for i := range p.rows.len() {
		if n := p.rows.name(i); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// find selects the next phase with a name, behind the selected one, shows its
// first stop, and says whether there is one.
func (p *phasesPane) find(arg string) bool {
	n, from := p.rows.len(), p.list.selected()
	want := strings.ToLower(arg)
	for _, fits := range []func(name, want string) bool{func(name, want string) bool { return name == want }, strings.HasPrefix, strings.Contains} {
		for k := 1; k <= n; k++ {
			i := (from + k + n) % n
			if fits(strings.ToLower(p.rows.name(i)), want) {
				p.list.want(i)
				p.open()
				return true
			}
		}
	}
	p.note = fmt.Sprintf("no phase is called %q", clean(arg))
	return false
}

// open shows the first stop of the selected phase, if it was reached.
func (p *phasesPane) open() {
	i := p.list.selected()
	if i < 0 {
		return
	}
	switch phase, why := p.rows.phases[i], p.needSeeker(); {
	case phase.Stop == 0:
		p.note = clean(phase.Name) + " was not entered so far"
	case why != "":
		p.note = why
	default:
		p.seeker.Show(phase.Stop)
	}
}
