package ui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/kernel"
	"thaw/session/view"
)

// newDrawn is a ui with a view that was drawn once.
func newDrawn(t *testing.T, c Controller, v *view.View, o Options) *ui {
	t.Helper()
	o.NoGreeting = true
	u := newUI(c, o)
	u.apply(v)
	draw(t, u, 120, 40)
	return u
}

func typed(u *ui, text string) {
	for _, c := range text {
		press(u, string(c))
	}
	press(u, "Enter")
}

// Commands and what the status line says, or where they lead.
func TestCommands(t *testing.T) {
	tests := []struct {
		command, want string // anywhere on the screen
		calls         string
	}{
		{"stop 12", "", "show=12"},
		{"stop 99", "there is no stop 99: 33 is the newest", "show=33"},
		{"stop twelve", `"twelve" is no number of a stop`, ""},
		{"stop", ":stop needs N|first|last: show stop N of the history", ""},
		{"thread 4f", "─ 3 detail  init_main 4f", ""},
		{"thread PAGER_EP", "─ 3 detail  pager_ep 1e", ""},
		{"thread resour", "─ 3 detail  resources ep 12d", ""},
		{"thread nobody", "no thread nobody at this stop", ""},
		{"object 4f", "─ 3 detail  init_main 4f", ""},
		{"object 1ef", "┌─ Task 1ef at stop 33 ", ""},
		{"object 1f1", "receiver  thread 12d resources ep of rtcr, task af", ""},
		{"object fffff", "no object fffff at this stop", ""},
		{"object zz", `"zz" is no id`, ""},
		{"phase cpu threads", "", "show=24"},
		{"phase region", "", "show=3"},
		{"phase incremental", "incremental dataspaces was not entered so far", ""},
		{"phase supper", `no phase is called "supper"`, ""},
		{"theme light", "theme light: darker tones", ""},
		{"theme pink", `no theme is called "pink"; there are dark, light, colour-blind, mono`, ""},
		{"note look here", "", "note=look here"},
		{"bookmark", "stop 33 is bookmarked", "note="},
		{"help", "help: threads", ""},
		{"next", "", "next"},
		{"interrupt", ":interrupt: the guest stands already", ""},
		{"zoom now", ":zoom takes nothing behind it", ""},
		{"exprot", "no command :exprot; the nearest is :export", ""},
		{"supercalifragilistic", "no command :supercalifragilistic; : and Tab list all", ""},
		{"ph", ":ph can be :phase, :phases", ""},
		{"p", ":print: this session cannot read memory", ""},
		{"breakp", "Rtcr::Restorer::_restore_cpu_threads", ""},
		{"log", "5 LOG", ""},
	}
	for _, tt := range tests {
		t.Run(tt.command, func(t *testing.T) {
			fake := newFake(viewComplete())
			u := newDrawn(t, fakeSeeker{fake}, viewComplete(), Options{})
			press(u, ":")
			typed(u, tt.command)
			if f := draw(t, u, 160, 40); !strings.Contains(f.text(), tt.want) {
				t.Errorf("the screen lacks %q:\n%s", tt.want, f.text())
			}
			if got := fake.called(); got != tt.calls {
				t.Errorf("calls: %q, want %q", got, tt.calls)
			}
		})
	}
}

// Tab completes, ↑ recalls, and :quit quits.
func TestPalette(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{}, 120, 40, atStop)
	r.press(":")
	r.expect("choices; Tab completes, ↑ recalls")
	r.press("s", "t", "o", "Tab", "1", "2")
	r.expect(":stop 12")
	r.press("Enter")
	r.expect("stop 12 of 33, HISTORY")
	r.press(":", "t", "h", "e", "m", "Tab", "Tab", "Tab")
	r.expect(":theme light")
	r.press("Enter")
	r.expect("theme light: darker tones")
	r.press(":", "Up", "Up")
	r.expect(":stop 12")
	r.press("Down")
	r.expect(":theme light")
	r.press("Esc", ":")
	r.typed("quti")
	r.expect("no command :quti; the nearest is :quit")
	r.press(":")
	r.typed("q")
	r.waitEnd()
	if got := r.ctrl.called(); got != "show=12" {
		t.Errorf("commands: %s, want: show=12", got)
	}
}

