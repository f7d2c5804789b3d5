package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
)

// Peek is something that the user asked to see at a stop: a piece of memory, or
// the value of an expression.
type Peek struct {
	Stop  int
	Title string
	Rows  []PeekRow // of memory
	Text  []string  // of a value
	Err   string    // one sentence, if it cannot be shown
}

// PeekRow is a row of memory: up to 16 bytes, and what words in them point to.
type PeekRow struct {
	Addr  uint64
	Data  []byte // nil where nothing can be read
	Means []string
}

// Watch is an expression that is evaluated at every stop.
type Watch struct {
	Component string // whose debug info it is about
	Expr      string
	Value     string
	Err       string // why it has no value at this stop
}

// peekBytes is how much of memory a peek shows, and peekRow how much a row.
const (
	peekBytes = 1024
	peekRow   = 16
)

// pointer is what a word of memory may point to.
type pointer func(word uint64) string

// peekMemory reads memory in an address space. Pages that are not there leave
// rows without data.
func peekMemory(space *memory.Space, addr uint64, ptr int, means pointer) []PeekRow {
	var rows []PeekRow
	addr &^= uint64(ptr) - 1
	for off := uint64(0); off < peekBytes && addr+off+peekRow > addr; off += peekRow {
		row := PeekRow{Addr: addr + off}
		data := make([]byte, peekRow)
		if space.ReadMemory(row.Addr, data) == nil {
			row.Data = data
			for at := 0; at+ptr <= peekRow; at += ptr {
				if m := means(memory.LittleEndian(data[at : at+ptr])); m != "" {
					row.Means = append(row.Means, m)
				}
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// pointee tells what a word points to: a kernel object, or a function of the
// program.
func pointee(sys *kernel.System, place func(addr uint64) Place) pointer {
	return func(word uint64) string {
		if word < 4096 {
			return ""
		}
		if o := sys.At(word); o != nil {
			text := fmt.Sprintf("%s %s", o.Title(), o.ID)
			if off := word - o.Addr; off > 0 {
				text += fmt.Sprintf("+%#x", off)
			}
			return text
		}
		if p := place(word); p.Function != "" {
			return p.String()
		}
		return ""
	}
}

// taskRoot is where a task's page tables are; those of a processor for task 0.
func taskRoot(s *Snapshot, m kernel.Machine, cpu int, task kernel.ID) (uint64, error) {
	if task == 0 {
		return m.CPUs[cpu].Root, nil
	}
	o := s.System.Object(task)
	if o == nil || o.Task == nil || o.Task.Root == 0 {
		return 0, fmt.Errorf("task %s has no page tables at this stop", task)
	}
	return o.Task.Root, nil
}

func peekTitle(s *Snapshot, addr uint64, task kernel.ID) string {
	if task == 0 {
		return fmt.Sprintf("memory at %x", addr)
	}
	return fmt.Sprintf("memory at %x of %s, task %s", addr, s.TaskName(task), task)
}

// PeekMemory reads memory of a task (0: what the stopped processor sees) at the
// current stop.
func (e *Engine) PeekMemory(_ context.Context, task kernel.ID, addr uint64) *Peek {
	if e.history.last() == 0 {
		return &Peek{Err: "the guest has not stopped so far"}
	}
	s := e.history.newest().snap
	p := &Peek{Stop: s.Number, Title: peekTitle(s, addr, task)}
	root, err := taskRoot(s, e.m, e.cpu, task)
	if err != nil {
		p.Err = err.Error()
		return p
	}
	program := e.kernelComponent()
	if o := s.System.Object(task); o != nil && o.Task != nil {
		program = e.taskComponent(s.System, o)
	}
	space := memory.NewSpace(memory.NewView(e.target, memory.SharedBlock, nil), e.m.Paging, root)
	p.Rows = peekMemory(space, addr, e.ptrSize(), pointee(s.System, program.place))
	return p
}

// maxPrint bounds how deep a printed value is shown.
const maxPrint = 4

// Print evaluates a C++ expression where the stopped processor is, with the
// debug info of the program that runs there; "COMPONENT: EXPR" takes another
// one's, for its global variables.
func (e *Engine) Print(_ context.Context, text string) *Peek {
	if e.history.last() == 0 {
		return &Peek{Err: "the guest has not stopped so far"}
	}
	s := e.history.newest().snap
	c, expr, err := e.exprOf(s, text)
	p := &Peek{Stop: s.Number, Title: expr}
	if err != nil {
		p.Err = err.Error()
		return p
	}
	p.Title = c.name + ": " + expr
	v, err := e.evalIn(s, c, expr)
	if err != nil {
		p.Err = err.Error()
		return p
	}
	p.Text = []string{"(" + v.Type.String() + ") " + v.Format(maxPrint)}
	return p
}

// exprOf takes "COMPONENT: EXPR" apart; without a component that of the stopped
// processor is meant.
func (e *Engine) exprOf(s *Snapshot, text string) (*component, string, error) {
	for _, name := range e.compNames {
		if rest, ok := cutComponent(text, name); ok {
			return e.comps[name], rest, nil
		}
	}
	c := e.componentHere(s.System)
	if c == nil {
		return nil, text, errors.New("no debug info for what the processor runs: write COMPONENT: EXPRESSION")
	}
	return c, text, nil
}

// cutComponent cuts "NAME: " off, but not "NAME::".
func cutComponent(text, name string) (string, bool) {
	n := len(name)
	if len(text) <= n+1 || text[:n] != name || text[n] != ':' || text[n+1] == ':' {
		return text, false
	}
	for n++; n < len(text) && text[n] == ' '; n++ {
		continue
	}
	return text[n:], true
}

// evalIn evaluates an expression of a component: at the stopped processor if it
// runs there, else in the address space of its first task.
func (e *Engine) evalIn(s *Snapshot, c *component, expr string) (debuginfo.Value, error) {
	if e.componentHere(s.System) == c {
		return e.scope(c).Eval(expr)
	}
	for _, o := range s.System.Tasks() {
		if e.taskComponent(s.System, o) == c {
			view := memory.NewView(e.target, memory.SharedBlock, nil)
			return debuginfo.Scope{File: c.file, Mem: memory.NewSpace(view, e.m.Paging, o.Task.Root)}.Eval(expr)
		}
	}
	if c.kernel {
		space, err := e.dec.KernelSpace(e.m)
		if err != nil {
			return debuginfo.Value{}, err
		}
		return debuginfo.Scope{File: c.file, Mem: space}.Eval(expr)
	}
	return debuginfo.Value{}, fmt.Errorf("no task runs %s at this stop", c.name)
}

// watches evaluates the watch expressions at the current stop.
func (e *Engine) evalWatches(s *Snapshot) []Watch {
	var out []Watch
	for _, text := range e.watched {
		w := Watch{Expr: text}
		c, expr, err := e.exprOf(s, text)
		if err == nil {
			w.Component, w.Expr = c.name, expr
			var v debuginfo.Value
			if v, err = e.evalIn(s, c, expr); err == nil {
				w.Value = v.Format(1)
			}
		}
		if err != nil {
			w.Err = err.Error()
		}
		out = append(out, w)
	}
	return out
}

// maxWatched bounds the watch expressions.
const maxWatched = 32

// Watch adds an expression that is evaluated at every stop, or takes one away
// that is there already. The newest stop shows it at once.
func (e *Engine) Watch(_ context.Context, text string) error {
	if i := slices.Index(e.watched, text); i >= 0 {
		e.watched = slices.Delete(slices.Clone(e.watched), i, i+1)
	} else if len(e.watched) < maxWatched {
		e.watched = append(slices.Clone(e.watched), text)
	} else {
		return fmt.Errorf("%d watch expressions are the most: take one away first", maxWatched)
	}
	if newest := e.history.newest(); newest != nil {
		m := *newest // moments are never changed
		m.watches = e.evalWatches(m.snap)
		e.history.replaceNewest(&m)
	}
	return nil
}
