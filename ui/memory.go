package ui

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// memoryList shows bytes of memory: two words a row, of which one is chosen to be
// followed.
type memoryList struct {
	th   *theme
	rows []view.PeekRow
	ends []uint64 // last address of rows that stand for several unreadable ones
	word int      // chosen one
}

func newMemoryList(th *theme, rows []view.PeekRow) *memoryList {
	l := &memoryList{th: th}
	for _, r := range rows {
		n := len(l.rows)
		if r.Data == nil && n > 0 && l.rows[n-1].Data == nil && l.rows[n-1].Why == r.Why {
			l.ends[n-1] = r.Addr
			continue
		}
		l.rows, l.ends = append(l.rows, r), append(l.ends, r.Addr)
	}
	return l
}

func (l *memoryList) columns() []column {
	return []column{
		{title: "address", min: 8, max: 16, right: true},
		{title: "bytes", min: 16, max: 50, prio: 1},
		{title: "", min: 16, max: 50, prio: 2},
		{title: "text", min: 16, max: 16, prio: 4},
		{title: "points to", min: 9, max: 80, prio: 3},
	}
}

func (l *memoryList) len() int { return len(l.rows) }

func (l *memoryList) row(i int) []cell {
	r := &l.rows[i]
	out := styled(l.th.dim, hex(r.Addr), "", "", "", "")
	if r.Data == nil {
		out[1].text = r.Why
		if l.ends[i] != r.Addr {
			out[2].text = fmt.Sprintf("up to %x", l.ends[i])
		}
		return out
	}
	half := len(r.Data) / 2
	digits := byteDigits(r)
	for i, part := range [][]string{digits[:half], digits[half:]} {
		out[1+i] = cell{text: strings.Join(part, " "), style: l.th.plain, fit: func(int) string { return strings.Join(part, "") }}
	}
	out[1+l.half(r)].style = l.th.bold.Underline(true)
	out[3].text = characters(r)
	if len(r.Means) > 0 {
		out[4] = cell{text: "→ " + clean(strings.Join(r.Means, ", ")), style: l.th.bold}
	}
	return out
}

// half is the half of a row that the chosen word is in.
func (l *memoryList) half(r *view.PeekRow) int {
	if n := len(r.Words); n > 0 && l.word%n >= n/2 {
		return 1
	}
	return 0
}

// move chooses another word of the row.
func (l *memoryList) move(by int) { l.word = (l.word + by + 4) % 4 }

func (l *memoryList) key(i int) any       { return l.rows[i].Addr }
func (l *memoryList) search(i int) string { return joinCells(l.row(i)) }
func (l *memoryList) empty() string       { return "No memory." }

func (l *memoryList) leads(i int) view.Query {
	if w := l.rows[i].Words; len(w) > 0 {
		return w[l.word%len(w)]
	}
	return view.Query{}
}

// unknown stands for a byte that was not recorded.
const unknown = "··"

// byteDigits are the bytes of a row in hex.
func byteDigits(r *view.PeekRow) []string {
	out := make([]string, len(r.Data))
	for i, b := range r.Data {
		if out[i] = unknown; r.Known == nil || r.Known[i] {
			out[i] = fmt.Sprintf("%02x", b)
		}
	}
	return out
}

// characters are the bytes of a row as text, blank where they are not known.
func characters(r *view.PeekRow) string {
	var b strings.Builder
	for i, c := range r.Data {
		switch {
		case r.Known != nil && !r.Known[i]:
			c = ' '
		case c < 0x20 || c >= 0x7f:
			c = '.'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// wordAt is the chosen word of a row.
func (l *memoryList) wordAt(i int, task kernel.ID) (w view.Word, ok bool) {
	r := &l.rows[i]
	n := len(r.Words)
	if r.Data == nil || n == 0 {
		return w, false
	}
	size := len(r.Data) / n
	return view.Word{Task: task, Addr: r.Addr + uint64(l.word%n*size), Size: size}, true
}
