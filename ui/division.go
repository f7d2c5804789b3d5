package ui

// division is how the panes divide the screen among them.
type division struct {
	focused paneID // pane that the keys go to
	tab     paneID // pane of the compact form's lower half
	low     paneID // pane of the full form's lower right
	zoom    bool
	sizes   sizes // that the user chose
	plan    plan  // as it was drawn last
}

// arrange divides w×h cells.
func (d *division) arrange(w, h int, tour, wide bool) {
	d.plan = arrange(w, h, wish{focus: d.focused, tab: d.tab, low: d.low, zoom: d.zoom, sizes: d.sizes, tour: tour, wide: wide})
}

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

// resize lets the focused pane grow, or shrink, and answers the key.
func (d *division) resize(direction, by int) string {
	g := growth[d.plan.full][d.focused][direction]
	switch {
	case d.zoom:
		return "a zoomed pane has all there is; z ends that"
	case g.share == nil:
		return "this pane is as wide as the screen"
	}
	now := g.share(&d.plan.now) // as it is drawn
	*now = min(max(*now+by*g.by*growStep, leastShare), mostShare)
	*g.share(&d.sizes) = *now
	return "= gives all panes their usual sizes"
}

// drag moves a separator to a column.
func (d *division) drag(b *bar, x int) {
	*b.share(&d.sizes) = min(max((x*100+b.whole/2)/b.whole, leastShare), mostShare)
}

// needSizes: the panes share the screen.
func (d *division) needSizes() string {
	if d.plan.tooSmall != "" {
		return "the screen is too small"
	}
	return ""
}
