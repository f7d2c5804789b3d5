package evidence

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"thaw/kernel"
	"thaw/session/view"
)

// Evidence is what was seen of the restored threads so far. Everything in it
// carries a sequence number, so that rules can tell before from after.
type Evidence struct {
	Children
	Course
	Complete bool
	Finished bool // nothing more is expected
	Format   int  // of this structure in recordings: evidenceFormat

	Doubts

	Behind map[kernel.ID]view.Behind `json:",omitempty"` // what stands behind the gates of both children, as far as their servers tell
	// Unused are filled slots that the children themselves do not use, by task.
	Unused map[kernel.ID][]uint64 `json:",omitempty"`

	Memory *view.MemoryDiff // nil until both were read
	Waits  []Wait           // of the original's threads, as the first phase began

	old json.RawMessage // evidence of an older format, see upgrade
}

// Children are the checkpointed child and what is restored of it.
type Children struct {
	Restore  int         `json:",omitempty"` // which restore of the session this is about, from 2 on; see Number
	Past     []kernel.ID `json:",omitempty"` // tasks that earlier ones restored
	Original kernel.ID   // task of the checkpointed child, 0 until known
	Stored   []Stored
	StoredAt int            // snapshot that belongs to stored
	Before   *view.Snapshot `json:"-"` // the original as the restore begins
	After    *view.Snapshot `json:"-"` // as the restore is complete
}

// Course is what happened to threads.
type Course struct {
	Tracks     map[uint64]*Track      `json:"-"` // by thread object
	Threads    []*Track               // in order of their first request
	Operations map[uint64][]Operation // by thread object
	Dropped    map[uint64]int         `json:",omitempty"` // by thread object: what was seen and is not kept any more
}

// Doubts are what was not seen, or not by the right files.
type Doubts struct {
	Late       string          `json:",omitempty"` // why the beginning of the restore cannot be seen, "" if it can
	Mismatches []view.Mismatch `json:",omitempty"` // files that are not those of the programs that run
	Unproved   []string        `json:",omitempty"` // components whose files were found in no task so far
	Gaps       []Gap           `json:",omitempty"` // what could not be had
}

// New is evidence of nothing so far.
func New() Evidence {
	return Evidence{Format: evidenceFormat, Course: Course{Tracks: map[uint64]*Track{}, Operations: map[uint64][]Operation{}, Dropped: map[uint64]int{}}}
}

// Number says which restore of the session this is about, counted from 1.
func (ev *Evidence) Number() int { return max(ev.Restore, 1) }

// Stored is a checkpointed thread's state as the restorer holds it.
type Stored struct {
	Name      string
	Addr      uint64 // of the stored element, in the restorer
	IP, SP    uint64
	Registers []kernel.Register
	Source    string
	At        Instant
	Problem   string `json:",omitempty"` // why ip, sp and registers are not known, "" if they are
}

// Instant says when something was seen.
type Instant struct {
	Seq  int
	Stop int // the next snapshot's number
	Time time.Duration
}

// Track is the evidence about one thread whose state was requested.
type Track struct {
	ID       kernel.ID
	Block    uint64 // address of the thread object
	Name     string
	Task     kernel.ID
	TaskRoot uint64
	Program  string // that its task runs, "" if unknown
	Requests []Request
	Writes   []Write
	Entered  *Entry
	Forced   []Forced // by us
	Copied   []Write  // of the copy that the requesting function keeps

	Divergence *view.Divergence `json:",omitempty"` // from its original, nil if that was not asked for

	Places []Kept // where the kernel keeps its user state, the usual place first
}

// Request is one request to set the thread's state.
type Request struct {
	At        Instant
	Function  string
	IP, SP    uint64
	Registers []kernel.Register
	Thread    kernel.Thread // the thread's state as the request came
	Copy      *Copy

	// A thread may come back to user mode before the function that takes the request has
	// done so: that is no answer to it.
	Open  bool   `json:",omitempty"` // the function has not returned so far
	Early *Entry `json:",omitempty"` // the thread's newest return meanwhile, nil if there was none

	Problem     string `json:",omitempty"` // why ip and sp are not known, "" if they are
	NoRegisters string `json:",omitempty"` // why the registers are not

	Flags *uint64 `json:",omitempty"` // the processor's, nil if the request has none

	// Empty says that the function's instructions were looked at: it returns at once, and
	// writes nothing. false: it does something, or they are not understood.
	Empty bool `json:",omitempty"`
}

// returned says whether the thread came back to user mode after a moment, before the
// request was taken.
func (q *Request) returned(since Instant) bool { return q.Early != nil && q.Early.At.Seq > since.Seq }

// asks tells the request in a sentence.
func (q *Request) asks() string {
	if q.Problem != "" {
		return fmt.Sprintf("%s asks for a state that is not known: %s", q.Function, q.Problem)
	}
	return fmt.Sprintf("%s asks for ip %#x, sp %#x", q.Function, q.IP, q.SP)
}

// Copy is where the requesting function keeps the state.
type Copy struct {
	Name           string
	IPAddr, SPAddr uint64
	Size           int
	BeforeIP       uint64
	IP, SP         uint64
	Read           bool // ip and sp are those after the function returned
	Problem        string
	Root           uint64 // page tables of the task that keeps it
	Program        string // its program
}

// Write is one change of the saved user state.
type Write struct {
	At    Instant
	Where kernel.Source // name of the place
	Place view.Place    // what wrote
	CPU   int           `json:",omitempty"` // that executed it
	Addr  uint64
	Old   Saved
	Saved
	Restores bool // only puts back what the kernel had put aside
	Second   bool `json:",omitempty"` // its second half was seen, too
	Outside  bool `json:",omitempty"` // the thread was in user mode, on another processor
	Frames   []view.Frame
}

// uncalled says that the write was made by code that no function called, such as
// the kernel's entry: the backtrace ends with it.
func (w *Write) uncalled() bool {
	return len(w.Frames) == 2 && w.Frames[0].Note == "" && w.Frames[1].Note != ""
}

// Entry is the first return to user mode after the request.
type Entry struct {
	At        Instant
	IP, SP    uint64
	Registers []kernel.Register
	Place     view.Place
}

// Request is the last one, nil if there was none.
func (t *Track) Request() *Request {
	if len(t.Requests) == 0 {
		return nil
	}
	return &t.Requests[len(t.Requests)-1]
}

// Changed says whether anything but the kernel's own way through an exception
// changed the saved state since the last request.
func (t *Track) Changed() bool {
	q := t.Request()
	return slices.ContainsFunc(t.Writes, func(w Write) bool {
		return w.At.Seq > q.At.Seq && !w.Restores && w.Saved != Saved{q.Thread.IP, q.Thread.SP}
	})
}

// WatchedCopy is the copy of the last request, nil if it is not watched.
func (t *Track) WatchedCopy() *Copy {
	if q := t.Request(); q != nil && q.Copy != nil && q.Copy.Problem == "" {
		return q.Copy
	}
	return nil
}

// ByID is the evidence about a thread, nil if its state was not requested.
func (ev *Evidence) ByID(thread kernel.ID) *Track {
	i := slices.IndexFunc(ev.Threads, func(t *Track) bool { return t.ID == thread })
	if i < 0 {
		return nil
	}
	return ev.Threads[i]
}
