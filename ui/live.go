package ui

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/report"
	"thaw/session/view"
)

// liveWindow shows the threads of a guest that runs, read beside it; the session is asked
// for that as long as the window is open.
type liveWindow struct {
	*desk
	shown *window // nil: it is closed
	list  *liveList
}

// needLive: the session can be asked for it.
func (l *liveWindow) needLive() string {
	switch _, ok := l.ctrl.(Liver); {
	case !ok || l.recorded() != "":
		return whyRecorded
	case l.view.State == view.Ended:
		return "the session has ended"
	}
	return l.view.NoLive
}

// toggle opens the window, or closes it.
func (l *liveWindow) toggle() {
	if l.isOpen() {
		l.windows.close()
		l.end()
		return
	}
	l.list = &liveList{th: l.th, look: l.view.Running, state: l.view.State}
	l.shown = l.windows.openList("", l.list)
	l.shown.keys = map[string]func(){"i": l.ctrl.Interrupt, "c": l.ctrl.Continue, "n": l.ctrl.NextPhase}
	l.shown.own = []hint{{"c", "continue"}, {"i", "interrupt"}}
	l.ctrl.(Liver).Live(true)
	l.title()
}

// isOpen says whether the window is there, under others too.
func (l *liveWindow) isOpen() bool {
	for w := l.windows.top; w != nil; w = w.below {
		if w == l.shown {
			return l.shown != nil
		}
	}
	return false
}

func (l *liveWindow) end() {
	l.shown = nil
	l.ctrl.(Liver).Live(false)
}

// follow shows the newest look, and ends the mode with its window.
func (l *liveWindow) follow(old *view.View) {
	if l.shown == nil {
		return
	}
	if !l.isOpen() {
		l.end()
		return
	}
	if l.view.Running == old.Running && l.view.State == old.State {
		return
	}
	l.list.look, l.list.state = l.view.Running, l.view.State
	l.list.rows = nil
	l.shown.list.update()
	l.title()
}

// title tells who runs, and what the looks are worth.
func (l *liveWindow) title() {
	look := l.view.Running
	if look == nil || look.Kernel == "" {
		l.shown.title = "while it runs"
		return
	}
	var who []string
	for _, t := range look.Running() {
		who = append(who, fmt.Sprintf("%d: %s", t.CPU, clean(t.Name)))
	}
	l.shown.title = "while it runs: " + report.Torn(look)
	if len(who) > 0 {
		l.shown.title += "; processor " + strings.Join(who, ", ")
	}
}

// liveList are the threads of a look: those that run, then those that may.
type liveList struct {
	th    *theme
	look  *view.Look // nil: there is none
	state view.RunState
	rows  []view.LookThread    // of look, sorted; nil: not so far
	caps  map[kernel.ID]string // of each protection domain
}

func (l *liveList) columns() []column {
	id := 3
	for _, t := range l.threads() { // half of one tells nothing; an idle thread's may be an address
		if n := len(t.ID.String()); n <= 8 {
			id = max(id, n)
		}
	}
	return []column{
		{title: "thread", min: 12, max: 24},
		{title: "component", min: 16, max: 24, prio: 1},
		{title: "id", min: id, max: id, prio: 2, right: true},
		{title: "cpu", min: 3, max: 3, prio: 2, right: true},
		{title: "state", min: 14, max: 26, prio: 3},
		{title: "waits", min: 21, max: 40, prio: 4}, // for whom matters more than how many capabilities
		{title: "caps", min: 5, max: 7, prio: 5, right: true},
	}
}

func (l *liveList) threads() []view.LookThread {
	if l.rows == nil && l.look != nil {
		l.rows = report.ByReadiness(l.look.Threads)
		l.caps = map[kernel.ID]string{}
		for _, p := range l.look.PDs {
			l.caps[p.ID] = p.Capabilities
		}
	}
	return l.rows
}

func (l *liveList) len() int { return len(l.threads()) }

func (l *liveList) row(i int) []cell {
	t := &l.threads()[i]
	style, cpu, state := l.th.plain, "", clean(t.State)
	switch {
	case t.Torn:
		style, state = l.th.dim, "torn"
	case t.CPU >= 0:
		style, cpu = l.th.bold, fmt.Sprint(t.CPU)
	}
	return styled(style, clean(t.Name), clean(t.Component), t.ID.String(), cpu, state, clean(t.Wait), l.caps[t.PD])
}

func (l *liveList) key(i int) any       { return l.threads()[i].ID }
func (l *liveList) search(i int) string { return joinCells(l.row(i)) }

func (l *liveList) empty() string {
	switch {
	case l.state != view.Running:
		return "The guest stands: the panes show it. c lets it run on."
	case l.look == nil:
		return "Finding the kernel in memory."
	}
	return clean(strings.Join(l.look.Problems, "; "))
}
