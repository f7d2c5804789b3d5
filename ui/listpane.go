package ui

import (
	"slices"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"
)

// listPane is a table of any length: cells are built for the rows in sight and
// kept until the data changes.
type listPane struct {
	*tview.Table
	th      *theme
	src     source
	sieve   sieve
	sorting sorting
	order   []int // rows in sight of the filter, as indices of src
	fitted  fitted
	changed func() // the selected row is another one
	bare    bool   // no column that marks the selected row
	focus   bool

	wanted any                 // key of the row that the user chose, nil: the one that is proposed, or the first
	quiet  bool                // the selection is moved by the program
	mark   [3]*tview.TableCell // first column: of heads, rows, the selected row
}

// fitted is what was made for a width and an order of rows.
type fitted struct {
	done   bool
	width  int
	shown  []int // columns that fit
	widths []int
	cells  map[int][]*tview.TableCell // by the table's row
}

// Rows that are looked at for column widths, and rows that are cached.
const (
	sampleRows = 300
	cachedRows = 2000
)

func newListPane(th *theme, src source) *listPane {
	p := &listPane{Table: tview.NewTable(), th: th, src: src, changed: func() {}}
	p.mark = [3]*tview.TableCell{{Text: " ", NotSelectable: true}, {Text: " "}, {Text: th.draw("▸"), Style: th.bold}}
	p.SetContent(listContent{p: p})
	p.SetSelectable(true, false).SetFixed(1, 0)
	p.SetSelectionChangedFunc(func(row, _ int) { p.userMoved(row) })
	p.refilter()
	return p
}

// update takes new data over; the chosen row stays chosen.
func (p *listPane) update() {
	p.sieve.texts = nil
	p.refilter()
	p.changed()
}

func (p *listPane) setFilter(f string) {
	p.sieve.filter = f
	p.refilter()
	p.changed()
}

func (p *listPane) sort(by sorting) {
	p.sorting = by
	p.refilter()
	p.changed()
}

// columns are the source's, with a mark at the one that gives the order.
func (p *listPane) columns() []column { return p.sorting.mark(p.src.columns()) }

// redraw has all cells made again.
func (p *listPane) redraw() { p.fitted.cells = nil }

// want chooses a row by its key, as the user does.
func (p *listPane) want(key any) {
	p.wanted = key
	p.refilter()
	p.changed()
}

func (p *listPane) setFocus(on bool) {
	if p.focus != on {
		at := p.at()
		p.focus = on
		p.redraw()
		p.fitted.done = p.fitted.done && !p.th.roomy // a frame takes room
		p.choose(at)
	}
}

// proposer is a source that knows which row is meant where the user has chosen none: its
// key, nil for the first one.
type proposer interface{ proposed() any }

func (p *listPane) proposed() any {
	if src, ok := p.src.(proposer); ok {
		return src.proposed()
	}
	return nil
}

// refilter finds the rows to show and puts the selection back.
func (p *listPane) refilter() {
	p.order = p.sieve.rows(p.src, p.order[:0])
	p.sorting.sort(p.src, p.order)
	p.fitted.done, p.fitted.cells = false, nil
	row := -1
	for _, want := range []any{p.wanted, p.proposed()} {
		for at, i := range p.order {
			if row < 0 && want != nil && p.src.key(i) == want {
				row = at
				break
			}
		}
	}
	p.choose(max(row, 0))
}

// choose selects a row without taking it for the user's choice. Setting the
// offset first ends tview's habit of sticking to the end of a short table.
func (p *listPane) choose(row int) {
	p.quiet = true
	offset, col := p.GetOffset()
	p.SetOffset(min(offset, max(p.rowOf(len(p.order)-1)-1, 0)), col)
	p.Select(p.rowOf(row), 0)
	p.quiet = false
}

// at is the selected row in sight of the filter, 0 if there is none.
func (p *listPane) at() int {
	row, _ := p.GetSelection()
	return max(p.indexOf(row), 0)
}

