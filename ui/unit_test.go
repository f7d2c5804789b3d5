package ui

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/printable"
	"thaw/session/view"
)

func TestPlaceIn(t *testing.T) {
	f := func(name string, off uint64) view.Place {
		return view.Place{Addr: 0x1000, Component: "core", Function: name, Offset: off}
	}
	tests := []struct {
		p    view.Place
		w    int
		want string
	}{
		{f("Genode::Lock::lock()", 0x90), 40, "Genode::Lock::lock+0x90"},
		{f("Genode::Lock::lock()", 0x90), 16, "Lock::lock+0x90"},
		{f("Genode::Lock::lock()", 0x90), 9, "lock+0x90"},
		{f("Genode::Lock::lock()", 0x90), 6, "lock"},
		{f("Genode::Lock::lock()", 0x90), 3, "lo…"},
		{f("A<B::C>::run(void (*)(int)) const", 0), 30, "A<B::C>::run"},
		{f("A<B::C>::run(void (*)(int)) const", 0), 5, "run"},
		{f("Functor::operator()(int)", 0), 30, "Functor::operator()"},
		{f("(anonymous namespace)::go()", 0), 10, "go"},
		{view.Place{Addr: 0xfee0}, 20, "fee0"},
		{view.Place{Addr: 0xfee0, Component: "core"}, 20, "core: 0xfee0"},
		{view.Place{Addr: 0xfee0, Component: "core"}, 6, "fee0"},
	}
	for _, tt := range tests {
		if got := placeIn(tt.p, tt.w); got != tt.want {
			t.Errorf("placeIn(%s, %d) = %q, want %q", tt.p, tt.w, got, tt.want)
		}
	}
}

// Lines in the source stand below the stages where debug info has them.
func TestStageLines(t *testing.T) {
	v := viewComplete()
	v.Verdicts[1].Kernel.Place.File, v.Verdicts[1].Kernel.Place.Line = "/src/base-foc/lib/base/ipc.cc", 98
	u := newDrawn(t, newFake(v), v, Options{})
	if f := draw(t, u, 120, 40); firstRow(f, "ipc.cc:98") != firstRow(f, "│stop  14")+1 {
		t.Errorf("the line is not below the stages:\n%s", f.text())
	}
}

// A file that is another program's stands in the header, in the status line and in the
// detail, at any width.
func TestWrongFile(t *testing.T) {
	v := viewComplete()
	v.Mismatches = []view.Mismatch{{Component: "rtcr", File: "/old/rtcr", Task: 0xaf, Name: "target_restorer-", At: view.Place{Addr: 0x1000013}, Differ: 2, Pages: 3}}
	u := newDrawn(t, newFake(v), v, Options{})
	for _, w := range []int{80, 120, 200} {
		text := draw(t, u, w, 40).text()
		if !strings.Contains(text, "rtcr's file is") && !strings.Contains(text, "wrong file") {
			t.Errorf("%d columns: nothing in the header:\n%s", w, text)
		}
		if !strings.Contains(text, "give the right file of rtcr") && !strings.Contains(text, "is not /old/rtcr") || !strings.Contains(text, "wrong file what runs as rtcr") {
			t.Errorf("%d columns: nothing in the status line or the detail:\n%s", w, text)
		}
	}
}

// Every cell of the body belongs to one pane at any size.
func TestArrange(t *testing.T) {
	for w := 1; w <= 220; w++ {
		for h := 1; h <= 70; h++ {
			for _, form := range [][2]bool{{false, false}, {true, false}, {false, true}, {true, true}} {
				zoom, tour := form[0], form[1]
				o := wish{focus: paneThreads, tab: paneCaps, zoom: zoom, tour: tour}
				if extreme := (w + h) % 3; extreme > 0 {
					n := []int{0, leastShare, mostShare}[extreme]
					o.sizes = sizes{n, n, n, n, n}
				}
				p := arrange(w, h, o)
				if p.tooSmall != "" {
					if w >= minWidth && h >= minHeight {
						t.Fatalf("%d×%d counts as too small", w, h)
					}
					continue
				}
				if tour != (p.tour.h >= 4) {
					t.Fatalf("%d×%d: the tour is at %+v", w, h, p.tour)
				}
				cells := p.tour.w * p.tour.h
				for i, a := range p.panes {
					cells += a.w * a.h
					if a.x < 0 || a.y < 1 || a.x+a.w > w || a.y+a.h > h-2 || a.w < 16 || a.h < 3 {
						t.Fatalf("%d×%d: pane %d is at %+v", w, h, a.pane, a.rect)
					}
					for _, b := range p.panes[i+1:] {
						if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
							t.Fatalf("%d×%d: panes %d and %d overlap", w, h, a.pane, b.pane)
						}
					}
				}
				for _, b := range p.bars {
					cells += b.w * b.h
				}
				if cells != w*(h-3) {
					t.Fatalf("%d×%d: %d of %d cells are used", w, h, cells, w*(h-3))
				}
			}
		}
	}
}

