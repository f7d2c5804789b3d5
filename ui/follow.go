package ui

import (
	"context"
	"fmt"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/present"
)

// follower shows what a presenter shows, with the notes for the speaker.
type follower struct {
	th    *theme
	frame *present.Frame // nil: none has come so far
	only  int            // index of followParts
	note  string         // answer to the last key
}

// followParts are what a follower sees, by Tab.
var followParts = []struct{ notes, screen bool }{{true, true}, {true, false}, {false, true}}

// Follow shows frames until the user quits, or ctx or the presentation ends: frames is
// closed then.
func Follow(ctx context.Context, frames <-chan *present.Frame, o Options) error {
	if _, err := o.complete(); err != nil {
		return err
	}
	screen, err := openScreen(o)
	if err != nil {
		return err
	}
	defer screen.Fini()
	f := &follower{th: newTheme(o.ASCII || !isUTF8(screen.CharacterSet()), !o.NoColor, themeNamed(o.Theme))}
	events, quit := make(chan tcell.Event), make(chan struct{})
	go screen.ChannelEvents(events, quit)
	defer close(quit)
	clock := time.NewTicker(time.Second)
	defer clock.Stop()
	for {
		screen.Clear()
		f.draw(screen, time.Now())
		screen.Show()
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		case frame, more := <-frames:
			if !more {
				return nil
			}
			f.frame = frame
		case ev := <-events:
			switch ev := ev.(type) {
			case nil: // the terminal is gone
				return nil
			case *tcell.EventResize:
				screen.Sync()
			case *tcell.EventKey:
				f.note = ""
				switch name := keyName(ev); name {
				case "q", "Esc", "Ctrl+C":
					return nil
				case "Tab":
					f.only = (f.only + 1) % len(followParts)
				default:
					f.note = keyWord(name) + ": this only watches"
				}
			}
		}
	}
}

// besideWidth is the least width of the notes beside the screen.
const besideWidth = 34

func (f *follower) draw(screen tcell.Screen, now time.Time) {
	w, h := screen.Size()
	notes, shown := rect{0, 0, w, h}, rect{0, 0, w, h}
	part, wide := followParts[f.only], f.width()
	switch {
	case f.frame == nil || !part.screen:
		shown = rect{}
	case !part.notes:
		notes = rect{}
	case w >= wide+besideWidth:
		shown.w, notes = wide, rect{wide + 1, 0, w - wide - 1, h}
	default:
		notes.h = min(f.height(w), h/2)
		shown.y, shown.h = notes.h, h-notes.h
	}
	f.drawNotes(screen, notes, now)
	f.mirror(screen, shown)
}

// width is that of the presenter's screen.
func (f *follower) width() int {
	wide := 0
	if f.frame != nil {
		for _, row := range f.frame.Rows {
			n := 0
			for _, s := range row {
				n += width(s.Text)
			}
			wide = max(wide, n)
		}
	}
	return wide
}

// height is that of the notes, with their keys.
func (f *follower) height(w int) int { return len(f.noteLines(w, time.Time{})) + 1 }

// noteLines are the clock, what to say, and what comes next.
func (f *follower) noteLines(w int, now time.Time) []line {
	p := f.frame
	if p == nil {
		return []line{{{pad(" waiting for the presenter", w), f.th.bold.Reverse(true)}}}
	}
	d := now.Sub(p.Began).Round(time.Second)
	head := fmt.Sprintf(" %d:%02d", int(d.Minutes()), int(d.Seconds())%60)
	switch {
	case p.Step > 0:
		head += fmt.Sprintf("  step %d of %d", p.Step, p.Steps)
	case p.Steps > 0:
		head += "  taken over; T: the story"
	}
	out := []line{{{pad(head, w), f.th.bold.Reverse(true)}}, {{" " + p.Title, f.th.bold.Underline(true)}}}
	for _, text := range paragraphs(p.Notes) {
		if text == "" {
			out = append(out, line{})
			continue
		}
		for _, row := range wrap(clean(text), max(w-2, 8)) {
			out = append(out, line{{" " + row, f.th.plain}})
		}
	}
	if p.Next != "" {
		out = append(out, line{{" then: " + p.Next, f.th.dim}})
	}
	return out
}

// drawNotes draws the notes, and the keys below them.
func (f *follower) drawNotes(screen tcell.Screen, r rect, now time.Time) {
	if r.h == 0 {
		return
	}
	lines := f.noteLines(r.w, now)
	for i, l := range lines[:min(len(lines), r.h-1)] {
		f.th.drawLine(screen, r.x, r.y+i, r.w, l)
	}
	f.th.drawLine(screen, r.x, r.y+r.h-1, r.w, line{{" Tab", f.th.bold}, {" notes, screen   ", f.th.dim}, {"q", f.th.bold}, {" quit   ", f.th.dim}, {f.note, f.th.bold}})
}

// mirror draws the presenter's screen, as much as there is room for.
func (f *follower) mirror(screen tcell.Screen, r rect) {
	if r.h == 0 {
		return
	}
	for y, row := range f.frame.Rows[:min(len(f.frame.Rows), r.h)] {
		var l line
		for _, s := range row {
			l = append(l, span{s.Text, s.Style()})
		}
		f.th.drawLine(screen, r.x, r.y+y, r.w, l)
	}
}
