package live_test

import (
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/view"
)

func print(e *session.Engine, expr string) *view.Peek {
	return e.Ask(view.Query{Kind: view.QueryValue, Expr: expr})
}

func peek(e *session.Engine, task kernel.ID, addr uint64) *view.Peek {
	return e.Ask(view.Query{Kind: view.QueryMemory, Task: task, Addr: addr})
}

func code(e *session.Engine, thread kernel.ID) *view.Peek {
	return e.Ask(view.Query{Kind: view.QueryCode, Thread: thread})
}

// What a user asks to see at a stop: memory with what it points to, values of
// expressions here and in other programs, and watched ones at every stop.
func TestPeek(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if p := print(e, "this"); p.Err == "" {
		t.Errorf("before the first stop: %+v", p)
	}
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	if p := print(e, "this"); p.Err != "" || p.Title != "rtcr: this" || len(p.Members) != 1 || !strings.Contains(p.Members[0].Type, "Rtcr::Checkpointer") {
		t.Errorf("this in a member function: %+v", p)
	}
	if p := print(e, "kernel: Kobject_dbg::_kobjects"); p.Err != "" || !strings.HasPrefix(p.Title, "kernel: ") {
		t.Errorf("a variable of the kernel: %+v", p)
	}
	for _, expr := range []string{"nonsense", "kernel: nonsense", "sheep_counter: *(long*)0", "1 +", ""} {
		if p := print(e, expr); p.Err == "" || strings.Contains(p.Err, "\n") {
			t.Errorf("%q: %+v", expr, p)
		}
	}
	v := e.View()
	var thread uint64
	for _, o := range v.Snapshot.System.Threads() {
		thread = o.Addr
		if p := peek(e, 0, o.Addr); len(p.Rows) == 0 || p.Rows[0].Addr != o.Addr || p.Rows[0].Data == nil {
			t.Errorf("thread %s: %+v", o.ID, p)
		}
	}
	for _, o := range v.Snapshot.System.PDs() {
		if v.Snapshot.Tasks[o.ID] != "core" {
			continue
		}
		p := peek(e, o.ID, v.Snapshot.System.MainThread(o.ID).Thread.SP)
		if !strings.Contains(p.Title, "core") || p.Rows[0].Data == nil {
			t.Errorf("core's stack: %+v", p)
		}
		means := ""
		for _, r := range p.Rows {
			means += strings.Join(r.Means, " ")
		}
		if !strings.Contains(means, "core: ") {
			t.Errorf("no return address on core's stack: %q", means)
		}
	}
	if p := peek(e, 0xffff, thread); p.Err == "" {
		t.Errorf("a task that is not there: %+v", p)
	}
	if p := peek(e, 0, ^uint64(0)-8); len(p.Rows) > 1 {
		t.Errorf("the end of the address space: %d rows", len(p.Rows))
	}

	here := code(e, 0)
	text := strings.Join(here.Text, "\n")
	if here.Err != "" || !strings.Contains(text, "checkpointer.cc:") || !strings.Contains(text, "▸") || !strings.Contains(text, "push") {
		t.Errorf("code at the phase: %+v", here)
	}
	for _, o := range v.Snapshot.System.Threads() {
		if p := code(e, o.ID); p.Err == "" && len(p.Text) < 3 {
			t.Errorf("code of thread %s: %+v", o.ID, p)
		}
	}

	for range 2 {
		if err := e.Watch(ctx, "kernel: Kobject_dbg::_kobjects"); err != nil {
			t.Fatal(err)
		}
	}
	if w := e.View().Watches; len(w) != 0 {
		t.Errorf("watched twice is no more: %+v", w)
	}
	if err := e.Watch(ctx, "this"); err != nil {
		t.Fatal(err)
	}
	first := e.View().Watches
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	second := e.View().Watches
	if len(first) != 1 || len(second) != 1 || first[0].Value == "" || second[0].Value == "" || second[0].Component != "rtcr" {
		t.Errorf("watched: %+v, then %+v", first, second)
	}
}

// A value is taken apart member by member, and pointers lead on, typed.
func TestInspect(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	p := print(e, "this")
	if p.Err != "" || len(p.Members) != 1 || p.Members[0].Leads.Kind != view.QueryValue {
		t.Fatalf("this leads nowhere: %+v", p)
	}
	p = e.Ask(p.Members[0].Leads)
	if p.Err != "" || len(p.Members) < 2 || p.Members[0].Depth != 0 || p.Members[1].Depth != 1 || p.Members[1].Name == "" {
		t.Fatalf("*this has no members: %+v", p)
	}
	sys := e.View().Snapshot.System
	for _, o := range sys.Threads() {
		p := e.Ask(view.Query{Kind: view.QueryObject, Object: o.ID})
		if p.Err != "" || len(p.Members) < 10 || p.Members[0].Addr != o.Addr {
			t.Errorf("thread %s: %+v", o.ID, p)
			continue
		}
		followed := 0
		for _, m := range p.Members {
			if m.Leads.Kind == "" || followed == 5 {
				continue
			}
			followed++
			if next := e.Ask(m.Leads); next.Err != "" || len(next.Members)+len(next.Rows) == 0 {
				t.Errorf("%s of thread %s leads to %+v", m.Name, o.ID, next)
			}
		}
		if followed == 0 {
			t.Errorf("no member of thread %s leads anywhere", o.ID)
		}
	}
	if p := e.Ask(view.Query{Kind: view.QueryObject, Object: 0xfffff}); p.Err == "" {
		t.Errorf("an object that is not there: %+v", p)
	}
	if p := e.Ask(view.Query{Kind: "sunshine"}); p.Err == "" {
		t.Errorf("a query of no kind: %+v", p)
	}
}