// Notes and bookmarks as a user sets and visits them.
func TestNotes(t *testing.T) {
	r := startSeeker(t, viewComplete(), Options{}, 120, 40, func(stop int) *view.View {
		v := atStop(stop)
		v.Notes = viewNotes().Notes
		return v
	})
	r.press("'")
	r.expect("': no stop has a note; m sets a bookmark, M writes one")
	r.press("m")
	r.expect("stop 33 is bookmarked")
	r.press("M")
	r.expect("note on stop 33")
	r.typed("who carries it?")
	r.press("M", "Enter")
	r.expect("nothing was written; m sets a bookmark")
	r.ctrl.publish(viewNotes())
	r.expect("29 of 31, ◆ 4 notes")
	r.expect("◆ ask on the list why rtcr relies on this")
	r.press("'")
	r.expect("stop 12 of 33 ◆, HISTORY")
	r.press("'")
	r.expect("◆ core only stores the state in its pager object")
	r.press("'")
	r.expect("stop 33 of 33 ◆, live")
	r.press("M")
	r.expect("Enter keep  Esc forget")
	r.press("Esc", "q")
	r.waitEnd()
	if got, want := r.ctrl.called(), "note= note=who carries it? show=12 show=24 show=33"; got != want {
		t.Errorf("commands: %s, want: %s", got, want)
	}
}

// A replay says that its notes end with it: the file stays as it is.
func TestNoteOfReplay(t *testing.T) {
	fake := newFake(viewHistory())
	r := startRobotAt(t, fake, fakePlayer{fakeSeeker{fake}}, Options{}, 80, 24)
	r.press("M")
	r.expect("Enter keep for this replay  Esc forget")
	r.press("Esc", "q")
	r.waitEnd()
}

// The row of a table, and what is in sight of a text, go to the clipboard.
func TestCopy(t *testing.T) {
	r := startRobot(t, viewComplete(), 120, 40)
	tests := []struct{ keys, want string }{
		{"2", "≠ IGNORED  ep  sheep_counter  231  rcv_wait  Genode::ipc_call+0x75  401ff400  8"},
		{"4 j", "8  IRQ  1f0  SW  8  rtcr/resources ep"},
		{"6", "rtcr  Rtcr::Checkpointer::_prepare_cpu_sessions(Genode::List<Rtcr::Stored_cpu_session_info>&)  phase  1034a10  1  0"},
		{"5", "[init -> target_restorer-tester -> sheep_counter] 5 sheep. zZz\n"},
	}
	for _, tt := range tests {
		r.press(strings.Fields(tt.keys)...)
		r.press("y")
		r.screen.waitFor(t, "what was copied", func(*frame) bool {
			r.screen.mu.Lock()
			defer r.screen.mu.Unlock()
			return strings.HasPrefix(r.screen.copied, tt.want)
		})
	}
	r.expect("copied, if the terminal knows OSC 52: [init")
	r.press("q")
	r.waitEnd()
}

