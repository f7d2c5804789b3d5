package live_test

import (
	"strings"
	"testing"
)

// What a user asks to see at a stop: memory with what it points to, values of
// expressions here and in other programs, and watched ones at every stop.
func TestPeek(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if p := e.Print(ctx, "this"); p.Err == "" {
		t.Errorf("before the first stop: %+v", p)
	}
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	if p := e.Print(ctx, "this"); p.Err != "" || p.Title != "rtcr: this" || !strings.Contains(strings.Join(p.Text, " "), "Rtcr::Checkpointer") {
		t.Errorf("this in a member function: %+v", p)
	}
	if p := e.Print(ctx, "kernel: Kobject_dbg::_kobjects"); p.Err != "" || !strings.HasPrefix(p.Title, "kernel: ") {
		t.Errorf("a variable of the kernel: %+v", p)
	}
	for _, expr := range []string{"nonsense", "kernel: nonsense", "sheep_counter: *(long*)0", "1 +", ""} {
		if p := e.Print(ctx, expr); p.Err == "" || strings.Contains(p.Err, "\n") {
			t.Errorf("%q: %+v", expr, p)
		}
	}
	v := e.View()
	var thread uint64
	for _, o := range v.Snapshot.System.Threads() {
		thread = o.Addr
		if p := e.PeekMemory(ctx, 0, o.Addr); len(p.Rows) == 0 || p.Rows[0].Addr != o.Addr || p.Rows[0].Data == nil {
			t.Errorf("thread %s: %+v", o.ID, p)
		}
	}
	for _, o := range v.Snapshot.System.Tasks() {
		if v.Snapshot.Tasks[o.ID] != "core" {
			continue
		}
		p := e.PeekMemory(ctx, o.ID, v.Snapshot.System.MainThread(o.ID).Thread.SP)
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
	if p := e.PeekMemory(ctx, 0xffff, thread); p.Err == "" {
		t.Errorf("a task that is not there: %+v", p)
	}
	if p := e.PeekMemory(ctx, 0, ^uint64(0)-8); len(p.Rows) > 1 {
		t.Errorf("the end of the address space: %d rows", len(p.Rows))
	}

	code := e.Code(ctx, 0)
	text := strings.Join(code.Text, "\n")
	if code.Err != "" || !strings.Contains(text, "checkpointer.cc:") || !strings.Contains(text, "▸") || !strings.Contains(text, "push") {
		t.Errorf("code at the phase: %+v", code)
	}
	for _, o := range v.Snapshot.System.Threads() {
		if p := e.Code(ctx, o.ID); p.Err == "" && len(p.Text) < 3 {
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
