package ui

import (
	"fmt"

	"thaw/kernel"
	"thaw/session"
)

// Traveller is a Controller whose guest may go back: backwards in a recorded run,
// or to stops of the history. The view tells which of it works.
type Traveller interface {
	ReverseStep()
	ReverseContinue()
	LastWrite(thread kernel.ID) // of the thread's saved state
	Restart(stop int)
}

const whyRecordedStops = "a recording holds the stops that were made: p and f walk them"

// needReverse: the guest goes backwards.
func needReverse(u *ui) string {
	if _, ok := u.ctrl.(Traveller); !ok || u.recorded() != "" {
		return whyRecordedStops
	}
	if why := u.view.NoReverse; why != "" {
		return why
	}
	return needStopped(u)
}

// needWritten: the guest goes backwards, and the selected thread has a saved
// state.
func needWritten(u *ui) string {
	if why := needReverse(u); why != "" {
		return why
	}
	switch r := u.selectedThread(); {
	case r == nil || r.obj == nil || r.obj.Thread == nil:
		return "select a thread first"
	case r.obj.Thread.FrameIPAddr == 0:
		return "this thread has no saved state: it never runs in user mode"
	}
	return ""
}

// needChangeable: the guest stands and may be changed, which the replay of a
// recorded run may not.
func needChangeable(u *ui) string {
	if u.view.Back == session.BackReverse {
		return "a replayed run cannot be changed: use thaw lab without --rr, or attach to a QEMU that does not replay"
	}
	return needStopped(u)
}

// needRestart: the guest can be put back to the shown stop.
func needRestart(u *ui) string {
	if _, ok := u.ctrl.(Traveller); !ok || u.recorded() != "" {
		return whyRecordedStops
	}
	switch v := u.view; {
	case v.State == session.Running:
		return whyRunning
	case v.State == session.Ended:
		return "the session has ended"
	case v.Snapshot == nil:
		return whyNoStop
	case v.NoRestart != "":
		return v.NoRestart
	case v.Live:
		return "the guest is at this stop; p goes to one before"
	}
	return ""
}

// askRestart asks before the guest is put back: what it did since is gone, unless
// its run was recorded.
func (u *ui) askRestart() {
	n := u.view.Snapshot.Number
	restart := func(string) { u.ctrl.(Traveller).Restart(n) }
	if u.view.Back == session.BackReverse {
		restart("")
		return
	}
	u.ask(&prompt{
		title: fmt.Sprintf("put the guest back to stop %d? what it did since is gone; the stops stay", n),
		mark:  "B", limit: 1, enter: "do it", esc: "leave it", done: restart,
	})
}

// lastWrite goes back to the last write of the selected thread's saved state.
func (u *ui) lastWrite() { u.ctrl.(Traveller).LastWrite(u.selectedThread().obj.ID) }

// backWords tell what a stop of the history is good for.
func (u *ui) backWords() string {
	switch v := u.view; {
	case v.NoRestart == "":
		return fmt.Sprintf("B puts the guest here (%s)", v.Back)
	case v.Back == session.BackSnapshots:
		return "no VM snapshot here, the guest stays"
	}
	return fmt.Sprintf("%s, the guest stays at stop %d", session.BackHistory, u.view.Stops)
}
