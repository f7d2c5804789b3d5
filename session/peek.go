package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/guestlog"
	"thaw/session/view"
	"thaw/words"
)

// peekBytes is how much of memory a peek shows, and peekRow how much a row.
const (
	peekBytes = 1024
	peekRow   = 16
)

// pointer is what a word of memory may point to.
type pointer func(word uint64) string

// peekMemory reads memory in an address space. Pages that are not there leave
// rows without data.
func peekMemory(space *memory.Space, q view.Query, ptr int, means pointer) []view.PeekRow {
	var rows []view.PeekRow
	addr := q.Addr &^ (uint64(ptr) - 1)
	for off := uint64(0); off < peekBytes && addr+off+peekRow > addr; off += peekRow {
		row := view.PeekRow{Addr: addr + off}
		data := make([]byte, peekRow)
		known, err := memory.ReadKnown(space, row.Addr, data)
		if err != nil {
			row.Why = whyUnread(err)
			rows = append(rows, row)
			continue
		}
		row.Data, row.Known = data, known
		for at := 0; at+ptr <= peekRow; at += ptr {
			if known != nil && slices.Contains(known[at:at+ptr], false) {
				row.Words = append(row.Words, view.Query{})
				continue
			}
			word := memory.LittleEndian(data[at : at+ptr])
			row.Words = append(row.Words, view.Query{Kind: view.QueryMemory, Task: q.Task, Addr: word})
			if m := means(word); m != "" {
				row.Means = append(row.Means, m)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// whyUnread says in few words why memory cannot be read.
func whyUnread(err error) string {
	var fault *memory.Fault
	switch {
	case errors.Is(err, memory.ErrNotRecorded):
		return "not recorded"
	case errors.As(err, &fault):
		return "not mapped"
	}
	return "cannot be read"
}

// pointee tells what a word points to: a kernel object, or a function of the
// program.
func pointee(sys *kernel.System, place func(addr uint64) view.Place) pointer {
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
func taskRoot(s *view.Snapshot, here uint64, task kernel.ID) (uint64, error) {
	if task == 0 {
		return here, nil
	}
	o := s.System.Object(task)
	if o == nil || o.PD == nil || o.PD.Root == 0 {
		return 0, fmt.Errorf("task %s has no page tables at this stop", task)
	}
	return o.PD.Root, nil
}

func peekTitle(s *view.Snapshot, addr uint64, task kernel.ID) string {
	if task == 0 {
		return fmt.Sprintf("memory at %x", addr)
	}
	return fmt.Sprintf("memory at %x of %s, task %s", addr, s.TaskName(task), task)
}

// asker answers questions about the guest as it stands.
type asker struct {
	*parts
	sources []string // directories with source files
	watched []string // expressions that are evaluated at every stop
}

// Ask answers a query at the current stop.
func (e *Engine) Ask(q view.Query) *view.Peek {
	if q.Kind == view.QueryFunctions { // of the programs, not of a stop
		return e.asker.ask(&view.Snapshot{}, q)
	}
	last := e.history.newest()
	if last == nil {
		return &view.Peek{Query: q, Title: q.Kind, Err: "the guest has not stopped so far"}
	}
	return e.asker.ask(last.snap, q)
}

// ask answers a query at a stop, which is the current one.
func (a *asker) ask(s *view.Snapshot, q view.Query) *view.Peek {
	p := &view.Peek{Query: q, Stop: s.Number, Title: q.Kind}
	answer := map[string]func(*view.Snapshot, *view.Peek) error{
		view.QueryMemory: a.askMemory, view.QueryValue: a.askValue, view.QueryObject: a.askObject, view.QueryCode: a.askCode, view.QueryStack: a.askStack,
		view.QueryLog:       a.askLog,
		view.QueryFunctions: a.askFunctions, view.QueryRun: a.askRun,
	}[q.Kind]
	if answer == nil {
		p.Err = fmt.Sprintf("nothing is known about %q", q.Kind)
	} else if err := answer(s, p); err != nil {
		p.Err = err.Error()
	}
	a.rec.keepLooks(q.Kind != view.QueryMemory)
	return p
}

// askMemory reads memory of a task, or what the stopped processor sees.
func (a *asker) askMemory(s *view.Snapshot, p *view.Peek) error {
	p.Title = peekTitle(s, p.Query.Addr, p.Query.Task)
	root, err := taskRoot(s, a.m.CPU().Root, p.Query.Task)
	if err != nil {
		return err
	}
	space := a.m.Asked(root)
	p.Rows = peekMemory(space, p.Query, a.m.PtrSize(), pointee(s.System, a.programs.Of(s, p.Query.Task).Place))
	return nil
}

// askLog looks for a text in what is left out of the LOG.
func (a *asker) askLog(_ *view.Snapshot, p *view.Peek) error {
	hits, err := a.log.Find(p.Query.Expr)
	tellHits(p, hits)
	return err
}

// tellHits tells lines of the LOG that hold a text.
func tellHits(p *view.Peek, hits []guestlog.Hit) {
	p.Title = fmt.Sprintf("%q in what is left out of the LOG: %s", p.Query.Expr, words.Count(len(hits), "line"))
	for _, h := range hits {
		p.Text = append(p.Text, fmt.Sprintf("%8d  %s", h.Line, h.Text))
	}
	if len(hits) == 0 {
		p.Text = []string{"No line that is left out holds it."}
	}
}

// evalIn evaluates an expression of a component: at the stopped processor if it runs
// there, else in the first task that does.
func (a *asker) evalIn(s *view.Snapshot, c *components.Component, expr string) (debuginfo.Value, error) {
	scope, _, err := a.programs.Scope(s, c, 0)
	if err != nil {
		return debuginfo.Value{}, err
	}
	v, err := scope.Eval(expr)
	a.rec.keepType(c, v)
	return v, err
}

// watches evaluates the watch expressions at the current stop.
func (a *asker) evalWatches(s *view.Snapshot) []view.Watch {
	var out []view.Watch
	for _, text := range a.watched {
		w := view.Watch{Expr: text}
		c, expr, err := a.programs.Expr(s, text)
		if err == nil {
			w.Component, w.Expr = c.Name, expr
			var v debuginfo.Value
			if v, err = a.evalIn(s, c, expr); err == nil {
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
	if err := e.asker.watch(text); err != nil {
		return err
	}
	if newest := e.history.newest(); newest != nil {
		m := *newest // moments are never changed
		m.Watches = e.asker.evalWatches(m.snap)
		e.history.replaceNewest(&m)
	}
	return nil
}

// watch adds an expression, or takes one away that is there already.
func (a *asker) watch(text string) error {
	switch i := slices.Index(a.watched, text); {
	case i >= 0:
		a.watched = slices.Delete(slices.Clone(a.watched), i, i+1)
	case len(a.watched) < maxWatched:
		a.watched = append(slices.Clone(a.watched), text)
	default:
		return fmt.Errorf("%d watch expressions are the most: take one away first", maxWatched)
	}
	return nil
}
