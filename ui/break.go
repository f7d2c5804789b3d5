package ui

import (
	"fmt"
	"slices"

	"thaw/session"
)

// Breaker is a Controller that takes breakpoints of the user.
type Breaker interface {
	Break(place string, once bool) // "COMPONENT: FUNCTION", FILE:LINE or an address
	Delete(name string)            // by the name that a breakpoint has, "": all of the user's
	Until(place string)            // run there, or to what stops before
}

func needBreaker(u *ui) string {
	if u.recorded() != "" {
		return "a recording cannot run: its breakpoints are those of the session"
	}
	if _, ok := u.ctrl.(Breaker); !ok {
		return "this session takes no breakpoints"
	}
	return needStopped(u)
}

// needOwnBreak: there is a breakpoint that the user set.
func needOwnBreak(u *ui) string {
	if why := needBreaker(u); why != "" {
		return why
	}
	if len(u.ownBreaks()) == 0 {
		return "no breakpoint of yours is set: b sets one; those of the scenario stay"
	}
	return ""
}

// askBreak types a place; Tab completes it.
func (u *ui) askBreak() { u.openCommand("break ") }

func (u *ui) setBreak(place string) {
	u.ctrl.(Breaker).Break(place, false)
	u.breaks.want(nil) // the user's stand first
	u.focusPane(paneBreaks)
}

// deleteBreak removes the selected breakpoint.
func (u *ui) deleteBreak() {
	i := u.breaks.selected()
	if u.focused != paneBreaks || i < 0 {
		u.note = "select the breakpoint first: 6, or type :delete"
		return
	}
	b := &u.breakRows.list[i]
	if !b.Own() {
		u.note = fmt.Sprintf("this one is the scenario's (%s): it stays", clean(b.Purpose))
		return
	}
	u.ctrl.(Breaker).Delete(b.Name())
}

func (u *ui) deleteNamed(name string) {
	if name == "all" {
		name = ""
	}
	u.ctrl.(Breaker).Delete(name)
}

// ownBreaks are the names of the user's breakpoints, and "all".
func (u *ui) ownBreaks() []string {
	var out []string
	for i := range u.view.Breakpoints {
		if b := &u.view.Breakpoints[i]; b.Own() {
			out = append(out, b.Name())
		}
	}
	if len(out) > 0 {
		out = append(out, "all")
	}
	return out
}

// placeWords are places that are known here: functions of the scenario, of the
// backtrace and of the threads, and the components that others are in.
func (u *ui) placeWords() []string {
	out := u.componentWords()
	add := func(component, function string) {
		if w := clean(component + ": " + function); component != "" && function != "" && !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	addPlace := func(p session.Place) { add(p.Component, shortFunction(p.Function)) }
	if s := u.view.Snapshot; s != nil {
		for _, f := range s.Frames {
			addPlace(f.Place)
		}
		for i := range u.threadRows.rows {
			addPlace(s.Places[u.threadRows.rows[i].key.id])
		}
	}
	for i := range u.view.Breakpoints {
		add(u.view.Breakpoints[i].Component, u.view.Breakpoints[i].Function)
	}
	return out
}
