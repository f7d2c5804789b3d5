package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/cast"
	"thaw/session"
	"thaw/session/view"
	"thaw/ui"
)

// How long frames of a film stand.
const (
	filmStop = 1200 * time.Millisecond // an ordinary stop
	filmEnd  = 8 * time.Second         // the last one, with the verdicts
)

// film writes the screen walking all stops of a replay.
func (f *exportFlags) film(ctx context.Context, r *session.Replay) error {
	var columns, rows int
	if _, err := fmt.Sscanf(f.size+"\n", "%dx%d\n", &columns, &rows); err != nil || columns < 40 || rows < 12 || columns > 500 || rows > 200 {
		return fmt.Errorf("%q is no size of a screen, such as 120x40", f.size)
	}
	if f.version != 2 && f.version != 3 {
		return fmt.Errorf("%d is no version of the asciicast format that thaw writes: 2 or 3", f.version)
	}
	p, err := session.NewPlayer(r)
	if err != nil {
		return err
	}
	screen, err := cast.NewScreen(columns, rows)
	if err != nil {
		return err
	}
	return writeFile(ctx, f.cast, f.force, func(w io.Writer) error {
		film, err := cast.NewFilm(w, screen, "thaw: "+r.Name(), f.version)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		var shown drawing
		go func() {
			ended <- ui.Run(ctx, p, ui.Options{Screen: screen, NoGreeting: true, Drawn: func(v *view.View) { shown.note(v, screen) }})
		}()
		err = walk(ctx, film, screen, &shown, r.Stops())
		cancel()
		return errors.Join(err, <-ended)
	})
}

// drawing is the stop that was drawn last.
type drawing struct {
	mu           sync.Mutex
	stop, before int // its number, and how many frames were shown before it
}

func (d *drawing) note(v *view.View, screen *cast.Screen) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if v.Snapshot != nil && v.Snapshot.Number != d.stop {
		d.stop, d.before = v.Snapshot.Number, screen.Shows()
	}
}

// shows says whether the screen shows a stop.
func (d *drawing) shows(stop int, screen *cast.Screen) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stop == stop && screen.Shows() > d.before
}

// walk presses the key for the next stop until the last one is shown.
func walk(ctx context.Context, film *cast.Film, screen *cast.Screen, shown *drawing, stops int) error {
	defer busy(ctx, "filming")()
	const within = 10 * time.Second
	for stop := 1; stop <= stops; stop++ {
		busy(ctx, "filming stop %d of %d", stop, stops)
		if stop > 1 {
			screen.InjectKey(tcell.KeyRune, 'n', tcell.ModNone)
		}
		// Once we are to end, nothing is drawn any more.
		err := screen.Settle(within, func() bool { return ctx.Err() != nil || shown.shows(stop, screen) })
		if err := cmp.Or(ctx.Err(), err); err != nil {
			return fmt.Errorf("filming stop %d: %w", stop, err)
		}
		stands := filmStop
		if stop == stops {
			stands = filmEnd
		}
		if err := film.Frame(stands); err != nil {
			return err
		}
	}
	return film.End()
}
