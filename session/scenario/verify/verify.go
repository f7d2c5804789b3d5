// Package verify holds a scenario against the debug info of the programs that it names:
// whether its functions, members and expressions are there. Nothing runs for that.
//
// It knows scenarios, debug info and Genode's containers. It must not know targets, nor
// what a function does.
package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/observe"
	"thaw/session/scenario"
)

// Against notes all in a scenario that the programs do not have. files are those of its
// components, as far as they are there: what is in others is not looked at. platform is
// the kernel's, nil where it is not known.
func Against(s *scenario.Scenario, rep *scenario.Report, files map[string]*debuginfo.File, platform *kernel.Platform) {
	c := checker{s, rep, files}
	optional := map[string]bool{}
	scenario.EachPhasePath(s.Phases, func(p *scenario.PhaseSpec, path string) { optional[path] = p.Optional })
	s.EachFunction(func(what, path, component, function string) {
		f := files[component]
		if f == nil || function == "" {
			return
		}
		if _, err := places(f, function); err != nil && !optional[path] {
			rep.Add(path+".function", "%s: %v", what, err)
		}
	})
	scenario.EachPhasePath(s.Phases, c.phase)
	c.requests()
	c.operations()
	c.stored()
	c.cancel()
	if platform != nil {
		if _, err := observe.PlatformOf(s, platform, func(name string) *debuginfo.File { return files[name] }); err != nil {
			rep.Add("requests", "%v", err)
		}
	}
}

// checker holds what is checked.
type checker struct {
	s     *scenario.Scenario
	rep   *scenario.Report
	files map[string]*debuginfo.File
}