// Keys and commands must be unique, named, and explained in the help.
func TestKeyTable(t *testing.T) {
	keys, commands := map[string]bool{}, map[string]bool{}
	u := newUI(newFake(viewStopped()), Options{Tour: fixtureTour()})
	help := ""
	for _, l := range u.help.lines(windowWidth) {
		help += lineText(l) + "\n"
		if lineWidth(l) > windowWidth {
			t.Errorf("the help does not fit 80 columns: %v", l)
		}
	}
	for _, a := range u.keys {
		room := windowWidth - helpColumn
		if slices.Contains(helpLeft, a.group) {
			room = helpColumn - 1
		}
		if len(a.keys) > 0 && keyColumn+width(a.help) > room {
			t.Errorf("%s: %q has %d columns too many for the help", a.label, a.help, keyColumn+width(a.help)-room)
		}
		for _, k := range a.keys {
			if keys[k] {
				t.Errorf("key %s is in the table twice", k)
			}
			keys[k] = true
		}
		if a.command != "" && commands[a.command] {
			t.Errorf("command %s is in the table twice", a.command)
		}
		commands[a.command] = true
		switch {
		case !slices.Contains(groups, a.group):
			t.Errorf("%s%s is in group %q that the help does not show", a.label, a.command, a.group)
		case len(a.keys) > 0 && !strings.Contains(help, pad(a.label, keyColumn)+a.help):
			t.Errorf("key %s is not in the help", a.label)
		case a.command != "" && !strings.Contains(help, ":"+a.usage()+" "):
			t.Errorf("command %s is not in the help", a.command)
		case (a.arg != "") != (a.take != nil):
			t.Errorf("%s%s: what it takes and what it does with that do not match", a.label, a.command)
		case a.run == nil && a.key == nil && a.take == nil && a.group != groupMove:
			t.Errorf("%s%s does nothing", a.label, a.command)
		}
	}
	for pane := panePhases; pane < paneEnd; pane++ {
		if i := paneInfos[pane]; i.name == "" || i.command == "" || i.about == "" || i.help == "" {
			t.Errorf("pane %d lacks a name or a help", pane)
		}
		for _, k := range slices.Concat(u.byID[pane].hints(), hintsFirst, hintsThen, hintsLast) {
			if a := u.keys.find(k.label); a == nil || a.short == "" {
				t.Errorf("hint %v of pane %d is no key with a short name", k, pane)
			}
		}
	}
}

func TestDisabledKeys(t *testing.T) {
	atFirst := func() *view.View {
		v := viewStopped()
		v.Snapshot.Number = 1
		return v
	}
	tests := []struct {
		name string
		view func() *view.View
		keys []string
		want string // of the status line
	}{
		{"next while running", viewRunning, []string{"n"}, "n: the guest runs; press i to interrupt"},
		{"continue while running", viewRunning, []string{"c"}, "c: the guest runs; press i to interrupt"},
		{"back while running", viewRunning, []string{"p"}, "p: the guest runs; press i to interrupt"},
		{"interrupt while stopped", viewStopped, []string{"i"}, "i: the guest stands already"},
		{"step in the history", viewHistory, []string{"s"}, "s: at a stop of the history: press f to come back to the live one"},
		{"next before the start", viewStarting, []string{"n"}, "n: the session is starting"},
		{"next after the end", viewEnded, []string{"n"}, "n: the connection is lost: R reconnects"},
		{"back at the first stop", atFirst, []string{"p"}, "p: this is the first stop"},
		{"forward at the newest", viewStopped, []string{"f"}, "f: this is the newest stop"},
		{"diff too early", viewStopped, []string{"d"}, "d: both capability tables are known once"},
		{"sort the LOG", viewStopped, []string{"5", "o"}, "o: only tables can be sorted"},
		{"escape with nothing open", viewStopped, []string{"Esc"}, "nothing to close; q quits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newFake(tt.view())
			u := newUI(c, Options{NoGreeting: true})
			u.apply(tt.view())
			press(u, tt.keys...)
			if f := draw(t, u, 120, 40); !strings.Contains(f.line(38), tt.want) {
				t.Errorf("status line %q, want %q", f.line(38), tt.want)
			}
			if c.called() != "" {
				t.Errorf("the command %s was sent all the same", c.called())
			}
			press(u, "j")
			if f := draw(t, u, 120, 40); strings.Contains(f.line(38), tt.want) {
				t.Error("the answer stays after the next key")
			}
		})
	}
}

