package ui

import (
	"strings"
	"testing"

	"thaw/session/view"
)

type fakeLiver struct{ *fakeController }

func (f fakeLiver) Live(on bool) { f.call(map[bool]string{true: "live", false: "no more"}[on]) }

// The session is asked to look at a running guest as long as the window is open. Torn rows
// show nothing but who they are, and of two components of one name each has its own count.
func TestLive(t *testing.T) {
	v := viewRunning()
	fake := newFake(v)
	u := newDrawn(t, fakeLiver{fake}, v, Options{})
	typed(u, ":live")
	if calls := fake.called(); calls != "live" {
		t.Fatalf("opening the window calls %q", calls)
	}
	if text := draw(t, u, 120, 40).text(); !strings.Contains(text, "Finding the kernel in memory") {
		t.Errorf("before the first look:\n%s", text)
	}
	seen := *v
	seen.Running = &view.Look{Number: 1, Kernel: "Fiasco.OC", Torn: 1,
		Threads: []view.LookThread{
			{ID: 0x11, PD: 0x10, Name: "main", Component: "sheep", CPU: -1, State: "rcv_wait", Wait: "receives from anybody"},
			{ID: 0x21, PD: 0x20, Name: "other", Component: "sheep", CPU: 0, State: "ready", Ready: true},
			{ID: 0x22, PD: 0x20, Name: "shaky", Component: "sheep", CPU: -1, Torn: true}},
		PDs: []view.LookPD{{ID: 0x10, Component: "sheep", Capabilities: "17"}, {ID: 0x20, Component: "sheep", Capabilities: "25"}}}
	u.apply(&seen)
	text := draw(t, u, 120, 40).text()
	rows := map[string]string{}
	for l := range strings.Lines(text) {
		for _, name := range []string{"main", "other", "shaky"} {
			if w := strings.Fields(l); strings.Contains(l, "│   "+name) || strings.Contains(l, "▸ "+name) {
				rows[name] = strings.Join(w, " ")
			}
		}
	}
	for name, want := range map[string]string{"main": "rcv_wait receives from anybody 17 │", "other": "sheep 21 0 ready 25 │", "shaky": "sheep 22 torn 25 │"} {
		if !strings.HasSuffix(rows[name], want) {
			t.Errorf("%s: %q, want %q in\n%s", name, rows[name], want, text)
		}
	}
	if !strings.Contains(text, "while it runs: 1 row torn; processor 0: other") {
		t.Errorf("the title does not tell who runs:\n%s", text)
	}
	stood := *viewStopped()
	u.apply(&stood)
	if text := draw(t, u, 120, 40).text(); !strings.Contains(text, "The guest stands: the panes show it") {
		t.Errorf("when it stands:\n%s", text)
	}
	press(u, "Esc")
	u.apply(&seen)
	if calls := fake.called(); calls != "live no more" {
		t.Errorf("closing the window calls %q", calls)
	}
	stub := *v
	stub.NoLive = "its memory can be read through the gdbstub only"
	u.apply(&stub)
	typed(u, ":live")
	if calls := fake.called(); calls != "live no more" || !strings.Contains(u.note, stub.NoLive) {
		t.Errorf("where it cannot be, it calls %q and says %q", calls, u.note)
	}
}

// What was refused since another debugger has the guest is no answer once that has left.
func TestRefusalEndsWithTheLoan(t *testing.T) {
	lent := viewLent()
	u := newDrawn(t, newFake(lent), lent, Options{})
	press(u, "n")
	if !strings.Contains(u.note, "believes that it stands") {
		t.Fatalf("n says %q", u.note)
	}
	left := *lent
	left.NoRun, left.Message = "", "gdb has left: the guest is the screen's alone"
	u.apply(&left)
	if text := draw(t, u, 80, 24).text(); strings.Contains(text, "believes") || !strings.Contains(text, left.Message) {
		t.Errorf("after gdb has left:\n%s", text)
	}
}