// places lists where a function is entered; one that has no code is an error.
func places(f *debuginfo.File, function string) ([]debuginfo.Location, error) {
	fns, err := f.Functions(function)
	if err != nil {
		return nil, err
	}
	var all []debuginfo.Location
	for _, fn := range fns {
		all = append(all, fn.Locations...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("function %s has no code in %s: it was optimised away", function, f.Path())
	}
	return all, nil
}

// phase looks for where a phase begins that has no function.
func (c checker) phase(p *scenario.PhaseSpec, path string) {
	f := c.files[p.Component]
	if f == nil || p.Optional {
		return
	}
	switch {
	case p.Functions != "":
		names, err := f.FunctionNames()
		if err == nil && !slices.ContainsFunc(names, func(n string) bool { return scenario.Matches(p.Functions, n) }) {
			_, err = f.Functions(strings.ReplaceAll(p.Functions, "*", ""))
			_, near, _ := strings.Cut(fmt.Sprint(err), "; ")
			err = fmt.Errorf("no function of %s matches %s%s", f.Path(), p.Functions, strings.TrimSuffix("; "+near, "; "))
		}
		if err != nil {
			c.rep.Add(path+".functions", "phase %s: %v", p.Name, err)
		}
	case p.Line != "":
		if file, line, err := scenario.SourceLine(p.Line); err == nil && len(f.AddrsForLine(file, line)) == 0 {
			c.rep.Add(path+".line", "phase %s: no code of %s is at %s%s", p.Name, f.Path(), p.Line, nearLine(f, file, line))
		}
	case p.Address != "":
		if a, err := scenario.FirstAddress(p.Address); err == nil && !f.InText(a) {
			c.rep.Add(path+".address", "phase %s: no code of %s is at %s", p.Name, f.Path(), p.Address)
		}
	}
}

// nearLine tells the next line with code, "" if there is none near.
func nearLine(f *debuginfo.File, file string, line int) string {
	if n := f.NearLine(file, line); n > 0 {
		return fmt.Sprintf("; the next with code is %d", n)
	}
	return "; nor is any near it: is the file's name right?"
}

// expression is one that is evaluated where a function is entered.
type expression struct {
	key    string // in the scenario, below the path of what it belongs to
	text   string
	number bool // it must mean a number
	placed bool // it must stand in memory
}

// at evaluates expressions at all entries of a function.
func (c checker) at(path, component, function string, all []expression) {
	f := c.files[component]
	if f == nil {
		return
	}
	locs, err := places(f, function)
	if err != nil {
		return // told already
	}
	base, _, _ := strings.Cut(function, "(")
	for _, l := range locs {
		scope := debuginfo.Supposed(f, l.Addr, base)
		for _, x := range all {
			if x.text == "" {
				continue
			}
			v, err := scope.Eval(x.text)
			if err == nil && x.number {
				_, err = v.Uint64()
			}
			if err == nil && x.placed && !v.HasAddr {
				err = fmt.Errorf("%s stands in no memory", x.text)
			}
			if err != nil {
				c.rep.Add(path+"."+x.key, "%s: %v", x.key, err)
			}
		}
	}
}

func (c checker) requests() {
	for i, r := range c.s.Requests {
		path := fmt.Sprintf("requests[%d]", i)
		if f := c.files[r.Component]; f != nil && r.Function != "" {
			if err := components.OneFunction(f, r.Function); err != nil {
				c.rep.Add(path+".function", "a request: %v", err)
			}
		}
		all := []expression{{"selector", r.Selector, true, false}, {"object", r.Object, true, false}, {"ip", r.IP, true, false},
			{"sp", r.SP, true, false}, {"registers", r.Registers, false, false}, {"region_map", r.RegionMap, true, false}}
		if r.Copy != nil {
			all = append(all, expression{"copy.ip", r.Copy.IP, true, true}, expression{"copy.sp", r.Copy.SP, true, true})
		}
		c.need(path, "a request", map[string]string{"ip": r.IP, "sp": r.SP, "selector": cmp.Or(r.Selector, r.Object)})
		c.at(path, r.Component, r.Function, all)
	}
}

// need notes what is missing of what must be given.
func (c checker) need(path, what string, given map[string]string) {
	for key, text := range given {
		if text == "" {
			c.rep.Add(path+"."+key, "%s says no %s", what, key)
		}
	}
}

func (c checker) operations() {
	for i, o := range c.s.Operations {
		c.at(fmt.Sprintf("operations[%d]", i), o.Component, o.Function, []expression{{"object", o.Object, true, false},
			{"ip", o.IP, true, false}, {"sp", o.SP, true, false}, {"flags", o.Flags, true, false},
			{"cancel", o.Cancel, true, false}, {"trigger", o.Trigger, true, false}})
	}
}

func (c checker) cancel() {
	k := c.s.Cancel
	if k == nil || c.files[k.Component] == nil {
		return
	}
	f := c.files[k.Component]
	t, err := f.Type(k.Thread)
	if err != nil {
		c.rep.Add("cancel.thread", "cancel: %v", err)
	} else if _, err := t.FieldPath(k.State); err != nil {
		c.rep.Add("cancel.state", "cancel: %v", err)
	}
	if _, err := f.Enumerator(k.Flag); err != nil {
		c.rep.Add("cancel.flag", "cancel: %v", err)
	}
}

// registersOf lists the names that registers of a program's processor have, nil where the
// processor is not known.
func registersOf(f *debuginfo.File) []string {
	a, err := arch.Of(f.Machine())
	if err != nil {
		return nil
	}
	return a.General
}

// stored holds the way to the stored states against the types.
func (c checker) stored() {
	s := c.s.Stored
	if s == nil {
		return
	}
	if len(s.Lists) == 0 {
		c.rep.Add("stored.lists", "stored names no lists: where are the states?")
	}
	c.need("stored", "stored", map[string]string{"name": s.Name, "ip": s.IP, "sp": s.SP})
	f := c.files[s.Component]
	if f == nil || len(s.Lists) == 0 {
		return
	}
	locs, err := places(f, s.Function)
	if err != nil {
		return // told already
	}
	base, _, _ := strings.Cut(s.Function, "(")
	for _, l := range locs {
		for _, w := range Stored(s, debuginfo.Supposed(f, l.Addr, base)) {
			c.rep.Add("stored."+w.Key, "%s: %v", w.Key, w.Err)
		}
	}
}
