package session

import (
	"fmt"
	"strings"

	"thaw/debuginfo"
	"thaw/session/components"
	"thaw/session/scenario"
	"thaw/session/view"
)

// maxFunctions bounds a list of functions.
const maxFunctions = 1000

// askFunctions lists the functions that match a pattern, in which * stands for anything;
// a pattern without one is meant to stand in the name somewhere.
func (a *asker) askFunctions(_ *view.Snapshot, p *view.Peek) error {
	c, pattern := a.programs.Named(p.Query.Expr)
	pattern = strings.TrimSpace(pattern)
	if !strings.Contains(pattern, "*") {
		pattern = "*" + pattern + "*"
	}
	p.Title = "functions " + pattern
	names := a.programs.Names
	if c != nil {
		names, p.Title = []string{c.Name}, c.Name+": "+p.Title
	}
	for _, name := range names {
		if err := a.functionsOf(a.programs.ByName[name], pattern, p); err != nil {
			return err
		}
	}
	if len(p.Functions) == 0 {
		return fmt.Errorf("no function matches %s: * stands for anything, and COMPONENT: goes before", pattern)
	}
	return nil
}

func (a *asker) functionsOf(c *components.Component, pattern string, p *view.Peek) error {
	all, err := c.File.FunctionNames()
	if err != nil {
		return err
	}
	for _, n := range all {
		if !scenario.Matches(strings.ToLower(pattern), strings.ToLower(n)) {
			continue
		}
		if len(p.Functions) == maxFunctions {
			return fmt.Errorf("more than %d functions match %s: write more of the name", maxFunctions, pattern)
		}
		f := view.PeekFunction{Component: c.Name, Name: n}
		fns, err := c.File.Functions(n)
		if err != nil {
			return err
		}
		for _, fn := range fns {
			for _, l := range fn.Locations {
				if l.Kind == debuginfo.Inlined {
					f.Inlined++
				}
				if f.Place.Addr == 0 {
					f.Place = c.Place(l.Addr)
				}
			}
		}
		p.Functions = append(p.Functions, f)
	}
	return nil
}

// called lists what a function of a component calls, in order.
func (a *asker) called(component string) func(function string) []string {
	return func(function string) []string {
		f := a.programs.File(component)
		if f == nil {
			return nil
		}
		calls, err := f.Calls(function)
		if err != nil {
			return nil // the order is a nicety
		}
		var out []string
		for _, c := range calls {
			out = append(out, c.Function)
		}
		return out
	}
}

// phaseIn says whether a function begins a phase of the session.
func (ps *parts) phaseIn(component, function string) bool {
	found := false
	scenario.EachPhase(ps.scn.Phases, 0, func(p *scenario.PhaseSpec, _ int) {
		found = found || p.Component == component && p.Function == function
	})
	return found
}

// draftView is what front ends see of a draft.
func draftView(d *scenario.Draft, name string) *view.Draft {
	out := &view.Draft{In: map[string]bool{}, Changed: d.Changed, Name: name}
	scenario.EachPhase(d.Phases(), 0, func(p *scenario.PhaseSpec, depth int) {
		out.Phases = append(out.Phases, view.Phase{Name: p.Name, Function: p.Place(), Depth: depth})
		if p.Function != "" {
			out.In[view.PhaseKey(p.Component, p.Function)] = true
		}
	})
	if text, err := d.Text(); err != nil {
		out.Problem = err.Error()
	} else {
		out.Lines = strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	}
	return out
}

// fileName is a file's name for a scenario.
func fileName(name string) string {
	keep := strings.Map(func(r rune) rune {
		if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
			return r
		}
		return '-'
	}, name)
	return strings.Trim(keep[:min(len(keep), 60)], "-.") + ".yaml"
}
