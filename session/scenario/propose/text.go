package propose

import (
	"fmt"
	"strings"

	"thaw/session/scenario"
)

// Text is the proposal as a scenario file.
func (p *Proposal) Text() []byte {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w("# Made by thaw from debug info. It is yours now: change it as you like, and hold it\n# against your programs with `thaw scenario check`.")
	w("name: %s", scenario.Quote(p.Name))
	w("title: %s", scenario.Quote(p.Restorer+" restores "+p.Child))
	w("\n# Programs, by files of the build directory.\ncomponents:")
	for _, c := range p.Components {
		kernel := ""
		if c.Kernel {
			kernel = "kernel: true, "
		}
		w("  %s: {%sfiles: [%s]}", scenario.Quote(c.Name), kernel, scenario.Quote(c.File))
	}
	w("\n# The component that is checkpointed: its first task is the original, the next the\n# restored one.\nchild: %s", scenario.Quote(p.Child))
	w("\n# Each begins where its function is entered.")
	if p.Seen != "" {
		w("# %s", p.Seen)
	} else {
		w("# `once`: each phase inside stops the guest the first time only, since only a run tells\n# which ones a loop calls. `thaw scenario new --from-run` makes a scenario of a run.")
	}
	w("phases:")
	hits := map[string]int{}
	p.each(func(q *Phase) { hits[q.Function] = q.Hits })
	phases := specs(p.Phases, p.Restorer)
	for i := range phases {
		phases[i].Once = p.Seen == "" && len(phases[i].Phases) > 0
	}
	for _, l := range scenario.PhaseLines(phases, func(q *scenario.PhaseSpec) string {
		if n := hits[q.Function]; n > 1 {
			return fmt.Sprintf("%d times", n)
		}
		return ""
	}) {
		w("%s", l)
	}
	p.points(w)
	w("\n# What a right restore looks like stands under `expect`, once you know it. Or hold a run\n# against one that worked: `thaw check --expect-from RECORDING`.")
	for _, m := range p.Missing {
		w("\n# Missing: %s.", m)
	}
	return []byte(b.String())
}

// specs are phases as a scenario has them.
func specs(list []*Phase, component string) []scenario.PhaseSpec {
	var out []scenario.PhaseSpec
	for _, ph := range list {
		out = append(out, scenario.PhaseSpec{Name: ph.Name, Component: component, Function: ph.Function, Phases: specs(ph.Phases, component)})
	}
	return out
}

// points writes the places beside the phases.
func (p *Proposal) points(w func(string, ...any)) {
	if s := p.Stored; s != nil {
		w("\n# Where the checkpointed states are as the restore begins: containers in each other, and\n# members of what the last one holds.\nstored:")
		w("  component: %s\n  function: %s", scenario.Quote(s.Component), scenario.Quote(s.Function))
		var lists []string
		for _, l := range s.Lists {
			lists = append(lists, scenario.Quote(l))
		}
		w("  lists: [%s]", strings.Join(lists, ", "))
		for _, k := range [][2]string{{"class", s.Class}, {"name", s.Name}, {"ip", s.IP}, {"sp", s.SP}, {"registers", s.Registers}} {
			if k[1] != "" {
				w("  %s: %s", k[0], scenario.Quote(k[1]))
			}
		}
	}
	if m := p.Memory; m != nil {
		w("\n# Where the child's memory is as the checkpoint takes it.\nmemory: {component: %s, function: %s}", scenario.Quote(m.Component), scenario.Quote(m.Function))
	}
	w("\n# After this the restored threads may run.\ncomplete: {component: %s, function: %s, at: %s}", scenario.Quote(p.Complete.Component), scenario.Quote(p.Complete.Function), p.Complete.At)
}
