package ui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// root draws the screen as layout.go divides it, and hands keys and mouse on.
type root struct {
	*tview.Box
	u    *ui
	tabs []placedTab
	drag *bar // that the mouse holds, nil: none
}

// placedTab is a tab's place in a title row.
type placedTab struct {
	pane paneID
	rect
}

// HasFocus implements tview.Primitive: keys always come here first.
func (r *root) HasFocus() bool { return true }

// InputHandler implements tview.Primitive. Keys are taken before, by
// ui.capture.
func (r *root) InputHandler() func(*tcell.EventKey, func(tview.Primitive)) {
	return func(ev *tcell.EventKey, _ func(tview.Primitive)) { r.u.key(ev) }
}

// Draw implements tview.Primitive.
func (r *root) Draw(screen tcell.Screen) {
	u := r.u
	_, _, w, h := r.GetRect()
	screen.HideCursor()
	u.arrange(w, h, u.tour.shown(), u.caps.diff)
	r.tabs = nil
	if u.plan.tooSmall != "" {
		u.th.drawLine(screen, 0, 0, w, line{{u.plan.tooSmall, u.th.bold}})
		return
	}
	u.bars.phaseLine(screen, w)
	for _, p := range u.plan.panes {
		// The pane first: its title tells what part of it is in sight.
		prim := u.widget(p.pane)
		prim.SetRect(p.x, p.y+1, p.w, p.h-1)
		prim.Draw(screen)
		r.title(screen, p)
	}
	for _, b := range u.plan.bars {
		for y := b.y; y < b.y+b.h; y++ {
			u.th.drawLine(screen, b.x, y, 1, line{{"│", u.th.dim}})
		}
	}
	if u.plan.tour.h > 0 {
		u.tour.draw(screen, u.plan.tour)
	}
	u.bars.statusLine(screen, h-2, w, width(u.room.corner(u.th, w)))
	u.bars.hintBar(screen, h-1, w)
	switch {
	case u.windows.top != nil:
		u.windows.draw(screen, w, h)
	case u.greeting:
		r.greeting(screen, w, h)
	}
	u.room.draw(screen, u.th, w, h)
}

// newRoot draws u.
func newRoot(u *ui) *root { return &root{Box: tview.NewBox(), u: u} }

func (r *root) greeting(screen tcell.Screen, w, h int) {
	t, iw := r.u.th, 0
	lines := greetings[r.u.kind()]
	for _, l := range lines {
		iw = max(iw, width(l))
	}
	in := t.box(screen, w, h, iw, len(lines), "thaw")
	for i, l := range lines[:min(in.h, len(lines))] {
		t.drawLine(screen, in.x, in.y+i, in.w, line{{l, t.plain}})
	}
}

// title draws a pane's first row: a rule with its number, name, and what is
// worth telling; the tabs where it has them.
func (r *root) title(screen tcell.Screen, p placed) {
	u := r.u
	for x := p.x; x < p.x+p.w; x++ {
		u.th.drawLine(screen, x, p.y, 1, line{{"─", u.th.dim}})
	}
	x := p.x + 1
	ids := []paneID{p.pane}
	if u.plan.tabbed == p.pane {
		ids = u.plan.tabs
	}
	for _, id := range ids {
		name := paneInfos[id].name
		if id != p.pane && p.w < fullWidth {
			name = paneInfos[id].short
		}
		text, style := fmt.Sprintf(" %d %s ", id, name), u.th.dim
		if id == p.pane {
			style = u.th.bold
			if id == u.focused {
				style = u.th.bold.Reverse(true)
			}
		}
		n := u.th.drawLine(screen, x, p.y, p.x+p.w-x, line{{text, style}})
		r.tabs = append(r.tabs, placedTab{id, rect{x, p.y, n, 1}})
		x += n + 1
	}
	room := p.x + p.w - x - 1
	pos := ""
	if text := u.byID[p.pane].text(); text != nil {
		pos = text.position()
	}
	if pos != "" && width(pos)+2 < room {
		room -= width(u.th.draw(pos)) + 3
		u.th.drawLine(screen, x+room+1, p.y, width(pos)+3, line{{" " + pos + " ", u.th.dim}})
	}
	for _, note := range u.title(p.pane) {
		if width(u.th.draw(note))+3 <= room {
			u.th.drawLine(screen, x-1, p.y, room, line{{" " + note + " ", u.th.plain}})
			break
		}
	}
}

// MouseHandler implements tview.Primitive: a press focuses the pane under it,
// and the pane does the rest.
func (r *root) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return func(action tview.MouseAction, ev *tcell.EventMouse, _ func(tview.Primitive)) (bool, tview.Primitive) {
		u := r.u
		if u.line.open != nil && u.line.open.under(ev) {
			handled, _ := u.line.open.field.MouseHandler()(action, ev, noFocus) // the cursor goes there
			return handled, nil
		}
		if u.windows.top != nil {
			return u.windows.mouse(action, ev), nil
		}
		if r.dragBar(action, ev) {
			return true, nil
		}
		x, y := ev.Position()
		if u.plan.tour.contains(x, y) {
			return u.tour.mouse(action, ev), nil
		}
		if action == tview.MouseLeftDown {
			for _, t := range r.tabs {
				if t.contains(x, y) {
					u.focus(t.pane)
					return true, nil
				}
			}
		}
		p, ok := u.plan.at(x, y)
		if !ok {
			return false, nil
		}
		if action == tview.MouseLeftDown {
			u.focus(p.pane)
		}
		handled, _ := u.widget(p.pane).MouseHandler()(action, ev, noFocus)
		return handled || action == tview.MouseLeftDown, nil
	}
}

// PasteHandler implements tview.Primitive.
func (r *root) PasteHandler() func(string, func(tview.Primitive)) {
	return func(text string, _ func(tview.Primitive)) { r.u.paste(text) }
}

// captureMouse ends the greeting, what is typed, and the answer to a key, but for a
// press in the line that is typed.
func (u *ui) captureMouse(ev *tcell.EventMouse, action tview.MouseAction) (*tcell.EventMouse, tview.MouseAction) {
	if p := u.line.open; action == tview.MouseLeftDown && (p == nil || p.yes == nil && !p.under(ev)) {
		u.greeting, u.line.open, u.note = false, nil, ""
	}
	if action == tview.MouseLeftUp {
		u.keeper.keep("")
	}
	return ev, action
}

// dragBar moves a separator with the mouse; it says whether it took the event.
func (r *root) dragBar(action tview.MouseAction, ev *tcell.EventMouse) bool {
	x, y := ev.Position()
	switch action {
	case tview.MouseLeftDown:
		r.drag = nil
		for i := range r.u.plan.bars {
			if b := &r.u.plan.bars[i]; b.share != nil && b.contains(x, y) {
				held := *b
				r.drag = &held
			}
		}
	case tview.MouseMove:
		if r.drag == nil {
			return false
		}
		r.u.division.drag(r.drag, x)
		r.u.note = fmt.Sprintf("%d columns; = gives all panes their usual sizes", x)
	case tview.MouseLeftUp:
		held := r.drag != nil
		r.drag = nil
		return held
	default:
		return false
	}
	return r.drag != nil
}