// Esc closes one thing at a time.
func TestEscapeGoesUp(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{})
	u.apply(viewComplete())
	press(u, "Esc") // the greeting
	press(u, "4", "z", "/", "g", "Enter", "?")
	state := func() string {
		return strings.Join([]string{map[bool]string{true: "help"}[u.windows.top != nil], u.caps.list.sieve.filter,
			map[bool]string{true: "zoom"}[u.zoom], paneInfos[u.focused].name}, "|")
	}
	want := []string{"help|g|zoom|capabilities", "|g|zoom|capabilities", "||zoom|capabilities", "|||capabilities", "|||threads", "|||threads"}
	for i, w := range want {
		if got := state(); got != w {
			t.Fatalf("after %d times Esc: %s, want %s", i, got, w)
		}
		press(u, "Esc")
	}
}

// The guest chooses names: they may look like tview's tags or hold controls.
func TestHostileNames(t *testing.T) {
	v := viewComplete()
	for _, o := range v.Snapshot.System.Objects {
		if o.ID == 0x231 {
			o.Name = "[red]e[-]p[\"x\"]\x1b"
		}
	}
	v.Verdicts[1].Name = "[red]e[-]p\x9b"
	v.Verdicts[1].Cause = "[::b]cause[::-]\x07"
	u := newUI(newFake(v), Options{NoGreeting: true})
	u.apply(v)
	f := draw(t, u, 200, 60)
	for _, want := range []string{`[red]e[-]p["x"]?`, "[::b]cause[::-]?"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("the screen lacks %s:\n%s", want, f.text())
		}
	}
}

// However the session was lied to, in each of its texts, the screen shows nothing
// that a terminal obeys, whatever pane or overlay is open.
func TestHostileEverywhere(t *testing.T) {
	const hostile = "\x1b[2J\x00\u009b2J\u202e\u2066\xffx"
	var spoil func(v reflect.Value)
	spoil = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			if v.CanSet() {
				v.SetString(hostile + v.String())
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				spoil(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				spoil(v.Index(i))
			}
		case reflect.Map:
			for _, k := range v.MapKeys() {
				e := reflect.New(v.Type().Elem()).Elem()
				e.Set(v.MapIndex(k))
				spoil(e)
				v.SetMapIndex(k, e)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					spoil(v.Field(i))
				}
			}
		}
	}
	v := viewComplete()
	v.Snapshot.System.Problems = []string{"problem"}
	v.Snapshot.System.Objects[0].Problem = "problem"
	v.Message, v.Notes = "message", []view.Note{{Stop: v.Snapshot.Number, Text: "note"}}
	v.Watches = []view.Watch{{Component: "core", Expr: "x", Value: "1"}, {Component: "core", Expr: "y", Err: "none"}}
	v.Peek = &view.Peek{Title: "peek", Rows: []view.PeekRow{{Means: []string{"means"}}}}
	spoil(reflect.ValueOf(v))
	u := newUI(newFake(v), Options{NoGreeting: true})
	for _, err := range []error{nil, errors.New(hostile)} {
		shown := *v
		shown.Err = err
		if err != nil {
			shown.State = view.Ended
		}
		u.apply(&shown)
		for _, key := range []string{"1", "2", "3", "4", "d", "d", "Enter", "Esc", "5", "6", "?", "Esc", "z", "Esc", "y", "w", "Esc", ":", "Esc"} {
			press(u, key)
			for row := range strings.SplitSeq(draw(t, u, 200, 60).text(), "\n") {
				if strings.ContainsFunc(row, func(r rune) bool { return !printable.Rune(r) }) {
					t.Fatalf("after %s the screen holds %q", key, row)
				}
			}
		}
	}
}

