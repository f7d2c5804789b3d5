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
	paneBreaks
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

// wish is what the screen has to show.
type wish struct {
	focus paneID
	tab   paneID // pane of the compact form's lower half
	low   paneID // pane of the full form's lower right: LOG or breakpoints
	zoom  bool   // the focused pane alone
	tour  bool   // the narration of a tour beside or below the panes
}

// plan is a division of the screen. The first row is the phase line, the last
// two are status and hints.
type plan struct {
	panes    []placed
	bars     []rect // vertical separators, one column wide
	tabs     []paneID
	tabbed   paneID // pane that has the tabs in its title
	tour     rect   // of no height: none
	tooSmall string // says so, and then nothing else is set
}

// Least size, and the size from which all panes fit together.
const (
	minWidth, minHeight   = 50, 14
	fullWidth, fullHeight = 110, 32
)

// arrange divides w×h cells.
func arrange(w, h int, o wish) plan {
	if w < minWidth || h < minHeight {
		return plan{tooSmall: fmt.Sprintf("%d×%d is too small: needs %d×%d", w, h, minWidth, minHeight)}
	}
	body := h - 3
	if o.tour {
		return arrangeTour(w, body, o)
	}
	return arrangePanes(w, body, o)
}

// arrangeTour puts the narration at the right where there is width for it, else
// at the bottom.
func arrangeTour(w, body int, o wish) plan {
	if w >= fullWidth {
		side := min(max(w*28/100, 40), 64)
		p := arrangePanes(w-side-1, body, o)
		p.bars = append(p.bars, rect{w - side - 1, 1, 1, body})
		p.tour = rect{w - side, 1, side, body}
		return p
	}
	low := min(max(body*40/100, 5), 14)
	if body-low < 12 {
		o.zoom = true
	}
	p := arrangePanes(w, body-low, o)
	p.tour = rect{0, 1 + body - low, w, low}
	return p
}

// arrangePanes divides the rows between the phase line and the status line.
func arrangePanes(w, body int, o wish) plan {
	switch {
	case o.zoom:
		return plan{panes: []placed{{o.focus, rect{0, 1, w, body}}}}
	case w >= fullWidth && body+3 >= fullHeight:
		return arrangeFull(w, body, o)
	}
	tab := o.tab
	if o.focus >= paneDetail {
		tab = o.focus
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
		tabs:   []paneID{paneDetail, paneCaps, paneLog, paneBreaks},
		tabbed: tab,
	}
}

// arrangeFull shows all panes: phases at the left, threads over detail at the
// right, capabilities and LOG or breakpoints below.
func arrangeFull(w, body int, o wish) plan {
	left := min(max(w*30/100, 38), 46)
	bottom := min(max(body*26/100, 8), 20)
	upper := body - bottom
	threads := min(max(upper*34/100, 8), 20)
	caps := w * 45 / 100
	low := paneLog
	if o.low == paneBreaks {
		low = paneBreaks
	}
	return plan{
		panes: []placed{
			{panePhases, rect{0, 1, left, upper}},
			{paneThreads, rect{left + 1, 1, w - left - 1, threads}},
			{paneDetail, rect{left + 1, 1 + threads, w - left - 1, upper - threads}},
			{paneCaps, rect{0, 1 + upper, caps, bottom}},
			{low, rect{caps + 1, 1 + upper, w - caps - 1, bottom}},
		},
		bars:   []rect{{left, 1, 1, upper}, {caps, 1 + upper, 1, bottom}},
		tabs:   []paneID{paneLog, paneBreaks},
		tabbed: low,
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
