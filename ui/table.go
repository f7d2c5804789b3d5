package ui

import (
	"slices"

	"thaw/session/query"
	"thaw/session/view"
)

// keymap is the table of the keys and commands that this session has.
func (u *ui) keymap() keymap {
	return slices.Concat(u.guestActions(), u.backActions(), u.historyActions(), u.paneActions(), moveActions(), u.textActions(), u.tourActions(), u.thawActions())
}

func (u *ui) guestActions() []action {
	return []action{
		{keys: []string{"n"}, label: "n", short: "next phase", command: "next", help: "run to the next phase", group: groupGuest,
			run: u.ctrl.NextPhase, why: u.needNext},
		{keys: []string{"s"}, label: "s", short: "step", command: "step", alias: "si", help: "step one instruction", group: groupGuest,
			run: u.ctrl.StepInstruction, why: u.needFree},
		{keys: []string{"c"}, label: "c", short: "continue", command: "continue", alias: "c", help: "continue to a breakpoint", group: groupGuest,
			run: u.ctrl.Continue, why: u.needFree},
		{keys: []string{"i"}, label: "i", short: "interrupt", command: "interrupt", help: "interrupt the running guest", group: groupGuest,
			run: u.ctrl.Interrupt, why: u.needRunning},
		{keys: []string{"R"}, label: "R", short: "reconnect", command: "reconnect", help: "reconnect after a loss", group: groupGuest,
			run: u.guest.reconnect, why: u.needLost},
		{keys: []string{"b"}, label: "b", short: "break", command: "break", alias: "b", arg: "PLACE", help: "set a breakpoint", group: groupGuest,
			run: func() { u.palette.openWith("break ") }, take: u.setBreak, words: u.breaks.places, why: u.needBreaker},
		{keys: []string{"x", "Delete"}, label: "x", short: "delete", command: "delete", arg: "PLACE", help: "remove your breakpoint", group: groupGuest,
			run: u.breaks.deleteBreak, take: u.breaks.deleteNamed, words: u.breaks.own, why: u.breaks.needOwn},
		{command: "tbreak", arg: "PLACE", help: "set a breakpoint that goes with its first hit", group: groupCommand,
			take: func(arg string) { u.ctrl.(Breaker).Break(arg, true) }, words: u.breaks.places, why: u.needBreaker},
		{command: "until", arg: "PLACE", help: "run to a place, or to what stops before", group: groupCommand,
			take: func(arg string) { u.ctrl.(Breaker).Until(arg) }, words: u.breaks.places, why: u.needUntil},
		{keys: []string{"F"}, label: "F", short: "force", command: "force", help: "force the requested state", group: groupGuest,
			run: u.guest.force, why: u.guest.needForce},
		{keys: []string{"U"}, label: "U", command: "unforce", help: "take back what was forced", group: groupGuest,
			run: u.guest.unforce, why: u.guest.needForced},
		{keys: []string{"D"}, label: "D", command: "diverge", help: "where the children part", group: groupGuest,
			run: u.guest.diverge, why: u.guest.needDiverge},
		{command: "live", help: "threads while the guest runs", group: groupCommand,
			run: u.live.toggle, why: u.live.needLive, above: true},
		{command: "serve", arg: "ADDR", help: "serve gdb beside the screen; off ends it", group: groupCommand,
			run: func() { u.ctrl.(Server).Serve("") }, take: func(arg string) { u.ctrl.(Server).Serve(arg) }, words: func() []string { return []string{"off"} }, why: u.needServer},
	}
}

func (u *ui) backActions() []action {
	return []action{
		{keys: []string{"S"}, label: "S", short: "reverse step", command: "reverse-step", help: "back one instruction", group: groupBack,
			run: u.guest.reverseStep, why: u.needReverse},
		{keys: []string{"C"}, label: "C", short: "reverse continue", command: "reverse-continue", help: "back to the last event", group: groupBack,
			run: u.guest.reverseContinue, why: u.needReverse},
		{keys: []string{"W"}, label: "W", short: "last write", command: "last-write", help: "back to the last write", group: groupBack,
			run: u.guest.lastWrite, why: u.guest.needWritten},
		{command: "wrote", arg: "WHAT", help: "who wrote ADDR, slot N, register NAME", group: groupCommand,
			take: func(arg string) { u.guest.wrote(arg, 1) }, words: u.guest.wroteWords, why: u.needReverse},
		{command: "origin", arg: "WHAT", help: "that, and where it came from", group: groupCommand,
			take: func(arg string) { u.guest.wrote(arg, view.MaxOrigins) }, words: u.guest.wroteWords, why: u.needReverse},
		{command: "watch-origin", arg: "WHAT", help: "stop at who writes it from now on", group: groupCommand,
			take: u.guest.watchOrigin, words: u.guest.wroteWords, why: u.needBreaker},
		{command: "origins", help: "origins that were asked for", group: groupCommand,
			run: u.asks.asked, why: u.asks.needAsked},
		{keys: []string{"B"}, label: "B", short: "put back here", command: "restart", help: "put the guest back here", group: groupBack,
			run: u.guest.restart, why: u.needRestart},
	}
}

