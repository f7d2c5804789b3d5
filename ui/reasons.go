package ui

import (
	"fmt"

	"thaw/session"
)

// Reasons why a key does nothing now; "" when it works.

const whyRunning = "the guest runs; press i to interrupt"

const whyRecorded = "a recording cannot run: n and p walk its stops"

const whyNoStop = "the guest has not stopped so far"

// needStopped: the guest stands and its newest stop is shown.
func needStopped(u *ui) string {
	switch v := u.view; {
	case u.recorded() != "":
		return whyRecorded
	case v.State == session.Running:
		return whyRunning
	case v.State == session.Starting:
		return "the session is starting"
	case v.State == session.Ended && v.Lost:
		return "the connection is lost: R reconnects, p and f show the stops"
	case v.State == session.Ended:
		return "the session has ended; p and f show its stops"
	case !v.Live && v.Snapshot != nil:
		return "at a stop of the history: press f to come back to the live one"
	}
	return ""
}

// needNext: there is a next stop, or the guest can run to one.
func needNext(u *ui) string {
	if u.recorded() == "" {
		return needStopped(u)
	}
	if s := u.view.Snapshot; s != nil && s.Number >= u.view.Stops {
		return fmt.Sprintf("the recording ends at stop %d", s.Number)
	}
	return ""
}

func needRunning(u *ui) string {
	if u.recorded() != "" {
		return whyRecorded
	}
	switch u.view.State {
	case session.Running:
		return ""
	case session.Ended:
		return "the session has ended"
	case session.Starting:
		return "the session is starting"
	}
	return "the guest stands already; press n or c to run it"
}

// needLost: the connection got lost, and may be made again.
func needLost(u *ui) string {
	switch _, ok := u.ctrl.(Reconnecter); {
	case !ok || u.recorded() != "":
		return "a recording has no connection"
	case u.view.Lost:
		return ""
	case u.view.State == session.Ended:
		return "the guest is gone, or stands where the session failed: start a new one"
	}
	return "no connection is lost"
}

func needEarlier(u *ui) string {
	switch v := u.view; {
	case v.State == session.Running:
		return whyRunning
	case v.Snapshot == nil:
		return whyNoStop
	case v.Snapshot.Number <= 1:
		return "this is the first stop"
	case v.Snapshot.Number <= v.First:
		return fmt.Sprintf("this is the oldest stop that is kept: the history had no room for the %d before it", v.First-1)
	}
	return ""
}

func needLater(u *ui) string {
	switch v := u.view; {
	case v.Snapshot == nil:
		return whyNoStop
	case v.Live || v.Snapshot.Number >= v.Stops:
		return "this is the newest stop"
	}
	return ""
}

// needSeeker: the session can show any of its stops.
func needSeeker(u *ui) string {
	switch {
	case u.seeker == nil:
		return "this session shows stops one by one, with p and f"
	case u.view.State == session.Running:
		return whyRunning
	case u.view.Snapshot == nil:
		return whyNoStop
	}
	return ""
}

func needNotes(u *ui) string {
	if len(u.view.Notes) == 0 {
		return "no stop has a note; m sets a bookmark, M writes one"
	}
	return needSeeker(u)
}

// needStop: a stop is shown.
func needStop(u *ui) string {
	if u.view.Snapshot == nil {
		return whyNoStop
	}
	return ""
}

func needSystem(u *ui) string {
	if s := u.view.Snapshot; s == nil || s.System == nil {
		return whyNoStop
	}
	return ""
}

func needOpenable(u *ui) string {
	switch u.focused {
	case panePhases, paneThreads:
		return ""
	case paneCaps:
		return needSystem(u)
	}
	return "Enter opens a phase, a thread or a capability: press 1, 2 or 4 first"
}

func needTable(u *ui) string {
	if u.table() != nil {
		return ""
	}
	return "only tables can be sorted: press 1, 2, 4 or 6 first"
}

func needDiff(u *ui) string {
	if u.view.Caps == nil {
		return "both capability tables are known once the child is restored"
	}
	return ""
}

func needTour(u *ui) string {
	if u.tour.open {
		return ""
	}
	return "you have taken over; T opens the tour again"
}

func needClosedTour(u *ui) string {
	if u.tour.open {
		return "the tour is open; Esc takes over"
	}
	return ""
}
