package scenario

import (
	"cmp"
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
	rows := slices.Concat(
		verdictRows(want, got),
		phaseRows(want, got),
		setRows("capabilities", capRows(want.Caps), capRows(got.Caps), want.Caps != nil, got.Caps != nil),
		setRows("waits", waitRows(want), waitRows(got), true, true),
		setRows("memory", pageRows(want.Memory), pageRows(got.Memory), want.Memory != nil, got.Memory != nil))
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

// capRows lists capabilities that differ between original and restored child, without the
// objects' ids, which are another run's.
func capRows(d *view.CapDiff) []string {
	if d == nil {
		return nil
	}
	side := func(c *view.SlotCap) string {
		switch {
		case c == nil:
			return ""
		case c.Type == view.EmptySlot:
			return fmt.Sprintf("%05x, which is empty", c.Slot)
		case c.Receiver != "":
			return fmt.Sprintf("%05x %s %s → %s", c.Slot, c.Rights, c.Type, c.Receiver)
		}
		return fmt.Sprintf("%05x %s %s", c.Slot, c.Rights, c.Type)
	}
	var out []string
	for _, r := range d.Rows() {
		text := r.Word + " " + cmp.Or(side(r.Before), side(r.After))
		if r.Before != nil && r.After != nil {
			text += ", restored: " + side(r.After)
		}
		out = append(out, text)
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
func setRows(what string, want, got []string, wanted, known bool) []string {
	switch {
	case !wanted:
		return nil
	case !known:
		return []string{what + ": expected to be compared, and were not"}
	}
	var out []string
	tell := func(rows, others []string, format string) {
		n := 0
		left := slices.Clone(others)
		for _, r := range rows {
			if i := slices.Index(left, r); i >= 0 {
				left = slices.Delete(left, i, i+1)
				continue
			}
			if n++; n <= maxRows {
				out = append(out, fmt.Sprintf(format, what, r))
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