func (u *ui) historyActions() []action {
	return []action{
		{keys: []string{"p"}, label: "p", short: "back", command: "back", help: "show the previous stop", group: groupHistory,
			run: u.ctrl.Back, why: u.needEarlier},
		{keys: []string{"f"}, label: "f", short: "forward", command: "forward", help: "show the next stop", group: groupHistory,
			run: u.ctrl.Forward, why: u.needLater},
		{keys: []string{"'"}, label: "'", short: "next note", command: "notes", help: "next stop with a note", group: groupHistory,
			run: u.nextNote, why: u.needNotes},
		{command: "stop", arg: "N|first|last", help: "show stop N of the history", group: groupCommand,
			take: u.showStop, why: u.needSeeker},
		{command: "phase", arg: "NAME", help: "show a phase, and its first stop", group: groupCommand,
			take: u.showPhase, words: u.phases.words},
	}
}

func (u *ui) paneActions() []action {
	out := []action{
		{keys: []string{"Tab"}, label: "Tab", short: "pane", help: "next pane", group: groupPanes, run: func() { u.cycle(1) }},
		{keys: []string{"Backtab"}, label: "Shift-Tab", help: "pane before", group: groupPanes, run: func() { u.cycle(-1) }},
	}
	for id := panePhases; id < paneEnd; id++ {
		p := paneInfos[id]
		n := string('0' + rune(id))
		out = append(out, action{keys: []string{n}, label: n, command: p.command, help: p.help, group: groupPanes,
			run: func() { u.focus(id) }})
	}
	return append(out,
		action{keys: []string{"Enter"}, label: "Enter", short: "open", help: "open what is selected", group: groupPanes,
			run: u.open, why: u.needOpenable},
		action{keys: []string{"/"}, label: "/", short: "find", command: "find", help: "filter a table, find text", group: groupPanes,
			run: u.front.slash, over: true},
		action{keys: []string{";", ","}, label: "; ,", short: "next match", help: "next match, the one before", group: groupPanes,
			key: func(key string) { u.front.nextMatch(map[string]int{";": 1, ",": -1}[key]) }, why: u.front.needSearch, over: true},
		action{keys: []string{"o"}, label: "o", short: "sort", command: "sort", help: "sort by the next column", group: groupPanes,
			run: func() { u.front.sort(false) }, why: u.front.needTable, over: true},
		action{keys: []string{"O"}, label: "O", command: "reverse", help: "turn the order round", group: groupPanes,
			run: func() { u.front.sort(true) }, why: u.front.needTable, over: true},
		action{keys: []string{"d"}, label: "d", short: "diff", command: "diff", help: "compare children", group: groupPanes,
			run: u.toggleDiff, why: u.needDiff},
		action{keys: []string{"z"}, label: "z", short: "zoom", command: "zoom", help: "zoom the pane", group: groupPanes,
			run: func() { u.zoom = !u.zoom }},
		action{keys: []string{"+", "-"}, label: "+ -", help: "taller, lower", group: groupPanes,
			key: func(key string) { u.note = u.resize(taller, map[string]int{"+": 1, "-": -1}[key]) }, why: u.needSizes},
		action{keys: []string{">", "<"}, label: "> <", help: "wider, narrower", group: groupPanes,
			key: func(key string) { u.note = u.resize(wider, map[string]int{">": 1, "<": -1}[key]) }, why: u.needSizes},
		action{keys: []string{"="}, label: "=", command: "sizes", help: "the usual sizes", group: groupPanes,
			run: u.usualSizes},
		action{command: "thread", arg: "ID|NAME", help: "select a thread", group: groupCommand,
			take: u.findThread, words: u.threads.words, why: u.needSystem},
		action{keys: []string{"l"}, label: "l", command: "list", help: "source and code", group: groupPanes,
			run: u.asks.code, why: u.needPeeker, above: true},
		action{keys: []string{"w"}, label: "w", short: "where", command: "where", alias: "bt", help: "backtrace of the thread", group: groupPanes,
			run: u.asks.stack, why: u.needPeeker, above: true},
		action{keys: []string{"v"}, label: "v", short: "view", command: "inspect", arg: "ID", help: "the object's members", group: groupPanes,
			run: u.asks.inspect, take: u.asks.membersOf, words: u.objectIDs, why: u.needPeeker, above: true},
		action{command: "memory", alias: "x", arg: "ADDR [TASK]", help: "memory of the thread's task, or of another", group: groupCommand,
			take: u.asks.memory, words: u.registerWords, why: u.needPeeker, above: true},
		action{command: "print", alias: "p", arg: "EXPR", help: "an expression's value", group: groupCommand,
			take: u.asks.value, words: u.componentWords, why: u.needPeeker, above: true},
		action{command: "watch", arg: "EXPR", help: "evaluate at each stop", group: groupCommand,
			take: func(arg string) { u.ctrl.(Peeker).Watch(arg) }, words: u.componentWords, why: u.needPeeker, above: true},
		action{command: "query", arg: "EXPR", help: "ask all stops (docs/query.md)", group: groupCommand,
			take: u.asks.run, words: query.Names, why: u.needPeeker, above: true},
		action{command: "query-run", arg: "[A-B] EXPR", help: "ask each kernel entry, between stops", group: groupBack,
			take: u.asks.runEntries, words: query.Names, why: u.needReverse, above: true},
		action{command: "functions", arg: "PATTERN", help: "functions; Enter makes one a phase, or not", group: groupCommand,
			take: u.drafting.functions, words: u.componentWords, why: u.drafting.needDrafter, above: true},
		action{command: "scenario", arg: "[FILE]", help: "show the scenario, and save it", group: groupCommand,
			run: u.drafting.scenario, take: u.drafting.save, why: u.drafting.needDraft, above: true},
		action{command: "object", arg: "ID", help: "show any kernel object", group: groupCommand,
			take: u.findObject, words: u.objectIDs, why: u.needSystem, above: true},
	)
}

