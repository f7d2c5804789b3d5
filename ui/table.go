package ui

import "slices"

// action is one entry of the table of all keys and commands: handlers, hint
// bar, palette and help come from it.
type action struct {
	keys  []string // names as keyName gives them; none: only a command
	label string   // how the keys are shown
	short string   // for the hint bar
	help  string
	group string

	command string // name in the palette, "" if it has none
	alias   string // gdb's short name of the command
	arg     string // what the command takes, in capitals; "" takes nothing

	// run acts; nil where the focused pane does it, or where the command only
	// works with its argument.
	run func(u *ui)
	key func(u *ui, key string) // in its place: acts by which of the keys it was
	// take acts on the command's argument.
	take func(u *ui, arg string)
	// words are what the argument may be, for completion; nil: anything.
	words func(u *ui) []string
	// why tells why the action does nothing now, "" when it works; nil: it
	// always works.
	why func(u *ui) string
	// tour is set for keys that are there only with a tour, over for those that
	// work in an overlay, too.
	tour, over bool
}

// Groups of the help, in its order.
const (
	groupGuest   = "the guest"
	groupBack    = "going back"
	groupHistory = "history"
	groupPanes   = "panes"
	groupMove    = "moving"
	groupText    = "notes, text"
	groupTour    = "the tour"
	groupThaw    = "thaw"
	groupCommand = "commands"
)

var groups = []string{groupGuest, groupBack, groupHistory, groupPanes, groupMove, groupText, groupTour, groupThaw, groupCommand}

// actions is the table.
var actions []action

func init() { // not a literal: help refers to it
	actions = slices.Concat(guestActions, backActions, historyActions, paneActions(), moveActions, textActions, tourActions, thawActions())
}

var guestActions = []action{
	{keys: []string{"n"}, label: "n", short: "next phase", command: "next", help: "run to the next phase", group: groupGuest,
		run: func(u *ui) { u.ctrl.NextPhase() }, why: needNext},
	{keys: []string{"s"}, label: "s", short: "step", command: "step", alias: "si", help: "step one instruction", group: groupGuest,
		run: func(u *ui) { u.ctrl.StepInstruction() }, why: needStopped},
	{keys: []string{"c"}, label: "c", short: "continue", command: "continue", alias: "c", help: "continue to a breakpoint", group: groupGuest,
		run: func(u *ui) { u.ctrl.Continue() }, why: needStopped},
	{keys: []string{"i"}, label: "i", short: "interrupt", command: "interrupt", help: "interrupt the running guest", group: groupGuest,
		run: func(u *ui) { u.ctrl.Interrupt() }, why: needRunning},
	{keys: []string{"R"}, label: "R", short: "reconnect", command: "reconnect", help: "reconnect after a loss", group: groupGuest,
		run: func(u *ui) { u.ctrl.(Reconnecter).Reconnect() }, why: needLost},
	{keys: []string{"b"}, label: "b", short: "break", command: "break", alias: "b", arg: "PLACE", help: "set a breakpoint", group: groupGuest,
		run: (*ui).askBreak, take: (*ui).setBreak, words: (*ui).placeWords, why: needBreaker},
	{keys: []string{"x", "Delete"}, label: "x", short: "delete", command: "delete", arg: "PLACE", help: "remove your breakpoint", group: groupGuest,
		run: (*ui).deleteBreak, take: (*ui).deleteNamed, words: (*ui).ownBreaks, why: needOwnBreak},
	{command: "tbreak", arg: "PLACE", help: "set a breakpoint that goes with its first hit", group: groupCommand,
		take: func(u *ui, arg string) { u.ctrl.(Breaker).Break(arg, true) }, words: (*ui).placeWords, why: needBreaker},
	{command: "until", arg: "PLACE", help: "run to a place, or to what stops before", group: groupCommand,
		take: func(u *ui, arg string) { u.ctrl.(Breaker).Until(arg) }, words: (*ui).placeWords, why: needBreaker},
	{keys: []string{"F"}, label: "F", short: "force", command: "force", help: "force the requested state", group: groupGuest,
		run: (*ui).askForce, why: needForce},
	{keys: []string{"U"}, label: "U", command: "unforce", help: "take back what was forced", group: groupGuest,
		run: func(u *ui) { u.ctrl.(Forcer).Unforce(u.selectedVerdict().Thread) }, why: needForced},
	{keys: []string{"D"}, label: "D", command: "diverge", help: "where the children part", group: groupGuest,
		run: (*ui).askDiverge, why: needDiverge},
}

var backActions = []action{
	{keys: []string{"S"}, label: "S", short: "reverse step", command: "reverse-step", help: "back one instruction", group: groupBack,
		run: func(u *ui) { u.ctrl.(Traveller).ReverseStep() }, why: needReverse},
	{keys: []string{"C"}, label: "C", short: "reverse continue", command: "reverse-continue", help: "back to the last event", group: groupBack,
		run: func(u *ui) { u.ctrl.(Traveller).ReverseContinue() }, why: needReverse},
	{keys: []string{"W"}, label: "W", short: "last write", command: "last-write", help: "back to the last write", group: groupBack,
		run: (*ui).lastWrite, why: needWritten},
	{keys: []string{"B"}, label: "B", short: "put back here", command: "restart", help: "put the guest back here", group: groupBack,
		run: (*ui).askRestart, why: needRestart},
}

