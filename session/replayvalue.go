package session

import (
	"cmp"
	"errors"
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/view"
)

var errOnlyUsed = errors.New("a recording holds just the debug info that was used: kernel objects (v), names around its stops, global variables and the classes that these lead to; others need a live session")

// asked is an expression of a component, and what evaluates it: as in a live session, in the
// given task if that runs the component, else at the stopped processor if it runs there, else
// in the first task that does.
type asked struct {
	component, expr string
	task            kernel.ID // whose memory that is, 0: what the processor sees
	scope           debuginfo.Scope
}

func (e *asked) value() (debuginfo.Value, error) { return e.scope.Eval(e.expr) }

// asked takes "COMPONENT: EXPR" apart. Without a component that of the stopped processor is
// meant, and the kernel where nothing is known of that.
func (r *Replay) asked(s *view.Snapshot, text string, task kernel.ID) (*asked, error) {
	rec, err := r.record(s.Number)
	if err != nil {
		return nil, err
	}
	e := &asked{task: task}
	kernelName := r.rec.Scenario().KernelName()
	if e.component, e.expr = r.named(text); e.component == "" {
		if e.component = kernelName; rec.Scope != nil {
			e.component = s.PC.Component
		}
	}
	program := r.rec.Program(e.component)
	if program == nil {
		return nil, errOnlyUsed
	}
	var at *debuginfo.Place
	var regs debuginfo.Registers
	switch {
	case s.PC.Component == e.component && (task == 0 || task == r.taskHere(s)):
		e.task, at, regs = 0, rec.Scope, registerList(rec.CPUs[rec.CPU].Registers)
	case e.component != kernelName && (task == 0 || s.Tasks[task] != e.component):
		if e.task = taskOf(s, e.component); e.task == 0 {
			return nil, fmt.Errorf("no task runs %s at this stop", e.component)
		}
	}
	space, err := r.spaceOf(s, e.task)
	e.scope = program.Scope(at, space, regs)
	return e, err
}

// taskHere is the task that the stopped processor runs, 0 if unknown.
func (r *Replay) taskHere(s *view.Snapshot) kernel.ID {
	if space, err := r.spaceOf(s, 0); err == nil {
		if o := s.System.PDByRoot(space.Root()); o != nil {
			return o.ID
		}
	}
	return 0
}

// taskOf is the first task that runs a component, 0 if there is none.
func taskOf(s *view.Snapshot, component string) kernel.ID {
	for _, o := range s.System.PDs() {
		if s.Tasks[o.ID] == component {
			return o.ID
		}
	}
	return 0
}

// askValue shows a kernel object, or what an expression means, member by member.
func (r *Replay) askValue(s *view.Snapshot, p *view.Peek) error {
	text, title := p.Query.Expr, ""
	if p.Query.Kind == view.QueryObject {
		o := s.System.Object(p.Query.Object)
		if o == nil {
			return fmt.Errorf("object %s is not there at this stop", p.Query.Object)
		}
		text = fmt.Sprintf("%s: *(%s*)%#x", r.rec.Scenario().KernelName(), o.Class, o.Addr)
		title = fmt.Sprintf("%s %s, a %s at %x", o.Kind, o.ID, o.Class, o.Addr)
	}
	p.Title = cmp.Or(title, text)
	e, err := r.asked(s, text, p.Query.Task)
	if err != nil {
		return err
	}
	p.Title = cmp.Or(title, e.component+": "+e.expr)
	v, err := e.value()
	if err != nil {
		return err
	}
	place := func(a uint64) view.Place { return r.place(e.component, a) }
	in := &inspection{eval: func(expr string) error { _, err := e.scope.Eval(expr); return err }, component: e.component, task: e.task,
		means: pointee(s.System, place), names: map[string]bool{}}
	in.add(v, "", e.expr, 0)
	p.Members = in.members
	return nil
}

// named takes a component's name from the beginning of an expression.
func (r *Replay) named(text string) (component, expr string) {
	for _, name := range r.rec.Components() {
		if rest, ok := components.Cut(text, name); ok {
			return name, rest
		}
	}
	return "", text
}

// spaceOf is the address space of a task, or what the stopped processor sees, as it was
// recorded.
func (r *Replay) spaceOf(s *view.Snapshot, task kernel.ID) (*memory.Space, error) {
	m, err := r.Machine(s.Number)
	if err != nil {
		return nil, err
	}
	rec, err := r.record(s.Number)
	if err != nil {
		return nil, err
	}
	root, err := taskRoot(s, m.CPUs[rec.CPU].Root, task)
	if err != nil {
		return nil, err
	}
	return memory.NewSpace(m.Phys, m.Paging, root), nil
}
