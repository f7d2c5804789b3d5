package evidence

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"thaw/kernel"
	"thaw/session/view"
)

// What the two tables hold is put in words that are true of both children; what is
// made of those is captables' business.
func TestCapDiff(t *testing.T) {
	name := map[kernel.ID]string{10: "child", 20: "child", 30: "core"}
	task := func(id kernel.ID, caps ...kernel.Capability) *kernel.Object {
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Size: 16, Kind: "Task", PD: &kernel.PD{Caps: caps}}
	}
	thread := func(id, task kernel.ID, name string, utcb uint64) *kernel.Object {
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Size: 16, Kind: "Thread", Name: name, Thread: &kernel.Thread{PD: task, UTCB: utcb}}
	}
	leads := func(id kernel.ID, kind kernel.Kind, to kernel.ID) *kernel.Object {
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Size: 16, Kind: kind, Links: []kernel.Link{{Name: "receiver", To: to, None: "none"}}, Values: []kernel.Value{{Name: "label", Number: uint64(id)}}}
	}
	slot := func(slot uint64, object kernel.ID) kernel.Capability {
		return kernel.Capability{Slot: slot, Object: object, Pointer: uint64(object) << 12, Rights: "SW"}
	}
	system := func(objects ...*kernel.Object) *kernel.System {
		return kernel.NewSystem(append(objects, task(30), thread(31, 30, "entrypoint", 0), thread(32, 30, "entrypoint", 0x1000)), nil)
	}
	original := []*kernel.Object{task(10, slot(1, 10), slot(2, 13), slot(3, 14), slot(4, 15), slot(5, 16), slot(6, 17), slot(9, 18)), thread(11, 10, "ep", 0x100), thread(12, 10, "ep", 0x200),
		leads(13, "Gate", 11), leads(14, "IRQ", 12), leads(15, "Gate", 31), leads(16, "IRQ", 11), leads(17, "Gate", 12), leads(18, "Gate", 31)}
	before := &view.Snapshot{Number: 3, Words: view.Words{Tasks: name}, System: system(original...)}
	restored := task(20, slot(1, 20), slot(2, 23), slot(4, 25), slot(5, 26), slot(6, 17), slot(7, 24))
	after := &view.Snapshot{Number: 7, Words: view.Words{Tasks: name}, System: system(append(original, restored, thread(21, 20, "ep", 0x100), thread(22, 20, "ep", 0x200),
		leads(23, "Gate", 21), leads(24, "IRQ", 22), leads(25, "Gate", 32), leads(26, "IRQ", 0))...)}
	ev := New()
	ev.Original, ev.Before = 10, before
	d := (&Judge{Children: []string{"child"}, Platform: &kernel.Platform{Chronological: true}, Ev: &ev}).CapDiff(after)
	if d == nil {
		t.Fatal("nothing was compared")
	}
	var got []string
	for _, r := range d.Rows() {
		text := r.Word
		for _, c := range []*view.SlotCap{r.Before, r.After} {
			if c != nil {
				text += fmt.Sprintf(" %x %s/%s", c.Slot, c.Type, c.Receiver)
			}
		}
		got = append(got, text+" "+strings.Join(r.What, ","))
	}
	want := []string{
		"moved 3 IRQ/child/ep 7 IRQ/child/ep ", // of the second thread of that name
		"changed 5 IRQ/child/ep 5 IRQ/none receiver",
		"changed 6 Gate/child/ep 6 Gate/child/ep of the original receiver",
		"not made yet 9 Gate/core/entrypoint ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("slots that differ (-want +got):\n%s", diff)
	}
	if d.Same != 3 || d.Differ() != 4 || d.Replaced() != 2 || d.Tally() != "1 moved, 0 missing, 0 extra, 2 changed, 1 not made yet" {
		t.Errorf("%d the same, %d differ, %d replaced: %s", d.Same, d.Differ(), d.Replaced(), d.Tally())
	}
}

