package ui

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/kernel"
	"thaw/session/view"
	"thaw/testwait"
)

// robot is a user at a simulated terminal.
type robot struct {
	t      *testing.T
	ctrl   *fakeController
	screen *testScreen
	cancel context.CancelFunc
	ended  chan error
}

func startRobot(t *testing.T, v *view.View, w, h int) *robot {
	t.Helper()
	fake := newFake(v)
	return startRobotAt(t, fake, fake, Options{}, w, h)
}

// startSeeker is a robot at a session that can jump to any stop: shown says
// what it publishes then.
func startSeeker(t *testing.T, v *view.View, o Options, w, h int, shown func(stop int) *view.View) *robot {
	t.Helper()
	fake := newFake(v)
	fake.onCall = func(name string) {
		var stop int
		if n, _ := fmt.Sscanf(name, "show=%d", &stop); n == 1 && shown != nil {
			fake.publish(shown(stop))
		}
	}
	return startRobotAt(t, fake, fakeSeeker{fake}, o, w, h)
}

func startRobotAt(t *testing.T, fake *fakeController, c Controller, o Options, w, h int) *robot {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &robot{t: t, ctrl: fake, screen: newTestScreen(w, h), cancel: cancel, ended: make(chan error, 1)}
	o.Screen, o.NoGreeting = r.screen, true
	if *demo {
		openStage(t)
	}
	go func() { r.ended <- Run(ctx, c, o) }()
	t.Cleanup(cancel)
	r.screen.expect(t, "threads")
	return r
}

// typed sends a text and Enter.
func (r *robot) typed(text string) {
	for _, c := range text {
		r.press(string(c))
	}
	r.press("Enter")
}

func (r *robot) press(keys ...string) {
	for _, k := range keys {
		ev := keyEvent(k)
		if *demo {
			caption(r.t, k, r.screen.h)
		}
		r.screen.InjectKey(ev.Key(), ev.Rune(), ev.Modifiers())
	}
}

func (r *robot) expect(text string) *frame {
	r.t.Helper()
	return r.screen.expect(r.t, text)
}

func (r *robot) waitEnd() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Fatalf("Run: %v", err)
		}
	case <-time.After(60 * time.Second):
		r.t.Fatalf("Run did not return:\n%s", grab(r.screen.SimulationScreen).text())
	}
}

// A whole session as a user lives it, with a controller that answers keys by
// publishing views.
func TestSession(t *testing.T) {
	r := startRobot(t, viewStarting(), 120, 40)
	var history bool
	r.ctrl.onCall = func(name string) {
		switch {
		case name == "next" && history:
			t.Error("a phase was asked for at a stop of the history")
		case name == "next":
			r.ctrl.publish(viewRunning())
		case name == "interrupt":
			r.ctrl.publish(viewStopped())
		case name == "continue":
			r.ctrl.publish(viewComplete())
		case name == "back":
			history = true
			r.ctrl.publish(viewHistory())
		case name == "forward":
			history = false
			r.ctrl.publish(viewComplete())
		}
	}
	r.expect("STARTING")
	r.press("n")
	r.expect("n: the session is starting")
	r.ctrl.publish(viewStopped())
	r.expect("stop 24 of 24, live")
	r.press("n")
	r.expect("RUNNING")
	r.press("s")
	r.expect("s: the guest runs; press i to interrupt")
	r.press("i")
	r.expect("STOPPED")
	r.press("c")
	f := r.expect("≠ ep IGNORED: lost between requested and kernel")
	if row := firstRow(f, "≠ IGNORED"); !strings.Contains(f.line(3), "≠ IGNORED    ep") {
		t.Errorf("the ignored thread is not the first row of the threads but in line %d:\n%s", row, f.text())
	}
	r.expect("✗ lost")
	r.press("p")
	r.expect("HISTORY")
	r.press("n")
	r.expect("n: at a stop of the history: press f to come back to the live one")
	r.press("f")
	r.expect("stop 33 of 33, live")
	r.press("d")
	r.expect("3 missing, 1 extra, 1 changed")
	r.press("d", "2", "/", "p", "a", "g", "e", "r")
	r.expect("/pager: 2 of 24")
	r.press("Enter", "j")
	r.expect("pager_ep 1e of core")
	r.press("Esc")
	r.expect("threads  24 ")
	r.press("?")
	r.expect("Shift-Tab  pane before")
	r.press("Esc", "g")
	r.expect("1014ce5 ≠")
	r.press("q")
	r.waitEnd()
	if got, want := r.ctrl.called(), "next interrupt continue back forward"; got != want {
		t.Errorf("commands: %s, want: %s", got, want)
	}
	if r.screen.closed == 0 {
		t.Error("the terminal was not restored")
	}
}

