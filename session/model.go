package session

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"thaw/kernel"
)

// Place is a code address in the words of debug info.
type Place struct {
	Addr      uint64 `json:"addr"`
	Component string `json:"component,omitempty"` // "" where the address belongs to no known component
	Function  string `json:"function,omitempty"`  // qualified, "" if unknown
	Offset    uint64 `json:"offset,omitempty"`    // from the function's start
	File      string `json:"file,omitempty"`
	Line      int    `json:"line,omitempty"`
}

// String is "component: function+0xoffset", or the bare address.
func (p Place) String() string {
	switch {
	case p.Function == "" && p.Component == "":
		return fmt.Sprintf("%#x", p.Addr)
	case p.Function == "":
		return fmt.Sprintf("%s: %#x", p.Component, p.Addr)
	case p.Offset == 0:
		return fmt.Sprintf("%s: %s", p.Component, p.Function)
	}
	return fmt.Sprintf("%s: %s+%#x", p.Component, p.Function, p.Offset)
}

// Bare is the place without template arguments: those of Genode's RPC
// dispatchers fill a screen.
func (p Place) Bare() Place {
	p.Function = bareName(p.Function)
	return p
}

// bareName is a function's name without template arguments.
func bareName(name string) string {
	var b strings.Builder
	depth := 0
	for i, r := range name {
		switch {
		case r == '<' && !strings.HasSuffix(name[:i], "operator") && !strings.HasSuffix(name[:i], "operator<"):
			depth++
		case r == '>' && depth > 0:
			depth--
		case depth == 0:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Snapshot is everything that was read at one stop of the guest. It is never
// changed after it was published.
type Snapshot struct {
	Number int           // 1 for the first stop of the session
	Time   time.Duration // since the session began
	Reason string        // why the guest stands: "phase _prepare_cpu_sessions", "interrupted", …
	Phase  string        // name of the phase that runs, "" before the first
	System *kernel.System
	Tasks  map[kernel.ID]string // component of each task, as far as known
	Places map[kernel.ID]Place  // user ip of each thread in words
	PC     Place                // where the processor stands
	Thread kernel.ID            // thread that the processor runs, 0 if unknown
	CPU    []kernel.Register    // its registers, in the order of the target description
	Frames []Frame              // backtrace at PC
	Cost   Cost
}

// Cost is what reading a snapshot took.
type Cost struct {
	Duration time.Duration `json:"duration"`
	Bytes    int64         `json:"bytes"` // fetched from the target
	Batches  int           `json:"batches"`
}

// Frame is one line of a backtrace. The last one may only tell why unwinding
// ends.
type Frame struct {
	Place   Place  `json:"place"`
	Inlined bool   `json:"inlined,omitempty"`
	Note    string `json:"note,omitempty"` // on the last one: why the backtrace ends behind it
}

// TaskName is the component of a task, or "task ID".
func (s *Snapshot) TaskName(id kernel.ID) string {
	if n := s.Tasks[id]; n != "" {
		return n
	}
	return "task " + id.String()
}

// PhaseState says how far a phase is.
type PhaseState int

// The states of a phase.
const (
	PhaseNext    PhaseState = iota // not reached
	PhaseCurrent                   // entered last
	PhaseDone                      // a later one was entered, or it returned
	PhaseSkipped                   // a later one was entered and this one never
)

var phaseStates = [...]string{"next", "current", "done", "skipped"}

func (p PhaseState) String() string {
	if p < 0 || int(p) >= len(phaseStates) {
		return fmt.Sprintf("state %d", int(p))
	}
	return phaseStates[p]
}

// MarshalText writes the state's name.
func (p PhaseState) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a state's name.
func (p *PhaseState) UnmarshalText(text []byte) error {
	i := slices.Index(phaseStates[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no state of a phase", text)
	}
	*p = PhaseState(i)
	return nil
}

// Phase is a phase of the scenario with its progress.
type Phase struct {
	Name     string     `json:"name"`
	Function string     `json:"function"`
	Depth    int        `json:"depth"` // nesting, 0 at the top
	State    PhaseState `json:"state"`
	Hits     int        `json:"hits"` // how often its function was entered
	Stop     int        `json:"stop"` // number of the stop at its first entry, 0 if none
}

// Verdict is the judgement about one thread's restored state.
type Verdict string

// The verdicts. See judge for what each takes.
const (
	Applied      Verdict = "applied"       // the requested state was written and entered
	Coincident   Verdict = "coincident"    // the thread stands where it was asked to, but nothing wrote that
	Ignored      Verdict = "ignored"       // it entered user mode elsewhere, and nothing wrote the request
	Overwritten  Verdict = "overwritten"   // the request was written, then something else over it
	Partial      Verdict = "partial"       // ip and sp arrived, other registers did not
	NotRequested Verdict = "not-requested" // checkpointed, but no state was requested for it
	Pending      Verdict = "pending"       // it has not come back to user mode so far
	Unknown      Verdict = "unknown"       // evidence is missing; the cause says which
)

// Stage is one of the four places that a restored state passes.
type Stage struct {
	Known     bool
	IP, SP    uint64
	Place     Place             // IP in words
	Registers []kernel.Register // general registers, as far as that place holds them
	Source    string            // where it was read: object, address, function
	Stop      int               // number of the snapshot before which it was read
	Time      time.Duration
	Missing   string // why it is not known
}

// ThreadVerdict is what the session found out about one restored thread.
type ThreadVerdict struct {
	Thread   kernel.ID // thread object of the restored child, 0 if there is none
	Original kernel.ID // its counterpart in the checkpointed child
	Name     string
	Task     kernel.ID
	TaskName string

	Verdict  Verdict
	Rule     string   // name of the cause rule that fired
	Cause    string   // one sentence
	Advice   string   // what to try
	Evidence []string // addresses, functions that wrote or did not, in order
	History  []Happening

	Checkpointed, Requested, Kernel, Entered Stage

	Divergence *Divergence // from the original, nil if that was not asked for
}

// Happening is one thing that happened to a thread's state, from its first
// request on.
type Happening struct {
	Stop   int           `json:"stop"` // number of the snapshot before which it was seen
	Time   time.Duration `json:"time"` // since the session began
	What   string        `json:"what"` // "requested", "operation", "written", "entered"
	Where  string        `json:"where,omitempty"`
	Place  Place         `json:"place"`         // what did it
	Addr   uint64        `json:"addr"`          // of what was written
	Old    uint64        `json:"old"`           // ip before, of a write
	New    uint64        `json:"new,omitempty"` // ip
	Text   string        `json:"text"`
	Frames []Frame       `json:"frames,omitempty"` // backtrace, of a write
}

// SlotCap is a capability slot in words.
type SlotCap struct {
	Slot     uint64
	Object   kernel.ID
	Type     string // "Gate", "IRQ", "Task", …
	Rights   string
	Label    uint64
	Receiver string // "component/thread" that a gate or IRQ leads to
}

// CapChange is a slot that holds something else after the restore.
type CapChange struct {
	Slot          uint64
	Before, After SlotCap
	What          []string // "type", "rights", "receiver", "label"
}

// CapDiff compares the checkpointed task's capability table with the restored
// one's, by slot.
type CapDiff struct {
	Original, Restored kernel.ID // tasks
	Checkpoint, After  int       // numbers of the snapshots that were compared
	Same               int
	Missing            []SlotCap
	Extra              []SlotCap
	Changed            []CapChange
}

// RunState says what the guest does.
type RunState string

// The run states.
const (
	Starting RunState = "starting"
	Stopped  RunState = "stopped"
	Running  RunState = "running"
	Ended    RunState = "ended" // the connection or the guest is gone
)

// BreakpointInfo is a breakpoint's account.
type BreakpointInfo struct {
	Component string   `json:"component"`
	Function  string   `json:"function"`
	Purpose   string   `json:"purpose"` // "phase", "request", "write", …
	Addrs     []uint64 `json:"addrs"`
	Hits      int      `json:"hits"`    // in its component
	Foreign   int      `json:"foreign"` // in other address spaces, continued unseen
	// Lifted is how often it was off the target while another address space ran, which
	// had hit it over and over: hits there are not in Foreign.
	Lifted int `json:"lifted,omitempty"`
}

// SumBreakpoints adds up how often breakpoints were hit.
func SumBreakpoints(list []BreakpointInfo) (sum BreakpointInfo) {
	for i := range list {
		sum.Hits += list[i].Hits
		sum.Foreign += list[i].Foreign
		sum.Lifted += list[i].Lifted
	}
	return sum
}

// Elsewhere is Foreign in words: "12+" where more hits came while the breakpoint
// was lifted.
func (b *BreakpointInfo) Elsewhere() string {
	if b.Lifted > 0 {
		return fmt.Sprintf("%d+", b.Foreign)
	}
	return fmt.Sprint(b.Foreign)
}

// Note is what the user wrote about a stop; with an empty text it is a
// bookmark.
type Note struct {
	Stop int    `json:"stop"` // number of the stop
	Text string `json:"text"`
}

// View is what a user of the session sees at a moment: immutable.
type View struct {
	State       RunState
	Message     string // last thing to tell, one line
	Err         error  // why the session ended, if it failed
	Lost        bool   // since the connection got lost: Reconnect may go on
	Scenario    string
	Target      string     // address or name of what is debugged
	Mismatches  []Mismatch // files that are not those of the programs that run: no verdict stands
	Snapshot    *Snapshot  // the stop that is shown, nil before the first
	First       int        // number of the oldest stop that is kept; those before it were dropped
	Stops       int        // number of the newest stop
	Live        bool       // the shown stop is the newest
	Phases      []Phase
	Verdicts    []ThreadVerdict // as of the shown stop
	Complete    bool            // the restore-complete point was passed
	Finished    bool            // every verdict is final
	Caps        *CapDiff        // nil until both tables are known
	Waits       []WaitChange    // of threads that wait for something else than before
	Memory      *MemoryDiff     // nil until the restore is complete, or if it is not compared
	Log         []string        // guest's LOG lines up to now, control characters removed
	Breakpoints []BreakpointInfo
	Components  []string // components with debug info
	Watches     []Watch  // as of the shown stop
	Back        BackMode // how the guest goes back
	NoReverse   string   // why it does not go backwards, "" if it does
	NoRestart   string   // why it cannot go on from the shown stop, "" if it can
	Peek        *Peek    // what the user asked to see last, nil if nothing
	Unrecorded  string   // why what is seen is not in the recording's file, "" if it is
	Notes       []Note   // by stop, of one stop as they were written
}
