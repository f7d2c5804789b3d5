package propose

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// Text is the proposal as a scenario file.
func (p *Proposal) Text() []byte {
	var b strings.Builder
	w := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	w("# Made by thaw from debug info. It is yours now: change it as you like, and hold it\n# against your programs with `thaw scenario check`.")
	w("name: %s", quote(p.Name))
	w("title: %s", quote(p.Restorer+" restores "+p.Child))
	w("\n# Programs, by files of the build directory.\ncomponents:")
	for _, c := range p.Components {
		kernel := ""
		if c.Kernel {
			kernel = "kernel: true, "
		}
		w("  %s: {%sfiles: [%s]}", quote(c.Name), kernel, quote(c.File))
	}
	w("\n# The component that is checkpointed: its first task is the original, the next the\n# restored one.\nchild: %s", quote(p.Child))
	w("\n# Each begins where its function is entered.")
	if p.Seen != "" {
		w("# %s", p.Seen)
	}
	w("phases:")
	for _, ph := range p.Phases {
		p.phase(w, ph, "  ", true)
	}
	p.points(w)
	w("\n# What a right restore looks like stands under `expect`, once you know it. Or hold a run\n# against one that worked: `thaw check --expect-from RECORDING`.")
	for _, m := range p.Missing {
		w("\n# Missing: %s.", m)
	}
	return []byte(b.String())
}

// phase writes one, and those in it.
func (p *Proposal) phase(w func(string, ...any), ph *Phase, indent string, outermost bool) {
	hits := ""
	if ph.Hits > 1 {
		hits = fmt.Sprintf(" # %d times", ph.Hits)
	}
	if len(ph.Phases) == 0 && !outermost {
		w("%s- {name: %s, function: %s}%s", indent, quote(ph.Name), quote(ph.Function), hits)
		return
	}
	w("%s- name: %s", indent, quote(ph.Name))
	if outermost {
		w("%s  component: %s", indent, quote(p.Restorer))
	}
	w("%s  function: %s%s", indent, quote(ph.Function), hits)
	if len(ph.Phases) > 0 {
		w("%s  phases:", indent)
		for _, q := range ph.Phases {
			p.phase(w, q, indent+"    ", false)
		}
	}
}

// points writes the places beside the phases.
func (p *Proposal) points(w func(string, ...any)) {
	if s := p.Stored; s != nil {
		w("\n# Where the checkpointed states are as the restore begins: containers in each other, and\n# members of what the last one holds.\nstored:")
		w("  component: %s\n  function: %s", quote(s.Component), quote(s.Function))
		var lists []string
		for _, l := range s.Lists {
			lists = append(lists, quote(l))
		}
		w("  lists: [%s]", strings.Join(lists, ", "))
		for _, k := range [][2]string{{"class", s.Class}, {"name", s.Name}, {"ip", s.IP}, {"sp", s.SP}, {"registers", s.Registers}} {
			if k[1] != "" {
				w("  %s: %s", k[0], quote(k[1]))
			}
		}
	}
	if m := p.Memory; m != nil {
		w("\n# Where the child's memory is as the checkpoint takes it.\nmemory: {component: %s, function: %s}", quote(m.Component), quote(m.Function))
	}
	w("\n# After this the restored threads may run.\ncomplete: {component: %s, function: %s, at: %s}", quote(p.Complete.Component), quote(p.Complete.Function), p.Complete.At)
}

// quote writes a text as YAML takes it, in one line.
func quote(s string) string {
	out, err := yaml.MarshalWithOptions(s, yaml.Flow(true))
	if err != nil || strings.ContainsAny(s, "\n,[]{}#") || s == "" {
		return fmt.Sprintf("%q", s)
	}
	return strings.TrimSpace(string(out))
}
