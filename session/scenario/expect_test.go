package scenario

import (
	"slices"
	"testing"

	"thaw/session/view"
)

func TestFailures(t *testing.T) {
	four := 4
	s := &Scenario{Heading: Heading{Name: "s"}, Expect: map[string]Expectation{
		"v": {Threads: map[string]view.Verdict{"ep": view.Ignored, "gone": view.Applied}, Missing: &four},
		"w": {Capabilities: "same"},
	}}
	v := &view.View{Result: view.Result{Verdicts: []view.ThreadVerdict{{Name: "ep", Verdict: view.Applied}}, Caps: &view.CapDiff{Missing: make([]view.SlotCap, 3)}}}
	for variant, want := range map[string]int{"v": 3, "w": 1, "none": 1} {
		if got := s.Failures(variant, v); len(got) != want {
			t.Errorf("%s: %d failures, want %d: %q", variant, len(got), want, got)
		}
	}
	v.Verdicts = []view.ThreadVerdict{{Name: "ep", Verdict: view.Ignored}, {Name: "gone", Verdict: view.Applied}}
	v.Caps.Missing = make([]view.SlotCap, 4)
	if got := s.Failures("v", v); len(got) != 0 {
		t.Errorf("all as expected, but: %q", got)
	}
}

// Pages that nobody compared are not counted as equal.
func TestFailuresOfMemory(t *testing.T) {
	none := 0
	s := &Scenario{Heading: Heading{Name: "s"}, Expect: map[string]Expectation{"v": {Pages: &none}}}
	for _, c := range []struct {
		diff *view.MemoryDiff
		want []string
	}{
		{nil, []string{"memory was not compared"}},
		{&view.MemoryDiff{Same: 31}, nil},
		{&view.MemoryDiff{Same: 31, Attached: 2}, nil},
		{&view.MemoryDiff{Same: 31, Unmapped: 103}, []string{"memory was not compared in full: 103 pages of the original's, which the restored child does not map so far, and what is attached to it is not known (see `attached` in the scenarios' README)"}},
		{&view.MemoryDiff{Same: 31, Attached: 2, Unmapped: 1}, []string{"memory was not compared in full: 1 page of the original's, which the restored child does not map so far"}},
		{&view.MemoryDiff{Same: 31, Problem: "cut"}, []string{"memory was not compared in full: cut"}},
		{&view.MemoryDiff{Same: 31, Unmapped: 1, Problem: "cut", Pages: make([]view.PageDiff, 2)}, []string{"2 pages of memory differ, expected 0", "memory was not compared in full: 1 page of the original's, which the restored child does not map so far; cut"}},
	} {
		if got := s.Failures("v", &view.View{Result: view.Result{Memory: c.diff}}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.diff, got, c.want)
		}
	}
}

// What moved is counted by itself, and into a filled slot as a change of that, too.
func TestMovedExpectations(t *testing.T) {
	one, two := 1, 2
	s := &Scenario{Expect: map[string]Expectation{"v": {Moved: &two, Changed: &one, Extra: &one, Missing: &one}, "same": {Capabilities: "same"}}}
	v := &view.View{Result: view.Result{Caps: &view.CapDiff{Moved: []view.CapMove{{Replaces: true}, {}}, Extra: make([]view.SlotCap, 1), Missing: make([]view.SlotCap, 1), Later: make([]view.SlotCap, 4)}}}
	if got := s.Failures("v", v); len(got) > 0 {
		t.Errorf("not met: %q", got)
	}
	if got := s.Failures("same", v); len(got) != 1 || got[0] != "8 capabilities differ, expected none" {
		t.Errorf("of tables that differ: %q", got)
	}
	v.Caps.Moved = v.Caps.Moved[1:]
	want := []string{"1 capabilities are moved, expected 2", "0 capabilities are changed, expected 1"}
	if got := s.Failures("v", v); len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %q, want %q", got, want)
	}
}