// A pane goes into a new file, and never into one that is there.
func TestExport(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "threads.txt")
	r := startRobot(t, viewComplete(), 200, 60)
	r.press("/")
	r.typed("sheep")
	r.press("e")
	r.expect("export threads to")
	r.press("Ctrl-U")
	r.typed(path)
	r.expect("9 lines written to " + path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"threads: /sheep: 6 of 24 (rtcr-2016, stop 33)\n\n", "verdict       thread", "≠ IGNORED     ep", "Genode::Lock::lock+0x90"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the file lacks %q:\n%s", want, text)
		}
	}
	r.press("3", ":")
	r.typed("export " + path)
	r.expect("not written: " + path + " exists: give another name")
	if again, _ := os.ReadFile(path); string(again) != string(text) {
		t.Errorf("the file was written over:\n%s", again)
	}
	detail := filepath.Join(dir, "detail.txt")
	r.press(":")
	r.typed("export " + detail)
	r.expect("lines written to " + detail)
	if text, _ := os.ReadFile(detail); !strings.Contains(string(text), "why   core only stored the state") {
		t.Errorf("the detail is not in the file:\n%s", text)
	}
	r.press("e", "Ctrl-U")
	r.expect("no file is named")
	r.press("Enter")
	r.expect("no file is named: nothing was written")
	bare := filepath.Join(dir, "ep")
	r.press("e", "Ctrl-U")
	r.typed(bare)
	r.expect("lines written to " + bare + ".txt")
	t.Chdir(dir)
	r.press("2", "e")
	r.expect("Enter writes " + filepath.Join(dir, "threads-stop33.txt"))
	if _, err := os.Stat("threads-stop33.txt"); err == nil {
		t.Error("it was written before Enter")
	}
	r.press("Enter")
	r.expect("lines written to " + filepath.Join(dir, "threads-stop33.txt"))
	r.press(":")
	r.typed("export " + filepath.Join(dir, "none", "x"))
	r.expect("not written: open ")
	r.press("q")
	r.waitEnd()
}

// Every table can be sorted by any column, both ways, and filtered.
func TestSort(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	press(u, "6", "z", "o", "o", "o", "o", "o")
	first := func() string { return draw(t, u, 120, 40).line(3) }
	if got := first(); !strings.Contains(got, "unresolved_page_fault") {
		t.Errorf("by hits the first row is %q", got)
	}
	press(u, "O")
	if got := first(); !strings.Contains(got, "Platform_thread::state") {
		t.Errorf("by hits, most first, the first row is %q", got)
	}
	press(u, "/", "r", "t", "c", "r", "Enter")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "/rtcr: 2 of 4") || !strings.Contains(f.line(3), "_restore_cpu_threads") {
		t.Errorf("filtered and sorted:\n%s", f.text())
	}
	press(u, "Esc", "o", "o", "O")
	if got := first(); !strings.Contains(got, "unresolved_page_fault") {
		t.Errorf("in its own order, the last first, the first row is %q", got)
	}
	press(u, "5", "o")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "o: only tables can be sorted") {
		t.Errorf("the LOG can be sorted:\n%s", f.text())
	}
}

// Enter opens what is selected: a phase's stop, a capability's object.
func TestOpen(t *testing.T) {
	fake := newFake(viewComplete())
	u := newDrawn(t, fakeSeeker{fake}, viewComplete(), Options{})
	press(u, "1", "g", "j", "Enter")
	if got := fake.called(); got != "show=2" {
		t.Errorf("Enter in the phases: %q, want show=2", got)
	}
	press(u, "4", "d", "G", "Enter")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "restored  IRQ 223 SW not attached") {
		t.Errorf("a difference in full:\n%s", f.text())
	}
	press(u, "Esc", "d", "g", "Enter")
	f := draw(t, u, 120, 40)
	for _, want := range []string{"Task 1ef at stop 33", "component   sheep_counter", "page table  at physical", "thread      231 ep", "sheep_counter (task 1ef)  slot 1 SW"} {
		if !strings.Contains(f.text(), want) {
			t.Errorf("the task's overlay lacks %q:\n%s", want, f.text())
		}
	}
}

