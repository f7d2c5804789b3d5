package ui

import (
	"strings"

	"github.com/gdamore/tcell/v2"
)

// column describes a column of a table. Widths are in cells.
type column struct {
	title    string
	min, max int // the least that still tells something, the most that is of use
	prio     int // 0 stays longest when the pane gets narrow
	right    bool
}

// cell is one value of a row.
type cell struct {
	text  string
	style tcell.Style
	fit   func(w int) string // a shorter form that keeps the meaning; nil: cut
}

// source is what a table shows. Rows are asked for when they get visible.
type source interface {
	columns() []column
	len() int
	row(i int) []cell    // as many as columns
	key(i int) any       // tells the row across updates
	search(i int) string // text that a filter looks into
	empty() string       // what to say when there are no rows
}

// styled makes a row of one style.
func styled(style tcell.Style, texts ...string) []cell {
	out := make([]cell, len(texts))
	for i, t := range texts {
		out[i] = cell{text: t, style: style}
	}
	return out
}

func joinCells(cells []cell) string {
	var b strings.Builder
	n := len(cells)
	for _, c := range cells {
		n += len(c.text)
	}
	b.Grow(n)
	for _, c := range cells {
		b.WriteString(c.text)
		b.WriteByte(' ')
	}
	return b.String()
}