// What could not be read is told at one glance, and spelled out in the detail,
// of whatever object it is.
func TestProblemsAreShown(t *testing.T) {
	v := viewStopped()
	sys := v.Snapshot.System
	sys.Problems = []string{"the list of kernel objects runs into itself"}
	for _, o := range sys.Objects {
		if o.PD != nil {
			o.PD.Problem = "its capability table is cut short"
			break
		}
	}
	sys.Threads()[0].Problem = "reading its name: no end"
	u := newUI(newFake(v), Options{NoGreeting: true})
	u.apply(v)
	press(u, "3", "G")
	f := draw(t, u, 160, 50)
	text := strings.Join(strings.Fields(f.text()), " ")
	for _, want := range []string{"3 problems, see detail", "could not be read at this stop: 3", "runs into itself", "is cut short", "no end"} {
		if !strings.Contains(text, want) {
			t.Errorf("the screen lacks %q:\n%s", want, f.text())
		}
	}
}

// A lost connection is offered to be made again, by key and by command.
func TestReconnectIsOffered(t *testing.T) {
	for _, keys := range [][]string{{"R"}, append(append([]string{":"}, strings.Split("reconnect", "")...), "Enter")} {
		c := newFake(viewEnded())
		u := newUI(c, Options{NoGreeting: true})
		u.apply(viewEnded())
		f := draw(t, u, 120, 40)
		if !strings.Contains(f.line(38), "connection lost: R reconnects") || !strings.Contains(f.line(39), "R reconnect") {
			t.Errorf("not offered: %q, %q", f.line(38), f.line(39))
		}
		press(u, keys...)
		if c.called() != "reconnect" {
			t.Errorf("%q: %q was called", keys, c.called())
		}
	}
	c := newFake(viewStopped())
	u := newUI(c, Options{NoGreeting: true})
	u.apply(viewStopped())
	press(u, "R")
	if f := draw(t, u, 120, 40); c.called() != "" || !strings.Contains(f.line(38), "R: no connection is lost") {
		t.Errorf("%q was called; %q", c.called(), f.line(38))
	}
}

// A thread that the user chose stays chosen over stops; else the first row is.
func TestSelectionIsKept(t *testing.T) {
	u := newUI(newFake(viewStopped()), Options{NoGreeting: true})
	u.apply(viewStopped())
	u.apply(viewComplete())
	if r := u.threads.selected(); r.key.id != 0x231 {
		t.Errorf("thread %s is selected, want the ignored one", r.key.id)
	}
	press(u, "G", "k")
	chosen := u.threads.selected().key
	for _, v := range []*view.View{viewHistory(), viewRunning(), viewComplete()} {
		u.apply(v)
		draw(t, u, 80, 24)
		if got := u.threads.selected().key; got != chosen {
			t.Errorf("thread %s is selected, want %s", got.id, chosen.id)
		}
	}
	press(u, "g")
	u.apply(viewStopped())
	u.apply(viewComplete())
	if r := u.threads.selected(); r.key.id != 0x231 {
		t.Errorf("after g thread %s is selected, want the ignored one", r.key.id)
	}
}

// Restored threads without an object, and verdicts that nobody knows.
func TestOddVerdicts(t *testing.T) {
	v := viewComplete()
	v.Verdicts = append(v.Verdicts,
		view.ThreadVerdict{Name: "lost one", TaskName: "sheep_counter", Original: 0x999, Verdict: view.NotRequested, Checkpointed: known(1, 2, "list", 3)},
		view.ThreadVerdict{Name: "novel", Thread: 0x888, Verdict: "bewitched"})
	u := newUI(newFake(v), Options{NoGreeting: true})
	u.apply(v)
	f := draw(t, u, 200, 60)
	for _, want := range []string{"- not-requested lost one", "none no object", "? bewitched", "IGNORED: lost between requested and kernel, and 1 more"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("the screen lacks %q:\n%s", want, f.text())
		}
	}
	press(u, "j")
	if f := draw(t, u, 200, 60); !strings.Contains(f.text(), "(no thread object)") {
		t.Errorf("the detail does not say that the thread does not exist:\n%s", f.text())
	}
}

