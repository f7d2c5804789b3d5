package ui

import (
	"fmt"
	"slices"

	"thaw/session/view"
)

// breaksPane is the pane of the breakpoints, and sets those of the user.
type breaksPane struct {
	*desk
	listed
	rows    *breakList
	threads *threadsPane
}

func newBreaksPane(d *desk, threads *threadsPane) *breaksPane {
	p := &breaksPane{desk: d, rows: &breakList{th: d.th}, threads: threads}
	p.list = newListPane(d.th, p.rows)
	return p
}

func (p *breaksPane) follow(*view.View) {
	p.rows.list = ownFirst(p.view.Breakpoints)
	p.list.update()
}

func (p *breaksPane) title() []string { return p.rows.title() }
func (p *breaksPane) hints() []hint   { return keyHints("b", "x", "/") }

// needOwn: there is a breakpoint that the user set.
func (p *breaksPane) needOwn() string {
	if why := p.needBreaker(); why != "" {
		return why
	}
	if len(p.own()) == 0 {
		return "no breakpoint of yours is set: b sets one; those of the scenario stay"
	}
	return ""
}

// set sets a breakpoint, which will stand first.
func (p *breaksPane) set(place string) {
	p.ctrl.(Breaker).Break(place, false)
	p.list.want(nil)
}

// deleteBreak removes the selected breakpoint.
func (p *breaksPane) deleteBreak() {
	i := p.list.selected()
	if !p.list.focus || i < 0 {
		p.note = "select the breakpoint first: 6, or type :delete"
		return
	}
	b := &p.rows.list[i]
	if !b.Own() {
		p.note = fmt.Sprintf("this one is the scenario's (%s): it stays", clean(b.Purpose))
		return
	}
	p.ctrl.(Breaker).Delete(b.Name())
}

func (p *breaksPane) deleteNamed(name string) {
	if name == "all" {
		name = ""
	}
	p.ctrl.(Breaker).Delete(name)
}

// own are the names of the user's breakpoints, and "all".
func (p *breaksPane) own() []string {
	var out []string
	for i := range p.view.Breakpoints {
		if b := &p.view.Breakpoints[i]; b.Own() {
			out = append(out, b.Name())
		}
	}
	if len(out) > 0 {
		out = append(out, "all")
	}
	return out
}

// places are places that are known here: functions of the scenario, of the
// backtrace and of the threads, and the components that others are in.
func (p *breaksPane) places() []string {
	out := p.componentWords()
	add := func(component, function string) {
		if w := clean(component + ": " + function); component != "" && function != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	addPlace := func(p view.Place) { add(p.Component, p.FunctionName()) }
	if s := p.view.Snapshot; s != nil {
		for _, f := range s.Frames {
			addPlace(f.Place)
		}
		for i := range p.threads.rows.rows {
			addPlace(s.Places[p.threads.rows.rows[i].key.id])
		}
	}
	for i := range p.view.Breakpoints {
		add(p.view.Breakpoints[i].Component, p.view.Breakpoints[i].Function)
	}
	return out
}
