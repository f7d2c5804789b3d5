package view

import (
	"cmp"
	"fmt"

	"thaw/kernel"
)

// Queries: what a user can ask to see at a stop.
const (
	QueryMemory = "memory" // bytes at Addr of a Task, 0: what the processor sees
	QueryValue  = "value"  // of Expr, member by member
	QueryObject = "object" // the members of a kernel Object
	QueryCode   = "code"   // source and instructions where a Thread is, or at Addr of a Task
	QueryStack  = "stack"  // backtrace of a Thread
	QueryLog    = "LOG"    // lines left out of the LOG that hold Expr

	QueryOrigin = "origin" // who wrote a Word; asked for in another way, since the guest moves
	QueryRun    = "run"    // the value of Expr at every stop, see package query

	QueryFunctions = "functions" // those whose names match Expr, "COMPONENT: PATTERN" or "PATTERN"
)

// Query asks for one of these; which other fields count stands there. A task of
// a value is the one whose memory is meant, where several run the program.
type Query struct {
	Kind   string
	Task   kernel.ID
	Addr   uint64
	Expr   string
	Thread kernel.ID // 0: what the stopped processor runs
	Object kernel.ID
}

// Peek is the answer to a Query: a piece of memory, a value, code, or a
// backtrace.
type Peek struct {
	Query   Query
	Stop    int
	Title   string
	Rows    []PeekRow    // of memory
	Members []PeekMember // of a value
	Frames  []PeekFrame  // of a backtrace
	Text    []string     // of code, or lines of the LOG

	Functions []PeekFunction // that match a pattern
	Origins   []Origin       // of a word of memory
	Stops     []PeekStops    // at which an expression has a value
	Changes   []PeekChange   // of an expression's value, in a part of a recorded run
	Err       string         // one sentence, if it cannot be shown
}

// PeekRow is a row of memory: up to 16 bytes, and what words in them point to.
type PeekRow struct {
	Addr  uint64
	Data  []byte // nil where nothing can be read
	Known []bool // which bytes of Data were recorded, nil for all
	Why   string // why nothing can be read: "not mapped", "not recorded"
	Means []string
	Words []Query // memory that each word would point to; no Kind: the word is not known
}

// PeekMember is a value inside a value, or the value itself.
type PeekMember struct {
	Depth int    // of nesting, 0 the value itself
	Name  string // "" of the value itself
	Type  string
	Value string // "" of what has members of its own
	Addr  uint64 // 0 where it is in no memory
	Size  int    // bytes there, 0 for many
	Means string // what a pointer points to, if that is known
	Leads Query  // what it points to, or a closer look; no Kind: nothing
}

// PeekFrame is a function of a backtrace.
type PeekFrame struct {
	Frame
	Leads Query // its code; no Kind: nothing
}

// PeekStops are neighbouring stops at which an expression has the same value.
type PeekStops struct {
	From, To int
	Value    string
	Unknown  bool // it has none, and Value says why
}

// PeekFunction is a function of a program.
type PeekFunction struct {
	Component string
	Name      string // qualified
	Place     Place  // where it is entered first
	Inlined   int    // in how many places it was inlined
}

// Draft is the scenario as it will be saved: its phases can be changed.
type Draft struct {
	Phases  []Phase         // of it, without states
	In      map[string]bool // its functions that are phases, by PhaseKey
	Changed bool            // it is not saved
	Name    string          // file to save it in, if no other is given
	Saved   string          // file that it was saved in last, "" none
	Lines   []string        // of its text, nil if Problem says why there is none
	Problem string
}

// PhaseKey is the key of a component's function.
func PhaseKey(component, function string) string { return component + ": " + function }

// Watch is an expression that is evaluated at every stop.
type Watch struct {
	Component string // whose debug info it is about
	Expr      string
	Value     string
	Err       string // why it has no value at this stop
}

// Word is a piece of memory, of which may be asked who wrote it last.
type Word struct {
	Name string    // in words, "" for what it is
	Task kernel.ID // whose address or slot it is, 0: as the stopped processor sees it
	Addr uint64
	Size int // bytes, 0: a pointer's

	Table bool // instead of Addr: Slot of the task's capability table
	Slot  uint64

	Thread   kernel.ID // or a Register of a thread's saved state, by GDB's name, "": where it goes on
	Register string
}

// Words is what the word is.
func (w *Word) Words() string {
	of := ""
	if w.Task != 0 {
		of = " of task " + w.Task.String()
	}
	switch {
	case w.Name != "":
		return w.Name
	case w.Table:
		return fmt.Sprintf("slot %x%s", w.Slot, of)
	case w.Thread != 0:
		return fmt.Sprintf("the saved %s of thread %s", cmp.Or(w.Register, "state"), w.Thread)
	}
	return fmt.Sprintf("the word at %x%s", w.Addr, of)
}
