package ui

import (
	"fmt"

	"thaw/session/view"
)

// Reasons why a key does nothing now; "" when it works.

const whyRunning = "the guest runs; press i to interrupt"

const whyRecorded = "a recording cannot run: n and p walk its stops"

const whyNoStop = "the guest has not stopped so far"

// needStopped: the guest stands and its newest stop is shown.
func (m *model) needStopped() string {
	switch v := m.view; {
	case m.recorded() != "":
		return whyRecorded
	case v.State == view.Running:
		return whyRunning
	case v.State == view.Starting:
		return "the session is starting"
	case v.State == view.Ended && v.Lost:
		return "the connection is lost: R reconnects, p and f show the stops"
	case v.State == view.Ended:
		return "the session has ended; p and f show its stops"
	case !v.Live && v.Snapshot != nil:
		return "at a stop of the history: press f to come back to the live one"
	}
	return ""
}

// needFree: that, and the screen may let it go on, or change it.
func (m *model) needFree() string {
	if why := m.needStopped(); why != "" {
		return why
	}
	return m.view.NoRun
}

// needNext: there is a next stop, or the guest can run to one.
func (m *model) needNext() string {
	if m.recorded() == "" {
		return m.needFree()
	}
	if s := m.view.Snapshot; s != nil && s.Number >= m.view.Stops {
		return fmt.Sprintf("the recording ends at stop %d", s.Number)
	}
	return ""
}

func (m *model) needRunning() string {
	if m.recorded() != "" {
		return whyRecorded
	}
	switch m.view.State {
	case view.Running:
		return ""
	case view.Ended:
		return "the session has ended"
	case view.Starting:
		return "the session is starting"
	}
	if m.view.NoRun != "" {
		return "the guest stands already"
	}
	return "the guest stands already; press n or c to run it"
}

// needLost: the connection got lost, and may be made again.
func (m *model) needLost() string {
	switch _, ok := m.ctrl.(Reconnecter); {
	case !ok || m.recorded() != "":
		return "a recording has no connection"
	case m.view.Lost:
		return ""
	case m.view.State == view.Ended:
		return "the guest is gone, or stands where the session failed: start a new one"
	}
	return "no connection is lost"
}

// needRecorder: a live session's recording can move.
func (m *model) needRecorder() string {
	switch _, ok := m.ctrl.(Recorder); {
	case !ok || m.recorded() != "":
		return "this is a recording"
	case m.view.State != view.Stopped:
		return m.needStopped()
	}
	return ""
}

func (m *model) needEarlier() string {
	switch v := m.view; {
	case v.State == view.Running:
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

func (m *model) needLater() string {
	switch v := m.view; {
	case v.Snapshot == nil:
		return whyNoStop
	case v.Live || v.Snapshot.Number >= v.Stops:
		return "this is the newest stop"
	}
	return ""
}

// needSeeker: the session can show any of its stops.
func (m *model) needSeeker() string {
	switch {
	case m.seeker == nil:
		return "this session shows stops one by one, with p and f"
	case m.view.State == view.Running:
		return whyRunning
	case m.view.Snapshot == nil:
		return whyNoStop
	}
	return ""
}

func (m *model) needNotes() string {
	if len(m.view.Notes) == 0 {
		return "no stop has a note; m sets a bookmark, M writes one"
	}
	return m.needSeeker()
}

// needStop: a stop is shown.
func (m *model) needStop() string {
	if m.view.Snapshot == nil {
		return whyNoStop
	}
	return ""
}

func (m *model) needSystem() string {
	if s := m.view.Snapshot; s == nil || s.System == nil {
		return whyNoStop
	}
	return ""
}

func (m *model) needDiff() string {
	if m.view.Caps == nil {
		return "both capability tables are known once the child is restored"
	}
	return ""
}

func (m *model) needPeeker() string {
	if _, ok := m.ctrl.(Peeker); !ok {
		return "this session cannot read memory"
	}
	if m.recorded() != "" {
		return m.needStop()
	}
	if why := m.needStop(); why != "" {
		return why
	}
	return m.needStopped()
}

func (m *model) needBreaker() string {
	if m.recorded() != "" {
		return "a recording cannot run: its breakpoints are those of the session"
	}
	if _, ok := m.ctrl.(Breaker); !ok {
		return "this session takes no breakpoints"
	}
	return m.needStopped()
}

// needUntil: the guest takes breakpoints, and may be run to one.
func (m *model) needUntil() string {
	if why := m.needBreaker(); why != "" {
		return why
	}
	return m.needFree()
}

// needServer: the guest can be served, or not any more.
func (m *model) needServer() string {
	if _, ok := m.ctrl.(Server); !ok || m.recorded() != "" {
		return "a recording is served by thaw serve FILE"
	}
	return ""
}

const whyRecordedStops = "a recording holds the stops that were made: p and f walk them"

// needReverse: the guest goes backwards.
func (m *model) needReverse() string {
	if _, ok := m.ctrl.(Traveller); !ok || m.recorded() != "" {
		return whyRecordedStops
	}
	if why := m.view.NoReverse; why != "" {
		return why
	}
	return m.needFree()
}

// needChangeable: the guest stands and may be changed, which the replay of a
// recorded run may not.
func (m *model) needChangeable() string {
	if m.view.Back == view.BackReverse {
		return "a replayed run cannot be changed: use thaw lab without --rr, or attach to a QEMU that does not replay"
	}
	return m.needFree()
}

// needRestart: the guest can be put back to the shown stop.
func (m *model) needRestart() string {
	if _, ok := m.ctrl.(Traveller); !ok || m.recorded() != "" {
		return whyRecordedStops
	}
	switch v := m.view; {
	case v.State == view.Running:
		return whyRunning
	case v.State == view.Ended:
		return "the session has ended"
	case v.Snapshot == nil:
		return whyNoStop
	case v.NoRestart != "":
		return v.NoRestart
	case v.NoRun != "":
		return v.NoRun
	case v.Live:
		return "the guest is at this stop; p goes to one before"
	}
	return ""
}
