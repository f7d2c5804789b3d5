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

	// Note adds a note to the shown stop; without a text it sets a bookmark
	// there, or takes it away.
	Note(text string)
}

// Seeker is a Controller that can show any stop of its history, by the number
// of its snapshot.
type Seeker interface{ Show(stop int) }

// Reconnecter is a Controller that can go on with a session whose connection got
// lost.
type Reconnecter interface{ Reconnect() }

// Recording is a Controller that replays a recording.
type Recording interface {
	// Recorded is the recording's file name, "" for a live session.
	Recorded() string
}

// Options say how to draw.
type Options struct {
	Screen     tcell.Screen // to draw on, not yet initialised; nil: the real terminal
	ASCII      bool         // no glyphs beyond ASCII
	NoColor    bool         // attributes only; the environment's NO_COLOR means it too
	NoGreeting bool         // start without the three lines that tell what to press

	Theme     string // one of Themes, "" the one that was chosen last
	ConfigDir string // where theme and layout are remembered; "" nothing is read or written
	Tour      *Tour  // a guided walk, nil: none

	// Drawn is told which view was drawn, right before the screen shows it; nil: nobody.
	Drawn func(*session.View)

	settings settings // that were read
}

// Run shows the session until the user quits or ctx ends, both without an
// error. The terminal is restored in every case, also when a handler panics.
// An error says that the screen could not be opened.
func Run(ctx context.Context, c Controller, o Options) error {
	broken, err := o.complete()
	if err != nil {
		return err
	}
	screen, err := openScreen(o)
	if err != nil {
		return err
	}
	if screen.CharacterSet() != "UTF-8" {
		o.ASCII = true
	}

	app := tview.NewApplication()
	done := make(chan struct{})
	u := newUI(c, o)
	u.quit, u.copy, u.jobs, u.alarms = app.Stop, screen.SetClipboard, newJobs(done), make(chan alarm, 1)
	u.apply(c.View())
	if broken != nil {
		u.note = "ignored: " + clean(broken.Error())
	}

	app.SetScreen(opened{screen})
	app.EnableMouse(true)
	app.EnablePaste(true)
	app.SetInputCapture(u.capture)
	app.SetMouseCapture(u.captureMouse)
	if o.Drawn != nil {
		app.SetAfterDrawFunc(func(tcell.Screen) { o.Drawn(u.view) })
	}
	app.SetRoot(u.root, true)

	var wg sync.WaitGroup
	wg.Go(func() { u.pump(ctx, screen, done) })
	defer func() {
		u.jobs.finish(2 * time.Second)
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

// complete takes from the environment and the remembered settings what the
// caller left open. broken tells why the settings were ignored.
func (o *Options) complete() (broken, err error) {
	if os.Getenv("NO_COLOR") != "" {
		o.NoColor = true
	}
	if themeNamed(o.Theme) == nil {
		return nil, unknownTheme(o.Theme)
	}
	if o.ConfigDir == "" {
		return nil, nil
	}
	s, broken := readSettings(o.ConfigDir)
	o.settings = s
	if o.Theme == "" {
		o.Theme = s.Theme
	}
	return broken, nil
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
