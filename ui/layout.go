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
	sizes sizes
	tour  bool // the narration of a tour beside or below the panes
	wide  bool // the capabilities take the whole width where all panes fit
}

// plan is a division of the screen. The first row is the phase line, the last
// two are status and hints.
type plan struct {
	panes    []placed
	bars     []bar
	full     bool  // all panes fit together
	now      sizes // the shares as they are
	tabs     []paneID
	tabbed   paneID // pane that has the tabs in its title
	tour     rect   // of no height: none
	tooSmall string // says so, and then nothing else is set
}

// sizes are the shares of the panes, in percent; 0 is the usual one.
type sizes struct {
	Left    int `yaml:"left,omitempty"`    // width of the phases
	Top     int `yaml:"top,omitempty"`     // height of phases and threads on a small screen
	Threads int `yaml:"threads,omitempty"` // height of the threads, of them and the detail
	Bottom  int `yaml:"bottom,omitempty"`  // height of capabilities and LOG
	Caps    int `yaml:"caps,omitempty"`    // width of the capabilities
}

// The bounds of a share.
const leastShare, mostShare = 5, 95

// part is a share of n cells, the usual one where none is set, between bounds.
func part(n, share, usual, lo, hi int) int {
	if share != 0 {
		usual = (n*share + 50) / 100
	}
	return max(min(usual, hi), lo)
}

func percent(n, of int) int { return (n*100 + of/2) / of }

// bar is a vertical separator, one column wide; the mouse drags it.
type bar struct {
	rect
	share func(s *sizes) *int // what it changes, nil: it stays
	whole int                 // the width that it divides
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
		p.bars = append(p.bars, bar{rect: rect{w - side - 1, 1, 1, body}})
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
	left := part(w, o.sizes.Left, min(max(w*35/100, 20), 40), 20, w-1-minThreads)
	top := part(body, o.sizes.Top, min(max(body*40/100, 5), 18), 4, body-4)
	return plan{
		panes: []placed{
			{panePhases, rect{0, 1, left, top}},
			{paneThreads, rect{left + 1, 1, w - left - 1, top}},
			{tab, rect{0, 1 + top, w, body - top}},
		},
		bars:   []bar{{rect{left, 1, 1, top}, leftShare, w}},
		now:    sizes{Left: percent(left, w), Top: percent(top, body)},
		tabs:   []paneID{paneDetail, paneCaps, paneLog, paneBreaks},
		tabbed: tab,
	}
}

// arrangeFull shows all panes: phases at the left, threads over detail at the
// right, capabilities and LOG or breakpoints below.
func arrangeFull(w, body int, o wish) plan {
	left := part(w, o.sizes.Left, min(max(w*30/100, 38), 46), 20, w-1-minThreads)
	bottom := part(body, o.sizes.Bottom, min(max(body*26/100, 8), 20), 4, body-8)
	upper := body - bottom
	threads := part(upper, o.sizes.Threads, min(max(upper*34/100, 8), 20), 4, upper-4)
	caps := part(w, o.sizes.Caps, w*45/100, 20, w-21)
	low := paneLog
	if o.low == paneBreaks {
		low = paneBreaks
	}
	p := plan{
		panes: []placed{
			{panePhases, rect{0, 1, left, upper}},
			{paneThreads, rect{left + 1, 1, w - left - 1, threads}},
			{paneDetail, rect{left + 1, 1 + threads, w - left - 1, upper - threads}},
		},
		bars: []bar{{rect{left, 1, 1, upper}, leftShare, w}},
		full: true,
		now:  sizes{Left: percent(left, w), Threads: percent(threads, upper), Bottom: percent(bottom, body), Caps: percent(caps, w)},
	}
	if o.wide && o.focus != paneLog && o.focus != paneBreaks {
		p.panes = append(p.panes, placed{paneCaps, rect{0, 1 + upper, w, bottom}})
		p.tabs, p.tabbed = []paneID{paneCaps, paneLog, paneBreaks}, paneCaps
		return p
	}
	p.panes = append(p.panes, placed{paneCaps, rect{0, 1 + upper, caps, bottom}}, placed{low, rect{caps + 1, 1 + upper, w - caps - 1, bottom}})
	p.bars = append(p.bars, bar{rect{caps, 1 + upper, 1, bottom}, capsShare, w})
	p.tabs, p.tabbed = []paneID{paneLog, paneBreaks}, low
	return p
}

// minThreads is the least width of the threads.
const minThreads = 24

// at finds the pane under a cell.
func (p plan) at(x, y int) (placed, bool) {
	for _, pl := range p.panes {
		if pl.contains(x, y) {
			return pl, true
		}
	}
	return placed{}, false
}

func leftShare(s *sizes) *int    { return &s.Left }
func topShare(s *sizes) *int     { return &s.Top }
func threadsShare(s *sizes) *int { return &s.Threads }
func bottomShare(s *sizes) *int  { return &s.Bottom }
func capsShare(s *sizes) *int    { return &s.Caps }
