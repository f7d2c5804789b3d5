package ui

import (
	"cmp"
	"slices"
	"strings"
)

// columns are the source's, with a mark at the one that gives the order.
func (p *listPane) columns() []column {
	cols := p.src.columns()
	if p.sorted == 0 || p.sorted > len(cols) {
		return cols
	}
	c := &cols[p.sorted-1]
	c.title += p.arrow()
	c.min, c.max = max(c.min, width(c.title)), max(c.max, width(c.title))
	return cols
}

func (p *listPane) arrow() string {
	if p.down {
		return "▼"
	}
	return "▲"
}

// sortNext takes the next column for the order, and after the last the
// source's own order again.
func (p *listPane) sortNext() {
	p.sorted = (p.sorted + 1) % (len(p.src.columns()) + 1)
	p.down = false
	p.refilter()
	p.changed()
}

// reverse turns the order round.
func (p *listPane) reverse() {
	p.down = !p.down
	p.refilter()
	p.changed()
}

// orderWords tells the order.
func (p *listPane) orderWords() string {
	words := "the table itself"
	if cols := p.src.columns(); p.sorted > 0 && p.sorted <= len(cols) {
		words = strings.TrimSpace(cols[p.sorted-1].title)
	}
	if p.down {
		words += ", the last first"
	}
	return words
}

// sortRows orders the rows that the filter shows.
func (p *listPane) sortRows() {
	cols := p.src.columns()
	if p.sorted > 0 && p.sorted <= len(cols) {
		at := p.sorted - 1
		texts := make(map[int]string, len(p.order))
		for _, i := range p.order {
			texts[i] = strings.ToLower(p.src.row(i)[at].text)
		}
		slices.SortStableFunc(p.order, func(a, b int) int { return compareCells(texts[a], texts[b], cols[at].right) })
	}
	if p.down {
		slices.Reverse(p.order)
	}
}

// compareCells orders texts. Those of a right-aligned column are numbers
// without leading zeros, decimal or hex: the longer one is more.
func compareCells(a, b string, number bool) int {
	if number && len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a, b)
}
