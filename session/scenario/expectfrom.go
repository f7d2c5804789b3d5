package scenario

import (
	"fmt"
	"slices"
	"strings"

	"thaw/session/view"
	"thaw/words"
)

// maxRows bounds how many rows of one kind are told.
const maxRows = 20

// Differences holds what came of a restore against another run of it, as it is to be: the
// threads' verdicts, the phases, the capabilities, the waits and the memory that differ
// from the checkpoint's. It lists what is not as it was, one sentence each.
func Differences(want, got *view.View) []string {
	tell := behindTold(want.Caps) && behindTold(got.Caps)
	rows := slices.Concat(
		verdictRows(want, got),
		phaseRows(want, got),
		setRows("capabilities", capRows(want.Caps, tell), capRows(got.Caps, tell), want.Caps != nil, got.Caps != nil),
		setRows("waits", rowsOf(waitRows(want)), rowsOf(waitRows(got)), true, true),
		setRows("memory", rowsOf(pageRows(want.Memory)), rowsOf(pageRows(got.Memory)), want.Memory != nil, got.Memory != nil))
	if want.Memory != nil && got.Memory != nil && want.Memory.Uncompared() == "" {
		if why := got.Memory.Uncompared(); why != "" {
			rows = append(rows, "memory was not compared in full: "+why)
		}
	}
	return rows
}

// Summary tells in words what a run shows.
func Summary(v *view.View) string {
	s := Scenario{Expect: map[string]Expectation{DefaultVariant: {Threads: map[string]view.Verdict{}}}}
	for i, t := range v.Verdicts {
		s.Expect[DefaultVariant].Threads[nameOf(v.Verdicts, i)] = t.Verdict
	}
	out := []string{s.Expected(DefaultVariant, 1)}
	if v.Caps != nil {
		out = append(out, v.Caps.Tally()+" capabilities")
	}
	if v.Memory != nil {
		out = append(out, words.Count(len(v.Memory.Pages), "page")+" that differ")
	}
	return strings.Trim(strings.Join(out, "; "), "; ")
}

// nameOf is a thread's name, and its place among those of one name.
func nameOf(all []view.ThreadVerdict, i int) string {
	n := 1
	for _, t := range all[:i] {
		if t.Name == all[i].Name {
			n++
		}
	}
	if n == 1 {
		return all[i].Name
	}
	return fmt.Sprintf("%s (the %d. of that name)", all[i].Name, n)
}

func verdictRows(want, got *view.View) []string {
	var out []string
	now := map[string]view.ThreadVerdict{}
	for i := range got.Verdicts {
		now[nameOf(got.Verdicts, i)] = got.Verdicts[i]
	}
	for i, w := range want.Verdicts {
		name := nameOf(want.Verdicts, i)
		g, there := now[name]
		delete(now, name)
		switch {
		case !there:
			out = append(out, fmt.Sprintf("thread %s: expected %s, but no such thread was seen", name, w.Verdict))
		case g.Verdict != w.Verdict:
			out = append(out, fmt.Sprintf("thread %s: expected %s, found %s", name, w.Verdict, g.Verdict))
		case g.Rule != w.Rule:
			out = append(out, fmt.Sprintf("thread %s: expected %s by %s, found %s by %s", name, w.Verdict, w.Rule, g.Verdict, g.Rule))
		}
	}
	for i, g := range got.Verdicts {
		if _, more := now[nameOf(got.Verdicts, i)]; more {
			out = append(out, fmt.Sprintf("thread %s: expected no such thread, found %s", nameOf(got.Verdicts, i), g.Verdict))
		}
	}
	return out
}

// phaseRows compares which phases came by; those that only one of the scenarios has are
// nobody's fault.
func phaseRows(want, got *view.View) []string {
	var out []string
	for _, w := range want.Phases {
		i := slices.IndexFunc(got.Phases, func(p view.Phase) bool { return p.Function == w.Function })
		if i < 0 {
			continue
		}
		switch g := got.Phases[i]; {
		case w.Hits > 0 && g.Hits == 0:
			out = append(out, fmt.Sprintf("phase %s: expected to come by, and it did not (%s)", w.Name, g.State))
		case w.Hits == 0 && g.Hits > 0:
			out = append(out, fmt.Sprintf("phase %s: expected not to come by, and it did, at stop %d", w.Name, g.Stop))
		}
	}
	return out
}

// row is what a run shows, and how it is told.
type row struct{ is, text string }

// rowsOf are rows that are what they are told as.
func rowsOf(texts []string) []row {
	var out []row
	for _, t := range texts {
		out = append(out, row{t, t})
	}
	return out
}

// behindTold says whether the run told what stands behind gates: an earlier thaw did not.
func behindTold(d *view.CapDiff) bool {
	return d != nil && slices.ContainsFunc(d.Rows(), func(r view.CapRow) bool {
		return r.Before != nil && r.Before.Behind != "" || r.After != nil && r.After.Behind != ""
	})
}

// capRows lists capabilities that differ between original and restored child, without the
// objects' ids, which are another run's. Rows are the same by what a capability is and
// where it leads: which slots a child uses depends on its time. So does what stands in a
// second slot for a while, or in one that was given back: these are left out. behind says that what stands behind a gate is
// a part of what it is.
func capRows(d *view.CapDiff, behind bool) []row {
	if d == nil {
		return nil
	}
	what := func(c *view.SlotCap, to string) string {
		switch {
		case c.Type == view.EmptySlot:
			return "which is empty"
		case to != "":
			return fmt.Sprintf("%s %s → %s", c.Rights, c.Type, to)
		}
		return c.Rights + " " + c.Type
	}
	var out []row
	for _, r := range d.Rows() {
		if r.Word == view.CapCopied || r.Word == view.CapUnused {
			continue
		}
		line := row{r.Word, r.Word}
		for i, c := range []*view.SlotCap{r.Before, r.After} {
			if c == nil {
				continue
			}
			sign := " "
			if i > 0 && r.Before != nil {
				sign = ", restored: "
			}
			is := c.Receiver
			if behind {
				is = c.To()
			}
			line.is += sign + what(c, is)
			line.text += fmt.Sprintf("%s%05x %s", sign, c.Slot, what(c, c.To()))
		}
		out = append(out, line)
	}
	return out
}

func waitRows(v *view.View) []string {
	var out []string
	for _, w := range v.Waits {
		out = append(out, fmt.Sprintf("%s %s, its original %s", w.Name, w.After, w.Before))
	}
	return out
}

func pageRows(d *view.MemoryDiff) []string {
	if d == nil {
		return nil
	}
	var out []string
	for _, p := range d.Pages {
		out = append(out, fmt.Sprintf("page %x %s", p.Virt, p.Region))
	}
	return out
}

// setRows compares two sets of rows, where both are known.
func setRows(what string, want, got []row, wanted, known bool) []string {
	switch {
	case !wanted:
		return nil
	case !known:
		return []string{what + ": expected to be compared, and were not"}
	}
	var out []string
	tell := func(rows, others []row, format string) {
		n := 0
		left := slices.Clone(others)
		for _, r := range rows {
			if i := slices.IndexFunc(left, func(o row) bool { return o.is == r.is }); i >= 0 {
				left = slices.Delete(left, i, i+1)
				continue
			}
			if n++; n <= maxRows {
				out = append(out, fmt.Sprintf(format, what, r.text))
			}
		}
		if n > maxRows {
			out = append(out, fmt.Sprintf(format, what, words.Count(n-maxRows, "row")+" more"))
		}
	}
	tell(got, want, "%s: %s, which was not expected")
	tell(want, got, "%s: expected %s, and it is not so")
	return out
}
