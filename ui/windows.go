package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/words"
)

// windows are open over the panes, each above the one that it was opened from.
type windows struct {
	th  *theme
	top *window // nil: none is open
}

// window is a text or a table in a frame.
type window struct {
	title string
	below *window   // what Esc goes back to, nil: the panes
	text  *textPane // nil: it is a table
	lines func(w int) []line
	wide  bool // takes the width that its text needs
	list  *listPane

	enter string // what Enter does, "": it closes
	open  func()
	keys  map[string]func() // of its own
	own   []hint            // these, for the hint bar
}

// openText shows text until the user closes it.
func (w *windows) openText(title string, text func(w int) []line) *window {
	lines := text
	if w.th.roomy {
		lines = func(w int) []line {
			l := text(w)
			if len(l) <= roomyWindow {
				l = spaced(l)
			}
			return l
		}
	}
	w.top = &window{title: title, below: w.top, text: newTextPane(w.th, false, lines), lines: lines}
	return w.top
}

// roomyWindow is the most rows that have air between them in a window: the least
// screen has room for them.
const roomyWindow = 10

// openList shows a table.
func (w *windows) openList(title string, src source) *window {
	l := newListPane(w.th, src)
	l.setFocus(true)
	w.top = &window{title: title, below: w.top, list: l}
	return w.top
}

// back closes the window that is on top, close all.
func (w *windows) back()  { w.top = w.top.below }
func (w *windows) close() { w.top = nil }

// widget is the window's content.
func (o *window) widget() tview.Primitive {
	if o.list != nil {
		return o.list
	}
	return o.text
}

// key moves in the window, acts on it, or closes it. It says whether the key means
// anything there.
func (w *windows) key(name string, ev *tcell.EventKey) bool {
	o := w.top
	switch own := o.keys[name]; {
	case own != nil:
		own()
	case name == "Esc", name == "Enter" && o.open == nil && o.text != nil:
		w.back()
	case name == "Enter" && o.open != nil:
		o.open()
	case name == "?", name == "q":
		w.close()
	default:
		if _, moves := scrollKeys[name]; !moves {
			return false
		}
		o.widget().InputHandler()(ev, nil)
	}
	return true
}

// hints are the keys of the window on top.
func (w *windows) hints() []hint {
	o := w.top
	out := []hint{{"Esc", "close"}, {"↑ ↓", "scroll"}}
	if o.below != nil {
		out = []hint{{"Esc", "back"}, {"q", "close"}, {"↑ ↓", "scroll"}}
	}
	if o.open != nil {
		out = append([]hint{{"Enter", o.enter}}, out...)
	}
	return append(append(out, o.own...), keyHints("/", ";", "y", "e")...)
}

// pagerNames are keys that are free in a text and stand for others, as a pager
// has them.
var pagerNames = map[string]string{"n": ";", "N": ","}

func (w *windows) draw(screen tcell.Screen, width, height int) {
	o := w.top
	if o.list != nil {
		w.drawIn(screen, w.th.box(screen, width, height, width-4, max(o.list.src.len()+1, 3), o.title))
		return
	}
	iw := min(windowWidth, width-4)
	if o.wide {
		for _, l := range o.lines(width - 4) {
			iw = max(iw, lineWidth(l))
		}
	}
	w.drawIn(screen, w.th.box(screen, width, height, iw, max(len(o.lines(iw)), 1), o.title))
}

// windowWidth is the width of a text in a window.
const windowWidth = 76

// drawIn draws the content, and what part of it is in sight.
func (w *windows) drawIn(screen tcell.Screen, r rect) {
	var pos string
	o := w.top
	if o.list != nil {
		o.list.SetRect(r.x, r.y, r.w, r.h)
		o.list.Draw(screen)
		if o.list.sieve.filter != "" {
			pos = "/" + clean(o.list.sieve.filter) + ": " + words.Count(len(o.list.order), "row")
		}
	} else {
		o.text.SetRect(r.x, r.y, r.w, r.h)
		o.text.Draw(screen)
		pos = strings.TrimSpace(o.text.search.words() + "  " + o.text.position())
	}
	if pos != "" {
		w.th.drawLine(screen, r.x+r.w-width(pos)-2, r.y+r.h, width(pos)+2, line{{" " + pos + " ", w.th.bold}})
	}
}

// mouse scrolls the window, selects in its table, and follows on a double
// click.
func (w *windows) mouse(action tview.MouseAction, ev *tcell.EventMouse) bool {
	o := w.top
	handled, _ := o.widget().MouseHandler()(action, ev, noFocus)
	if action == tview.MouseLeftDoubleClick && o.list != nil && o.open != nil {
		o.open()
	}
	return handled
}

// box draws a frame in the middle and returns its inside.
func (t *theme) box(screen tcell.Screen, w, h, iw, ih int, title string) rect {
	iw, ih = min(iw, w-4), min(ih, h-4)
	x, y := (w-iw-4)/2, (h-ih-2)/2
	rule := strings.Repeat("─", iw+2)
	put := func(row int, text string) { t.drawLine(screen, x, y+row, iw+4, line{{text, t.bold}}) }
	put(0, "┌"+rule+"┐")
	for i := range ih {
		put(1+i, "│"+pad("", iw+2)+"│")
	}
	put(1+ih, "└"+rule+"┘")
	if title != "" {
		t.drawLine(screen, x+2, y, iw, line{{" " + title + " ", t.bold.Reverse(true)}})
	}
	return rect{x + 2, y + 1, iw, ih}
}
