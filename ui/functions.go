package ui

import (
	"fmt"
	"strings"

	"thaw/session/view"
	"thaw/words"
)

// Drafter is a Controller whose scenario can be changed and saved. What it is then comes
// with the views.
type Drafter interface {
	TogglePhase(component, function string)
	SaveScenario(path string)
}

// functionList shows functions, and which of them are phases of the scenario to be saved.
type functionList struct {
	th    *theme
	all   []view.PeekFunction
	draft func() *view.Draft
}

func (l *functionList) columns() []column {
	return []column{
		{title: "phase", min: 5, max: 5},
		{title: "function", min: 20, max: 200},
		{title: "component", min: 8, max: 24, prio: 1},
		{title: "line", min: 12, max: 40, prio: 2},
		{title: "inlined", min: 7, max: 7, prio: 3, right: true},
	}
}

func (l *functionList) len() int { return len(l.all) }

// isPhase says whether a function is one.
func (l *functionList) isPhase(i int) bool {
	d := l.draft()
	return d != nil && d.In[view.PhaseKey(l.all[i].Component, l.all[i].Name)]
}

func (l *functionList) row(i int) []cell {
	f := &l.all[i]
	mark, style := "", l.th.plain
	if l.isPhase(i) {
		mark, style = "✓", l.th.bold
	}
	inlined := ""
	if f.Inlined > 0 {
		inlined = fmt.Sprintf("%d×", f.Inlined)
	}
	return []cell{{text: mark, style: style}, {text: clean(f.Name), style: style}, {text: clean(f.Component), style: l.th.dim},
		l.th.lineCell(f.Place, l.th.dim), {text: inlined, style: l.th.dim}}
}

func (l *functionList) key(i int) any       { return i }
func (l *functionList) search(i int) string { return joinCells(l.row(i)) }
func (l *functionList) empty() string       { return "No function matches." }

// drafting changes the scenario's phases and saves it.
type drafting struct{ *desk }

// needDrafter: a session's scenario can be changed.
func (d *drafting) needDrafter() string {
	switch _, ok := d.ctrl.(Drafter); {
	case d.recorded() != "":
		return "a recording has the scenario of its session: begin one to change it"
	case !ok:
		return "this session's scenario cannot be changed"
	case d.view.State != view.Stopped:
		return d.needStopped()
	}
	return ""
}

// needDraft: there is a scenario to save.
func (d *drafting) needDraft() string {
	if why := d.needDrafter(); why != "" {
		return why
	}
	if d.view.Draft == nil {
		return "there is no scenario to change: begin with --scenario new, or with a file"
	}
	return ""
}

// functions asks for those of a pattern.
func (d *drafting) functions(pattern string) {
	d.ctrl.(Peeker).Ask(view.Query{Kind: view.QueryFunctions, Expr: pattern})
}

// show opens the list of functions that were asked for.
func (d *drafting) show(title string, all []view.PeekFunction) {
	w := d.windows.openList(title, &functionList{th: d.th, all: all, draft: func() *view.Draft { return d.view.Draft }})
	toggle := func() {
		i := w.list.selected()
		if why := d.needDraft(); why != "" || i < 0 {
			d.note = why
			return
		}
		d.ctrl.(Drafter).TogglePhase(all[i].Component, all[i].Name)
	}
	w.enter, w.open = "phase or not", toggle
	w.keys, w.own = map[string]func(){" ": toggle, "s": func() { d.note = d.needDraft(); d.ask() }}, []hint{{"s", "save"}}
}

// follow shows marks as they are now, and what has become of the scenario.
func (d *drafting) follow(old *view.View) {
	if n := d.view.Draft; n != nil && n != old.Draft && old.Draft != nil {
		d.note = fmt.Sprintf("the scenario has %s now; s saves it", words.Count(len(n.Phases), "phase"))
		if n.Saved != "" {
			d.note = "saved: begin with --scenario " + clean(n.Saved)
		}
	}
	if w := d.windows.top; w != nil && w.list != nil && d.view.Draft != old.Draft {
		if _, ok := w.list.src.(*functionList); ok {
			w.list.update()
		}
	}
}

// scenario shows the scenario that would be saved.
func (d *drafting) scenario() {
	w := d.windows.openText(d.title(), func(int) []line {
		var out []line
		for _, l := range d.view.Draft.Lines {
			out = append(out, line{{clean(l), d.th.plain}})
		}
		if d.view.Draft.Problem != "" {
			out = append(out, line{{clean(d.view.Draft.Problem), d.th.bold}})
		}
		return out
	})
	w.wide, w.enter, w.open = true, "save", d.ask
}

func (d *drafting) title() string {
	state := "as it is"
	if d.view.Draft.Saved != "" {
		state = "saved as " + clean(d.view.Draft.Saved)
	}
	if d.view.Draft.Changed {
		state = "changed, not saved"
	}
	return fmt.Sprintf("scenario, %s, %s", words.Count(len(d.view.Draft.Phases), "phase"), state)
}

// ask types the name of a file for the scenario, and shows where that will be.
func (d *drafting) ask() {
	if d.view.Draft == nil || d.needDraft() != "" {
		return
	}
	p := &prompt{title: "save the scenario as", start: clean(d.view.Draft.Name), limit: 1000, enter: "write", esc: "forget", done: d.save}
	p.hint = func() string {
		path, err := scenarioPath(p.text())
		if err != nil {
			return err.Error()
		}
		return "Enter writes " + path
	}
	d.line.ask(p)
}

// scenarioPath is where a scenario of a name will be.
func scenarioPath(name string) (string, error) {
	if name = strings.TrimSpace(name); name != "" && !strings.Contains(name[strings.LastIndexByte(name, '/')+1:], ".") {
		name += ".yaml"
	}
	return exportPath(name)
}

// save writes the scenario.
func (d *drafting) save(name string) {
	path, err := scenarioPath(name)
	if err != nil {
		d.note = err.Error() + ": nothing was written"
		return
	}
	d.ctrl.(Drafter).SaveScenario(path)
}
