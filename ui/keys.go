package ui

import "github.com/gdamore/tcell/v2"

// key handles one key: what is typed and what is open first, then the table, then
// the focused pane.
func (u *ui) key(ev *tcell.EventKey) {
	name := keyName(ev)
	u.room.pressed(name, u.line.open != nil)
	switch name {
	case "Ctrl+C":
		u.leave()
		return
	case "Ctrl+Z":
		u.suspend()
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
	case u.line.open != nil:
		u.line.key(name, ev)
		return
	case u.windows.top != nil:
		u.windowKey(name, ev)
		return
	}
	switch a := u.keys.find(name); {
	case a == nil:
		u.note = noMeaning(name)
	case a.run == nil && a.key == nil:
		if u.focused == paneThreads {
			u.tour.yield()
		}
		u.widget(u.focused).InputHandler()(ev, nil)
	default:
		u.act(a, name)
	}
}

// noMeaning answers a key that is in no table.
func noMeaning(name string) string { return keyWord(name) + " does nothing here; ? lists all keys" }

// windowKey hands a key to the window on top, but for those that work everywhere.
func (u *ui) windowKey(name string, ev *tcell.EventKey) {
	if to := pagerNames[name]; to != "" && u.windows.top.text != nil {
		name = to
	}
	switch a := u.keys.find(name); {
	case a != nil && a.over && u.windows.top.keys[name] == nil:
		u.act(a, name)
	case name == "Esc" && u.front.endFind():
	case u.windows.key(name, ev):
	case a != nil:
		u.note = a.label + " works in the panes: Esc goes back to them"
	default:
		u.note = keyWord(name) + " does nothing here: Esc goes back to the panes"
	}
}

// act does what a key means, or says why it does not.
func (u *ui) act(a *action, key string) {
	switch why := a.disabled(); {
	case why != "":
		u.note = a.label + ": " + why
	case a.key != nil:
		a.key(key)
	default:
		a.run()
	}
}

// paste takes text that the terminal hands over in one piece: into what is typed,
// and nowhere else, where it would be taken for keys.
func (u *ui) paste(text string) {
	if u.line.open == nil {
		u.note = "what was pasted is ignored: only : and what asks for text take it"
		return
	}
	u.line.paste(text)
}

// escape closes what is open, and then goes up to the threads.
func (u *ui) escape() {
	switch {
	case u.tour.shown():
		u.tour.close()
	case u.front.endFind():
	case u.needRunning() == "":
		u.ctrl.Interrupt()
	case u.zoom:
		u.zoom = false
	case u.focused != paneThreads:
		u.focus(paneThreads)
	default:
		u.note = "nothing to close; q quits"
	}
}

// leave quits; a story that runs asks before, and a second Ctrl-C does not wait for
// the answer.
func (u *ui) leave() {
	if u.tour.shown() && u.line.open == nil {
		u.tour.leave(u.quit)
	} else {
		u.quit()
	}
}

// open opens what is selected: a phase's first stop, a thread's detail, the
// object of a capability.
func (u *ui) open() {
	switch u.focused {
	case panePhases:
		u.phases.open()
	case paneThreads:
		u.focus(paneDetail)
	case paneCaps:
		u.asks.openCapability()
	}
}

func (u *ui) toggleDiff() {
	u.caps.compare(!u.caps.diff)
	u.focus(paneCaps)
}

// usualSizes forgets the sizes that the user chose.
func (u *ui) usualSizes() {
	u.sizes = sizes{}
	u.note = "all panes have their usual sizes"
}

// What is found or set in a pane has the keys go there.

func (u *ui) showPhase(name string) {
	if u.phases.find(name) {
		u.focus(panePhases)
	}
}

func (u *ui) findThread(name string) {
	if u.threads.find(name) {
		u.tour.yield()
		u.focus(paneThreads)
	}
}

func (u *ui) findObject(id string) {
	if u.asks.find(id) {
		u.focus(paneThreads)
	}
}

func (u *ui) setBreak(place string) {
	u.breaks.set(place)
	u.focus(paneBreaks)
}
