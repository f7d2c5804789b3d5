package observe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/scenario"
)

// Platform is what is in force of how requests arrive and what becomes of them: what
// the scenario says, else what of the kernel's platform fits the programs.
type Platform struct {
	requests   []kernel.Request
	beside     []kernel.Request // requests that the scenario does not name, and that fit: whether any come is counted
	operations []kernel.Operation
	Cancel     *kernel.Cancel
	Attached   *kernel.Attached
}

// PlatformOf decides it, of programs by their components' names, nil for none. Where there
// is no scenario, what takes no requests here is no error: the system is looked at.
func PlatformOf(s *scenario.Scenario, p *kernel.Platform, program func(name string) *debuginfo.File) (Platform, error) {
	name := func(component string) string { return cmp.Or(component, s.KernelName()) }
	out := Platform{requests: s.Requests, operations: s.Operations, Cancel: s.Cancel, Attached: s.Attached}
	if out.Cancel == nil && p.Cancel != nil {
		c := *p.Cancel
		c.Component = name(c.Component)
		out.Cancel = &c
	}
	if out.Attached == nil {
		out.Attached = p.Attached
	}
	for _, o := range p.Operations {
		o.Component = name(o.Component)
		if len(s.Operations) == 0 && fits(program(o.Component), o.Function, kernel.Member{}) {
			out.operations = append(out.operations, o)
		}
	}
	var tried, absent []string
	known := map[string]bool{}
	for _, r := range s.Requests {
		known[r.Function] = true
	}
	for _, r := range p.Requests {
		r.Component = name(r.Component)
		if known[r.Function] {
			continue
		}
		tried = append(tried, r.Function+" of "+r.Component)
		if program(r.Component) == nil && !slices.Contains(absent, r.Component) {
			absent = append(absent, r.Component)
		}
		if fits(program(r.Component), r.Function, r.Has) {
			known[r.Function] = true
			if len(s.Requests) > 0 {
				out.beside = append(out.beside, r)
			} else {
				out.requests = append(out.requests, r)
			}
		}
	}
	switch {
	case len(known) > 0 || len(tried) == 0 || len(s.Phases) == 0:
	case len(absent) > 0:
		return out, fmt.Errorf("no request for a thread's state would be seen: %[1]s takes them, and its debug info is not there; give --build DIRECTORY or --symbols %[1]s=FILE", strings.Join(absent, ", "))
	default:
		return out, fmt.Errorf("nothing is known that takes requests for a thread's state here (looked for %s): name it in the scenario, under requests", strings.Join(tried, ", "))
	}
	return out, nil
}

// fits says whether a program, which may be nil, has a function, and a member of a type.
func fits(f *debuginfo.File, function string, has kernel.Member) bool {
	if f == nil {
		return false
	}
	if fns, err := f.Functions(function); err != nil || len(fns) == 0 {
		return false
	}
	if has.Type == "" {
		return true
	}
	t, err := f.Type(has.Type)
	if err == nil {
		_, err = t.FieldPath(has.Path)
	}
	return err == nil
}
