package ui

import "fmt"

// paneID names a pane; it is also the key that focuses it.
type paneID int

// The panes.
const (
	panePhases paneID = 1 + iota
	paneThreads
	paneDetail
	paneCaps
	paneLog
	paneEnd
)

// rect is a place on the screen in cells.
type rect struct{ x, y, w, h int }

func (r rect) contains(x, y int) bool { return x >= r.x && x < r.x+r.w && y >= r.y && y < r.y+r.h }

// placed is a pane's place; its first row is the title.
type placed struct {
	pane paneID
	rect
}

// plan is a division of the screen. The first row is the phase line, the last
// two are status and hints.
type plan struct {
	panes    []placed
	bars     []rect // vertical separators, one column wide
	tabs     []paneID
	tabbed   paneID // pane that has the tabs in its title
	tooSmall string // says so, and then nothing else is set
}

// Least size, and the size from which all panes fit together.
const (
	minWidth, minHeight   = 50, 14
	fullWidth, fullHeight = 110, 32
)

// arrange divides w×h cells. In the compact form tab is the pane of the lower
// half: detail, capabilities or LOG.
func arrange(w, h int, focus, tab paneID, zoom bool) plan {
	if w < minWidth || h < minHeight {
		return plan{tooSmall: fmt.Sprintf("%d×%d is too small: needs %d×%d", w, h, minWidth, minHeight)}
	}
	body := h - 3
	switch {
	case zoom:
		return plan{panes: []placed{{focus, rect{0, 1, w, body}}}}
	case w >= fullWidth && h >= fullHeight:
		return arrangeFull(w, body)
	}
	if focus >= paneDetail {
		tab = focus
	}
	// Phases and threads above, the tabbed pane below.
	left := min(max(w*35/100, 20), 40)
	top := min(max(body*40/100, 5), 18)
	return plan{
		panes: []placed{
			{panePhases, rect{0, 1, left, top}},
			{paneThreads, rect{left + 1, 1, w - left - 1, top}},
			{tab, rect{0, 1 + top, w, body - top}},
		},
		bars:   []rect{{left, 1, 1, top}},
		tabs:   []paneID{paneDetail, paneCaps, paneLog},
		tabbed: tab,
	}
}

// arrangeFull shows all panes: phases at the left, threads over detail at the
// right, capabilities and LOG below.
func arrangeFull(w, body int) plan {
	left := min(max(w*30/100, 38), 46)
	bottom := min(max(body*26/100, 8), 20)
	upper := body - bottom
	threads := min(max(upper*34/100, 8), 20)
	caps := w * 45 / 100
	return plan{
		panes: []placed{
			{panePhases, rect{0, 1, left, upper}},
			{paneThreads, rect{left + 1, 1, w - left - 1, threads}},
			{paneDetail, rect{left + 1, 1 + threads, w - left - 1, upper - threads}},
			{paneCaps, rect{0, 1 + upper, caps, bottom}},
			{paneLog, rect{caps + 1, 1 + upper, w - caps - 1, bottom}},
		},
		bars: []rect{{left, 1, 1, upper}, {caps, 1 + upper, 1, bottom}},
	}
}

// at finds the pane under a cell.
func (p plan) at(x, y int) (placed, bool) {
	for _, pl := range p.panes {
		if pl.contains(x, y) {
			return pl, true
		}
	}
	return placed{}, false
}
