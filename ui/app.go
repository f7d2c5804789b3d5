package ui

import "github.com/rivo/tview"

// ui is the whole screen: the parts that it is made of, and which of them a key
// goes to. It belongs to the event loop; beside it run only the pump and jobs.
type ui struct {
	*desk
	*panes
	front    *front
	asks     *questions
	drafting *drafting
	guest    *guest
	live     *liveWindow
	tour     *tour // nil: there is none
	room     *room // nil: nobody presents
	palette  *palette
	help     *help
	bars     *bars
	keeper   *keeper
	keys     keymap
	root     tview.Primitive
	mail     *mailbox // from the pump

	greeting bool // the first hints are shown
	quit     func()
	suspend  func() // lets the shell have the terminal until fg
}

// greetings tell what to press at the first start, by the kind of session.
var greetings = map[string][]string{
	"live": {
		"n runs to the next phase; c runs on, i interrupts.",
		"The thread whose state got lost stands first; 3 tells why.",
		"? shows all keys, q quits. Any key closes this.",
	},
	"recording": {
		"n and p walk the stops; the verdicts are at the last one.",
		"The thread whose state got lost stands first; 3 tells why.",
		"? shows all keys, q quits. Any key closes this.",
	},
}

// kind is the kind of the session.
func (u *ui) kind() string {
	if u.recorded() != "" {
		return "recording"
	}
	return "live"
}