// The LOG follows its end until the user scrolls up.
func TestLogFollows(t *testing.T) {
	v := viewComplete()
	u := newUI(newFake(v), Options{NoGreeting: true})
	u.apply(v)
	grow := func(s string) *view.View {
		n := *v
		n.Log = append(slices.Clone(u.view.Log), s)
		return &n
	}
	press(u, "5")
	draw(t, u, 80, 24)
	u.apply(grow("the newest line"))
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "the newest line") {
		t.Errorf("the LOG does not follow:\n%s", f.text())
	}
	press(u, "k", "k", "k")
	u.apply(grow("one more"))
	if f := draw(t, u, 80, 24); strings.Contains(f.text(), "one more") {
		t.Errorf("the LOG jumps to its end although the user scrolled:\n%s", f.text())
	}
	press(u, "G")
	if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "one more") {
		t.Errorf("the LOG does not go to its end:\n%s", f.text())
	}
}

// Panes grow and shrink by keys, and a separator follows the mouse.
func TestResizePanes(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	sizeOf := func(id paneID) rect {
		draw(t, u, 120, 40)
		for _, p := range u.plan.panes {
			if p.pane == id {
				return p.rect
			}
		}
		t.Fatalf("pane %d is not shown", id)
		return rect{}
	}
	for id := panePhases; id < paneEnd; id++ {
		press(u, string('0'+rune(id)))
		before := sizeOf(id)
		press(u, "+")
		if r := sizeOf(id); r.h <= before.h {
			t.Errorf("+ makes %s %d rows high, not more than %d", paneInfos[id].name, r.h, before.h)
		}
		press(u, ">")
		if r := sizeOf(id); r.w <= before.w {
			t.Errorf("> makes %s %d columns wide, not more than %d", paneInfos[id].name, r.w, before.w)
		}
		press(u, "-", "-", "<", "<")
		if r := sizeOf(id); r.h >= before.h || r.w >= before.w {
			t.Errorf("- and < make %s %dx%d, not less than %dx%d", paneInfos[id].name, r.w, r.h, before.w, before.h)
		}
		press(u, "=")
		if r := sizeOf(id); r != before {
			t.Errorf("= makes %s %+v, not %+v", paneInfos[id].name, r, before)
		}
	}
	for range 100 {
		press(u, "+", ">")
	}
	draw(t, u, 120, 40)
	press(u, "z", "+")
	if !strings.Contains(u.note, "a zoomed pane") {
		t.Errorf("note %q", u.note)
	}
	press(u, "z", "=", "2")
	before := sizeOf(panePhases)
	drag := func(action tview.MouseAction, x int) {
		u.root.MouseHandler()(action, tcell.NewEventMouse(x, 5, tcell.ButtonPrimary, tcell.ModNone), noFocus)
	}
	drag(tview.MouseLeftDown, before.w)
	drag(tview.MouseMove, 60)
	drag(tview.MouseLeftUp, 60)
	drag(tview.MouseMove, 30)
	if r := sizeOf(panePhases); r.w < 59 || r.w > 61 {
		t.Errorf("dragged to column 60 the phases are %d wide", r.w)
	}
	if u.focused != paneThreads {
		t.Error("dragging moved the focus")
	}
}

// A line in the source is of use by its number, which a narrow column keeps.
func TestNarrowLineKeepsItsNumber(t *testing.T) {
	l := &frameList{th: newTheme(false, true, &themeTable[0]), frames: []view.PeekFrame{{Frame: view.Frame{
		Place: view.Place{Addr: 0x1014b45, Component: "sheep_counter", Function: "Fiasco::l4_ipc_call", File: "ipc-l42-gcc3.h", Line: 36}}}}}
	c := l.row(0)[2]
	if c.text != "ipc-l42-gcc3.h:36" || c.fit == nil || c.fit(12) != "ipc-l42-…:36" {
		t.Errorf("in 12 columns of %q there is %q", c.text, l.th.draw(c.text))
	}
}