func firstRow(f *frame, text string) int {
	for y := range f.h {
		if strings.Contains(f.line(y), text) {
			return y
		}
	}
	return -1
}

func TestQuitWhileRunningAsksNothing(t *testing.T) {
	r := startRobot(t, viewRunning(), 80, 24)
	r.press("q")
	r.waitEnd()
}

func TestContextEndsRun(t *testing.T) {
	before := runtime.NumGoroutine()
	r := startRobot(t, viewRunning(), 80, 24)
	r.cancel()
	r.waitEnd()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines were left behind:\n%s", n-before, buf[:runtime.Stack(buf, true)])
	}
}

// The session may end long before the user quits: its last view stays.
func TestUpdatesClosed(t *testing.T) {
	r := startRobot(t, viewRunning(), 80, 24)
	r.ctrl.publish(viewEnded())
	r.expect("ENDED")
	close(r.ctrl.updates)
	r.press("n")
	r.expect("n: the connection is lost")
	r.press("Ctrl-C")
	r.waitEnd()
}

func TestPanicRestoresTerminal(t *testing.T) {
	screen, ctrl := newTestScreen(80, 24), newFake(viewStopped())
	ctrl.onCall = func(string) { panic("broken controller") }
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		_ = Run(context.Background(), ctrl, Options{Screen: screen, NoGreeting: true})
	}()
	screen.expect(t, "threads")
	screen.InjectKey(tcell.KeyRune, 'n', tcell.ModNone)
	if p := testwait.For(t, ended, "the screen to end"); fmt.Sprint(p) != "broken controller" {
		t.Errorf("panic = %v, want the controller's own", p)
	}
	if screen.closed == 0 {
		t.Error("the terminal was not restored")
	}
}

func TestDumbTerminal(t *testing.T) {
	for _, term := range []string{"dumb", ""} {
		t.Setenv("TERM", term)
		err := Run(context.Background(), newFake(viewStarting()), Options{})
		if err == nil || !strings.Contains(err.Error(), "thaw check") || !strings.Contains(err.Error(), "thaw snapshot") {
			t.Errorf("TERM=%q: error %v, want one that proposes the plain reports", term, err)
		}
	}
}

type brokenScreen struct{ tcell.Screen }

func (brokenScreen) Init() error { return errors.New("no terminal here") }

func TestScreenThatFails(t *testing.T) {
	err := Run(context.Background(), newFake(viewStarting()), Options{Screen: brokenScreen{}})
	if err == nil || !strings.Contains(err.Error(), "no terminal here") {
		t.Errorf("error %v, want the screen's", err)
	}
}

func TestResizeDuringUpdates(t *testing.T) {
	r := startRobot(t, viewStarting(), 80, 24)
	views := []func() *view.View{viewStopped, viewRunning, viewComplete, viewHistory}
	sizes := [][2]int{{120, 40}, {10, 3}, {200, 60}, {80, 24}, {51, 15}, {1, 1}, {119, 31}, {120, 40}}
	for i, s := range sizes {
		r.ctrl.publish(views[i%len(views)]())
		r.screen.SetSize(s[0], s[1])
		for r.screen.PostEvent(tcell.NewEventResize(s[0], s[1])) != nil {
			runtime.Gosched()
		}
		r.screen.waitFor(t, fmt.Sprintf("a drawing of %d×%d", s[0], s[1]), func(f *frame) bool { return f.w == s[0] && f.h == s[1] })
	}
	r.ctrl.publish(viewComplete())
	r.expect("lost between requested and kernel")
	r.press("q")
	r.waitEnd()
}

