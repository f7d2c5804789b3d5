package ui

import (
	"github.com/gdamore/tcell/v2"

	"thaw/session"
)

// binding is one entry of the key table: handlers, hint bar and help come from
// it.
type binding struct {
	keys  []string // names as keyName gives them
	label string   // how the keys are shown
	short string   // for the hint bar
	help  string
	group string
	// run acts; nil where the focused pane does it.
	run func(u *ui)
	// why tells why the key does nothing now, "" when it works; nil: always.
	why func(u *ui) string
}

// Groups of the help, in its order.
const (
	groupGuest   = "the guest"
	groupHistory = "history"
	groupPanes   = "panes"
	groupMove    = "moving"
	groupThaw    = "thaw"
)

var groups = []string{groupGuest, groupHistory, groupPanes, groupMove, groupThaw}

// bindings is the table of all keys.
var bindings []binding

func init() { // not a literal: help refers to it
	bindings = []binding{
		{[]string{"n"}, "n", "next phase", "run to the next phase", groupGuest, func(u *ui) { u.ctrl.NextPhase() }, needStopped},
		{[]string{"s"}, "s", "step", "step one instruction", groupGuest, func(u *ui) { u.ctrl.StepInstruction() }, needStopped},
		{[]string{"c"}, "c", "continue", "continue to a breakpoint", groupGuest, func(u *ui) { u.ctrl.Continue() }, needStopped},
		{[]string{"i"}, "i", "interrupt", "interrupt the running guest", groupGuest, func(u *ui) { u.ctrl.Interrupt() }, needRunning},
		{[]string{"p"}, "p", "back", "show the previous stop", groupHistory, func(u *ui) { u.ctrl.Back() }, needEarlier},
		{[]string{"f"}, "f", "forward", "forward to the live stop", groupHistory, func(u *ui) { u.ctrl.Forward() }, needLater},
		{[]string{"Tab"}, "Tab", "pane", "next pane", groupPanes, func(u *ui) { u.cycle(1) }, nil},
		{[]string{"Backtab"}, "Shift-Tab", "", "pane before", groupPanes, func(u *ui) { u.cycle(-1) }, nil},
		{[]string{"1"}, "1", "", "phases", groupPanes, func(u *ui) { u.focusPane(panePhases) }, nil},
		{[]string{"2"}, "2", "", "threads", groupPanes, func(u *ui) { u.focusPane(paneThreads) }, nil},
		{[]string{"3"}, "3", "", "detail of the thread", groupPanes, func(u *ui) { u.focusPane(paneDetail) }, nil},
		{[]string{"4"}, "4", "", "capabilities of its task", groupPanes, func(u *ui) { u.focusPane(paneCaps) }, nil},
		{[]string{"5"}, "5", "", "LOG of the guest", groupPanes, func(u *ui) { u.focusPane(paneLog) }, nil},
		{[]string{"Enter"}, "Enter", "detail", "detail of the thread", groupPanes, func(u *ui) { u.focusPane(paneDetail) }, needThreads},
		{[]string{"/"}, "/", "filter", "filter the table", groupPanes, func(u *ui) { u.editing = true }, needTable},
		{[]string{"d"}, "d", "diff", "compare capabilities", groupPanes, (*ui).toggleDiff, needDiff},
		{[]string{"z"}, "z", "zoom", "zoom the pane", groupPanes, func(u *ui) { u.zoom = !u.zoom }, nil},
		{[]string{"j", "k", "Down", "Up"}, "↑ ↓ k j", "", "a row", groupMove, nil, nil},
		{[]string{"PgDn", "PgUp", "Ctrl+F", "Ctrl+B"}, "PgUp PgDn", "", "a page", groupMove, nil, nil},
		{[]string{"g", "Home"}, "g Home", "", "to the beginning", groupMove, nil, nil},
		{[]string{"G", "End"}, "G End", "", "to the end", groupMove, nil, nil},
		{[]string{"?"}, "?", "help", "this help", groupThaw, (*ui).openHelp, nil},
		{[]string{"Esc"}, "Esc", "", "close, go up", groupThaw, (*ui).escape, nil},
		{[]string{"q", "Ctrl+C"}, "q", "quit", "quit", groupThaw, func(u *ui) { u.quit() }, nil},
	}
}

// hintKeys are the keys that a pane has in the hint bar before the ones that
// all have, in order of importance.
var hintKeys = map[paneID][]string{
	panePhases:  {"/"},
	paneThreads: {"Enter", "/"},
	paneDetail:  {},
	paneCaps:    {"d", "/"},
	paneLog:     {},
}

// Hints of every pane.
var (
	hintsFirst = []string{"n", "i", "p", "f", "s", "c"}
	hintsLast  = []string{"z", "Tab", "?", "q"}
)

