package ui

import (
	"fmt"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// A pane grows in two directions.
const (
	taller = iota
	wider
)

// grows is the share that changes as a pane grows, and whether with it or against
// it. No share: the pane has all there is.
type grows struct {
	share func(s *sizes) *int
	by    int
}

func leftShare(s *sizes) *int    { return &s.Left }
func topShare(s *sizes) *int     { return &s.Top }
func threadsShare(s *sizes) *int { return &s.Threads }
func bottomShare(s *sizes) *int  { return &s.Bottom }
func capsShare(s *sizes) *int    { return &s.Caps }

// growth tells what changes as a pane grows, on a screen where all panes fit and
// on a smaller one.
var growth = map[bool]map[paneID][2]grows{
	true: {
		panePhases:  {taller: {bottomShare, -1}, wider: {leftShare, 1}},
		paneThreads: {taller: {threadsShare, 1}, wider: {leftShare, -1}},
		paneDetail:  {taller: {threadsShare, -1}, wider: {leftShare, -1}},
		paneCaps:    {taller: {bottomShare, 1}, wider: {capsShare, 1}},
		paneLog:     {taller: {bottomShare, 1}, wider: {capsShare, -1}},
		paneBreaks:  {taller: {bottomShare, 1}, wider: {capsShare, -1}},
	},
	false: {
		panePhases:  {taller: {topShare, 1}, wider: {leftShare, 1}},
		paneThreads: {taller: {topShare, 1}, wider: {leftShare, -1}},
		paneDetail:  {taller: {topShare, -1}},
		paneCaps:    {taller: {topShare, -1}},
		paneLog:     {taller: {topShare, -1}},
		paneBreaks:  {taller: {topShare, -1}},
	},
}

// growStep is how much a pane grows at once, in percent.
const growStep = 4

// resize lets the focused pane grow, or shrink.
func (u *ui) resize(direction, by int) {
	g := growth[u.root.plan.full][u.focused][direction]
	switch {
	case u.zoom:
		u.note = "a zoomed pane has all there is; z ends that"
		return
	case g.share == nil:
		u.note = "this pane is as wide as the screen"
		return
	}
	now := g.share(&u.root.plan.now) // as it is drawn
	*now = min(max(*now+by*g.by*growStep, leastShare), mostShare)
	*g.share(&u.sizes) = *now
	u.note = "= gives all panes their usual sizes"
}

// usualSizes forgets the sizes that the user chose.
func (u *ui) usualSizes() {
	u.sizes = sizes{}
	u.note = "all panes have their usual sizes"
}

// needSizes: the panes share the screen.
func needSizes(u *ui) string {
	if u.root.plan.tooSmall != "" {
		return "the screen is too small"
	}
	return ""
}

// dragBar moves a separator with the mouse; it says whether it took the event.
func (r *root) dragBar(action tview.MouseAction, ev *tcell.EventMouse) bool {
	x, y := ev.Position()
	switch action {
	case tview.MouseLeftDown:
		r.drag = nil
		for i := range r.plan.bars {
			if b := &r.plan.bars[i]; b.share != nil && b.contains(x, y) {
				held := *b
				r.drag = &held
			}
		}
	case tview.MouseMove:
		if r.drag == nil {
			return false
		}
		*r.drag.share(&r.u.sizes) = min(max((x*100+r.drag.whole/2)/r.drag.whole, leastShare), mostShare)
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
