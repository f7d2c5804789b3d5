package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/words"
)

// greetingLines tell what to press at the first start.
var greetingLines = []string{
	"n runs to the next phase; c runs on, i interrupts.",
	"The thread whose state got lost stands first; 3 tells why.",
	"? shows all keys, q quits. Any key closes this.",
}

// box draws a frame in the middle and returns its inside.
func (u *ui) box(screen tcell.Screen, w, h, iw, ih int, title string) rect {
	iw, ih = min(iw, w-4), min(ih, h-4)
	x, y := (w-iw-4)/2, (h-ih-2)/2
	rule := ""
	for range iw + 2 {
		rule += "─"
	}
	put := func(row int, text string) { u.th.drawLine(screen, x, y+row, iw+4, line{{text, u.th.bold}}) }
	put(0, "┌"+rule+"┐")
	for i := range ih {
		put(1+i, "│"+pad("", iw+2)+"│")
	}
	put(1+ih, "└"+rule+"┘")
	if title != "" {
		u.th.drawLine(screen, x+2, y, iw, line{{" " + title + " ", u.th.bold.Reverse(true)}})
	}
	return rect{x + 2, y + 1, iw, ih}
}

func (u *ui) drawGreeting(screen tcell.Screen, w, h int) {
	iw := 0
	for _, l := range greetingLines {
		iw = max(iw, width(l))
	}
	r := u.box(screen, w, h, iw, len(greetingLines), "thaw")
	for i, l := range greetingLines {
		if i < r.h {
			u.th.drawLine(screen, r.x, r.y+i, r.w, line{{l, u.th.plain}})
		}
	}
}

// overlay is a text or a table in a frame over the panes.
type overlay struct {
	title string
	below *overlay  // what Esc goes back to, nil: the panes
	text  *textPane // nil: it is a table
	lines func(w int) []line
	wide  bool // takes the width that its text needs
	list  *listPane

	enter string // what Enter does, "": it closes
	open  func()
}

// openOverlay shows text until the user closes it.
func (u *ui) openOverlay(title string, lines func(w int) []line) {
	u.overlay = &overlay{title: title, below: u.overlay, text: newTextPane(u.th, false, lines), lines: lines}
}

// openList shows a table.
func (u *ui) openList(title string, src source) {
	l := newListPane(u.th, src)
	l.setFocus(true)
	o := &overlay{title: title, below: u.overlay, list: l}
	if _, ok := src.(leader); ok {
		o.enter, o.open = "follow", u.follow
	}
	u.overlay = o
}

// widget is the overlay's content.
func (o *overlay) widget() tview.Primitive {
	if o.list != nil {
		return o.list
	}
	return o.text
}

// overlayKey moves in the overlay, acts on it, or closes it.
func (u *ui) overlayKey(name string, ev *tcell.EventKey) {
	o := u.overlay
	if to := overlayNames[name]; to != "" && o.text != nil {
		name = to
	}
	if a := u.actionFor(name); a != nil && a.over {
		u.act(a, name)
		return
	}
	switch name {
	case "Esc":
		if !u.endFind() {
			u.overlay = o.below
		}
	case "?", "q":
		u.overlay = nil
	case "Enter":
		if o.open != nil {
			o.open()
		} else if o.text != nil {
			u.overlay = o.below
		}
	case "Left", "Right":
		if m, ok := u.memoryShown(); ok {
			m.move(map[string]int{"Left": -1, "Right": 1}[name])
			o.list.cache = nil
		}
	default:
		o.widget().InputHandler()(ev, nil)
	}
}

// overlayNames are keys that are free in an overlay and stand for others, as a
// pager has them.
var overlayNames = map[string]string{"n": ";", "N": ","}

func (u *ui) memoryShown() (*memoryList, bool) {
	if u.overlay.list == nil {
		return nil, false
	}
	m, ok := u.overlay.list.src.(*memoryList)
	return m, ok
}

// endFind takes a filter or a search off what keys go to, and says whether there
// was one.
func (u *ui) endFind() bool {
	if l := u.table(); l != nil && l.filter != "" {
		l.setFilter("")
		return true
	}
	if p := u.frontText(); p != nil && p.search.needle != "" {
		p.endSearch()
		return true
	}
	return false
}

// frontName is what keys go to: the overlay, else the focused pane.
func (u *ui) frontName() string {
	if u.overlay != nil {
		return u.overlay.title
	}
	return paneInfos[u.focused].name
}

func (u *ui) drawOverlay(screen tcell.Screen, w, h int) {
	o := u.overlay
	if o.list != nil {
		u.drawIn(screen, u.box(screen, w, h, w-4, max(o.list.src.len()+1, 3), o.title), o)
		return
	}
	iw := min(overlayWidth, w-4)
	if o.wide {
		for _, l := range o.lines(w - 4) {
			iw = max(iw, lineWidth(l))
		}
	}
	u.drawIn(screen, u.box(screen, w, h, iw, max(len(o.lines(iw)), 1), o.title), o)
}

// drawIn draws the content, and what part of it is in sight.
func (u *ui) drawIn(screen tcell.Screen, r rect, o *overlay) {
	var pos string
	if o.list != nil {
		o.list.SetRect(r.x, r.y, r.w, r.h)
		o.list.Draw(screen)
		if o.list.filter != "" {
			pos = "/" + clean(o.list.filter) + ": " + words.Count(len(o.list.order), "row")
		}
	} else {
		o.text.SetRect(r.x, r.y, r.w, r.h)
		o.text.Draw(screen)
		pos = strings.TrimSpace(o.text.search.words() + "  " + o.text.position())
	}
	if pos != "" {
		u.th.drawLine(screen, r.x+r.w-width(pos)-2, r.y+r.h, width(pos)+2, line{{" " + pos + " ", u.th.bold}})
	}
}

// overlayMouse scrolls the overlay, selects in its table, and follows on a double
// click.
func (u *ui) overlayMouse(action tview.MouseAction, ev *tcell.EventMouse) bool {
	o := u.overlay
	handled, _ := o.widget().MouseHandler()(action, ev, noFocus)
	if action == tview.MouseLeftDoubleClick && o.list != nil && o.open != nil {
		o.open()
	}
	return handled
}
