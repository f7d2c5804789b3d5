package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Quote writes a text as YAML takes it, in one line.
func Quote(s string) string {
	out, err := yaml.MarshalWithOptions(s, yaml.Flow(true))
	if err != nil || strings.ContainsAny(s, "\n,[]{}#") || s == "" {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(out))
}

// PhaseLines writes phases as the lines of a scenario below `phases:`. comment is what
// stands behind a phase, "" nothing.
func PhaseLines(phases []PhaseSpec, comment func(p *PhaseSpec) string) []string {
	var out []string
	var write func(list []PhaseSpec, indent, component string)
	write = func(list []PhaseSpec, indent, component string) {
		for i := range list {
			p := &list[i]
			keys := []string{"name: " + Quote(p.Name)}
			for _, k := range [][2]string{{"component", p.Component}, {"function", p.Function}, {"functions", p.Functions}, {"line", p.Line}, {"address", p.Address}, {"log", p.Log}} {
				if k[1] != "" && (k[0] != "component" || k[1] != component) {
					keys = append(keys, k[0]+": "+Quote(k[1]))
				}
			}
			for _, k := range []struct {
				name string
				set  bool
			}{{"optional", p.Optional}, {"once", p.Once}} {
				if k.set {
					keys = append(keys, k.name+": true")
				}
			}
			more := ""
			if c := comment(p); c != "" {
				more = " # " + c
			}
			if len(p.Phases) == 0 {
				out = append(out, indent+"- {"+strings.Join(keys, ", ")+"}"+more)
				continue
			}
			for n, k := range keys {
				mark := "  "
				if n == 0 {
					mark = "- "
				}
				if n == len(keys)-1 {
					k += more
				}
				out = append(out, indent+mark+k)
			}
			out = append(out, indent+"  phases:")
			write(p.Phases, indent+"    ", p.Component)
		}
	}
	write(phases, "  ", "")
	return out
}

// Draft is a scenario whose phases are being changed. It is never changed itself.
type Draft struct {
	text    []byte
	phases  []PhaseSpec
	Changed bool // it is not what it was made of, or not saved
}

// NewDraft begins with a scenario.
func NewDraft(s *Scenario) (*Draft, error) {
	read, rep, err := Read(s.Text())
	if err != nil || len(rep.Problems()) > 0 || len(s.Phases) == 0 {
		return nil, errors.New("there is no scenario to change: begin with --scenario new, or with a file")
	}
	return &Draft{text: s.Text(), phases: read.Phases}, nil
}

// Phases are the draft's.
func (d *Draft) Phases() []PhaseSpec { return d.phases }

// Has says whether a function is a phase by itself.
func (d *Draft) Has(component, function string) bool {
	found := false
	EachPhase(d.phases, 0, func(p *PhaseSpec, _ int) {
		found = found || p.Component == component && p.Function == function
	})
	return found
}

// Toggle takes a function out of the phases, with those inside it put in its place, or
// makes it one: inside the outermost phase of its class, else behind all. calls lists what
// a function calls, in order: there it finds its place among the others.
func (d *Draft) Toggle(component, function string, calls func(function string) []string) *Draft {
	next := &Draft{text: d.text, phases: clonePhases(d.phases), Changed: true}
	if d.Has(component, function) {
		next.phases = without(next.phases, component, function)
		return next
	}
	p := PhaseSpec{Name: shortName(function), Component: component, Function: function}
	for i := range next.phases {
		outer := &next.phases[i]
		if outer.Component == component && outer.Function != "" && classOf(outer.Function) == classOf(function) {
			outer.Phases = insert(outer.Phases, p, calls(outer.Function))
			return next
		}
	}
	next.phases = append(next.phases, p)
	return next
}

// insert puts a phase before the first of those that are called after it.
func insert(list []PhaseSpec, p PhaseSpec, calls []string) []PhaseSpec {
	at := slices.Index(calls, p.Function)
	for i := range list {
		if other := slices.Index(calls, list[i].Function); at >= 0 && other > at {
			return slices.Insert(list, i, p)
		}
	}
	return append(list, p)
}

func clonePhases(in []PhaseSpec) []PhaseSpec {
	out := slices.Clone(in)
	for i := range out {
		out[i].Phases = clonePhases(out[i].Phases)
	}
	return out
}

func without(in []PhaseSpec, component, function string) (out []PhaseSpec) {
	for _, p := range in {
		p.Phases = without(p.Phases, component, function)
		p.Once = p.Once && len(p.Phases) > 0
		if p.Component == component && p.Function == function {
			out = append(out, p.Phases...)
			continue
		}
		out = append(out, p)
	}
	return out
}

// classOf is a function's name without its last part.
func classOf(function string) string {
	base, _, _ := strings.Cut(function, "(")
	if i := strings.LastIndex(base, "::"); i > 0 {
		return base[:i]
	}
	return ""
}

// Text is the scenario as it was, with the draft's phases in it. What was not changed is
// kept as it was written, comments too, but for those between phases.
func (d *Draft) Text() ([]byte, error) {
	if !d.Changed {
		return d.text, nil
	}
	first, last, err := linesOf(d.text, "phases")
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(d.text), "\n")
	// What stands in front of the next key belongs to that.
	for last > first+1 && (strings.TrimSpace(lines[last-1]) == "" || strings.HasPrefix(lines[last-1], "#")) {
		last--
	}
	phases := append([]string{"phases:"}, PhaseLines(d.phases, func(*PhaseSpec) string { return "" })...)
	out := []byte(strings.Join(slices.Concat(lines[:first], phases, lines[last:]), "\n"))
	if _, err := Parse("draft", out); err != nil {
		return nil, fmt.Errorf("with these phases it is no scenario: %w", err)
	}
	return out, nil
}

// Saved is the draft as it was written to a file.
func (d *Draft) Saved() *Draft {
	text, err := d.Text()
	if err != nil {
		return d
	}
	return &Draft{text: text, phases: d.phases}
}

// linesOf finds the lines of a key at the top of a scenario: from the first, counted from
// 0, up to, not including, the last.
func linesOf(text []byte, key string) (first, last int, err error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("it cannot be read: %w", err)
	}
	var m *ast.MappingNode
	if len(file.Docs) > 0 {
		m, _ = file.Docs[0].Body.(*ast.MappingNode)
	}
	if m == nil || m.IsFlowStyle {
		return 0, 0, errors.New("it is written in one line: give each of its keys a line")
	}
	first, last = -1, bytes.Count(text, []byte("\n"))+1
	for _, v := range m.Values {
		at := place(v.Key.GetToken()).Line - 1
		switch {
		case keyOf(v) == key:
			first = at
		case first >= 0 && at > first:
			return first, at, nil
		}
	}
	if first < 0 {
		return 0, 0, fmt.Errorf("it has no %s", key)
	}
	return first, last, nil
}
