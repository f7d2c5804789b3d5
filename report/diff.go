package report

import (
	"fmt"
	"io"
	"strings"

	"thaw/session/view"
)

// Diff prints what Compare found: threads, then capability tables, then object
// counts, then pages of memory. A sign stands in front: "+" is in B only, "-"
// in A only, "~" in both and not the same.
func Diff(w io.Writer, d *Difference) error {
	p := &printer{w: w}
	p.line("A  %s", d.A)
	p.line("B  %s", d.B)
	if !d.SameRun {
		p.line("two runs of the system: tasks are matched by component, threads by task and name")
	}
	for _, problem := range d.Problems {
		p.line("incomplete: %s", problem)
	}
	if d.Equal() {
		p.line("")
		p.line("no differences in %s, %s, %s", count(d.SameThreads, "thread"), count(d.SameTasks, "capability table"), count(d.A.Objects, "object"))
		p.diffPartly(d)
		return p.err
	}
	p.diffThreads(d)
	p.diffTasks(d)
	p.diffKinds(d)
	p.diffPages(d)
	return p.err
}

// String is "stop 24 at 3.900 s: reason".
func (r StopRef) String() string {
	out := fmt.Sprintf("stop %d at %s", r.Number, seconds(r.Time))
	if r.Reason != "" {
		out += ": " + r.Reason
	}
	return out
}

// tallyChanges is "1 appeared, 0 gone, 2 changed, 20 the same".
func tallyChanges(n map[Change]int, same int) string {
	return fmt.Sprintf("%d appeared, %d gone, %d changed, %d the same", n[Appeared], n[Gone], n[Changed], same)
}

func (p *printer) diffThreads(d *Difference) {
	n := map[Change]int{}
	for i := range d.Threads {
		n[d.Threads[i].Change]++
	}
	p.line("")
	p.line("threads: %s", tallyChanges(n, d.SameThreads))
	for i := range d.Threads {
		t := &d.Threads[i]
		switch t.Change {
		case Changed:
			p.line("~ %s", threadTitles(t.A, t.B))
			for _, what := range t.What {
				p.line("    %-6s %s", what, arrow(t.A.value(what), t.B.value(what)))
			}
		case Gone:
			p.line("- %s", t.A)
		case Appeared:
			p.line("+ %s", t.B)
		}
	}
}

// String tells a thread that is on one side only.
func (t *ThreadPoint) String() string {
	return fmt.Sprintf("%s, ip %s, sp %s, %s", t.title(), t.value("ip"), hex(t.SP), t.State)
}

func (t *ThreadPoint) title() string {
	return fmt.Sprintf("%s %s of %s (task %s)", t.ID, t.Name, t.TaskName, t.Task)
}

func threadTitles(a, b *ThreadPoint) string {
	if a.ID == b.ID {
		return a.title()
	}
	return a.title() + " → " + b.title()
}

// value is what a thread has under one of the names in ThreadChange.What.
func (t *ThreadPoint) value(what string) string {
	switch what {
	case "ip":
		if t.Place.Function == "" {
			return hex(t.IP)
		}
		return hex(t.IP) + " " + place(t.Place)
	case "sp":
		return hex(t.SP)
	case "state":
		return t.State
	case "wait":
		if t.WaitFor == "" || t.WaitFor == "-" {
			return map[string]string{"": "none", "-": "for anybody"}[t.WaitFor]
		}
		return "for " + t.Wait + " " + t.WaitFor
	case "task":
		return t.Task.String() + " " + t.TaskName
	}
	return ""
}

func arrow(a, b string) string { return a + " → " + b }

func (p *printer) diffTasks(d *Difference) {
	n := map[Change]int{}
	for i := range d.Tasks {
		n[d.Tasks[i].Change]++
	}
	p.line("")
	p.line("capability tables: %s", tallyChanges(n, d.SameTasks))
	for i := range d.Tasks {
		t := &d.Tasks[i]
		switch t.Change {
		case Gone:
			p.line("- task %s, %s", t.A, capabilities(t.A.Caps))
		case Appeared:
			p.line("+ task %s, %s", t.B, capabilities(t.B.Caps))
		case Changed:
			title := t.A.String()
			if t.A.ID != t.B.ID {
				title = arrow(title, t.B.String())
			}
			p.line("~ task %s: %d missing, %d extra, %d changed, %d the same", title, len(t.Missing), len(t.Extra), len(t.Changed), t.Same)
			p.slotLines("-", t.Missing)
			p.slotLines("+", t.Extra)
			for _, c := range t.Changed {
				p.line("    ~ %s, was %s (%s)", c.After, c.Before, strings.Join(c.What, ", "))
			}
		}
	}
}

func (p *printer) slotLines(sign string, caps []view.SlotCap) {
	for _, c := range caps {
		p.line("    %s %s", sign, c)
	}
}

// String is "1ef sheep_counter".
func (t *TaskPoint) String() string { return strings.TrimSpace(t.ID.String() + " " + t.Name) }

func (p *printer) diffKinds(d *Difference) {
	p.line("")
	p.line("objects: %d → %d", d.A.Objects, d.B.Objects)
	for _, k := range d.Kinds {
		if k.A != k.B {
			p.line("    %-16s %d → %d (%+d)", k.Kind, k.A, k.B, k.B-k.A)
		}
	}
}

func (p *printer) diffPages(d *Difference) {
	defer p.diffPartly(d)
	if len(d.Pages) == 0 {
		return
	}
	p.line("")
	p.line("memory: %s", count(len(d.Pages), "page"))
	for _, g := range d.Pages {
		sign, first := "~", fmt.Sprintf("from byte %#x", g.First)
		switch g.OnlyIn {
		case "A":
			sign, first = "-", "recorded in A only"
		case "B":
			sign, first = "+", "recorded in B only"
		}
		p.line("%s", strings.TrimRight(fmt.Sprintf("%s %#012x %s  %s", sign, g.Phys, first, g.Where), " "))
	}
}

func (p *printer) diffPartly(d *Difference) {
	if d.Partly > 0 {
		p.line("memory of %s was compared in part: the rest was not recorded on both sides", count(d.Partly, "page"))
	}
}
