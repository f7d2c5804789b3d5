package ui

import "github.com/gdamore/tcell/v2"

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

// overlay is text in a frame over the panes.
type overlay struct {
	title string
	text  *textPane
	lines func(w int) []line
	wide  bool // takes all the width there is
}

// openOverlay shows text until the user closes it.
func (u *ui) openOverlay(title string, lines func(w int) []line) {
	u.overlay = &overlay{title: title, text: newTextPane(u.th, false, lines), lines: lines}
}

// overlayKey moves in the overlay or closes it.
func (u *ui) overlayKey(name string, ev *tcell.EventKey) {
	switch name {
	case "Esc", "?", "q", "Enter":
		u.overlay = nil
	default:
		u.overlay.text.InputHandler()(ev, nil)
	}
}

func (u *ui) drawOverlay(screen tcell.Screen, w, h int) {
	o := u.overlay
	iw := min(overlayWidth, w-4)
	if o.wide {
		iw = w - 4
	}
	r := u.box(screen, w, h, iw, len(o.lines(iw)), o.title)
	o.text.SetRect(r.x, r.y, r.w, r.h)
	o.text.Draw(screen)
	if pos := o.text.position(); pos != "" {
		u.th.drawLine(screen, r.x+r.w-width(pos)-2, r.y+r.h, width(pos)+2, line{{" " + pos + " ", u.th.bold}})
	}
}
