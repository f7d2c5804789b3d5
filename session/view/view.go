// Package view is what a front end sees of a session: snapshots of stops, the
// verdict on each thread, comparisons, breakpoints, and the user's own questions with
// their answers. All of it is immutable once it was published.
//
// It knows the vocabulary of package kernel. It must not know how any of this came
// about: targets, debug info, evidence and rules are others' business.
package view

import "strings"

// BackMode is a way of going back.
type BackMode string

// The ways of going back. History always shows earlier stops.
const (
	BackHistory   BackMode = "history only"      // the guest stays where it is
	BackSnapshots BackMode = "VM snapshots"      // the guest restarts at phases
	BackReverse   BackMode = "reverse execution" // the guest goes anywhere in its recorded run
)

// RunState says what the guest does.
type RunState string

// The run states.
const (
	Starting RunState = "starting"
	Stopped  RunState = "stopped"
	Running  RunState = "running"
	Ended    RunState = "ended" // the connection or the guest is gone
)

// Note is what the user wrote about a stop; with an empty text it is a
// bookmark.
type Note struct {
	Stop int    `json:"stop"` // number of the stop
	Text string `json:"text"`
}

// Subject is what is shown, in a word: the lab's bug, else the scenario.
func (v *View) Subject() string {
	if _, bug, ok := strings.Cut(v.Target, "bug="); ok {
		bug, _, _ = strings.Cut(bug, ",")
		return strings.TrimSpace(bug)
	}
	return v.Scenario
}

// LogGap is what is left out of a LOG that is too long to be kept: there are so many
// lines more before the one at At.
type LogGap struct {
	At, Lines int
	Where     string // they can be found, in a clause
}

// View is what a user of the session sees at a moment: immutable.
type View struct {
	Session
	Late       string     // why the beginning of the restore was not seen, "" if it was or can be
	Mismatches []Mismatch // files that are not those of the programs that run: no verdict stands
	History
	Result
	Log     []string // guest's LOG lines up to now, control characters removed
	LogGap  LogGap   // what is left out of it
	Running *Look    // what the guest shows while it runs, nil while it stands, or nobody wants to see it
	Limits
	Peek  *Peek  // what the user asked to see last, nil if nothing
	Draft *Draft // scenario to be saved, nil where none can be
}

// Session is what a view tells of the session itself, whatever stop is shown.
type Session struct {
	State      RunState
	Message    string // last thing to tell, one line
	Err        error  // why the session ended, if it failed
	Lost       bool   // since the connection got lost: Reconnect may go on
	Scenario   string
	Target     string   // address or name of what is debugged
	Components []string // components with debug info
	Back       BackMode // how the guest goes back
	Unrecorded string   // why what is seen is not in the recording's file, "" if it is
}

// History is the stop that is shown, and where it stands among those that are kept.
type History struct {
	Snapshot *Snapshot // the stop that is shown, nil before the first
	First    int       // number of the oldest stop that is kept; those before it were dropped
	Stops    int       // number of the newest stop
	Live     bool      // the shown stop is the newest
	Notes    []Note    // by stop, of one stop as they were written

	Questions []Question // who wrote memory, as far as it was asked
}

// Result is what is known of the restore as of a stop.
type Result struct {
	Restore     int // which restore of the session it is about, counted from 1
	Phases      []Phase
	Verdicts    []ThreadVerdict // as of the shown stop
	Complete    bool            // the restore-complete point was passed
	Finished    bool            // every verdict is final
	Caps        *CapDiff        // nil until both tables are known
	Waits       []WaitChange    // of threads that wait for something else than before
	Memory      *MemoryDiff     // nil until the restore is complete, or if it is not compared
	Breakpoints []BreakpointInfo
	Watches     []Watch // as of the shown stop
}

// Limits are what cannot be done, and why: each is "" where it can.
type Limits struct {
	NoRun     string // why it neither goes on nor is changed by the screen, "" if it may
	NoLive    string // why it cannot be looked at while it runs, "" if it can
	NoReverse string // why it does not go backwards, "" if it does
	NoRestart string // why it cannot go on from the shown stop, "" if it can
}