// A recording is told as such, and what would run it says why it does not.
func TestRecording(t *testing.T) {
	fake := newFake(viewHistory())
	u := newDrawn(t, fakePlayer{fakeSeeker{fake}}, viewHistory(), Options{})
	f := draw(t, u, 120, 40)
	if !strings.Contains(f.line(38), " RECORDING  stop 24 of 33 in overwritten.thaw") || strings.Contains(f.text(), "STOPPED") {
		t.Errorf("status line %q", f.line(38))
	}
	for _, k := range []string{"s", "c", "i"} {
		press(u, k)
		if f := draw(t, u, 120, 40); !strings.Contains(f.line(38), k+": a recording cannot run: n and p walk its stops") {
			t.Errorf("after %s the status line is %q", k, f.line(38))
		}
		if strings.Contains(f.line(39), "continue") {
			t.Errorf("the hints offer to run: %q", f.line(39))
		}
	}
	press(u, "n")
	u.apply(viewComplete())
	press(u, "n")
	if f := draw(t, u, 120, 40); !strings.Contains(f.line(38), "n: the recording ends at stop 33") {
		t.Errorf("at the end the status line is %q", f.line(38))
	}
	if got := fake.called(); got != "next" {
		t.Errorf("calls: %q, want next", got)
	}
}

// Snapshots to compare with are kept, but not without bound.
func TestSeen(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewBefore(), Options{})
	u.apply(viewComplete())
	for n := 100; n < 100+2*seenLimit; n++ {
		u.apply(atStop(n))
	}
	if len(u.seen.byNumber) > seenLimit || len(u.seen.order) > seenLimit {
		t.Errorf("%d snapshots are kept", len(u.seen.byNumber))
	}
	if u.previous() == nil || u.previous().Number != u.view.Snapshot.Number-1 {
		t.Error("the stop before the shown one is not known")
	}
}

// fakeForcer is a live session that can be changed.
type fakeForcer struct{ *fakeController }

func (f fakeForcer) Force(id kernel.ID)   { f.call("force " + id.String()) }
func (f fakeForcer) Unforce(id kernel.ID) { f.call("unforce " + id.String()) }

// A thread into which a state was forced stays selected, though its verdict is another
// one then and others stand before it: it can be taken back.
func TestForcedStaysSelected(t *testing.T) {
	fake := newFake(viewComplete())
	u := newDrawn(t, fakeForcer{fake}, viewComplete(), Options{})
	forced := *viewComplete()
	forced.Verdicts = slices.Clone(forced.Verdicts)
	was := u.guest.threads.object()
	for i := range forced.Verdicts {
		if v := &forced.Verdicts[i]; v.Thread == was {
			v.Verdict = view.Applied
		}
	}
	u.apply(&forced)
	if is := u.guest.threads.object(); is == was {
		t.Fatalf("thread %s stands first whatever its verdict is", is)
	}
	u.apply(viewComplete())
	u.guest.unforce()
	u.apply(&forced)
	if is := u.guest.threads.object(); is != was {
		t.Errorf("thread %s is selected, not %s any more", is, was)
	}
}

