package jdb

import "strings"

// The screen size that the driver asks JDB for: the tallest it takes (it refuses
// 100 lines and more), and wide enough for every column of every listing.
const (
	rows = 99
	cols = 200
)

// screen is what a terminal of rows × cols shows after JDB's output: JDB draws
// tables over each other by moving the cursor, so text alone does not tell what
// belongs to a line.
type screen struct {
	cell     [rows][cols]byte
	row, col int // cursor, from 0
	bottom   int // last row of the scroll region

	// Parser of escape sequences.
	state  int
	params [4]int
	param  int
}

// States of the escape-sequence parser.
const (
	inText = iota
	afterEsc
	inCSI
	inOSC
)

func newScreen() *screen {
	s := &screen{bottom: rows - 1}
	for r := range s.cell {
		s.clear(r, 0)
	}
	return s
}

func (s *screen) clear(row, from int) {
	for c := from; c < cols; c++ {
		s.cell[row][c] = ' '
	}
}

// line returns a row, from 1 as terminals count, with trailing blanks.
func (s *screen) line(row int) string {
	if row < 1 || row > rows {
		return ""
	}
	return string(s.cell[row-1][:])
}

// text is all rows from..to without trailing blanks.
func (s *screen) text(from, to int) string {
	var b strings.Builder
	for r := from; r <= to; r++ {
		b.WriteString(strings.TrimRight(s.line(r), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// Write interprets output. It never fails: what it does not know it drops.
func (s *screen) Write(p []byte) (int, error) {
	for _, b := range p {
		switch s.state {
		case inText:
			s.char(b)
		case afterEsc:
			s.state = inText
			switch b {
			case '[':
				s.state, s.params, s.param = inCSI, [4]int{}, 0
			case ']':
				s.state = inOSC
			}
		case inCSI:
			s.csi(b)
		case inOSC:
			if b == 7 || b == 0x1b {
				s.state = inText
			}
		}
	}
	return len(p), nil
}

func (s *screen) char(b byte) {
	switch {
	case b == 0x1b:
		s.state = afterEsc
	case b == '\r':
		s.col = 0
	case b == '\n':
		s.col = 0
		s.newline()
	case b == '\b':
		s.col = max(s.col-1, 0)
	case b == '\t':
		s.col = min(s.col&^7+8, cols-1)
	case b < 0x20 || b == 0x7f:
	default:
		if b >= 0x80 {
			b = '?' // JDB's µ
		}
		if s.col < cols { // JDB never relies on wrapping
			s.cell[s.row][s.col] = b
			s.col++
		}
	}
}

func (s *screen) newline() {
	switch {
	case s.row == s.bottom:
		copy(s.cell[:s.bottom], s.cell[1:s.bottom+1])
		s.clear(s.bottom, 0)
	case s.row < rows-1:
		s.row++
	}
}

func (s *screen) csi(b byte) {
	switch {
	case b >= '0' && b <= '9':
		s.params[s.param] = min(s.params[s.param]*10+int(b-'0'), 10000)
	case b == ';':
		s.param = min(s.param+1, len(s.params)-1)
	case b >= 0x40 && b <= 0x7e:
		s.state = inText
		s.command(b)
	case b < 0x20:
		s.state = inText
	}
}

func (s *screen) command(b byte) {
	n := max(s.params[0], 1)
	switch b {
	case 'H', 'f':
		s.row = min(n, rows) - 1
		s.col = min(max(s.params[1], 1), cols) - 1
	case 'K':
		s.clear(s.row, min(s.col, cols))
	case 'J':
		from := s.row
		if s.params[0] == 2 {
			from = 0
		}
		for r := from; r < rows; r++ {
			s.clear(r, 0)
		}
	case 'r':
		s.bottom = min(max(s.params[1], 2), rows) - 1
	}
}
