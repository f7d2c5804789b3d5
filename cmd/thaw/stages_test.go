package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"thaw/report"
	"thaw/scenarios"
	"thaw/session/scenario"
	"thaw/session/view"
)

// variants are the lab guest's bugs, as the default scenario lists them.
var variants = []string{"state-ignored", "fixed", "exregs-in-exception", "overwritten", "missing-thread", "missing-caps", "irq-unattached", "partial-registers",
	"rom-data", "stale-page", "reversed-copy", "blocked-receive", "irq-for-gate", "wrong-object",
	"exregs-blocked", "state-dropped", "state-running", "exregs-running", "unstarted", "wrong-thread", "swapped-threads", "computing", "restored-twice"}

func phaseNames(specs []scenario.PhaseSpec) []string {
	var out []string
	for _, p := range specs {
		out = append(append(out, p.Name), phaseNames(p.Phases)...)
	}
	return out
}

var (
	address = regexp.MustCompile(`^0x(0|[1-9a-f][0-9a-f]*)$`)
	number  = regexp.MustCompile(`^[1-9a-f][0-9a-f]*$`) // as the kernel debugger shows ids
)

// Whatever the bug: all phases, once, in the scenario's order, and numbers in
// the form that scripts rely on. Read through the gdbstub alone and from shared
// RAM, the result is the same.
func TestCheckForms(t *testing.T) {
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	s, err := scenario.Parse(scenarios.Default, text)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Expect) != len(variants) {
		t.Errorf("the scenario expects %q, tested are %q", s.Variants(), variants)
	}
	names := phaseNames(s.Phases)
	for _, bug := range variants {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			out := decodeCheck(t, thaw(t, onLab("check", "lab:"+bug, "--json")...))
			if len(out.Phases) != len(names) {
				t.Fatalf("%d phases, the scenario has %d", len(out.Phases), len(names))
			}
			for i, p := range out.Phases {
				if p.Name != names[i] || p.Hits != 1 {
					t.Errorf("phase %d is %s with %d hits, want %s once", i, p.Name, p.Hits, names[i])
				}
			}
			checkNumbers(t, out)
			if bug == "computing" {
				return // where it computes as it is checkpointed is another place each time
			}
			stub := decodeCheck(t, thaw(t, onLab("check", "lab:"+bug, "--json", "--no-shared-ram")...))
			if got, want := verdicts(stub), verdicts(out); got != want {
				t.Errorf("through the gdbstub:\n%s\nfrom shared RAM:\n%s", got, want)
			}
		})
	}
}

func checkNumbers(t *testing.T, out report.CheckJSON) {
	t.Helper()
	for _, th := range out.Threads {
		if !number.MatchString(th.ID) || !number.MatchString(th.Task) || !number.MatchString(th.Original) {
			t.Errorf("%s: id %q, task %q, original %q", th.Name, th.ID, th.Task, th.Original)
		}
		seen := 0
		for _, st := range list(th.Checkpointed, th.Requested, th.Kernel, th.Entered) {
			if st == nil {
				continue
			}
			seen++
			if !address.MatchString(st.IP) || !address.MatchString(st.SP) || st.Source == "" || st.Stop == 0 {
				t.Errorf("%s: %+v", th.Name, st)
			}
			for name, value := range st.Registers {
				if !address.MatchString(value) {
					t.Errorf("%s: %s is %q", th.Name, name, value)
				}
			}
		}
		if th.Verdict != view.NotRequested && seen < 3 {
			t.Errorf("%s: only %d stages are known", th.Name, seen)
		}
	}
	for _, c := range out.Capabilities.Missing {
		if !address.MatchString(c.Slot) || !address.MatchString(c.Label) || c.Type == "" || c.Rights == "" {
			t.Errorf("missing: %+v", c)
		}
	}
	for _, c := range out.Capabilities.Changed {
		if !slices.Contains(c.What, "receiver") || c.Before.Receiver == "" || slices.Contains(c.What, "type") == (c.Before.Type == c.After.Type) {
			t.Errorf("changed: %+v", c)
		}
	}
}

// list is a slice of values whose type has no name here.
func list[T any](values ...T) []T { return values }

// verdicts is what a check found, without what differs from run to run.
func verdicts(out report.CheckJSON) string {
	var b strings.Builder
	for _, th := range out.Threads {
		fmt.Fprintf(&b, "%s: %s by %s", th.Name, th.Verdict, th.Rule)
		for _, st := range list(th.Checkpointed, th.Requested, th.Kernel, th.Entered) {
			if st == nil {
				b.WriteString(" -")
				continue
			}
			fmt.Fprintf(&b, " %s/%s", st.IP, st.SP)
		}
		b.WriteByte('\n')
	}
	d := out.Capabilities
	fmt.Fprintf(&b, "missing %v extra %v changed %v", d.Missing, d.Extra, d.Changed)
	return b.String()
}

// What is not as expected is told, each thing by itself, in both forms.
func TestCheckFailures(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"verdict", []string{"check", "lab", "--scenario", edited(t, "ep: ignored, sheep", "ep: partial, sheep")}, []string{"thread ep: expected partial, found ignored"}},
		{"no such thread", []string{"check", "lab", "--scenario", edited(t, "ep: ignored, sheep", "ep: ignored, wolf: applied, sheep")}, []string{"thread wolf: expected applied, but no such thread was seen"}},
		{"missing", []string{"check", "lab:missing-caps", "--scenario", edited(t, "missing: 4", "missing: 3")}, []string{"4 capabilities are missing, expected 3"}},
		{"changed", []string{"check", "lab:irq-unattached", "--scenario", edited(t, "changed: 1", "changed: 0")}, []string{"1 capabilities are changed, expected 0"}},
		{"other variant", []string{"check", "lab", "--expect", "fixed"}, []string{"thread ep: expected applied, found ignored", "thread sheep_counter: expected applied, found coincident", "thread signal handler: expected applied, found coincident", "6 pages of memory differ, expected 0"}},
		{"memory", []string{"check", "lab:fixed", "--scenario", edited(t, "settle: 5s", "settle: 5s\nattached: {list: _nothing, region: _region, base: _base, size: _size, writable: _write, offset: _offset, dataspace: _dsc, physical: _phys, managed: _managed, nested: _nested}")}, []string{"memory was not compared in full: 2 pages of the original's, which the restored child does not map so far; what is attached to the restored child is not known in full: evaluating _nothing: Genode::Region_map_component has no member _nothing"}},
		{"same", []string{"check", "lab:missing-caps", "--expect", "fixed"}, []string{"4 capabilities differ, expected none"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, onLab(append(c.args, "--json")...)...)
			out := decodeCheck(t, r)
			if r.code != exitUnexpected || out.Expected || r.stderr != "" || !slices.Equal(out.Failures, c.says) {
				t.Errorf("exit code %d, expected %v, failures %q, want %q; %s", r.code, out.Expected, out.Failures, c.says, r.stderr)
			}
			if r = thaw(t, onLab(c.args...)...); r.code != exitUnexpected {
				t.Errorf("as text: exit code %d", r.code)
			}
			for _, s := range c.says {
				if !strings.Contains(r.stdout, "not as expected: "+s+"\n") {
					t.Errorf("%q is not in the text:\n%s", s, r.stdout)
				}
			}
		})
	}
}
