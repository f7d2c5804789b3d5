package ui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// paneNames are titles; with its number, the key, a title tells how to get
// there.
var paneNames = map[paneID]string{
	panePhases: "phases", paneThreads: "threads", paneDetail: "detail", paneCaps: "capabilities", paneLog: "LOG",
}

// root draws the screen as layout.go divides it, and hands keys and mouse on.
type root struct {
	*tview.Box
	u    *ui
	plan plan
	tabs []placedTab
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
	r.plan = arrange(w, h, u.focused, u.tab, u.zoom)
	r.tabs = nil
	if r.plan.tooSmall != "" {
		u.th.drawLine(screen, 0, 0, w, line{{r.plan.tooSmall, u.th.bold}})
		return
	}
	u.phaseLine(screen, w)
	for _, p := range r.plan.panes {
		// The pane first: its title tells what part of it is in sight.
		prim := u.primitive(p.pane)
		prim.SetRect(p.x, p.y+1, p.w, p.h-1)
		prim.Draw(screen)
		r.title(screen, p)
	}
	for _, b := range r.plan.bars {
		for y := b.y; y < b.y+b.h; y++ {
			u.th.drawLine(screen, b.x, y, 1, line{{"│", u.th.dim}})
		}
	}
	u.statusLine(screen, h-2, w)
	u.hintBar(screen, h-1, w)
	switch {
	case u.help != nil:
		u.drawHelp(screen, w, h)
	case u.greeting:
		u.drawGreeting(screen, w, h)
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
	if r.plan.tabbed == p.pane {
		ids = r.plan.tabs
	}
	for _, id := range ids {
		text, style := fmt.Sprintf(" %d %s ", id, paneNames[id]), u.th.dim
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
	if pos := r.position(p.pane); pos != "" && width(pos)+2 < room {
		room -= width(u.th.draw(pos)) + 3
		u.th.drawLine(screen, x+room+1, p.y, width(pos)+3, line{{" " + pos + " ", u.th.dim}})
	}
	for _, note := range r.note(p.pane) {
		if width(u.th.draw(note))+3 <= room {
			u.th.drawLine(screen, x-1, p.y, room, line{{" " + note + " ", u.th.plain}})
			break
		}
	}
}

// position tells how much of a text pane is in sight.
func (r *root) position(id paneID) string {
	switch id {
	case paneDetail:
		return r.u.detail.position()
	case paneLog:
		return r.u.log.position()
	}
	return ""
}

// note is what a pane's title says beside its name, from long to short forms.
func (r *root) note(id paneID) []string {
	u := r.u
	if l := u.lists()[id]; l != nil && l.filter != "" {
		count := fmt.Sprintf("%d of %d", len(l.order), l.src.len())
		return []string{"/" + l.filter + ": " + count, count}
	}
	switch id {
	case panePhases:
		return []string{fmt.Sprintf("%d of %d", u.phaseRows.reached(), u.phaseRows.len())}
	case paneThreads:
		if n := u.threadRows.len(); n > 0 {
			return []string{fmt.Sprint(n)}
		}
	case paneDetail:
		if t := u.selectedThread(); t != nil {
			return []string{clip(clean(t.name), 20) + " " + t.key.id.String()}
		}
	case paneLog:
		return []string{fmt.Sprintf("%d lines", len(u.view.Log))}
	case paneCaps:
		if d, ok := u.caps.src.(*diffList); ok {
			return d.title()
		}
		if n := u.caps.src.len(); n > 0 {
			return []string{fmt.Sprintf("%d of %s, %s", n, clean(u.view.Snapshot.TaskName(u.capsOf)), taskWord(u.capsOf)), fmt.Sprint(n)}
		}
	}
	return nil
}

// noFocus is handed to panes: the root decides who has the keys.
func noFocus(tview.Primitive) {}

// MouseHandler implements tview.Primitive: a press focuses the pane under it,
// and the pane does the rest.
func (r *root) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return func(action tview.MouseAction, ev *tcell.EventMouse, _ func(tview.Primitive)) (bool, tview.Primitive) {
		u := r.u
		if u.help != nil {
			handled, _ := u.help.MouseHandler()(action, ev, noFocus)
			return handled, nil
		}
		x, y := ev.Position()
		if action == tview.MouseLeftDown {
			for _, t := range r.tabs {
				if t.contains(x, y) {
					u.focusPane(t.pane)
					return true, nil
				}
			}
		}
		p, ok := r.plan.at(x, y)
		if !ok {
			return false, nil
		}
		if action == tview.MouseLeftDown {
			u.focusPane(p.pane)
		}
		handled, _ := u.primitive(p.pane).MouseHandler()(action, ev, noFocus)
		return handled || action == tview.MouseLeftDown, nil
	}
}

// captureMouse ends the greeting, the filter's editing and a note.
func (u *ui) captureMouse(ev *tcell.EventMouse, action tview.MouseAction) (*tcell.EventMouse, tview.MouseAction) {
	if action == tview.MouseLeftDown {
		u.greeting, u.editing, u.note = false, false, ""
	}
	return ev, action
}
