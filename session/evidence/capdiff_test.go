package evidence

import (
	"testing"
	"thaw/kernel"
	"thaw/session/view"

	"github.com/google/go-cmp/cmp"
)

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
	ev := New()
	ev.Original, ev.Before = 10, before
	d := (&Judge{Child: "child", Ev: &ev}).CapDiff(after)
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