// userMoved remembers the row that the user went to. The first one means
// "whatever is first", unless another one would be chosen without the user.
func (p *listPane) userMoved(row int) {
	if p.quiet {
		return
	}
	p.wanted = nil
	if i := p.indexOf(row); i >= 0 && i < len(p.order) && (i > 0 || p.proposed() != nil) {
		p.wanted = p.src.key(p.order[i])
	}
	p.changed()
}

// selected is the index in the source of the selected row, -1 if there is none.
func (p *listPane) selected() int {
	if i := p.at(); i < len(p.order) {
		return p.order[i]
	}
	return -1
}

// layout picks the columns that fit and their widths.
func (p *listPane) layout() {
	_, _, w, _ := p.GetInnerRect()
	if p.fitted.done && w == p.fitted.width {
		return
	}
	p.fitted = fitted{done: true, width: w}
	cols := p.columns()
	want := make([]int, len(cols))
	for i, c := range cols {
		want[i] = width(c.title)
	}
	for _, i := range p.order[:min(len(p.order), sampleRows)] {
		for c, cell := range p.src.row(i) {
			want[c] = max(want[c], width(p.th.draw(cell.text)))
		}
	}
	if p.extra() > 0 {
		w -= 2
	}
	if p.airy() {
		w-- // for the frame's right side
	}
	p.fitted.shown, p.fitted.widths = fitColumns(cols, want, w)
	p.choose(p.at())
}

// fitColumns divides w cells, with one between columns: columns are left out
// by priority until the rest has its least width, and what remains goes to the
// columns by priority.
func fitColumns(cols []column, want []int, w int) (shown, widths []int) {
	byPrio := make([]int, len(cols))
	for i := range byPrio {
		byPrio[i] = i
	}
	slices.SortStableFunc(byPrio, func(a, b int) int { return cols[a].prio - cols[b].prio })
	for i := range cols {
		want[i] = min(want[i], cols[i].max)
	}
	got := make([]int, len(cols))
	left := w + 1
	for n, i := range byPrio {
		least := min(want[i], cols[i].min)
		if n > 0 && least+1 > left {
			break // and so do those that matter less
		}
		got[i] = min(max(least, 1), max(left-1, 1))
		left -= got[i] + 1
	}
	for n := 0; n < len(byPrio); {
		same := n // columns of one priority grow evenly
		for n < len(byPrio) && cols[byPrio[n]].prio == cols[byPrio[same]].prio {
			n++
		}
		left = grow(byPrio[same:n], got, want, left)
	}
	for i := range cols {
		if got[i] > 0 {
			shown, widths = append(shown, i), append(widths, got[i])
		}
	}
	return shown, widths
}

// grow hands out cells, one at a time, to columns that want more; it returns
// what is left.
func grow(cols, got, want []int, left int) int {
	for more := true; more && left > 0; {
		more = false
		for _, i := range cols {
			if got[i] > 0 && got[i] < want[i] && left > 0 {
				got[i]++
				left--
				more = true
			}
		}
	}
	return left
}

// Draw implements tview.Primitive.
func (p *listPane) Draw(screen tcell.Screen) {
	p.layout()
	p.Table.Draw(screen)
	if len(p.order) > 0 {
		p.frame(screen)
		return
	}
	text := p.src.empty()
	if p.sieve.filter != "" && p.src.len() > 0 {
		text = "Nothing matches /" + p.sieve.filter + "; Esc shows all rows again."
	}
	x, y, w, h := p.GetInnerRect()
	for i, row := range wrap(text, w-2) {
		if i+1 < h {
			p.th.drawLine(screen, x+1, y+1+i, w-2, line{{row, p.th.dim}})
		}
	}
}

// listContent is the virtual content: row 0 holds the heads, column 0 the mark
// of the selected row.
type listContent struct {
	tview.TableContentReadOnly
	p *listPane
}

