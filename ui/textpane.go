package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// textPane shows lines that scroll. The lines are built for a width when they
// are drawn, and kept until the pane is marked or the width changes.
type textPane struct {
	*tview.Box
	th     *theme
	build  func(width int) []line
	follow bool // the end is kept in sight until the user scrolls up
	tail   bool // it follows now

	search search
	lines  []line
	width  int
	fresh  bool
	top    int
	rows   int // rows of the last drawing
}

func newTextPane(th *theme, follow bool, build func(width int) []line) *textPane {
	return &textPane{Box: tview.NewBox(), th: th, build: build, follow: follow, tail: follow, search: search{at: -1}}
}

// mark has the lines built again.
func (p *textPane) mark() { p.fresh = false }

// toTop shows the beginning.
func (p *textPane) toTop() { p.top, p.tail = 0, p.follow }

func (p *textPane) layout() {
	_, _, w, h := p.GetInnerRect()
	was := p.rows
	p.rows = h
	if !p.fresh || w != p.width || p.th.roomy && h != was {
		p.lines, p.width, p.fresh = p.build(w), w, true
		p.search.match(p.lines)
	}
	last := max(len(p.lines)-h, 0)
	if p.tail {
		p.top = last
	}
	p.top = min(max(p.top, 0), last)
}

// Draw implements tview.Primitive.
func (p *textPane) Draw(screen tcell.Screen) {
	p.DrawForSubclass(screen, p)
	p.layout()
	x, y, w, h := p.GetInnerRect()
	for i := 0; i < h && p.top+i < len(p.lines); i++ {
		p.th.drawLine(screen, x, y+i, w, p.search.mark(p.lines[p.top+i], p.top+i))
	}
}

// position tells what part is in sight, "" when all of it is.
func (p *textPane) position() string {
	if len(p.lines) <= p.rows || p.rows == 0 {
		return ""
	}
	s := fmt.Sprintf("%d-%d of %d", p.top+1, min(p.top+p.rows, len(p.lines)), len(p.lines))
	if p.top+p.rows < len(p.lines) {
		s += " ▼"
	}
	return s
}

// more says whether there is something below what is in sight.
func (p *textPane) more() bool { return p.rows > 0 && p.top+p.rows < len(p.lines) }

// inSight are the rows on the screen as text.
func (p *textPane) inSight() []string {
	var out []string
	for _, l := range p.lines[min(p.top, len(p.lines)):min(p.top+p.rows, len(p.lines))] {
		out = append(out, strings.TrimRight(p.th.draw(lineText(l)), " "))
	}
	return out
}

func (p *textPane) scroll(by int) {
	p.layout()
	last := max(len(p.lines)-p.rows, 0)
	p.top = min(max(p.top+by, 0), last)
	p.tail = p.follow && p.top == last
}

// scrollKeys are the movements that a text pane knows: rows, or pages.
var scrollKeys = map[string]struct{ rows, pages int }{
	"j": {rows: 1}, "Down": {rows: 1}, "k": {rows: -1}, "Up": {rows: -1},
	"PgDn": {pages: 1}, "PgUp": {pages: -1}, "Ctrl+F": {pages: 1}, "Ctrl+B": {pages: -1},
	"g": {pages: -1 << 20}, "Home": {pages: -1 << 20}, "G": {pages: 1 << 20}, "End": {pages: 1 << 20},
}

// InputHandler implements tview.Primitive.
func (p *textPane) InputHandler() func(*tcell.EventKey, func(tview.Primitive)) {
	return func(ev *tcell.EventKey, _ func(tview.Primitive)) {
		if m, ok := scrollKeys[keyName(ev)]; ok {
			p.scroll(m.rows + m.pages*max(p.rows-1, 1))
		}
	}
}

// MouseHandler implements tview.Primitive.
func (p *textPane) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return func(action tview.MouseAction, _ *tcell.EventMouse, _ func(tview.Primitive)) (bool, tview.Primitive) {
		switch action {
		case tview.MouseScrollUp:
			p.scroll(-3)
		case tview.MouseScrollDown:
			p.scroll(3)
		default:
			return false, nil
		}
		return true, nil
	}
}

// noFocus is handed to panes: the root decides who has the keys.
func noFocus(tview.Primitive) {}
