package scenario

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"thaw/session/view"
)

// DefaultVariant is the expectation of a scenario that names no lab variant.
const DefaultVariant = "default"

// Failures holds a result against the scenario's expectations for a variant;
// it lists what is not as expected, one sentence each. A scenario without any
// expects nothing.
func (s *Scenario) Failures(variant string, v *view.View) []string {
	if len(s.Expect) == 0 {
		return nil
	}
	x, ok := s.Expect[variant]
	if !ok {
		return []string{fmt.Sprintf("scenario %s has no expectations for %q", s.Name, variant)}
	}
	x = x.of(v.Restore)
	var out []string
	names := make([]string, 0, len(x.Threads))
	for n := range x.Threads {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		i := slices.IndexFunc(v.Verdicts, func(t view.ThreadVerdict) bool { return t.Name == n })
		switch {
		case i < 0:
			out = append(out, fmt.Sprintf("thread %s: expected %s, but no such thread was seen", n, x.Threads[n]))
		case v.Verdicts[i].Verdict != x.Threads[n]:
			out = append(out, fmt.Sprintf("thread %s: expected %s, found %s", n, x.Threads[n], v.Verdicts[i].Verdict))
		}
	}
	out = append(out, x.capFailures(v.Caps)...)
	if x.Waits != nil && len(v.Waits) != *x.Waits {
		out = append(out, fmt.Sprintf("%d threads wait for something else than before, expected %d", len(v.Waits), *x.Waits))
	}
	switch {
	case x.Pages == nil:
	case v.Memory == nil:
		out = append(out, "memory was not compared")
	case len(v.Memory.Pages) != *x.Pages:
		out = append(out, fmt.Sprintf("%d pages of memory differ, expected %d", len(v.Memory.Pages), *x.Pages))
	}
	if x.Pages != nil && v.Memory != nil {
		if why := v.Memory.Uncompared(); why != "" {
			out = append(out, "memory was not compared in full: "+why)
		}
	}
	return out
}

func (x Expectation) capFailures(d *view.CapDiff) []string {
	if x.Missing == nil && x.Changed == nil && x.Moved == nil && x.Extra == nil && x.Capabilities == "" {
		return nil
	}
	if d == nil {
		return []string{"capabilities were not compared"}
	}
	var out []string
	for _, c := range []struct {
		what string
		want *int
		got  int
	}{{"missing", x.Missing, len(d.Missing)}, {"extra", x.Extra, len(d.Extra)}, {"moved", x.Moved, len(d.Moved)}, {"changed", x.Changed, d.Replaced()}} {
		if c.want != nil && *c.want != c.got {
			out = append(out, fmt.Sprintf("%d capabilities are %s, expected %d", c.got, c.what, *c.want))
		}
	}
	if n := d.Differ(); x.Capabilities == "same" && n > 0 {
		out = append(out, fmt.Sprintf("%d capabilities differ, expected none", n))
	}
	return out
}

// of is what is expected of a restore, counted from 1.
func (x Expectation) of(restore int) Expectation {
	if n := restore - 2; n >= 0 && n < len(x.Again) {
		return x.Again[n]
	}
	return x
}

// Expected tells in words what the scenario expects of a variant and a restore, "" nothing.
func (s *Scenario) Expected(variant string, restore int) string {
	x, ok := s.Expect[variant]
	if !ok {
		return ""
	}
	x = x.of(restore)
	byVerdict := map[view.Verdict][]string{}
	for name, v := range x.Threads {
		byVerdict[v] = append(byVerdict[v], name)
	}
	var out []string
	for v, names := range byVerdict {
		sort.Strings(names)
		out = append(out, strings.Join(names, " and ")+" "+string(v))
	}
	sort.Strings(out)
	for _, n := range []struct {
		want *int
		what string
	}{{x.Missing, "missing capabilities"}, {x.Extra, "extra capabilities"}, {x.Moved, "moved capabilities"}, {x.Changed, "changed capabilities"}, {x.Pages, "pages that differ"}, {x.Waits, "threads that wait for something else"}} {
		if n.want != nil {
			out = append(out, fmt.Sprintf("%s: %d", n.what, *n.want))
		}
	}
	if x.Capabilities == "same" {
		out = append(out, "no capability that differs")
	}
	return strings.Join(out, "; ")
}

// Variants lists the names of the expectations.
func (s *Scenario) Variants() []string {
	names := make([]string, 0, len(s.Expect))
	for n := range s.Expect {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