func (c listContent) GetRowCount() int    { return c.p.rowOf(len(c.p.order)) }
func (c listContent) GetColumnCount() int { return len(c.p.fitted.shown) + c.p.extra() }

func (c listContent) GetCell(row, col int) *tview.TableCell {
	p := c.p
	i := p.indexOf(row)
	switch {
	case row < 0 || row >= c.GetRowCount() || col < 0 || col >= c.GetColumnCount():
		return nil
	case row > 0 && i < 0:
		return p.mark[0] // air
	}
	cells := p.fitted.cells[row]
	if cells == nil {
		if len(p.fitted.cells) >= cachedRows || p.fitted.cells == nil {
			p.fitted.cells = make(map[int][]*tview.TableCell)
		}
		cells = p.buildRow(row)
		p.fitted.cells[row] = cells
	}
	if col < p.extra() {
		sel, _ := p.GetSelection()
		switch row {
		case 0:
			return p.mark[0]
		case sel:
			p.mark[2].SelectedStyle = p.selectedStyle(p.th.bold)
			return p.mark[2]
		}
		return p.mark[1]
	}
	return cells[col-p.extra()]
}

// extra is the number of columns before those of the source: one with a mark, or for
// the left side of a frame.
func (p *listPane) extra() int {
	if p.bare && !p.airy() {
		return 0
	}
	return 1
}

func (p *listPane) buildRow(row int) []*tview.TableCell {
	out := make([]*tview.TableCell, len(p.fitted.shown))
	cols := p.columns()
	var cells []cell
	if row > 0 {
		cells = p.src.row(p.order[p.indexOf(row)])
	}
	for n, i := range p.fitted.shown {
		if row == 0 {
			out[n] = &tview.TableCell{Text: tview.Escape(p.fit(cell{text: cols[i].title}, n, cols[i].right)),
				NotSelectable: true, Style: p.th.head}
			continue
		}
		c := cells[i]
		out[n] = &tview.TableCell{Text: tview.Escape(p.fit(c, n, cols[i].right)), Style: c.style,
			SelectedStyle: p.selectedStyle(c.style)}
	}
	return out
}

// fit makes a text as wide as its column.
func (p *listPane) fit(c cell, n int, right bool) string {
	w := p.fitted.widths[n]
	text := p.th.draw(c.text)
	if width(text) > w && c.fit != nil {
		text = p.th.draw(c.fit(w))
	}
	if width(text) > w {
		text = p.th.clip(text, w)
	}
	if right {
		return padLeft(text, w)
	}
	return pad(text, w)
}

// selectedStyle keeps the meaning of a cell in the selected row: reverse where
// keys go to this table, else bold beside the mark.
func (p *listPane) selectedStyle(s tcell.Style) tcell.Style {
	if p.focus {
		return s.Reverse(true)
	}
	return s.Bold(true)
}

// InputHandler implements tview.Primitive. tview's table looks for a row to
// select for ever where there is none.
func (p *listPane) InputHandler() func(*tcell.EventKey, func(tview.Primitive)) {
	if len(p.order) == 0 {
		return func(*tcell.EventKey, func(tview.Primitive)) {}
	}
	p.layout() // the columns may be those of the data before
	return p.Table.InputHandler()
}

// MouseHandler implements tview.Primitive: only a click on a row selects.
func (p *listPane) MouseHandler() func(tview.MouseAction, *tcell.EventMouse, func(tview.Primitive)) (bool, tview.Primitive) {
	return func(action tview.MouseAction, ev *tcell.EventMouse, focus func(tview.Primitive)) (bool, tview.Primitive) {
		p.layout()
		if action == tview.MouseLeftClick || action == tview.MouseLeftDoubleClick {
			row, _ := p.CellAt(ev.Position())
			if i := p.indexOf(row); i < 0 || i >= len(p.order) {
				return true, nil
			}
		}
		return p.Table.MouseHandler()(action, ev, focus)
	}
}
