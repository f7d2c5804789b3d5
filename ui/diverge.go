package ui

import (
	"fmt"

	"thaw/kernel"
)

// Diverger is a Controller that can try out where a restored thread parts from
// its original.
type Diverger interface {
	Diverge(thread kernel.ID)
}

// askDiverge asks before it executes anything, though it is put back.
func (u *ui) askDiverge() {
	v := u.selectedVerdict()
	u.ask(&prompt{
		title: fmt.Sprintf("execute %s %s and its original up to their next system call, and put all back?", clean(v.Name), v.Thread),
		mark:  "D", limit: 1, enter: "do it", esc: "leave it",
		done: func(string) { u.ctrl.(Diverger).Diverge(v.Thread) },
	})
}

// needDiverge: the selected thread has just come back to user mode.
func needDiverge(u *ui) string {
	if _, ok := u.ctrl.(Diverger); !ok || u.recorded() != "" {
		return "a recording cannot be executed: record with --divergence"
	}
	if why := needChangeable(u); why != "" {
		return why
	}
	switch v := u.selectedVerdict(); {
	case v == nil || !v.Requested.Known:
		return "select a thread of the restored child"
	case u.view.Snapshot == nil || u.view.Snapshot.Thread != v.Thread:
		return "go to the stop where this thread returns to user mode"
	}
	return ""
}
