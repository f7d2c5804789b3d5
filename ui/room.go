package ui

import (
	"strings"
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/present"
)

// room is what a presenter's screen has besides: the last keys, for those who watch,
// and notes for those who follow. nil: nobody presents.
type room struct {
	began   time.Time
	keys    []string
	typed   bool // the last of them is still being typed
	follows func(*present.Frame)
}

// shownKeys is how many keys are shown.
const shownKeys = 6

// newRoom begins a presentation, if there is one.
func newRoom(o Options) *room {
	if !o.Room && o.Follows == nil {
		return nil
	}
	return &room{began: time.Now(), follows: o.Follows}
}

// pressed notes a key; what is typed into a line is one.
func (r *room) pressed(name string, typing bool) {
	if r == nil {
		return
	}
	if !typing {
		name = keyWord(name)
	}
	if n := len(r.keys); typing && r.typed && len([]rune(name)) == 1 {
		r.keys[n-1] += name
	} else {
		r.keys = append(r.keys, name)
	}
	r.typed = (typing || name == ":" || name == "/") && name != "Enter" && name != "Esc"
	r.keys = r.keys[max(len(r.keys)-shownKeys, 0):]
}

// draw shows the keys in the corner, at the end of the status line: what is typed
// stands there itself.
func (r *room) draw(screen tcell.Screen, th *theme, w, h int) {
	if text := r.corner(th, w); text != "" {
		th.drawLine(screen, w-width(text), h-2, width(text), line{{text, th.bold.Reverse(true)}})
	}
}

// corner is what stands in the corner of a screen of a width.
func (r *room) corner(th *theme, w int) string {
	if r == nil || len(r.keys) == 0 || r.typed {
		return ""
	}
	return th.clip(th.draw(" "+strings.Join(r.keys, "  ")+" "), w/2)
}

// show hands what is on the screen to those who follow.
func (r *room) show(screen tcell.Screen, t *tour) {
	if r == nil || r.follows == nil {
		return
	}
	f := &present.Frame{Began: r.began, Rows: present.RowsOf(screen)}
	if t != nil {
		s := t.Steps[t.at]
		f.Steps, f.Title, f.Notes = len(t.Steps), s.Title, s.Notes
		if t.open {
			f.Step = t.at + 1
		}
		if t.at+1 < len(t.Steps) {
			f.Next = t.Steps[t.at+1].Title
		}
	}
	r.follows(f)
}

// airy says whether there is an empty row before each and behind the last.
func (p *listPane) airy() bool { return p.th.roomy && p.focus }

// rowOf is the table's row of a row in sight of the filter, indexOf the other way
// round, -1 for the heads and for air.
func (p *listPane) rowOf(i int) int {
	if p.airy() {
		return 2*i + 2
	}
	return i + 1
}

func (p *listPane) indexOf(row int) int {
	switch {
	case !p.airy():
		return row - 1
	case row%2 == 0:
		return row/2 - 1
	}
	return -1
}

// frame draws a frame around the selected row, in the air around it.
func (p *listPane) frame(screen tcell.Screen) {
	x, y, w, h := p.GetInnerRect()
	row, _ := p.GetSelection()
	offset, _ := p.GetOffset()
	at := row - offset
	if !p.airy() || at < 1 || at >= h || w < 4 {
		return
	}
	switch { // there must be a row for either end of the frame
	case at == h-1 && h > 3:
		offset, at = offset+1, at-1
	case at == 1 && offset > 0 && h > 3:
		offset, at = offset-1, at+1
	default:
		offset = -1
	}
	if offset >= 0 {
		p.SetOffset(offset, 0)
		p.Table.Draw(screen)
	}
	rule := strings.Repeat("─", w-2)
	for _, r := range []struct {
		at   int
		text string
	}{{at - 1, "┌" + rule + "┐"}, {at + 1, "└" + rule + "┘"}} {
		if r.at > 0 && r.at < h {
			p.th.drawLine(screen, x, y+r.at, w, line{{r.text, p.th.bold}})
		}
	}
	p.th.drawLine(screen, x, y+at, 1, line{{"│", p.th.bold}})
	p.th.drawLine(screen, x+w-1, y+at, 1, line{{"│", p.th.bold}})
}
