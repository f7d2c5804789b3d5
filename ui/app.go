package ui

import "github.com/rivo/tview"

// ui is the whole screen: the parts that it is made of, and which of them a key
// goes to. It belongs to the event loop; beside it run only the pump and jobs.
type ui struct {
	*desk
	*panes
	front   *front
	asks    *questions
	guest   *guest
	tour    *tour // nil: there is none
	palette *palette
	help    *help
	bars    *bars
	keeper  *keeper
	keys    keymap
	root    tview.Primitive
	mail    *mailbox // from the pump

	greeting bool
	quit     func()
}