var historyActions = []action{
	{keys: []string{"p"}, label: "p", short: "back", command: "back", help: "show the previous stop", group: groupHistory,
		run: func(u *ui) { u.ctrl.Back() }, why: needEarlier},
	{keys: []string{"f"}, label: "f", short: "forward", command: "forward", help: "show the next stop", group: groupHistory,
		run: func(u *ui) { u.ctrl.Forward() }, why: needLater},
	{keys: []string{"'"}, label: "'", short: "next note", command: "notes", help: "next stop with a note", group: groupHistory,
		run: (*ui).nextNote, why: needNotes},
	{command: "stop", arg: "N", help: "show stop N of the history", group: groupCommand,
		take: (*ui).showStop, why: needSeeker},
	{command: "phase", arg: "NAME", help: "show a phase, and its first stop", group: groupCommand,
		take: (*ui).showPhase, words: (*ui).phaseWords},
}

func paneActions() []action {
	out := []action{
		{keys: []string{"Tab"}, label: "Tab", short: "pane", help: "next pane", group: groupPanes, run: func(u *ui) { u.cycle(1) }},
		{keys: []string{"Backtab"}, label: "Shift-Tab", help: "pane before", group: groupPanes, run: func(u *ui) { u.cycle(-1) }},
	}
	for id := panePhases; id < paneEnd; id++ {
		p := paneInfos[id]
		n := string('0' + rune(id))
		out = append(out, action{keys: []string{n}, label: n, command: p.command, help: p.help, group: groupPanes,
			run: func(u *ui) { u.focusPane(id) }})
	}
	return append(out,
		action{keys: []string{"Enter"}, label: "Enter", short: "open", help: "open what is selected", group: groupPanes,
			run: (*ui).open, why: needOpenable},
		action{keys: []string{"/"}, label: "/", short: "find", command: "find", help: "filter a table, find text", group: groupPanes,
			run: (*ui).slash, over: true},
		action{keys: []string{";", ","}, label: "; ,", short: "next match", help: "next match, the one before", group: groupPanes,
			key: func(u *ui, key string) { u.nextMatch(map[string]int{";": 1, ",": -1}[key]) }, why: needSearch, over: true},
		action{keys: []string{"o"}, label: "o", short: "sort", command: "sort", help: "sort by the next column", group: groupPanes,
			run: func(u *ui) { u.sort(false) }, why: needTable, over: true},
		action{keys: []string{"O"}, label: "O", command: "reverse", help: "turn the order round", group: groupPanes,
			run: func(u *ui) { u.sort(true) }, why: needTable, over: true},
		action{keys: []string{"d"}, label: "d", short: "diff", command: "diff", help: "compare children", group: groupPanes,
			run: (*ui).toggleDiff, why: needDiff},
		action{keys: []string{"z"}, label: "z", short: "zoom", command: "zoom", help: "zoom the pane", group: groupPanes,
			run: func(u *ui) { u.zoom = !u.zoom }},
		action{keys: []string{"+", "-"}, label: "+ -", help: "taller, lower", group: groupPanes,
			key: func(u *ui, key string) { u.resize(taller, map[string]int{"+": 1, "-": -1}[key]) }, why: needSizes},
		action{keys: []string{">", "<"}, label: "> <", help: "wider, narrower", group: groupPanes,
			key: func(u *ui, key string) { u.resize(wider, map[string]int{">": 1, "<": -1}[key]) }, why: needSizes},
		action{keys: []string{"="}, label: "=", command: "sizes", help: "the usual sizes", group: groupPanes,
			run: (*ui).usualSizes},
		action{command: "thread", arg: "ID|NAME", help: "select a thread", group: groupCommand,
			take: (*ui).findThread, words: (*ui).threadWords, why: needSystem},
		action{keys: []string{"l"}, label: "l", command: "list", help: "source and code", group: groupPanes,
			run: (*ui).showCode, why: needPeeker},
		action{keys: []string{"w"}, label: "w", short: "where", command: "where", alias: "bt", help: "backtrace of the thread", group: groupPanes,
			run: (*ui).showStack, why: needPeeker},
		action{keys: []string{"v"}, label: "v", short: "view", command: "inspect", arg: "ID", help: "the object's members", group: groupPanes,
			run: (*ui).inspect, take: (*ui).inspectID, words: (*ui).objectIDs, why: needPeeker},
		action{command: "memory", alias: "x", arg: "ADDR [TASK]", help: "memory of the thread's task, or of another", group: groupCommand,
			take: (*ui).peekMemory, words: (*ui).registerWords, why: needPeeker},
		action{command: "print", alias: "p", arg: "EXPR", help: "an expression's value", group: groupCommand,
			take: (*ui).printValue, words: (*ui).componentWords, why: needPeeker},
		action{command: "watch", arg: "EXPR", help: "evaluate at each stop", group: groupCommand,
			take: func(u *ui, arg string) { u.ctrl.(Peeker).Watch(arg) }, words: (*ui).componentWords, why: needPeeker},
		action{command: "object", arg: "ID", help: "show any kernel object", group: groupCommand,
			take: (*ui).findObject, words: (*ui).objectIDs, why: needSystem},
	)
}

