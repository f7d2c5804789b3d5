// Package ui shows a restore-debugging session on a terminal: phases, threads
// with the verdict about their restored state, the four stages that a state
// passes, capabilities, and the guest's LOG.
//
// It knows the immutable models of packages session and kernel, and tview. It
// must not read guest memory, know a kernel's layout, or judge: verdicts,
// causes and names come from the session as they are shown. Nothing here does
// I/O or waits inside a handler; commands go to a Controller, which queues
// them, and every change comes back as a new session.View. Files that the user
// asks for are written in the background.
//
// One goroutine (pump) carries views, alarms, what background work tells, and
// the end of the context to the event loop as events of the screen's own queue,
// so that they keep their order with the user's keys and nothing can wait for a
// loop that has ended. Handlers change the panes directly.
//
// Keys and commands stand in one table (actions): the hint bar, the palette,
// the help and docs/keys.md come from it.
//
// No meaning rests on colour: a glyph, a word and an attribute say it too.
package ui
