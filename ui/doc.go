// Package ui shows a restore-debugging session on a terminal: phases, threads
// with the verdict about their restored state, the four stages that a state
// passes, capabilities, and the guest's LOG.
//
// It knows the immutable models of packages session and kernel, and tview. It
// must not read guest memory, know a kernel's layout, or judge: verdicts,
// causes and names come from the session as they are shown. Nothing here does
// I/O or waits inside a handler; commands go to a Controller, which queues
// them, and every change comes back as a new view.View. Files that the user
// asks for are written in the background.
//
// One goroutine (pump) carries views, alarms, what background work tells, and
// the end of the context to the event loop as events of the screen's own queue,
// so that they keep their order with the user's keys and nothing can wait for a
// loop that has ended. Handlers change the panes directly.
//
// It is made of parts that each own their state. A part knows those below it:
//
//	theme, text, blocks             how things are drawn
//	listPane, textPane, promptLine  what one works with on a screen
//	model                           the views that were shown, and the session
//	desk                            model, theme, windows and prompt: what each part stands on
//	phasesPane … breaksPane         one for each pane; its rows are a source
//	panes                           all of them, and how they divide the screen
//	front, questions, guest, tour   what keys do there; keeper remembers the rest
//	ui, keymap, root                the parts together, the keys, the drawing
//
// Keys and commands stand in one table (keymap, in table.go): the palette, the
// help and docs/keys.md come from it. Every pane, window and prompt returns the
// hints of its own keys; the hint bar is drawn from them.
//
// No meaning rests on colour: a glyph, a word and an attribute say it too.
package ui
