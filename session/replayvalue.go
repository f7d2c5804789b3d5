package session

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"thaw/debuginfo"
	"thaw/debuginfo/syntax"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/view"
)

var errOnlyUsed = errors.New("a recording holds just the debug info that was used: kernel objects (v), *(TYPE*)0xADDRESS of the types that they are made of, and their members can be seen; other expressions need a live session")

// recordedScope evaluates expressions over recorded memory, as far as debug info was taken
// along.
type recordedScope struct {
	program Program
	space   *memory.Space
}

// eval is an expression's value.
func (s *recordedScope) eval(expr string) (v debuginfo.Value, err error) {
	e, err := syntax.Parse(expr, func(name string) bool {
		_, err := s.program.Value(pointed(name), 0, s.space)
		return err == nil
	})
	if err != nil {
		return v, err
	}
	return s.value(e)
}

// pointed is the type that a pointer's type leads to.
func pointed(name string) string { return strings.TrimSpace(strings.TrimSuffix(name, "*")) }

// value is what a part of an expression means.
func (s *recordedScope) value(e *syntax.Node) (v debuginfo.Value, err error) {
	if e.Op == "sizeoftype" {
		return s.program.Value(e.Text, 0, s.space)
	}
	if len(e.Args) == 0 {
		return v, errOnlyUsed
	}
	of := e.Args[0]
	if e.Op == "unary*" && of.Op == "cast" && of.Args[0].Op == "number" && strings.HasSuffix(of.Text, "*") {
		return s.program.Value(pointed(of.Text), of.Args[0].Value, s.space)
	}
	if v, err = s.value(of); err != nil {
		return v, err
	}
	switch {
	case e.Op == "." || e.Op == "->":
		return v.Field(e.Text)
	case e.Op == "unary*":
		return v.Deref()
	case e.Op == "[]" && e.Args[1].Op == "number":
		return v.Index(int64(e.Args[1].Value))
	}
	return v, errOnlyUsed
}

// askValue shows a kernel object, or what an expression means, member by member.
func (r *Replay) askValue(s *view.Snapshot, p *view.Peek) error {
	q := p.Query
	component, expr := r.rec.Scenario().KernelName(), q.Expr
	p.Title = cmp.Or(q.Expr, q.Kind)
	if q.Kind == view.QueryObject {
		o := s.System.Object(q.Object)
		if o == nil {
			return fmt.Errorf("object %s is not there at this stop", q.Object)
		}
		p.Title = fmt.Sprintf("%s %s, a %s at %x", o.Kind, o.ID, o.Class, o.Addr)
		expr = fmt.Sprintf("*(%s*)%#x", o.Class, o.Addr)
	} else if name, rest := r.named(q.Expr); name != "" {
		component, expr = name, rest
	}
	program := r.rec.Program(component)
	if program == nil {
		return errOnlyUsed
	}
	space, err := r.spaceOf(s, q.Task)
	if err != nil {
		return err
	}
	scope := &recordedScope{program, space}
	v, err := scope.eval(expr)
	if err != nil {
		return err
	}
	place := func(a uint64) view.Place { return r.place(component, a) }
	in := &inspection{eval: func(expr string) error { _, err := scope.eval(expr); return err }, component: component, task: q.Task,
		means: pointee(s.System, place), names: map[string]bool{}}
	in.add(v, "", expr, 0)
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
