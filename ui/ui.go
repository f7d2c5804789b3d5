package ui

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/present"
	"thaw/session/view"
)

// Options say how to draw.
type Options struct {
	Screen     tcell.Screen // to draw on, not yet initialised; nil: the real terminal
	ASCII      bool         // no glyphs beyond ASCII
	NoColor    bool         // attributes only; the environment's NO_COLOR means it too
	NoGreeting bool         // start without the three lines that tell what to press

	Theme     string // one of Themes, "" the one that was chosen last
	ConfigDir string // where theme and layout are remembered; "" nothing is read or written
	Tour      *Tour  // a guided walk, nil: none

	Room    bool                 // others watch: air in tables, the selected row in a frame, keys in a corner
	Follows func(*present.Frame) // is told what is shown, and what to say about it; nil: nobody

	// Shell runs a line of the user's own settings, which ends with ctx, and returns what
	// it wrote; nil: there is none.
	Shell func(ctx context.Context, line string, env []string) string

	// Drawn is told which view was drawn, right before the screen shows it; nil: nobody.
	Drawn func(*view.View)

	settings settings         // that were read
	now      func() time.Time // nil: time.Now
	shell    func(line string, env []string) string
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
	if !isUTF8(screen.CharacterSet()) {
		o.ASCII = true
	}

	if broken == nil && o.settings.Own.size() > 0 {
		broken = o.settings.checkOwn(o.ConfigDir, newUI(c, Options{NoGreeting: true}).keymap())
	}
	if broken != nil { // what the user wrote there must not be written over
		o.settings, o.ConfigDir = settings{}, ""
	}

	shown, leave := context.WithCancel(ctx)
	if o.Shell != nil {
		o.shell = func(line string, env []string) string { return o.Shell(shown, line, env) }
	}
	app := tview.NewApplication()
	done := make(chan struct{})
	u := newUI(c, o)
	u.quit, u.copy, u.jobs = app.Stop, screen.SetClipboard, newJobs(done)
	u.suspend = func() {
		app.Suspend(stopOurselves)
		screen.Sync() // whatever was drawn over it meanwhile
	}
	u.apply(c.View())
	if broken != nil {
		u.note = "ignored: " + clean(broken.Error())
	}

	app.SetScreen(opened{screen})
	app.EnableMouse(true)
	app.EnablePaste(true)
	app.SetInputCapture(u.capture)
	app.SetMouseCapture(u.captureMouse)
	app.SetAfterDrawFunc(func(screen tcell.Screen) {
		u.room.show(screen, u.tour)
		if o.Drawn != nil {
			o.Drawn(u.view)
		}
	})
	app.SetRoot(u.root, true)

	var wg sync.WaitGroup
	pump := &pump{mail: u.mail, ctrl: c, jobs: u.jobs, running: u.view.State == view.Running}
	wg.Go(func() { pump.run(ctx, screen, done) })
	defer func() {
		leave()
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

func newUI(c Controller, o Options) *ui {
	colours := themeNamed(o.Theme)
	if colours == nil {
		colours = &themeTable[0]
	}
	if o.now == nil {
		o.now = time.Now
	}
	d := newDesk(newModel(c, o.now), newTheme(o.ASCII, !o.NoColor, colours))
	p := newPanes(d)
	u := &ui{desk: d, panes: p, quit: func() {}, suspend: func() {}, mail: &mailbox{}}
	u.front = &front{desk: d, panes: p}
	u.drafting = &drafting{d}
	u.asks = &questions{desk: d, threads: p.threads, caps: p.caps, drafting: u.drafting}
	u.live = &liveWindow{desk: d}
	u.guest = &guest{desk: d, threads: p.threads, caps: p.caps}
	u.tour = newTour(p, o.Tour)
	u.keeper = &keeper{desk: d, panes: p, dir: o.ConfigDir, tour: u.tour}
	u.palette, u.help, u.bars = &palette{desk: d}, &help{desk: d, panes: p}, &bars{desk: d, panes: p}
	mine := &owner{desk: d, palette: u.palette, threads: p.threads, shell: o.shell}
	u.keys = mine.add(u.keymap(), o.settings.Own)
	u.palette.keys, u.help.keys, u.bars.keys = u.keys, u.keys, u.keys
	u.room = newRoom(o)
	u.th.roomy = u.room != nil
	u.root = newRoot(u)
	u.keeper.restore(o.settings)
	u.greeting = !o.NoGreeting && u.tour == nil && u.keeper.greet(u.kind())
	return u
}

// apply takes a view over. Only what changed is built again: a running guest
// sends many views that differ in the LOG alone.
func (u *ui) apply(v *view.View) {
	if v == nil {
		return
	}
	old := u.take(v)
	if v.State != old.State || v.Snapshot != old.Snapshot || v.NoRun != old.NoRun { // it answered what was so before
		u.note = ""
	}
	u.follow(old)
	u.drafting.follow(old)
	u.live.follow(old)
	if v.Peek != nil && v.Peek != old.Peek {
		u.asks.answer(v.Peek)
	}
	u.tour.follow()
}

// capture takes the pump's events out of the stream; all else goes to the
// root, in order.
func (u *ui) capture(ev *tcell.EventKey) *tcell.EventKey {
	if ev.Key() != keyWake {
		u.key(ev)
		u.keeper.keep("")
		return nil
	}
	news := u.mail.take()
	u.apply(news.view)
	if news.told != "" {
		u.note = news.told
	}
	if news.out.title != "" {
		u.show(news.out)
	}
	if news.ring != 0 {
		u.tour.ring(news.ring)
	}
	if news.end {
		u.quit()
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
