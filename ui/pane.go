package ui

import (
	"thaw/session/view"
)

// pane is one of the panes of the screen: a table or a text with a title.
type pane interface {
	// follow takes over what is new in the model, which had another view before.
	follow(old *view.View)
	// table is the pane's table, else text is its text.
	table() *listPane
	text() *textPane
	// title is what the pane's title says beside its name, from long to short
	// forms.
	title() []string
	// hints are its keys beside those that all panes have.
	hints() []hint
}

// listed is a pane that is a table.
type listed struct{ list *listPane }

func (p listed) table() *listPane { return p.list }
func (p listed) text() *textPane  { return nil }

// written is a pane that is a text.
type written struct{ body *textPane }

func (p written) table() *listPane { return nil }
func (p written) text() *textPane  { return p.body }
