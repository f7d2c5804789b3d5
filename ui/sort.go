package ui

import (
	"cmp"
	"slices"
	"strings"
)

// sorting is the order of a table's rows.
type sorting struct {
	by   int  // column that gives it, counted from 1; 0: the source's own
	down bool // it is turned round
}

// column is the one that gives the order, nil if that is the source's own.
func (s sorting) column(cols []column) *column {
	if s.by == 0 || s.by > len(cols) {
		return nil
	}
	return &cols[s.by-1]
}

// mark puts a mark at the column that gives the order.
func (s sorting) mark(cols []column) []column {
	if c := s.column(cols); c != nil {
		if s.down {
			c.title += "▼"
		} else {
			c.title += "▲"
		}
		c.min, c.max = max(c.min, width(c.title)), max(c.max, width(c.title))
	}
	return cols
}

// next takes the next column for the order, and after the last the source's own
// order again.
func (s sorting) next(cols []column) sorting { return sorting{by: (s.by + 1) % (len(cols) + 1)} }

// turned is the order turned round.
func (s sorting) turned() sorting { return sorting{s.by, !s.down} }

// words tells the order.
func (s sorting) words(cols []column) string {
	words := "the table itself"
	if c := s.column(cols); c != nil {
		words = strings.TrimSpace(c.title)
	}
	if s.down {
		words += ", the last first"
	}
	return words
}

// sort orders rows, which are indices of a source.
func (s sorting) sort(src source, rows []int) {
	if c := s.column(src.columns()); c != nil {
		texts := make(map[int]string, len(rows))
		for _, i := range rows {
			texts[i] = strings.ToLower(src.row(i)[s.by-1].text)
		}
		slices.SortStableFunc(rows, func(a, b int) int { return compareCells(texts[a], texts[b], c.right) })
	}
	if s.down {
		slices.Reverse(rows)
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