// Nothing is changed without being asked for, and only where there is something
// to force.
func TestForceAsks(t *testing.T) {
	fake := newFake(viewComplete())
	r := startRobotAt(t, fake, fakeForcer{fake}, Options{}, 120, 40)
	r.press("F")
	r.expect("put ip 1014faa, sp 401ff9a0 into ep")
	r.press("n")
	r.press("F", "Esc")
	r.press("U")
	r.expect("nothing was forced into this thread")
	if calls := fake.called(); calls != "" {
		t.Errorf("Esc forced: %q", calls)
	}
	forced := make(chan string, 1)
	fake.onCall = func(name string) { forced <- name }
	r.press("F", "x", "Enter", " ", "q", "y")
	select {
	case name := <-forced:
		if name != "force 231" {
			t.Errorf("y called %q", name)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("y forced nothing")
	}
	u := newDrawn(t, fakePlayer{fakeSeeker{fake}}, viewHistory(), Options{})
	if why := u.guest.needForce(); why != "a recording cannot be changed" {
		t.Errorf("in a recording: %q", why)
	}
}

// What is typed can be edited as in a shell.
func TestPromptEdits(t *testing.T) {
	u := newDrawn(t, newFake(viewComplete()), viewComplete(), Options{})
	tests := []struct{ keys, want string }{
		{"a b Left x", "axb"},
		{"a b Home x", "xab"},
		{"a b Ctrl-A x End y", "xaby"},
		{"a b Ctrl-A x Ctrl-E y", "xaby"},
		{"a b c Left Left Backspace2", "bc"},
		{"a b c Left Left Delete", "ac"},
		{"a b Ctrl-U c", "c"},
		{"a _ b c Ctrl-W d", "a d"},
		{"a b c Home Right Ctrl-K", "a"},
	}
	for _, tt := range tests {
		press(u, "M")
		for k := range strings.FieldsSeq(tt.keys) {
			draw(t, u, 80, 24)
			press(u, strings.ReplaceAll(k, "_", " "))
		}
		if got := u.line.open.text(); got != tt.want {
			t.Errorf("%s makes %q, want %q", tt.keys, got, tt.want)
		}
		press(u, "Esc")
	}
	press(u, "M", "a", "b", "Left")
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.SetSize(80, 24)
	u.root.Draw(s)
	s.Show()
	f := grab(s)
	if x, y, shown := s.GetCursor(); !shown || y != 22 || f.cells[y*f.w+x] != "b" {
		t.Errorf("the cursor is at %d,%d (%v), not on the b of %q", x, y, shown, f.line(22))
	}
}

// Pasted text goes into what asks for text and is never taken for keys.
func TestPaste(t *testing.T) {
	fake := newFake(viewStopped())
	u := newDrawn(t, fake, viewStopped(), Options{})
	paste := func(text string) { u.root.PasteHandler()(text, noFocus) }
	paste("nnq\n")
	if fake.called() != "" || !strings.HasPrefix(u.note, "what was pasted is ignored") {
		t.Errorf("pasted text ran %q, note %q", fake.called(), u.note)
	}
	press(u, "M", "<", ">", "Left")
	paste("a\x1b[31m\tb\n")
	if got, want := u.line.open.text(), "<a?[31m b?>"; got != want {
		t.Errorf("pasted into a prompt: %q, want %q", got, want)
	}
	press(u, "Esc", "/")
	paste("pager")
	if u.threads.list.sieve.filter != "pager" {
		t.Errorf("the filter is %q", u.threads.list.sieve.filter)
	}
}

// The thread that runs into a breakpoint of the user's is selected, whichever was before;
// the user's choice stays otherwise, and so does what stands first once verdicts are known.
func TestSelectedAtABreakpoint(t *testing.T) {
	const runs, lost, other = 0xd, 0x231, 0x8
	begin := viewStopped()
	begin.Verdicts = nil
	u := newDrawn(t, newFake(begin), begin, Options{})
	selected := func(at string, want kernel.ID) {
		t.Helper()
		if is := u.guest.threads.object(); is != want {
			t.Errorf("%s: thread %s is selected, not %s", at, is, want)
		}
	}
	stop := func(v view.View, by view.StopBy) {
		s := *v.Snapshot
		s.Number, s.By = u.view.Snapshot.Number+1, by
		v.Snapshot = &s
		u.apply(&v)
	}
	selected("nothing is restored so far", runs)
	u.guest.threads.find("8")
	selected("the user chose", other)
	stop(*begin, view.ByStep)
	selected("a step", other)
	u.guest.threads.list.want(threadKey{id: 0x7777})
	selected("the chosen thread is gone", runs)
	u.guest.threads.find("8")
	stop(*begin, view.ByBreakpoint)
	selected("a breakpoint", runs)
	stop(*viewComplete(), view.ByBreakpoint)
	selected("a breakpoint as states are lost", runs)
	stop(*viewComplete(), view.ByStep)
	selected("a step from there", runs)
	stop(*viewComplete(), "")
	selected("no stop of the user's own", lost)
}
