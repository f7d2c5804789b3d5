package ui

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"thaw/session/view"
)

// fakePeeker is a live session whose memory can be read.
type fakePeeker struct{ *fakeController }

func (f fakePeeker) Ask(q view.Query) {
	f.call(strings.TrimSpace(fmt.Sprintf("%s %s %s %s", q.Kind, q.Task, hex(q.Addr), q.Expr)))
	v := *f.View()
	p := &view.Peek{Query: q, Stop: 33, Title: q.Kind + " at " + hex(q.Addr)}
	switch q.Kind {
	case view.QueryMemory:
		word := view.Query{Kind: view.QueryMemory, Task: q.Task, Addr: 0x706050403020100}
		p.Rows = []view.PeekRow{
			{Addr: q.Addr, Data: []byte("\x1b[31mred\x00\x01\x02\x03\x04\x05\x06\x07"), Means: []string{"ep 231+0x10"},
				Words: []view.Query{{Kind: view.QueryMemory, Addr: 0x64}, word}},
			{Addr: q.Addr + 16, Data: []byte("AB\x00\x00\x00\x00\x00\x00CDEFGHIJ"), Known: []bool{0: true, 1: true, 2: true, 15: true},
				Words: []view.Query{{}, {}}},
			{Addr: q.Addr + 32, Why: "not mapped"}, {Addr: q.Addr + 48, Why: "not mapped"}, {Addr: q.Addr + 64, Why: "not recorded"}}
	case view.QueryObject:
		p.Title = "Thread 231, a Thread_object"
		p.Members = []view.PeekMember{{Type: "Thread_object", Addr: 0x1000}, {Depth: 1, Name: "_state", Type: "Mword", Value: "5", Addr: 0x1010},
			{Depth: 1, Name: "_pager", Type: "Thread*", Value: "0x2000", Addr: 0x1018, Means: "pager_ep 1e", Leads: view.Query{Kind: view.QueryValue, Expr: "kernel: *(Thread*)0x2000"}}}
	case view.QueryStack:
		p.Title = "backtrace of ep 231"
		p.Frames = []view.PeekFrame{{Frame: view.Frame{Place: view.Place{Addr: 0x1014ce5, Component: "sheep_counter", Function: "Genode::ipc_call(int)", File: "/src/ipc.cc", Line: 98}}, Leads: view.Query{Kind: view.QueryCode, Task: 0x1ef, Addr: 0x1014ce5}},
			{Frame: view.Frame{Note: "unwinding ends here: no CFI"}}}
	case view.QueryCode:
		p.Text = []string{"ipc.cc:98", "  97  before", "▸ 98  here"}
	default:
		p.Err = "no variable " + q.Expr
	}
	v.Peek = p
	f.publish(&v)
}

func (f fakePeeker) Watch(expr string) {
	f.call("watch " + expr)
	v := *f.View()
	v.Watches = []view.Watch{{Component: "rtcr", Expr: expr, Value: "42"}}
	f.publish(&v)
}

