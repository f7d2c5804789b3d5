package ui

import (
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session"
)

// fakePeeker is a live session whose memory can be read.
type fakePeeker struct{ *fakeController }

func (f fakePeeker) PeekMemory(task kernel.ID, addr uint64) {
	f.call("memory " + task.String() + " " + hex(addr))
	v := *f.View()
	v.Peek = &session.Peek{Stop: 33, Title: "memory at " + hex(addr), Rows: []session.PeekRow{
		{Addr: addr, Data: []byte("\x1b[31mred\x00\x01\x02\x03\x04\x05\x06\x07"), Means: []string{"ep 231+0x10"}}, {Addr: addr + 16}, {Addr: addr + 32}}}
	f.publish(&v)
}

func (f fakePeeker) Print(expr string) {
	f.call("print " + expr)
	v := *f.View()
	v.Peek = &session.Peek{Stop: 33, Title: "rtcr: " + expr, Err: "no variable " + expr}
	f.publish(&v)
}

func (f fakePeeker) Code(thread kernel.ID) { f.call("code " + thread.String()) }

func (f fakePeeker) Watch(expr string) {
	f.call("watch " + expr)
	v := *f.View()
	v.Watches = []session.Watch{{Component: "rtcr", Expr: expr, Value: "42"}}
	f.publish(&v)
}

// A user reads memory, a value, and watches an expression.
func TestPeek(t *testing.T) {
	fake := newFake(viewComplete())
	r := startRobotAt(t, fake, fakePeeker{fake}, Options{}, 120, 40)
	r.typed(":memory 401ff9a0")
	f := r.expect("memory at 401ff9a0 at stop 33")
	for _, want := range []string{"1b 5b 33 31 6d", ".[31mred", "ep 231+0x10", "401ff9b0  up to 401ff9c0: not mapped, or not recorded"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("%q is not shown:\n%s", want, f.text())
		}
	}
	if !strings.Contains(fake.called(), "memory 1ef 401ff9a0") {
		t.Errorf("the selected thread's task is meant: %q", fake.called())
	}
	r.press("Esc")
	r.expect("4 capabilities")
	r.typed(":memory 0x101000 7")
	r.expect("memory at 101000")
	if !strings.Contains(fake.called(), "memory 7 ") {
		t.Errorf("another task: %q", fake.called())
	}
	r.press("Esc")
	r.expect("4 capabilities")
	r.typed(":memory here")
	r.expect(`"here" is no address`)
	r.typed(":print x->y")
	r.expect("no variable x->y")
	r.press("Esc")
	r.press("l")
	r.typed(":watch n")
	r.press("3", "G")
	r.expect("rtcr: n = 42")
	if !strings.Contains(fake.called(), "code 231") {
		t.Errorf("the selected thread's code is meant: %q", fake.called())
	}
}
