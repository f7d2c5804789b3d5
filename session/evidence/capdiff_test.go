package evidence

import (
	"fmt"
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
	before := &view.Snapshot{Number: 3, Tasks: name, System: system(original...)}
	restored := task(20, slot(1, 20), slot(2, 23), slot(4, 25), slot(5, 26), slot(6, 17), slot(7, 24))
	after := &view.Snapshot{Number: 7, Tasks: name, System: system(append(original, restored, thread(21, 20, "ep", 0x100), thread(22, 20, "ep", 0x200),
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
