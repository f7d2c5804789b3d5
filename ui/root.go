package ui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/words"
)

// paneInfo is what a pane is called. With its number, the key, a title tells how
// to get there.
type paneInfo struct {
	name    string
	short   string // as a tab of a narrow screen
	command string // in the palette
	help    string // in the list of keys
	about   string // what it shows, for its help
}

var paneInfos = [paneEnd]paneInfo{
	panePhases:  {"phases", "phases", "phases", "phases", "The phases of the checkpoint and the restore, as the scenario names them. Enter shows the stop at which a phase was first entered."},
	paneThreads: {"threads", "threads", "threads", "threads", "All threads of the system. Those whose restored state got lost stand first, then the restored child, its original, and the others."},
	paneDetail:  {"detail", "detail", "detail", "detail of the thread", "The selected thread: the four places that its restored state passes, why it got lost, what to try, and how it stands now."},
	paneCaps:    {"capabilities", "caps", "caps", "capabilities of its task", "The capability table of the selected thread's task, or with d what differs between the original child and the restored one. Enter shows the object."},
	paneLog:     {"LOG", "LOG", "log", "LOG of the guest", "What the guest wrote to its LOG up to the shown stop."},
	paneBreaks:  {"breakpoints", "breaks", "breakpoints", "breakpoints", "Where thaw stops the guest or listens. \"elsewhere\" counts hits of the same address in other address spaces, which go on unseen."},
}

// root draws the screen as layout.go divides it, and hands keys and mouse on.
type root struct {
	*tview.Box
	u    *ui
	plan plan
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
	r.plan = arrange(w, h, wish{focus: u.focused, tab: u.tab, low: u.low, zoom: u.zoom, sizes: u.sizes, tour: u.tour != nil && u.tour.open})
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
	if r.plan.tour.h > 0 {
		u.drawTour(screen, r.plan.tour)
	}
	u.statusLine(screen, h-2, w)
	u.hintBar(screen, h-1, w)
	switch {
	case u.overlay != nil:
		u.drawOverlay(screen, w, h)
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
	if p := r.u.textPaneOf(id); p != nil {
		return p.position()
	}
	return ""
}

// note is what a pane's title says beside its name, from long to short forms.
func (r *root) note(id paneID) []string {
	u := r.u
	if l := u.lists()[id]; l != nil && l.filter != "" {
		count := fmt.Sprintf("%d of %d", len(l.order), l.src.len())
		return []string{"/" + clean(l.filter) + ": " + count, count}
	}
	switch id {
	case panePhases:
		count := fmt.Sprintf("%d of %d", u.phaseRows.reached(), u.phaseRows.len())
		if n := len(u.view.Notes); n > 0 {
			return []string{count + ", " + noteMark + " " + words.Count(n, "note"), count + " " + noteMark + fmt.Sprint(n), count}
		}
		return []string{count}
	case paneThreads:
		if n := u.threadRows.len(); n > 0 {
			return []string{fmt.Sprint(n)}
		}
	case paneDetail:
		if s := u.detail.search.words(); s != "" {
			return []string{clean(s)}
		}
		if t := u.selectedThread(); t != nil {
			return []string{clip(clean(t.name), 20) + " " + t.key.id.String()}
		}
	case paneBreaks:
		return u.breakRows.title()
	case paneLog:
		if s := u.log.search.words(); s != "" {
			return []string{clean(s)}
		}
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
		if u.prompt != nil && u.prompt.under(ev) {
			handled, _ := u.prompt.field.MouseHandler()(action, ev, noFocus) // the cursor goes there
			return handled, nil
		}
		if u.overlay != nil {
			return u.overlayMouse(action, ev), nil
		}
		if r.dragBar(action, ev) {
			return true, nil
		}
		x, y := ev.Position()
		if r.plan.tour.contains(x, y) {
			return u.tourMouse(action, ev), nil
		}
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

// PasteHandler implements tview.Primitive.
func (r *root) PasteHandler() func(string, func(tview.Primitive)) {
	return func(text string, _ func(tview.Primitive)) { r.u.paste(text) }
}

// captureMouse ends the greeting, what is typed, and the answer to a key, but for a
// press in the line that is typed.
func (u *ui) captureMouse(ev *tcell.EventMouse, action tview.MouseAction) (*tcell.EventMouse, tview.MouseAction) {
	if action == tview.MouseLeftDown && (u.prompt == nil || !u.prompt.under(ev)) {
		u.greeting, u.prompt, u.note = false, nil, ""
	}
	if action == tview.MouseLeftUp {
		u.keepSettings("")
	}
	return ev, action
}
