package view

import (
	"strings"
	"testing"
)

// Requests that come by where the scenario does not look are told, and only then.
func TestPassedBy(t *testing.T) {
	asked := func(hits int) BreakpointInfo {
		return BreakpointInfo{Component: "core", Function: "Cpu::never", Purpose: PurposeRequest, Hits: hits}
	}
	beside := func(hits int) BreakpointInfo {
		return BreakpointInfo{Component: "core", Function: "Platform_thread::state", Purpose: PurposeBeside, Hits: hits}
	}
	for _, c := range []struct {
		what          string
		list          []BreakpointInfo
		tells, awaits string
	}{
		{"a quiet guest", []BreakpointInfo{asked(0), beside(0)}, "", "Cpu::never of core"},
		{"the scenario's came", []BreakpointInfo{asked(2), beside(2)}, "", ""},
		{"others came", []BreakpointInfo{asked(0), beside(6)}, "Cpu::never of core, which was never entered, and Platform_thread::state of core (6 times) was", "Cpu::never of core"},
		{"one of the scenario's came", []BreakpointInfo{asked(0), asked(1), beside(6)}, "", "Cpu::never of core"},
		{"nothing is looked for", []BreakpointInfo{{Purpose: PurposePhase}}, "", ""},
	} {
		if got := PassedBy(c.list); !strings.Contains(got, c.tells) || (got != "") != (c.tells != "") {
			t.Errorf("%s: %q", c.what, got)
		}
		if got := Awaited(c.list); got != c.awaits {
			t.Errorf("%s: awaited is %q", c.what, got)
		}
	}
}
