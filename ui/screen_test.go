package ui

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/session/view"
)

// frame is what stood on the screen after one drawing.
type frame struct {
	w, h  int
	cells []string
	attrs []tcell.AttrMask
	color bool // some cell had a colour of its own
}

func (f *frame) line(y int) string {
	return strings.TrimRight(strings.Join(f.cells[y*f.w:(y+1)*f.w], ""), " ")
}

func (f *frame) text() string {
	var b strings.Builder
	for y := range f.h {
		b.WriteString(f.line(y) + "\n")
	}
	return b.String()
}

// attrLetters shows attributes beside the text: one letter for each cell.
func attrLetter(a tcell.AttrMask) byte {
	const b, r, u, d = tcell.AttrBold, tcell.AttrReverse, tcell.AttrUnderline, tcell.AttrDim
	switch a & (b | r | u | d) {
	case 0:
		return ' '
	case b:
		return 'b'
	case r:
		return 'r'
	case u:
		return 'u'
	case d:
		return '.'
	case b | r:
		return 'R'
	case b | u:
		return 'U'
	case d | r:
		return ':'
	case b | d:
		return ','
	}
	return '#'
}

func (f *frame) attributes() string {
	var b strings.Builder
	for y := range f.h {
		var row []byte
		for x := range f.w {
			row = append(row, attrLetter(f.attrs[y*f.w+x]))
		}
		b.WriteString(strings.TrimRight(string(row), " ") + "\n")
	}
	return b.String()
}

// grab copies a simulated screen.
func grab(s tcell.SimulationScreen) *frame {
	cells, w, h := s.GetContents()
	f := &frame{w: w, h: h}
	skip := 0
	for _, c := range cells {
		text := string(c.Runes)
		if text == "" || text == "\x00" {
			text = " "
		}
		if skip > 0 {
			text, skip = "", skip-1
		} else if n := width(text); n > 1 {
			skip = n - 1
		}
		fg, bg, a := c.Style.Decompose()
		f.color = f.color || fg != tcell.ColorDefault || bg != tcell.ColorDefault
		f.cells, f.attrs = append(f.cells, text), append(f.attrs, a)
	}
	return f
}

// draw shows a ui once, without an event loop.
func draw(t *testing.T, u *ui, w, h int) *frame {
	t.Helper()
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.SetSize(w, h)
	u.root.SetRect(0, 0, w, h)
	u.root.Draw(s)
	s.Show()
	return grab(s)
}

// press sends keys: single characters, or tcell's names of special keys.
func press(u *ui, keys ...string) {
	for _, k := range keys {
		u.capture(keyEvent(k))
	}
}

func keyEvent(k string) *tcell.EventKey {
	for key, name := range tcell.KeyNames {
		if name == k {
			return tcell.NewEventKey(key, 0, tcell.ModNone)
		}
	}
	return tcell.NewEventKey(tcell.KeyRune, []rune(k)[0], tcell.ModNone)
}

// fakeController records commands and answers with views.
type fakeController struct {
	mu      sync.Mutex
	view    *view.View
	updates chan *view.View
	calls   []string
	onCall  func(name string)
}

func newFake(v *view.View) *fakeController {
	return &fakeController{view: v, updates: make(chan *view.View, 1)}
}

func (c *fakeController) View() *view.View {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.view
}

func (c *fakeController) Updates() <-chan *view.View { return c.updates }

// publish replaces a view that was not taken: the latest wins.
func (c *fakeController) publish(v *view.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.view = v
	select {
	case <-c.updates:
	default:
	}
	c.updates <- v
}

func (c *fakeController) call(name string) {
	c.mu.Lock()
	c.calls = append(c.calls, name)
	f := c.onCall
	c.mu.Unlock()
	if f != nil {
		f(name)
	}
}

func (c *fakeController) called() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.calls, " ")
}

func (c *fakeController) NextPhase()       { c.call("next") }
func (c *fakeController) Back()            { c.call("back") }
func (c *fakeController) Forward()         { c.call("forward") }
func (c *fakeController) StepInstruction() { c.call("step") }
func (c *fakeController) Reconnect()       { c.call("reconnect") }
func (c *fakeController) Continue()        { c.call("continue") }
func (c *fakeController) Interrupt()       { c.call("interrupt") }
func (c *fakeController) Note(text string) { c.call("note=" + text) }

// fakeSeeker is a controller that shows any stop.
type fakeSeeker struct{ *fakeController }

func (c fakeSeeker) Show(stop int) { c.call(fmt.Sprintf("show=%d", stop)) }

// fakePlayer replays a recording.
type fakePlayer struct{ fakeSeeker }

func (c fakePlayer) Recorded() string { return "/tmp/overwritten.thaw" }

// testScreen is a simulated screen that keeps a copy of every drawing: the
// simulation's own cells belong to the event loop.
type testScreen struct {
	tcell.SimulationScreen
	w, h   int
	mu     sync.Mutex
	last   *frame
	drawn  chan struct{}
	closed int
	copied string
}

func newTestScreen(w, h int) *testScreen {
	return &testScreen{SimulationScreen: tcell.NewSimulationScreen("UTF-8"), w: w, h: h, drawn: make(chan struct{}, 1)}
}

func (s *testScreen) Init() error {
	if err := s.SimulationScreen.Init(); err != nil {
		return err
	}
	s.SetSize(s.w, s.h)
	return nil
}

// SetClipboard implements tcell.Screen: the simulation's own has no lock.
func (s *testScreen) SetClipboard(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copied = string(text)
}

func (s *testScreen) Fini() {
	s.mu.Lock()
	s.closed++
	s.mu.Unlock()
	s.SimulationScreen.Fini()
}

func (s *testScreen) Show() {
	s.SimulationScreen.Show()
	f := grab(s.SimulationScreen)
	if *demo {
		showOn(s.SimulationScreen)
	}
	s.mu.Lock()
	s.last = f
	s.mu.Unlock()
	select {
	case s.drawn <- struct{}{}:
	default:
	}
}

// waitFor waits until a drawing satisfies ok.
func (s *testScreen) waitFor(t *testing.T, what string, ok func(*frame) bool) *frame {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for {
		s.mu.Lock()
		f := s.last
		s.mu.Unlock()
		if f != nil && ok(f) {
			return f
		}
		select {
		case <-s.drawn:
		case <-deadline:
			t.Fatalf("the screen never showed %s; it shows:\n%s", what, f.text())
		}
	}
}

func (s *testScreen) expect(t *testing.T, text string) *frame {
	t.Helper()
	return s.waitFor(t, `"`+text+`"`, func(f *frame) bool { return strings.Contains(f.text(), text) })
}
