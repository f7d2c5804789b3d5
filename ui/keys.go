package ui

import "github.com/gdamore/tcell/v2"

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

// key handles one key: overlays and prompts first, then the table, then the
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
	case u.prompt != nil:
		u.promptKey(name, ev)
		return
	case u.overlay != nil:
		u.overlayKey(name, ev)
		return
	}
	a := u.actionFor(name)
	if a == nil || a.run == nil && a.key == nil {
		u.primitive(u.focused).InputHandler()(ev, nil)
		return
	}
	u.act(a, name)
}

// act does what a key means, or says why it does not.
func (u *ui) act(a *action, key string) {
	switch why := a.disabled(u); {
	case why != "":
		u.note = a.label + ": " + why
	case a.key != nil:
		a.key(u, key)
	default:
		a.run(u)
	}
}

// cycle goes to the next pane or the one before.
func (u *ui) cycle(by int) {
	n := int(paneEnd) - 1
	u.focusPane(paneID((int(u.focused)-1+by+n)%n + 1))
}

// escape closes what is open, and then goes up to the threads.
func (u *ui) escape() {
	switch {
	case u.tour != nil && u.tour.open:
		u.tourClose()
	case u.endFind():
	case needRunning(u) == "":
		u.ctrl.Interrupt()
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

// open opens what is selected: a phase's first stop, a thread's detail, the
// object of a capability.
func (u *ui) open() {
	switch u.focused {
	case panePhases:
		if i := u.phases.selected(); i >= 0 {
			u.goPhase(i)
		}
	case paneThreads:
		u.focusPane(paneDetail)
	case paneCaps:
		u.openCapability()
	}
}

// sort orders the focused table by its next column, or the other way round.
func (u *ui) sort(reverse bool) {
	l := u.table()
	if reverse {
		l.reverse()
	} else {
		l.sortNext()
	}
	u.note = "in the order of " + l.orderWords()
}
