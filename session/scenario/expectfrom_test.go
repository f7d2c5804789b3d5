package scenario

import (
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// seen is what a run shows.
func seen() *view.View {
	return &view.View{
		Result: view.Result{
			Verdicts: []view.ThreadVerdict{{Name: "ep", Verdict: view.Applied, Rule: "applied"}, {Name: "ep", Verdict: view.Ignored, Rule: "not-run"}, {Name: "main", Verdict: view.Applied, Rule: "applied"}},
			Phases:   []view.Phase{{Name: "a", Function: "f::a", Hits: 1}, {Name: "b", Function: "f::b", State: view.PhaseSkipped}, {Name: "c", Function: "f::c", Hits: 3}},
			Caps:     &view.CapDiff{Missing: []view.SlotCap{{Slot: 0x204, Type: "Gate", Rights: "SW", Receiver: "core/ep", Object: kernel.ID(7)}}},
			Waits:    []view.WaitChange{{Name: "main", Before: "receives from anybody", After: "sends to x"}},
			Memory:   &view.MemoryDiff{Same: 3, Pages: []view.PageDiff{{Virt: 0x1000, Region: "data"}}},
		},
	}
}

func TestDifferences(t *testing.T) {
	if d := Differences(seen(), seen()); len(d) != 0 {
		t.Errorf("the same run differs: %v", d)
	}
	if s := Summary(seen()); !strings.Contains(s, "ep (the 2. of that name) ignored") || !strings.Contains(s, "1 missing") || !strings.Contains(s, "1 page that differ") {
		t.Error(s)
	}
	for _, c := range []struct {
		name   string
		change func(v *view.View)
		want   []string
	}{
		{"verdict", func(v *view.View) { v.Verdicts[1].Verdict = view.Applied }, []string{"thread ep (the 2. of that name): expected ignored, found applied"}},
		{"cause", func(v *view.View) { v.Verdicts[1].Rule = "never-written" }, []string{"thread ep (the 2. of that name): expected ignored by not-run, found ignored by never-written"}},
		{"a thread less", func(v *view.View) { v.Verdicts = v.Verdicts[:2] }, []string{"thread main: expected applied, but no such thread was seen"}},
		{"a thread more", func(v *view.View) {
			v.Verdicts = append(slices.Clone(v.Verdicts), view.ThreadVerdict{Name: "x", Verdict: view.Pending})
		}, []string{"thread x: expected no such thread, found pending"}},
		{"phases", func(v *view.View) {
			v.Phases[0].Hits, v.Phases[0].State = 0, view.PhaseSkipped
			v.Phases[1].Hits, v.Phases[1].Stop = 1, 4
			v.Phases[2].Hits = 9
		}, []string{"phase a: expected to come by, and it did not (skipped)", "phase b: expected not to come by, and it did, at stop 4"}},
		{"phases of another scenario", func(v *view.View) { v.Phases = v.Phases[2:] }, nil},
		{"capabilities", func(v *view.View) {
			v.Caps.Extra = []view.SlotCap{{Slot: 0x210, Type: "IRQ", Rights: "R"}}
			v.Caps.Missing[0].Object = 9 // an id of that run
		}, []string{"capabilities: extra 00210 R IRQ, which was not expected"}},
		{"no capability differs", func(v *view.View) { v.Caps.Missing = nil }, []string{"capabilities: expected missing 00204 SW Gate → core/ep, and it is not so"}},
		{"slots of another time", func(v *view.View) {
			v.Caps.Missing[0].Slot = 0x20a
			v.Caps.Copies = []view.CapCopy{{SlotCap: v.Caps.Missing[0], Of: 0x220}}
		}, nil},
		{"what stands behind gates was not told before", func(v *view.View) { v.Caps.Missing[0].Behind = "Genode::Region_map_component" }, nil},
		{"capabilities not compared", func(v *view.View) { v.Caps = nil }, []string{"capabilities: expected to be compared, and were not"}},
		{"waits", func(v *view.View) { v.Waits = nil }, []string{"waits: expected main sends to x, its original receives from anybody, and it is not so"}},
		{"memory", func(v *view.View) {
			for i := range 25 {
				v.Memory.Pages = append(v.Memory.Pages, view.PageDiff{Virt: uint64(i+2) << 12, Region: "bss"})
			}
		}, []string{"memory: page 2000 bss, which was not expected"}},
		{"memory in part", func(v *view.View) { v.Memory.Unmapped, v.Memory.Attached = 2, 1 }, []string{"memory was not compared in full: 2 pages"}},
	} {
		got := seen()
		c.change(got)
		d := Differences(seen(), got)
		if c.name == "memory" {
			if len(d) != maxRows+1 || d[maxRows] != "memory: 5 rows more, which was not expected" {
				t.Errorf("%d rows: %v", len(d), d)
			}
			d = d[:1]
		}
		if len(d) != len(c.want) {
			t.Errorf("%s: %v, want %v", c.name, d, c.want)
			continue
		}
		for i, w := range c.want {
			if !strings.HasPrefix(d[i], w) {
				t.Errorf("%s: %s, want %s", c.name, d[i], w)
			}
		}
	}
}

// What stands behind a gate is a part of what is missing, where both runs tell it.
func TestDifferentlyMissing(t *testing.T) {
	want, got := seen(), seen()
	want.Caps.Missing[0].Behind, got.Caps.Missing[0].Behind = "Genode::Dataspace_component", "Genode::Region_map_component"
	d := Differences(want, got)
	if len(d) != 2 || d[0] != "capabilities: missing 00204 SW Gate → core/ep (Genode::Region_map_component), which was not expected" ||
		d[1] != "capabilities: expected missing 00204 SW Gate → core/ep (Genode::Dataspace_component), and it is not so" {
		t.Error(d)
	}
	want.Caps.Missing[0].Behind = "Genode::Region_map_component"
	if d := Differences(want, got); len(d) != 0 {
		t.Error(d)
	}
}