// A backtrace of any thread that was in user mode, each frame with its code.
func TestStack(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	s := e.View().Snapshot
	deep := 0
	for _, o := range s.System.Threads() {
		p := e.Ask(view.Query{Kind: view.QueryStack, Thread: o.ID})
		if s.Places[o.ID].Function == "" {
			continue
		}
		if p.Err != "" || len(p.Frames) == 0 || o.ID != s.Thread && p.Frames[0].Place.Addr != o.Thread.IP {
			t.Errorf("thread %s: %+v", o.ID, p)
			continue
		}
		if len(p.Frames) > 2 {
			deep++
		}
		for _, f := range p.Frames[:1] {
			if c := e.Ask(f.Leads); c.Err != "" || len(c.Text) == 0 {
				t.Errorf("code of %s: %+v", f.Place, c)
			}
		}
	}
	if deep == 0 {
		t.Error("no thread's stack was unwound")
	}
}

// The user's own breakpoints stop the guest where it runs the component, can be
// taken away, and do not disturb the scenario's.
func TestBreak(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	for bad, why := range map[string]string{"": "", "nonsense": "", "rtcr:": "", "rtcr: no_such_function": "no function",
		"rtcr: none.cc:1": "no code of rtcr is at none.cc:1", "rtcr: restorer.cc:8": "is at restorer.cc:8: the next line with code is ", "rtcr: 0x10": "no code of rtcr is at 0x10"} {
		if err := e.Break(ctx, bad, false); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("a breakpoint at %q: %v, want %q", bad, err, why)
		}
	}
	if err := e.Break(ctx, "core: Genode::Platform_thread::state", false); err != nil {
		t.Fatal(err)
	}
	if got := e.View().Breakpoints; len(got) == 0 || !got[len(got)-1].Own() {
		t.Errorf("before the first stop it is not listed: %+v", got)
	}
	if err := e.Break(ctx, "core: Genode::Platform_thread::state", true); err == nil {
		t.Error("a breakpoint was set twice")
	}
	for !strings.Contains(reason(e), "breakpoint core: ") {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatalf("after %q: %v", reason(e), err)
		}
	}
	if err := e.Break(ctx, "cores: Genode::Platform_thread::state", false); err == nil || !strings.Contains(err.Error(), "component cores: there is of") {
		t.Errorf("a component that does not exist: %v", err)
	}
	if pc := e.View().Snapshot.PC; !strings.Contains(pc.Function, "Platform_thread::state") {
		t.Errorf("it stopped at %s", pc)
	}
	for _, b := range e.View().Breakpoints {
		if b.Own() && b.Hits != 1 {
			t.Errorf("%s was hit %d times", b.Name(), b.Hits)
		}
	}
	if err := e.Delete(ctx, "rtcr: Resto::restore"); err == nil {
		t.Error("a breakpoint of nobody was deleted")
	}
	if err := e.Delete(ctx, "core: Genode::Platform_thread::state"); err != nil {
		t.Fatal(err)
	}
	for _, b := range e.View().Breakpoints {
		if b.Own() {
			t.Errorf("%s is still there", b.Name())
		}
	}
	for !e.View().Finished {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
	}
	ignored := false
	for _, v := range e.View().Verdicts {
		ignored = ignored || v.Verdict == view.Ignored
	}
	if !ignored {
		t.Errorf("the verdict is another one: %+v", e.View().Verdicts)
	}
}

// Running to a place leaves no breakpoint behind, whether it was reached or not.
func TestUntil(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Until(ctx, "core: Genode::Platform_thread::state"); err != nil { // a phase comes first
		t.Fatal(err)
	}
	for !strings.Contains(reason(e), "breakpoint core: ") {
		for _, b := range e.View().Breakpoints {
			if b.Own() {
				t.Fatalf("at %q %s is still there", reason(e), b.Name())
			}
		}
		if err := e.Until(ctx, "core: Genode::Platform_thread::state"); err != nil {
			t.Fatalf("after %q: %v", reason(e), err)
		}
	}
	for _, b := range e.View().Breakpoints {
		if b.Own() {
			t.Errorf("%s is still there", b.Name())
		}
	}
}

func reason(e *session.Engine) string {
	if s := e.View().Snapshot; s != nil {
		return s.Reason
	}
	return ""
}
