package ui

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/session"
)

// Controller is the session as the screen sees it. All commands return at
// once: they are queued, and what they change comes as an update.
type Controller interface {
	// View is the newest view. It is never nil.
	View() *session.View
	// Updates delivers views; of those not yet taken only the newest counts.
	// It is closed when the session has ended.
	Updates() <-chan *session.View

	NextPhase()       // run to the next phase of the scenario
	Back()            // show the stop before the one shown
	Forward()         // show the stop after it; the newest is the live one
	StepInstruction() // run one instruction
	Continue()        // run until a breakpoint
	Interrupt()       // stop the running guest
}

// Options say how to draw.
type Options struct {
	Screen     tcell.Screen // to draw on, not yet initialised; nil: the real terminal
	ASCII      bool         // no glyphs beyond ASCII
	NoColor    bool         // attributes only; the environment's NO_COLOR means it too
	NoGreeting bool         // start without the three lines that tell what to press
}

// Run shows the session until the user quits or ctx ends, both without an
// error. The terminal is restored in every case, also when a handler panics.
// An error says that the screen could not be opened.
func Run(ctx context.Context, c Controller, o Options) error {
	screen, err := openScreen(o)
	if err != nil {
		return err
	}
	if os.Getenv("NO_COLOR") != "" {
		o.NoColor = true
	}
	if screen.CharacterSet() != "UTF-8" {
		o.ASCII = true
	}

	app := tview.NewApplication()
	u := newUI(c, o)
	u.quit = app.Stop
	u.apply(c.View())

	app.SetScreen(opened{screen})
	app.EnableMouse(true)
	app.SetInputCapture(u.capture)
	app.SetMouseCapture(u.captureMouse)
	app.SetRoot(u.root, true)

	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { u.pump(ctx, screen, done) })
	defer func() {
		close(done)
		wg.Wait()
		app.Stop() // after a panic this ends tview's reader of events
		screen.Fini()
	}()
	if err := app.Run(); err != nil {
		return fmt.Errorf("reading the terminal's events: %w", err)
	}
	return nil
}

// openScreen initialises the screen to draw on.
func openScreen(o Options) (tcell.Screen, error) {
	const plain = "use `thaw check` or `thaw snapshot` for a plain report"
	screen := o.Screen
	if screen == nil {
		if term := os.Getenv("TERM"); term == "" || term == "dumb" {
			return nil, fmt.Errorf("the terminal (TERM=%q) cannot show a screen: %s", term, plain)
		}
		var err error
		if screen, err = tcell.NewScreen(); err != nil {
			return nil, fmt.Errorf("opening the terminal: %w; %s", err, plain)
		}
	}
	if err := screen.Init(); err != nil {
		return nil, fmt.Errorf("setting up the terminal: %w; %s", err, plain)
	}
	return screen, nil
}

// opened is a screen that was initialised before: tview initialises again and
// drops the error.
type opened struct{ tcell.Screen }

func (opened) Init() error { return nil }

// keyWake is the key of the events that the pump sends; no keyboard has it.
const keyWake = tcell.Key(0x7e57)

// mailbox holds what the pump has for the event loop.
type mailbox struct {
	mu     sync.Mutex
	view   *session.View
	end    bool
	posted bool // a wake event is on its way
}

// put stores news and says whether a wake event has to be posted for it.
func (m *mailbox) put(v *session.View, end bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v != nil {
		m.view = v
	}
	m.end = m.end || end
	post := !m.posted
	m.posted = true
	return post
}

func (m *mailbox) take() (v *session.View, end bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, end = m.view, m.end
	m.view, m.posted = nil, false
	return v, end
}

// pump carries updates to the event loop until done is closed. It never waits
// for the loop: a full event queue is tried again.
func (u *ui) pump(ctx context.Context, screen tcell.Screen, done <-chan struct{}) {
	updates, ended := u.ctrl.Updates(), ctx.Done()
	const pause = 2 * time.Millisecond
	var again <-chan time.Time
	for {
		post := again != nil
		select {
		case <-done:
			return
		case <-ended:
			ended = nil
			post = u.mail.put(nil, true) || post
		case v, ok := <-updates:
			if !ok {
				updates = nil
				continue
			}
			post = u.mail.put(v, false) || post
		case <-again:
		}
		if again = nil; post && screen.PostEvent(tcell.NewEventKey(keyWake, 0, tcell.ModNone)) != nil {
			again = time.After(pause)
		}
	}
}