func TestMouse(t *testing.T) {
	r := startRobot(t, viewComplete(), 80, 24)
	click := func(x, y int) {
		r.screen.InjectMouse(x, y, tcell.ButtonPrimary, tcell.ModNone)
		r.screen.InjectMouse(x, y, tcell.ButtonNone, tcell.ModNone)
	}
	f := r.expect("4 caps")
	y := firstRow(f, "5 LOG")
	click(width(f.line(y)[:strings.Index(f.line(y), "5 LOG")]), y)
	r.screen.waitFor(t, "another tab", func(f *frame) bool { return !strings.Contains(f.text(), "✗ lost ") })
	click(40, 5)
	r.press("3")
	r.expect("sheep_counter 221")
	// In a prompt a click moves the cursor, elsewhere it ends the prompt.
	r.press("/", "b", "c", "d")
	f = r.expect("/bcd")
	y = f.h - 2
	x := width(f.line(y)[:strings.Index(f.line(y), "bcd")])
	click(x, y)
	r.press("a")
	r.expect("/abcd")
	click(0, y)
	r.press("z")
	r.expect("/azbcd") // beside the text the prompt stays as it is
	click(40, 5)
	r.screen.waitFor(t, "no prompt", func(f *frame) bool { return !strings.Contains(f.line(f.h-2), "/azbcd") })
	r.press("q")
	r.waitEnd()
}

// fakeAll is a live session that can do everything.
type fakeAll struct{ fakeBreaker }

func (c fakeAll) Show(stop int) { c.call(fmt.Sprintf("show=%d", stop)) }

// Keys, sizes, views and the end, all at once: nothing may hang or race.
func TestHammer(t *testing.T) {
	t.Chdir(t.TempDir()) // it finds out how to export
	keys := strings.Fields("n s c i p f Tab Backtab 1 2 3 4 5 6 z d / e p Enter Esc ? j k g G Up Down PgDn PgUp Home End x " +
		"Left Right a T m M ' y o O : : : Tab Tab Backspace2 Up v v w l b x ; , + - > < = N Delete Ctrl-A Ctrl-W Ctrl-U")
	keys = append(keys, " ", " ", " ")
	for round := range 6 {
		fake := newFake(viewStopped())
		fake.onCall = func(name string) {
			var stop int
			if n, _ := fmt.Sscanf(name, "show=%d", &stop); n == 1 {
				v := *viewNotes()
				v.Snapshot = fixtureSnapshot(stop, "shown", "")
				fake.publish(&v)
			}
		}
		o := Options{ConfigDir: t.TempDir()}
		if round%3 > 0 {
			o.Tour = fixtureTour()
		}
		r := startRobotAt(t, fake, fakeAll{fakeBreaker{fakePeeker{fake}}}, o, 80, 24)
		stop := make(chan struct{})
		views := make(chan struct{})
		go func() {
			defer close(views)
			all := []func() *view.View{viewStopped, viewRunning, viewComplete, viewHistory, viewNotes, viewEnded, viewStarting}
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					r.ctrl.publish(all[i%len(all)]())
				}
			}
		}()
		rnd := rand.New(rand.NewPCG(uint64(round), 7))
		for range 250 {
			r.press(keys[rnd.IntN(len(keys))])
			if rnd.IntN(25) == 0 {
				w, h := 1+rnd.IntN(200), 1+rnd.IntN(60)
				r.screen.SetSize(w, h)
				_ = r.screen.PostEvent(tcell.NewEventResize(w, h)) // a full queue may drop it
			}
		}
		if round%2 == 0 {
			r.cancel()
		} else {
			r.press("Ctrl-C")
		}
		r.waitEnd()
		close(stop)
		testwait.For(t, views, "the last view")
	}
}

