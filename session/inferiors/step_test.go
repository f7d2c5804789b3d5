package inferiors

import (
	"context"
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/drive"
)

// guest is one with a component of two threads: the first runs, the second waits. It
// stops for a reason that is given.
type guest struct {
	Guest
	a      arch.Arch
	reason string
	asked  []string // how it was to go on
	twin   bool     // a second component of the name has been made
}

func (g *guest) Arch() arch.Arch { return g.a }
func (g *guest) Reverse() bool   { return false }

func (g *guest) Shown(context.Context) (*Shown, error) {
	thread := func(id kernel.ID, name string, t kernel.Thread) *kernel.Object {
		t.PD, t.IP, t.SP = 1, 0x1000, 0x2000
		return &kernel.Object{ID: id, Name: name, Thread: &t}
	}
	var twin []*kernel.Object
	if g.twin {
		twin = []*kernel.Object{{ID: 7, Name: "probe", PD: &kernel.PD{}}, {ID: 8, Name: "copy", Thread: &kernel.Thread{PD: 7}}}
	}
	return &Shown{
		System: kernel.NewSystem(append(twin, []*kernel.Object{
			{ID: 1, Name: "probe", PD: &kernel.PD{}},
			thread(2, "runs", kernel.Thread{Running: true, Source: kernel.SourceCPU}),
			thread(3, "waits", kernel.Thread{Source: "kernel stack"}),
			thread(4, "new", kernel.Thread{Source: kernel.SourceNone}),
		}...), nil),
		Names: map[kernel.ID]string{1: "probe", 7: "probe"}, Files: map[kernel.ID]string{1: "/probe"},
		CPUs: [][]kernel.Register{{{Name: g.a.IP, Value: 0x1000}}}, Reason: g.reason,
	}, nil
}

func (g *guest) Resume(_ context.Context, action gdbremote.Action, back *kernel.Object) (string, error) {
	how := map[gdbremote.Action]string{gdbremote.ActionContinue: "continue", gdbremote.ActionStep: "step", gdbremote.ActionStepAmong: "step among"}[action]
	if back != nil {
		how += " until " + back.Name
	}
	g.asked = append(g.asked, how)
	return "", nil
}

// An interrupt that comes as the guest has stopped for another reason is none: debuggers
// interrupt a guest for a moment to read something, and let it go on.
func TestWhatStopped(t *testing.T) {
	a, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	thread := func(tid int64) gdbremote.ThreadID { return gdbremote.ThreadID{PID: 1, TID: tid} }
	for _, c := range []struct {
		ctx    context.Context
		action gdbremote.Action
		id     gdbremote.ThreadID
		reason string
		asked  string
		signal int
		err    string
	}{
		{t.Context(), gdbremote.ActionContinue, thread(2), "breakpoint", "continue", gdbremote.SignalTrap, ""},
		{over, gdbremote.ActionContinue, thread(2), "breakpoint", "continue", gdbremote.SignalTrap, ""},
		{over, gdbremote.ActionContinue, thread(2), drive.ReasonInterrupted, "continue", gdbremote.SignalInterrupt, ""},
		{t.Context(), gdbremote.ActionStep, thread(2), "a step", "step", gdbremote.SignalTrap, ""},
		{over, gdbremote.ActionStep, thread(2), "a step", "step", gdbremote.SignalTrap, ""},
		{over, gdbremote.ActionStepAmong, thread(2), "a step", "step", gdbremote.SignalTrap, ""},
		{over, gdbremote.ActionStepAmong, thread(3), "breakpoint", "step among until waits", gdbremote.SignalTrap, ""},
		{t.Context(), gdbremote.ActionStepAmong, thread(3), "breakpoint", "step among until waits", gdbremote.SignalTrap, ""},
		{t.Context(), gdbremote.ActionStep, thread(3), "breakpoint", "step until waits", 0, "probe/waits was to be stepped, and did not get on before something else stopped the guest: breakpoint"},
		{over, gdbremote.ActionStep, thread(3), drive.ReasonInterrupted, "step until waits", gdbremote.SignalInterrupt, ""},
		{t.Context(), gdbremote.ActionStep, thread(4), "", "", 0, "where it goes on is not known"},
	} {
		g := &guest{a: a, reason: c.reason}
		s, err := New(t.Context(), g, "")
		if err != nil {
			t.Fatal(err)
		}
		stop, err := s.Resume(c.ctx, c.action, c.id)
		if stop.Signal != c.signal || strings.Join(g.asked, ", ") != c.asked || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("action %d of %v, %q: signal %d, %v, asked %q", c.action, c.id, c.reason, stop.Signal, err, g.asked)
		}
	}
}

// A restorer makes a second component of a name: what is shown alone stays the one that it
// was, and which of two is meant must be said.
func TestOneOfTwo(t *testing.T) {
	a, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	shown := func(s *Stub) string { return fmt.Sprint(s.Threads()) }
	g := &guest{a: a}
	s, err := New(t.Context(), g, "probe")
	if err != nil {
		t.Fatal(err)
	}
	before := shown(s)
	g.twin = true
	if _, err := s.Resume(t.Context(), gdbremote.ActionContinue, gdbremote.ThreadID{}); err != nil || shown(s) != before {
		t.Errorf("beside a second one %s, before %s, %v", shown(s), before, err)
	}
	if _, err := New(t.Context(), g, "probe"); err == nil || !strings.Contains(err.Error(), "give the id of one, of probe (1), probe (7)") {
		t.Errorf("of two: %v", err)
	}
	s, err = New(t.Context(), g, "7")
	if err != nil || shown(s) != fmt.Sprint([]gdbremote.ThreadID{{PID: 7, TID: 8}}) {
		t.Errorf("by id: %v", err)
	}
	if _, err := New(t.Context(), g, "other"); err == nil || !strings.Contains(err.Error(), "no component other with threads at this stop: there are probe (1), probe (7)") {
		t.Errorf("of none: %v", err)
	}
}

// What file a component is of is told, or that nobody knows.
func TestComponents(t *testing.T) {
	a, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), &guest{a: a, twin: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	const want = "process 1  id 1  probe  3 threads  0 capabilities  /probe\nprocess 7  id 7  probe  1 threads  0 capabilities  its file is not known\n"
	if got, err := s.Monitor("components"); got != want || err != nil {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
