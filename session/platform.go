package session

import (
	"fmt"
	"strings"

	"thaw/kernel"
)

// platform is what is in force of how requests arrive and what becomes of them: what
// the scenario says, else what of the kernel's platform fits the programs.
type platform struct {
	requests   []kernel.Request
	operations []kernel.Operation
	cancel     *kernel.Cancel
	attached   *kernel.Attached
}

// findPlatform decides it. Where there is no scenario, what takes no requests here is
// no error: the system is looked at.
func (e *Engine) findPlatform() error {
	s, p := e.scn, e.dec.Platform()
	e.plat = platform{s.Requests, s.Operations, s.Cancel, s.Attached}
	if e.plat.cancel == nil && p.Cancel != nil {
		c := *p.Cancel
		c.Component = e.nameOf(c.Component)
		e.plat.cancel = &c
	}
	if e.plat.attached == nil {
		e.plat.attached = p.Attached
	}
	for _, o := range p.Operations {
		o.Component = e.nameOf(o.Component)
		if len(s.Operations) == 0 && e.fits(o.Component, o.Function, kernel.Member{}) {
			e.plat.operations = append(e.plat.operations, o)
		}
	}
	if len(s.Requests) > 0 {
		return nil
	}
	var tried []string
	known := map[string]bool{}
	for _, r := range p.Requests {
		r.Component = e.nameOf(r.Component)
		if e.comps[r.Component] == nil || known[r.Function] {
			continue
		}
		tried = append(tried, r.Function+" of "+r.Component)
		if e.fits(r.Component, r.Function, r.Has) {
			e.plat.requests = append(e.plat.requests, r)
			known[r.Function] = true
		}
	}
	if len(tried) > 0 && len(known) == 0 && len(s.Phases) > 0 {
		return fmt.Errorf("nothing is known that takes requests for a thread's state here (looked for %s): name it in the scenario, under requests", strings.Join(tried, ", "))
	}
	return nil
}

// nameOf is the name of a platform's component: "" is the kernel's.
func (e *Engine) nameOf(component string) string {
	if component == "" {
		return e.scn.KernelName()
	}
	return component
}

// fits says whether a component has a function, and a member of a type.
func (e *Engine) fits(component, function string, has kernel.Member) bool {
	c := e.comps[component]
	if c == nil {
		return false
	}
	if fns, err := c.file.Functions(function); err != nil || len(fns) == 0 {
		return false
	}
	if has.Type == "" {
		return true
	}
	t, err := c.file.Type(has.Type)
	if err == nil {
		_, err = t.FieldPath(has.Path)
	}
	return err == nil
}