// What stands behind gates parts those that lead to one server: unless it is not told of
// all of that server's.
func TestCapDiffBehind(t *testing.T) {
	gate := func(id kernel.ID) *kernel.Object {
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: 31}}, Values: []kernel.Value{{Name: "label", Number: uint64(id)}}}
	}
	task := func(id kernel.ID, slots map[uint64]kernel.ID) *kernel.Object {
		o := &kernel.Object{ID: id, Addr: uint64(id) << 12, Kind: "Task", PD: &kernel.PD{}}
		for _, s := range []uint64{1, 2, 3} {
			if g := slots[s]; g != 0 {
				o.PD.Caps = append(o.PD.Caps, kernel.Capability{Slot: s, Object: g, Pointer: uint64(g) << 12, Rights: "SW"})
			}
		}
		return o
	}
	objects := []*kernel.Object{task(10, map[uint64]kernel.ID{1: 11, 2: 12}), gate(11), gate(12), task(20, map[uint64]kernel.ID{1: 21, 3: 22}), gate(21), gate(22), task(30, nil),
		{ID: 31, Addr: 31 << 12, Kind: "Thread", Name: "entrypoint", Thread: &kernel.Thread{PD: 30}}}
	s := &view.Snapshot{Words: view.Words{Tasks: map[kernel.ID]string{10: "child", 20: "child", 30: "core"}}, System: kernel.NewSystem(objects, nil)}
	diff := func(behind map[kernel.ID]view.Behind) string {
		ev := New()
		ev.Original, ev.Before, ev.Behind = 10, s, behind
		var b strings.Builder
		for _, r := range (&Judge{Children: []string{"child"}, Platform: &kernel.Platform{}, Ev: &ev}).CapDiff(s).Rows() {
			fmt.Fprintf(&b, "%s", r.Word)
			for _, c := range []*view.SlotCap{r.Before, r.After} {
				if c != nil {
					fmt.Fprintf(&b, " %x %s", c.Slot, c.Whole())
				}
			}
			fmt.Fprintf(&b, "; %.7s\n", r.Note)
		}
		return b.String()
	}
	const silent = "moved 2 core/entrypoint 3 core/entrypoint; possibl\n"
	if got := diff(nil); got != silent {
		t.Errorf("nothing is told:\n%s", got)
	}
	if got := diff(map[kernel.ID]view.Behind{11: {Class: "Ram"}, 12: {Class: "Log"}, 21: {Class: "Log"}}); got != silent {
		t.Errorf("one is not told:\n%s", got)
	}
	want := "moved 1 core/entrypoint (Ram) 3 core/entrypoint (Ram); certain\nmoved 2 core/entrypoint (Log) 1 core/entrypoint (Log); certain\n"
	if got := diff(map[kernel.ID]view.Behind{11: {Class: "Ram"}, 12: {Class: "Log"}, 21: {Class: "Log"}, 22: {Class: "Ram"}}); got != want {
		t.Errorf("all are told:\n%s", got)
	}
	ctx := func(name string) view.Behind { return view.Behind{Class: "Ctx", Name: name} }
	want = "moved 1 core/entrypoint (Ctx imprint 1) 3 core/entrypoint (Ctx imprint 1); certain\nmoved 2 core/entrypoint (Ctx imprint 2) 1 core/entrypoint (Ctx imprint 2); certain\n"
	if got := diff(map[kernel.ID]view.Behind{11: ctx("imprint 1"), 12: ctx("imprint 2"), 21: ctx("imprint 2"), 22: ctx("imprint 1")}); got != want {
		t.Errorf("names are told:\n%s", got)
	}
	want = "moved 2 core/entrypoint (Ctx) 3 core/entrypoint (Ctx); possibl\n"
	if got := diff(map[kernel.ID]view.Behind{11: ctx("imprint 1"), 12: ctx("imprint 2"), 21: ctx("imprint 2"), 22: ctx("")}); got != want {
		t.Errorf("a name is not told:\n%s", got)
	}
	unused := func(began map[uint64]kernel.ID) string {
		before := &view.Snapshot{Words: view.Words{Tasks: s.Tasks}, System: kernel.NewSystem(append(slices.Clone(objects[:3]), append([]*kernel.Object{task(20, began)}, objects[4:]...)...), nil)}
		ev := New()
		ev.Original, ev.Before, ev.Unused = 10, before, map[kernel.ID][]uint64{10: {2}, 20: {3}}
		return (&Judge{Children: []string{"child"}, Platform: &kernel.Platform{}, Ev: &ev}).CapDiff(s).Tally()
	}
	if got, want := unused(map[uint64]kernel.ID{1: 21, 3: 22}), "0 missing, 0 extra, 0 changed, 2 unused"; got != want {
		t.Errorf("what both have given back: %s", got)
	}
	if got, want := unused(map[uint64]kernel.ID{1: 21}), "0 missing, 1 extra, 0 changed, 1 unused"; got != want {
		t.Errorf("what the restore has put into a slot that the child does not use: %s", got)
	}
	s.Tasks[20] = "kid"
	if got := (&capPair{}).own(s, 20, `"a -> kid"`); got != `"a -> itself"` {
		t.Errorf("a child's own name is %s", got)
	}
}