var moveActions = []action{
	{keys: []string{"j", "k", "Down", "Up"}, label: "↑ ↓ k j", help: "a row", group: groupMove},
	{keys: []string{"PgDn", "PgUp", "Ctrl+F", "Ctrl+B"}, label: "PgUp PgDn", help: "a page", group: groupMove},
	{keys: []string{"g", "Home"}, label: "g Home", help: "to the beginning", group: groupMove},
	{keys: []string{"G", "End"}, label: "G End", help: "to the end", group: groupMove},
}

var textActions = []action{
	{keys: []string{"m"}, label: "m", short: "bookmark", command: "bookmark", help: "bookmark this stop, or not", group: groupText,
		run: (*ui).toggleBookmark, why: needStop},
	{keys: []string{"M"}, label: "M", short: "note", command: "note", arg: "TEXT", help: "write a note on this stop", group: groupText,
		run: (*ui).askNote, take: (*ui).writeNote, why: needStop},
	{keys: []string{"y"}, label: "y", short: "copy", command: "copy", help: "copy the row (OSC 52)", group: groupText,
		run: (*ui).copyRow, over: true},
	{keys: []string{"e"}, label: "e", short: "export", command: "export", arg: "FILE", help: "write the pane to a file", group: groupText,
		run: (*ui).askExport, take: (*ui).exportTo, over: true},
}

var tourActions = []action{
	{keys: []string{" ", "Right"}, label: "Space", short: "next step", help: "next step (or →)", group: groupTour, tour: true,
		run: func(u *ui) { u.tourNext() }, why: needTour},
	{keys: []string{"Left", "Backspace", "Backspace2"}, label: "←", short: "step back", help: "step before (or Backspace)", group: groupTour, tour: true,
		run: func(u *ui) { u.tourGo(u.tour.at - 1) }, why: needTour},
	{keys: []string{"a"}, label: "a", short: "auto-play", help: "auto-play on and off", group: groupTour, tour: true,
		run: (*ui).tourAuto, why: needTour},
	{keys: []string{"T"}, label: "T", short: "tour", command: "tour", help: "open the tour again", group: groupTour, tour: true,
		run: (*ui).tourOpen, why: needClosedTour},
}

func thawActions() []action {
	return []action{
		{keys: []string{":"}, label: ":", short: "command", help: "type a command", group: groupThaw, run: (*ui).openPalette},
		{keys: []string{"?"}, label: "?", short: "help", command: "help", help: "this help", group: groupThaw, run: (*ui).openHelp},
		{keys: []string{"Esc"}, label: "Esc", help: "close, go up", group: groupThaw, run: (*ui).escape},
		{keys: []string{"q", "Ctrl+C"}, label: "q", short: "quit", command: "quit", help: "quit", group: groupThaw, run: func(u *ui) { u.quit() }},
		{command: "theme", arg: "NAME", help: "colours: " + themeList(), group: groupCommand, take: (*ui).chooseTheme,
			words: func(*ui) []string { return Themes() }},
	}
}

// hintKeys are the keys that a pane has in the hint bar before the ones that
// all have, in order of importance.
var hintKeys = map[paneID][]string{
	panePhases:  {"Enter", "/"},
	paneThreads: {"Enter", "/", "v", "w"},
	paneDetail:  {"/", ";", "y"},
	paneCaps:    {"Enter", "d", "/", "v"},
	paneLog:     {"/", ";", "e"},
	paneBreaks:  {"b", "x", "/"},
}

// overHints are those of an overlay.
var overHints = []string{"/", ";", "y", "e"}

// Hints of every pane.
var (
	hintsFirst = []string{"R", "n", "i", "p", "f", "B", "s", "c", "S", "C", "W", "T"}
	hintsLast  = []string{"m", "z", ":", "Tab", "?", "q"}
	hintsKept  = 4 // the last ones, which must stay in sight
)

// actionFor finds a key in the table.
func (u *ui) actionFor(key string) *action {
	for i := range actions {
		if a := &actions[i]; slices.Contains(a.keys, key) && a.there(u) {
			return a
		}
	}
	return nil
}

// there says whether the key or command exists in this session at all.
func (a *action) there(u *ui) bool { return !a.tour || u.tour != nil }

// disabled says why an action does nothing now, "" when it works.
func (a *action) disabled(u *ui) string {
	if a.why == nil {
		return ""
	}
	return a.why(u)
}
