package view

import (
	"cmp"
	"slices"
	"time"

	"thaw/kernel"
)

// Verdict is the judgement about one thread's restored state.
type Verdict string

// The verdicts. See judge for what each takes.
const (
	Applied      Verdict = "applied"       // the requested state was written and entered
	Coincident   Verdict = "coincident"    // the thread stands where it was asked to, but nothing wrote that
	Ignored      Verdict = "ignored"       // it entered user mode elsewhere, and nothing wrote the request
	Overwritten  Verdict = "overwritten"   // the request was written, then something else over it
	Killed       Verdict = "killed"        // it was written, and the kernel faulted on its way to user mode with it: the thread never runs again
	Partial      Verdict = "partial"       // ip and sp arrived, other registers or the code there did not
	NotRequested Verdict = "not-requested" // checkpointed, but no state was requested for it
	Pending      Verdict = "pending"       // it has not come back to user mode so far
	Unknown      Verdict = "unknown"       // evidence is missing; the cause says which
)

// Verdicts are all of them, the worst first.
var Verdicts = []Verdict{Ignored, Killed, Overwritten, Partial, NotRequested, Unknown, Pending, Coincident, Applied}

// glyphs stand for the verdicts: no meaning rests on colour.
var glyphs = map[Verdict]string{
	Applied: "=", Coincident: "≈", Ignored: "≠", Overwritten: "!", Killed: "x",
	Partial: "~", NotRequested: "-", Pending: "…", Unknown: "?",
}

// Glyph is the verdict's glyph, "?" for one of a later version.
func (v Verdict) Glyph() string { return cmp.Or(glyphs[v], glyphs[Unknown]) }

// Rank is the verdict's place in a list, worst first; one of a later version is unknown.
func (v Verdict) Rank() int {
	if i := slices.Index(Verdicts, v); i >= 0 {
		return i
	}
	return slices.Index(Verdicts, Unknown)
}

// Lost says whether the state got lost on its way.
func (v Verdict) Lost() bool { return v.Rank() < Unknown.Rank() }

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