// A user reads memory, a value, and watches an expression.
func TestPeek(t *testing.T) {
	fake := newFake(viewComplete())
	r := startRobotAt(t, fake, fakePeeker{fake}, Options{}, 120, 40)
	r.typed(":memory 401ff9a0")
	f := r.expect("memory at 401ff9a0 at stop 33")
	for _, want := range []string{"1b 5b 33 31 6d", ".[31mred", "→ ep 231+0x10", "401ff9b0 41 42 00 ·· ·· ·· ·· ··", "·· ·· ·· ·· ·· ·· ·· 4a", "401ff9c0 not mapped", "up to 401ff9d0", "401ff9e0 not recorded"} {
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
	r.expect("98  here")
	r.press("Esc")
	r.typed(":watch n")
	r.press("3", "G")
	r.expect("rtcr: n = 42")
	if !strings.Contains(fake.called(), "code 0 0") {
		t.Errorf("the code is not asked for: %q", fake.called())
	}
}

// A user goes from an object through its members along pointers, and back.
func TestFollow(t *testing.T) {
	fake := newFake(viewComplete())
	r := startRobotAt(t, fake, fakePeeker{fake}, Options{}, 120, 40)
	r.press("v")
	r.expect("Thread 231, a Thread_object at stop 33")
	f := r.expect("→ pager_ep 1e")
	if !strings.Contains(f.text(), "Enter follow") {
		t.Errorf("the hints do not tell how to follow:\n%s", f.text())
	}
	r.press("Enter")
	r.expect("this leads nowhere")
	r.press("/")
	r.typed("pager")
	r.expect("/pager: 1 row")
	r.press("Enter")
	r.expect("no variable kernel: *(Thread*)0x2000")
	r.expect("Esc back")
	r.press("Esc")
	r.expect("/pager: 1 row")
	r.press("Esc")
	r.expect("_state")
	r.press("Esc")
	r.expect("4 capabilities")
	r.typed(":memory 401ff9a0")
	r.expect("memory at 401ff9a0")
	r.press("Right", "Enter")
	r.expect("memory at 706050403020100")
	r.press("q")
	r.expect("4 capabilities")
	r.press("w")
	r.expect("ipc.cc:98")
	r.press("Enter")
	r.expect("98  here")
	r.press("y")
	r.expect("copied, if the terminal knows OSC 52: ipc.cc:98")
	r.press("q", "4", "j", "Enter")
	r.expect("IRQ 1f0 at stop 33")
	r.press("Enter")
	r.expect("Thread 231, a Thread_object")
	r.press("q", "q")
	r.waitEnd()
}

// fakeBreaker is a live session that takes breakpoints.
type fakeBreaker struct{ fakePeeker }

func (f fakeBreaker) Break(place string, once bool) {
	f.call(fmt.Sprintf("break %s %v", place, once))
	v := *f.View()
	v.Breakpoints = append(slices.Clone(v.Breakpoints), view.BreakpointInfo{Component: "core", Function: "main", Purpose: view.PurposeBreak, Addrs: []uint64{0x1000}})
	f.publish(&v)
}

func (f fakeBreaker) Delete(name string)      { f.call("delete " + name) }
func (f fakeBreaker) Until(place string)      { f.call("until " + place) }
func (f fakeBreaker) WatchOrigin(w view.Word) { f.call("watch-origin " + w.Words()) }

// A user sets breakpoints, sees them, and takes them away.
func TestBreakpoints(t *testing.T) {
	v := viewComplete()
	v.Components = []string{"core", "sheep_counter"}
	fake := newFake(v)
	r := startRobotAt(t, fake, fakeBreaker{fakePeeker{fake}}, Options{}, 120, 40)
	r.press("6", "x")
	r.expect("no breakpoint of yours is set: b sets one")
	r.press("b")
	r.expect(":break ")
	r.press("c", "o", "Tab")
	r.expect(":break core: ")
	r.press("m", "a", "i", "n", "Enter")
	r.expect("core")
	r.expect("yours   1000")
	r.press("G", "x")
	r.expect("it stays")
	r.press("g", "x")
	r.typed(":until sheep_counter: Genode::Lock::lock")
	r.typed(":tbreak core: main")
	r.typed(":delete all")
	r.press("q")
	r.waitEnd()
	want := "break core: main false delete core: main until sheep_counter: Genode::Lock::lock break core: main true delete "
	if got := fake.called(); got != want {
		t.Errorf("calls: %q, want %q", got, want)
	}
	u := newDrawn(t, fakePlayer{fakeSeeker{fake}}, viewHistory(), Options{})
	press(u, "b")
	if !strings.Contains(u.note, "a recording cannot run") {
		t.Errorf("in a recording: %q", u.note)
	}
}

// A text is searched: matches stand out, one after the other comes in sight.
func TestSearchText(t *testing.T) {
	v := viewComplete()
	u := newDrawn(t, newFake(v), v, Options{})
	press(u, "5", ",")
	if !strings.Contains(u.note, "nothing was looked for: / does") {
		t.Errorf("note %q", u.note)
	}
	press(u, "z", "g", "/", "S", "H", "E", "E", "P", "_")
	f := draw(t, u, 120, 40)
	if !strings.Contains(f.line(38), "find in LOG") || len(u.log.body.search.hits) == 0 {
		t.Fatalf("nothing is found:\n%s", f.text())
	}
	press(u, "Enter", ";", ";")
	f = draw(t, u, 120, 40)
	if want := fmt.Sprintf("/sheep_: 3 of %d", len(u.log.body.search.hits)); !strings.Contains(f.text(), want) {
		t.Errorf("the title lacks %q:\n%s", want, f.text())
	}
	press(u, ",", ",", ",")
	draw(t, u, 120, 40)
	if u.note != "the search came round" || u.log.body.search.at != u.log.body.search.hits[len(u.log.body.search.hits)-1] {
		t.Errorf("before the first match comes %d, note %q", u.log.body.search.at, u.note)
	}
	body := strings.Join(strings.Split(f.attributes(), "\n")[2:37], "\n")
	if !strings.Contains(body, "rrrrrr") || !strings.Contains(body, "uuuuuu") {
		t.Errorf("no match stands out:\n%s", f.attributes())
	}
	press(u, "Esc")
	if u.log.body.search.needle != "" || u.focused != paneLog {
		t.Error("Esc does not end the search alone")
	}
	press(u, "?", "/", "q", "u", "i", "t", "Enter", "n")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "/quit: ") {
		t.Errorf("the help is not searched:\n%s", f.text())
	}
	press(u, "Esc", "Esc")
	if u.windows.top != nil {
		t.Error("Esc does not close the help")
	}
}

// viewPeek is a view with the answer to a query.
func viewPeek(kind string) func() *view.View {
	return func() *view.View {
		fake := newFake(viewComplete())
		fakePeeker{fake}.Ask(view.Query{Kind: kind, Addr: 0x401ff9a0})
		return fake.View()
	}
}

// At 80 columns the first row of a question to a recorded run says what it is, and the others when.
func TestRunAnswerAtEightyColumns(t *testing.T) {
	v := *viewComplete()
	u := newDrawn(t, newFake(&v), &v, Options{})
	asked := v
	asked.Peek = &view.Peek{Query: view.Query{Kind: view.QueryRun, Expr: "thread(e7).state"}, Title: "thread(e7).state: 1 change at 87 kernel entries of 132.8 k instructions",
		Changes: []view.PeekChange{{Position: 179685685, New: "ready"},
			{Position: 179694775, After: 179689176, Old: "ready", New: "ready,rcv_wait", Entry: "entry_sys_fast_ipc_c", Thread: "rtcr/ep (thread e7), then core/entrypoint (thread d)"}}}
	u.apply(&asked)
	text := draw(t, u, 80, 24).text()
	for _, want := range []string{asked.Peek.Title, "179685685 ready          from here on", "179689176 ready,rcv_wait rtcr/ep (thread e7), then c", "179694775 │"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not to be seen:\n%s", want, text)
		}
	}
}