// A filter that nothing matches leaves a table of heads only: no key may hang
// there.
func TestKeysInEmptyTable(t *testing.T) {
	u := newUI(newFake(viewComplete()), Options{NoGreeting: true})
	u.apply(viewComplete())
	press(u, "/", "x", "x", "Enter")
	for _, k := range []string{"j", "k", "g", "G", "Home", "End", "PgDn", "PgUp", "Up", "Down", "Enter"} {
		press(u, "2", k)
		if f := draw(t, u, 80, 24); !strings.Contains(f.text(), "Nothing matches /xx") {
			t.Errorf("after %s the table does not say that nothing matches:\n%s", k, f.text())
		}
	}
}

// Ten thousand threads: only the rows in sight may be built for a drawing.
func TestManyThreads(t *testing.T) {
	var objects []*kernel.Object
	for i := range 10000 {
		objects = append(objects, &kernel.Object{ID: kernel.ID(i + 1), Kind: "Thread", Class: "Thread_object", Name: fmt.Sprintf("worker %d", i),
			Thread: &kernel.Thread{PD: 9, IP: 0x1000 + uint64(i), Source: "frame"}})
	}
	v := viewStopped()
	v.Verdicts = nil
	v.Snapshot.System = kernel.NewSystem(objects, nil)
	u := newUI(newFake(v), Options{NoGreeting: true})
	u.apply(v)
	counted := &countingSource{source: u.threads.list.src}
	u.threads.list.src = counted
	draw(t, u, 120, 40)
	if counted.rows > sampleRows+100 {
		t.Errorf("the first drawing built %d rows", counted.rows)
	}
	counted.rows = 0
	draw(t, u, 120, 40)
	if counted.rows != 0 {
		t.Errorf("drawing again built %d rows: they are not kept", counted.rows)
	}
	press(u, "G")
	if f := draw(t, u, 120, 40); !strings.Contains(f.text(), "worker 9999") {
		t.Errorf("the last thread is not in sight:\n%s", f.text())
	}
	if counted.rows > 100 {
		t.Errorf("going to the end built %d rows", counted.rows)
	}
}

type countingSource struct {
	source
	rows int
}

func (c *countingSource) row(i int) []cell {
	c.rows++
	return c.source.row(i)
}

// While the guest runs the time is told, and Esc ends that; an idle screen stands
// still.
func TestRunningIsTold(t *testing.T) {
	began, passed := time.Now(), atomic.Int64{} // of a clock that only this test moves
	fake := newFake(viewStopped())
	fake.onCall = func(name string) {
		if name == "interrupt" {
			fake.publish(viewComplete())
		}
	}
	o := Options{now: func() time.Time { return began.Add(time.Duration(passed.Load())) }}
	r := startRobotAt(t, fake, fake, o, 120, 40)
	r.ctrl.publish(viewRunning())
	r.expect("running to the next phase")
	for n := range 2 {
		passed.Store(int64(time.Duration(n+1) * time.Second))
		r.expect(fmt.Sprintf(", %d s; Esc interrupts", n+1))
	}
	r.press("Esc")
	r.expect("STOPPED")
	if got := r.ctrl.called(); got != "interrupt" {
		t.Errorf("commands: %s, want interrupt", got)
	}
	r.press("q")
	r.waitEnd()
}

// A screen that nobody touches is not drawn: the pump posts nothing.
func TestIdleScreenStandsStill(t *testing.T) {
	u := newUI(newFake(viewStopped()), Options{NoGreeting: true})
	u.jobs = newJobs(nil)
	pump := &pump{mail: u.mail, ctrl: u.ctrl, jobs: u.jobs}
	u.apply(viewStopped())
	screen, done := newTestScreen(80, 24), make(chan struct{})
	if err := screen.Init(); err != nil {
		t.Fatal(err)
	}
	defer screen.Fini()
	var wg sync.WaitGroup
	wg.Go(func() { pump.run(t.Context(), screen, done) })
	for screen.HasPendingEvent() { // of its opening
		screen.PollEvent()
	}
	testwait.For(t, time.After(3*runningTick), "some ticks")
	close(done)
	wg.Wait()
	if screen.HasPendingEvent() {
		t.Error("an idle screen is woken")
	}
}
