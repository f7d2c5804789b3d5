package view

import (
	"fmt"
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

// FunctionName is the function without its parameter list.
func (p Place) FunctionName() string {
	s := strings.TrimSuffix(p.Function, " const")
	if !strings.HasSuffix(s, ")") {
		return s
	}
	depth := 0
	for i := len(s) - 1; i > 0; i-- {
		switch s[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				if strings.HasSuffix(s[:i], "operator") {
					return s
				}
				return s[:i]
			}
		}
	}
	return s
}

// Snapshot is everything that was read at one stop of the guest. It is never
// changed after it was published.
type Snapshot struct {
	Number int           // 1 for the first stop of the session
	Time   time.Duration // since the session began
	Reason string        // why the guest stands: "phase _prepare_cpu_sessions", "interrupted", …
	Phase  string        // name of the phase that runs, "" before the first
	System *kernel.System
	Words
	Thread kernel.ID         // thread that the processor runs, 0 if unknown
	CPU    []kernel.Register // its registers, in the order of the target description
}

// Words are what is told of a stop besides its model: a recording keeps them as they are,
// since it need not hold the debug info that they were found by.
type Words struct {
	Tasks  map[kernel.ID]string `json:"tasks,omitempty"`  // component of each task, as far as known
	Places map[kernel.ID]Place  `json:"places,omitempty"` // user ip of each thread in words
	PC     Place                `json:"pc"`               // where the processor stands
	Frames []Frame              `json:"frames,omitempty"` // backtrace at PC
	Cost   Cost                 `json:"cost"`
	By     StopBy               `json:"by,omitempty"`
}

// StopBy is what of the user's own the guest stands for, if it is any: such a stop is
// about the thread that the processor runs.
type StopBy string

const (
	ByBreakpoint StopBy = "breakpoint" // one of the user's
	ByStep       StopBy = "step"
)

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
