package live_test

import (
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/session/view"
)

// Whatever changes a word from now on stops the guest and is named: core as it writes
// through its own mapping for the restorer, the child itself. What is at the same address in
// another task is no concern, and what only the kernel can reach is not watched.
func TestWatchOrigin(t *testing.T) {
	t.Parallel()
	ctx := deadline(t)
	e, _ := openSetup(ctx, t, setup{vm: qemu.Config{SharedRAM: true, Append: "bug=fixed"}, foreign: true}) // whose version counts in a replay only
	must(t, e.NextPhase(ctx))
	original := taskNamed(t, e.View(), "sheep_counter")
	files, _ := onLab(ctx, t)
	sym, err := files.Files["sheep_counter"].Symbol("Component::rounds")
	must(t, err)
	watch := func(w view.Word, refused string) {
		t.Helper()
		if err := e.WatchOrigin(ctx, w); err == nil != (refused == "") || err != nil && !strings.Contains(err.Error(), refused) {
			t.Errorf("watching %+v: %v, want %q", w, err, refused)
		}
	}
	watch(view.Word{Task: original, Addr: sym.Addr}, "")
	watch(view.Word{Task: original, Addr: sym.Addr}, "watched already")
	for _, b := range e.View().Breakpoints {
		if b.Own() {
			must(t, e.Delete(ctx, b.Name()))
		}
	}
	watch(view.Word{Task: original, Addr: sym.Addr}, "")
	watch(view.Word{Task: original, Addr: 0x10}, "no translation")
	watch(view.Word{Task: original, Table: true, Slot: e.View().Snapshot.System.Object(original).PD.Caps[0].Slot}, "the kernel's")
	watch(view.Word{Thread: threadNamed(t, e.View(), "ep"), Register: "rip"}, "may push")
	for !strings.Contains(e.View().Snapshot.Reason, "capability space") {
		must(t, e.NextPhase(ctx))
	}
	restored := taskOf(t, e.View(), "sheep_counter", original)
	watch(view.Word{Task: restored, Addr: sym.Addr}, "")
	for len(e.View().Questions) < 2 {
		must(t, e.Continue(ctx))
	}

	type write struct {
		component, function string
		old, now            uint64
		sure                bool
	}
	want := []write{{"core", "memcpy", 0, 3, true}, {"sheep_counter", "Component::construct", 3, 4, true}}
	v := e.View()
	for i, q := range v.Questions {
		o := q.Steps[0]
		got := write{o.Place.Component, o.Place.Function, o.Old, o.New, o.Sure}
		if got != want[i] || !strings.HasSuffix(q.Word, restored.String()) || o.Stop != q.Stop || o.Thread == "" || len(o.Frames) < 2 {
			t.Errorf("write %d: %+v, want %+v", i, q, want[i])
		}
	}
	if r := v.Snapshot.Reason; v.Snapshot.Number != v.Questions[1].Stop || !strings.Contains(r, "Component::construct") || !strings.Contains(r, "wrote 0x4 over 0x3") {
		t.Errorf("stop %d: %s", v.Snapshot.Number, r)
	}
	// The instruction that stores: its line is the one that counts.
	if p := v.Questions[1].Steps[0].Place; lineOf(p) != "rounds = rounds + 1;" {
		t.Errorf("written at %s:%d", p.File, p.Line)
	}
	own := 0
	for _, b := range v.Breakpoints {
		if b.Own() {
			own++
			must(t, e.Delete(ctx, b.Name()))
			if b.Foreign == 0 == strings.HasSuffix(b.Function, original.String()) {
				t.Errorf("%s: %d hits elsewhere", b.Name(), b.Foreign)
			}
		}
	}
	must(t, e.Until(ctx, "sheep_counter: Timer::Session_client::msleep"))
	if v := e.View(); own != 2 || len(v.Questions) != 2 || !strings.Contains(v.Snapshot.Reason, "msleep") {
		t.Errorf("%d watched words deleted, then: %s", own, v.Snapshot.Reason)
	}
}
