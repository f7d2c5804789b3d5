package session

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/kernel"
	"thaw/session/view"
)

func phasesOf(depths ...int) []view.Phase {
	var out []view.Phase
	for i, d := range depths {
		out = append(out, view.Phase{Name: string(rune('a' + i)), Depth: d})
	}
	return out
}

func TestPhaseStates(t *testing.T) {
	e := &Engine{phases: phasesOf(0, 1, 1, 0, 1, 2, 1)}
	states := func() string {
		out := ""
		for _, p := range e.phases {
			out += string("nCds"[p.State])
		}
		return out
	}
	for _, step := range []struct {
		enter int
		want  string
	}{
		{0, "Cnnnnnn"}, {1, "CCnnnnn"}, {2, "CdCnnnn"}, {3, "dddCnnn"}, {5, "dddCsCn"}, {6, "dddCsdC"},
		{4, "dddCCdd"}, // phases may come again
	} {
		e.enterPhase(step.enter)
		if got := states(); got != step.want {
			t.Errorf("after entering %d: %s, want %s", step.enter, got, step.want)
		}
	}
	if e.phases[4].Hits != 1 || e.currentPhase() != "e" {
		t.Errorf("phase e: %d hits, current %q", e.phases[4].Hits, e.currentPhase())
	}
}

// system is a small model: a child task with a thread, seen from two sides.
func childSystem(task kernel.ID, caps []kernel.Capability) *kernel.System {
	return kernel.NewSystem([]*kernel.Object{
		{ID: task, Addr: uint64(task) << 12, Size: 16, Kind: "Task", PD: &kernel.PD{Caps: caps}},
		{ID: task + 1, Addr: uint64(task+1) << 12, Size: 16, Kind: "Thread", Name: "ep", Thread: &kernel.Thread{PD: task}},
		{ID: 900, Addr: 900 << 12, Size: 16, Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: task + 1, None: "no thread bound"}}, Values: []kernel.Value{{Name: "label", Number: uint64(task)}}},
		{ID: 901, Addr: 901 << 12, Size: 16, Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", To: task + 1, None: "not attached"}}, Values: []kernel.Value{{Name: "label"}}},
		{ID: 902, Addr: 902 << 12, Size: 16, Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", None: "not attached"}}, Values: []kernel.Value{{Name: "label"}}},
	}, nil)
}

func TestCapDiff(t *testing.T) {
	name := func(task kernel.ID) map[kernel.ID]string { return map[kernel.ID]string{task: "child"} }
	before := &view.Snapshot{Number: 3, Tasks: name(10), System: childSystem(10, []kernel.Capability{
		{Slot: 1, Object: 900, Rights: "SW"}, {Slot: 2, Object: 901, Rights: "SW"}, {Slot: 3, Object: 901, Rights: "SW"}, {Slot: 4, Object: 900, Rights: "SW"}, {Slot: 5, Object: 900, Rights: "SW"},
	})}
	after := &view.Snapshot{Number: 7, Tasks: name(20), System: childSystem(20, []kernel.Capability{
		{Slot: 1, Object: 900, Rights: "SW"}, {Slot: 2, Object: 902, Rights: "SW"}, {Slot: 3, Object: 900, Rights: "SW"}, {Slot: 4, Object: 900, Rights: "-W"}, {Slot: 9, Object: 900, Rights: "SW"},
	})}
	ev := newEvidence()
	ev.Original, ev.before = 10, before
	d := (&judge{child: "child", ev: &ev}).capDiff(after)
	if d == nil {
		t.Fatal("nothing was compared")
	}
	var changed [][]string
	for _, c := range d.Changed {
		changed = append(changed, append([]string{c.Before.Type + "/" + c.Before.Receiver, c.After.Type + "/" + c.After.Receiver}, c.What...))
	}
	want := [][]string{
		{"IRQ/child/ep", "IRQ/none", "receiver"},
		{"IRQ/child/ep", "Gate/child/ep", "type"},
		{"Gate/child/ep", "Gate/child/ep", "rights"},
	}
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed slots (-want +got):\n%s", diff)
	}
	if d.Same != 1 || len(d.Missing) != 1 || d.Missing[0].Slot != 5 || len(d.Extra) != 1 || d.Extra[0].Slot != 9 {
		t.Errorf("same %d, missing %v, extra %v", d.Same, d.Missing, d.Extra)
	}
}

func TestFailures(t *testing.T) {
	four := 4
	s := &Scenario{Name: "s", Expect: map[string]Expectation{
		"v": {Threads: map[string]view.Verdict{"ep": view.Ignored, "gone": view.Applied}, Missing: &four},
		"w": {Capabilities: "same"},
	}}
	v := &view.View{Verdicts: []view.ThreadVerdict{{Name: "ep", Verdict: view.Applied}}, Caps: &view.CapDiff{Missing: make([]view.SlotCap, 3)}}
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
	s := &Scenario{Name: "s", Expect: map[string]Expectation{"v": {Pages: &none}}}
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
		if got := s.Failures("v", &view.View{Memory: c.diff}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.diff, got, c.want)
		}
	}
}