// bindingFor finds a key in the table.
func bindingFor(key string) *binding {
	for i := range bindings {
		for _, k := range bindings[i].keys {
			if k == key {
				return &bindings[i]
			}
		}
	}
	return nil
}

// disabled says why a key does nothing now, "" when it works.
func (b *binding) disabled(u *ui) string {
	if b.why == nil {
		return ""
	}
	return b.why(u)
}

// keyName is the rune, or tcell's name of a special key.
func keyName(ev *tcell.EventKey) string {
	if ev.Key() == tcell.KeyRune {
		return string(ev.Rune())
	}
	switch ev.Key() {
	case tcell.KeyCtrlC:
		return "Ctrl+C"
	case tcell.KeyCtrlF:
		return "Ctrl+F"
	case tcell.KeyCtrlB:
		return "Ctrl+B"
	}
	return tcell.KeyNames[ev.Key()]
}

// key handles one key: overlays and the filter first, then the table, then the
// focused pane.
func (u *ui) key(ev *tcell.EventKey) {
	name := keyName(ev)
	if name == "Ctrl+C" {
		u.quit()
		return
	}
	if u.greeting {
		u.greeting = false
		if name == "Esc" || name == "Enter" || name == " " {
			return
		}
	}
	u.note = ""
	switch {
	case u.help != nil:
		u.helpKey(name, ev)
		return
	case u.editing:
		u.filterKey(name, ev)
		return
	}
	b := bindingFor(name)
	if b == nil || b.run == nil {
		u.primitive(u.focused).InputHandler()(ev, nil)
		return
	}
	if why := b.disabled(u); why != "" {
		u.note = b.label + ": " + why
		return
	}
	b.run(u)
}

// cycle goes to the next pane or the one before.
func (u *ui) cycle(by int) {
	n := int(paneEnd) - 1
	u.focusPane(paneID((int(u.focused)-1+by+n)%n + 1))
}

// escape closes what is open, and then goes up to the threads.
func (u *ui) escape() {
	l := u.filterable()
	switch {
	case l != nil && l.filter != "":
		l.setFilter("")
	case u.zoom:
		u.zoom = false
	case u.focused != paneThreads:
		u.focusPane(paneThreads)
	default:
		u.note = "nothing to close; q quits"
	}
}

func (u *ui) toggleDiff() {
	u.diff = !u.diff
	u.showCaps()
	u.focusPane(paneCaps)
}

// filterKey edits the filter of the focused table.
func (u *ui) filterKey(name string, ev *tcell.EventKey) {
	l := u.filterable()
	if l == nil {
		u.editing = false
		return
	}
	f := []rune(l.filter)
	switch {
	case name == "Esc":
		u.editing = false
		l.setFilter("")
	case name == "Enter" || name == "Tab":
		u.editing = false
	case name == "Backspace" || name == "Backspace2":
		if len(f) == 0 {
			u.editing = false
			return
		}
		l.setFilter(string(f[:len(f)-1]))
	case ev.Key() == tcell.KeyCtrlU:
		l.setFilter("")
	case ev.Key() == tcell.KeyRune && len(f) < 60:
		l.setFilter(clean(l.filter + name))
	case name == "Up" || name == "Down" || name == "PgUp" || name == "PgDn":
		l.InputHandler()(ev, nil)
	}
}

const whyRunning = "the guest runs; press i to interrupt"

func needStopped(u *ui) string {
	switch v := u.view; {
	case v.State == session.Running:
		return whyRunning
	case v.State == session.Starting:
		return "the session is starting"
	case v.State == session.Ended:
		return "the session has ended; p and f show its stops"
	case !v.Live && v.Snapshot != nil:
		return "at a stop of the history: press f to come back to the live one"
	}
	return ""
}

func needRunning(u *ui) string {
	switch u.view.State {
	case session.Running:
		return ""
	case session.Ended:
		return "the session has ended"
	case session.Starting:
		return "the session is starting"
	}
	return "the guest stands already; press n or c to run it"
}

func needEarlier(u *ui) string {
	switch v := u.view; {
	case v.State == session.Running:
		return whyRunning
	case v.Snapshot == nil:
		return "the guest has not stopped so far"
	case v.Snapshot.Number <= 1:
		return "this is the first stop"
	}
	return ""
}

func needLater(u *ui) string {
	switch v := u.view; {
	case v.Snapshot == nil:
		return "the guest has not stopped so far"
	case v.Live || v.Snapshot.Number >= v.Stops:
		return "this is the newest stop"
	}
	return ""
}

func needThreads(u *ui) string {
	if u.focused == paneThreads {
		return ""
	}
	return "Enter works in the threads; press 2"
}

func needTable(u *ui) string {
	if u.filterable() != nil {
		return ""
	}
	return "only tables can be filtered: press 1, 2 or 4 first"
}

func needDiff(u *ui) string {
	if u.view.Caps == nil {
		return "both capability tables are known once the child is restored"
	}
	return ""
}