func moveActions() []action {
	return []action{
		{keys: []string{"j", "k", "Down", "Up"}, label: "↑ ↓ k j", help: "a row", group: groupMove},
		{keys: []string{"PgDn", "PgUp", "Ctrl+F", "Ctrl+B"}, label: "PgUp PgDn", help: "a page", group: groupMove},
		{keys: []string{"g", "Home"}, label: "g Home", help: "to the beginning", group: groupMove},
		{keys: []string{"G", "End"}, label: "G End", help: "to the end", group: groupMove},
	}
}

func (u *ui) textActions() []action {
	return []action{
		{keys: []string{"m"}, label: "m", short: "bookmark", command: "bookmark", help: "bookmark this stop, or not", group: groupText,
			run: u.toggleBookmark, why: u.needStop},
		{keys: []string{"M"}, label: "M", short: "note", command: "note", arg: "TEXT", help: "write a note on this stop", group: groupText,
			run: u.askNote, take: u.writeNote, why: u.needStop},
		{keys: []string{"y"}, label: "y", short: "copy", command: "copy", help: "copy the row (OSC 52)", group: groupText,
			run: u.front.copyRow, over: true},
		{keys: []string{"e"}, label: "e", short: "export", command: "export", arg: "FILE", help: "write the pane to a file", group: groupText,
			run: u.front.askExport, take: u.front.exportTo, over: true},
		{command: "record", arg: "FILE", help: "record in another file, with all so far", group: groupCommand,
			take: u.guest.record, why: u.needRecorder},
	}
}

func (u *ui) tourActions() []action {
	if u.tour == nil {
		return nil
	}
	return []action{
		{keys: []string{" ", "Right"}, label: "Space", short: "next step", help: "next step (or →)", group: groupTour,
			run: u.overWindows(u.tour.next), why: u.tour.needOpen, over: true},
		{keys: []string{"Left", "Backspace", "Backspace2"}, label: "←", short: "step back", help: "step before (or Backspace)", group: groupTour,
			run: u.overWindows(func() { u.tour.goTo(u.tour.at - 1) }), why: u.tour.needOpen, over: true},
		{keys: []string{"a"}, label: "a", short: "auto-play", help: "auto-play on and off", group: groupTour,
			run: u.tour.toggleAuto, why: u.tour.needOpen},
		{keys: []string{"T"}, label: "T", short: "tour", command: "tour", help: "open the tour again", group: groupTour,
			run: u.tour.reopen, why: u.tour.needClosed},
	}
}

// overWindows comes back from all windows before it acts: a presenter goes on with the
// story from wherever something was shown.
func (u *ui) overWindows(run func()) func() {
	return func() {
		u.windows.close()
		run()
	}
}

func (u *ui) thawActions() []action {
	return []action{
		{keys: []string{":"}, label: ":", short: "command", help: "type a command", group: groupThaw, run: u.palette.open, over: true},
		{keys: []string{"?"}, label: "?", short: "help", command: "help", help: "this help", group: groupThaw, run: u.help.open},
		{keys: []string{"Esc"}, label: "Esc", help: "close, interrupt, go up", group: groupThaw, run: u.escape},
		{keys: []string{"q", "Ctrl+C"}, label: "q", short: "quit", command: "quit", alias: "q", help: "quit", group: groupThaw, run: u.leave},
		{keys: []string{"Ctrl+Z"}, label: "Ctrl+Z", short: "suspend", command: "suspend", help: "suspend: fg comes back", group: groupThaw, run: func() { u.suspend() }},
		{command: "theme", arg: "NAME", help: "colours: " + themeList(), group: groupCommand, take: u.keeper.chooseTheme,
			words: Themes, above: true},
	}
}
