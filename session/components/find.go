package components

import (
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/view"
)

// Of is the program that a task runs, that of task 0 the kernel.
func (cs *Set) Of(s *view.Snapshot, task kernel.ID) *Component {
	if o := s.System.Object(task); o != nil && o.PD != nil {
		return cs.OfTask(s.System, o)
	}
	return cs.Kernel()
}

// Expr takes "COMPONENT: EXPR" apart; without a component that of the stopped
// processor is meant.
func (cs *Set) Expr(s *view.Snapshot, text string) (*Component, string, error) {
	if c, rest := cs.Named(text); c != nil {
		return c, rest, nil
	}
	if name, _, ok := strings.Cut(text, ": "); ok && !strings.ContainsAny(name, " (") {
		return nil, text, fmt.Errorf("there is no debug info of a component %s: there is of %s", name, strings.Join(cs.Names, ", "))
	}
	c := cs.Here(s.System)
	if c == nil {
		return nil, text, fmt.Errorf("no debug info for what the processor runs: write COMPONENT: EXPRESSION, with a component of %s", strings.Join(cs.Names, ", "))
	}
	return c, text, nil
}

// Named takes "COMPONENT: REST" apart; nil where no component is named.
func (cs *Set) Named(text string) (*Component, string) {
	for _, name := range cs.Names {
		if rest, ok := Cut(text, name); ok {
			return cs.ByName[name], rest
		}
	}
	return nil, text
}

// Cut cuts "NAME: " off, but not "NAME::".
func Cut(text, name string) (string, bool) {
	n := len(name)
	if len(text) <= n+1 || text[:n] != name || text[n] != ':' || text[n+1] == ':' {
		return text, false
	}
	for n++; n < len(text) && text[n] == ' '; n++ {
		continue
	}
	return text[n:], true
}

// Scope evaluates expressions of a component: in the given task if that runs it, else
// at the stopped processor if it runs there, else in the first task that does. It tells
// whose memory that is, 0: what the processor sees.
func (cs *Set) Scope(s *view.Snapshot, c *Component, task kernel.ID) (debuginfo.Scope, kernel.ID, error) {
	here := cs.Here(s.System) == c
	if here && (task == 0 || task == cs.taskHere(s)) {
		return cs.m.Scope(c.File), 0, nil
	}
	if c.kernel {
		space, err := cs.m.KernelSpace()
		return debuginfo.Scope{File: c.File, Mem: space}, 0, err
	}
	tasks := s.System.PDs()
	slices.SortStableFunc(tasks, func(a, b *kernel.Object) int { return number(b.ID == task) - number(a.ID == task) })
	for _, o := range tasks {
		if cs.OfTask(s.System, o) == c {
			if here && o.ID != task {
				return cs.m.Scope(c.File), 0, nil
			}
			return debuginfo.Scope{File: c.File, Mem: cs.m.Asked(o.PD.Root)}, o.ID, nil
		}
	}
	return debuginfo.Scope{}, 0, fmt.Errorf("no task runs %s at this stop", c.Name)
}

// taskHere is the task that the stopped processor runs, 0 if unknown.
func (cs *Set) taskHere(s *view.Snapshot) kernel.ID {
	if o := s.System.PDByRoot(cs.m.CPU().Root); o != nil {
		return o.ID
	}
	return 0
}

// OneFunction says whether a name means one function: an overload that reads a
// state must not be taken for the one that sets it.
func OneFunction(f *debuginfo.File, name string) error {
	fns, err := f.Functions(name)
	if err != nil {
		return err
	}
	var signatures []string
	for _, fn := range fns {
		if !slices.Contains(signatures, fn.Signature) && len(fn.Locations) > 0 {
			signatures = append(signatures, fn.Signature)
		}
	}
	if len(signatures) > 1 {
		return fmt.Errorf("%s means several functions: write one of %s", name, strings.Join(signatures, ", "))
	}
	return nil
}
