// Package present lets other terminals of the same user follow a presenter: what is
// on the screen, what to say about it, and what comes next.
//
// It knows frames and the socket that they go through. It must not know what is
// shown, and takes nothing from who follows.
package present

import (
	"time"

	"github.com/gdamore/tcell/v2"

	"thaw/printable"
)

// Frame is the presenter's screen at one moment, and what belongs to it.
type Frame struct {
	Began time.Time `json:"began"` // the presentation
	Step  int       `json:"step"`  // that is told, from 1; 0: the presenter took over
	Steps int       `json:"steps"`
	Title string    `json:"title"`
	Notes string    `json:"notes"` // for the speaker: paragraphs, an empty line between them
	Next  string    `json:"next"`  // title of the next step, "": this is the last one
	Rows  [][]Span  `json:"rows"`
}

// Span is text in one style, as tcell numbers its colours and attributes.
type Span struct {
	Text string `json:"t"`
	FG   uint64 `json:"f,omitempty"`
	BG   uint64 `json:"b,omitempty"`
	Attr int    `json:"a,omitempty"`
}

// Style is what the span is drawn in.
func (s Span) Style() tcell.Style {
	return tcell.StyleDefault.Foreground(tcell.Color(s.FG)).Background(tcell.Color(s.BG)).Attributes(tcell.AttrMask(s.Attr))
}

// RowsOf is what stands on a screen.
func RowsOf(screen tcell.Screen) [][]Span {
	w, h := screen.Size()
	rows := make([][]Span, h)
	for y := range h {
		var row []Span
		var last tcell.Style
		for x := 0; x < w; {
			text, style, n := screen.Get(x, y)
			if text == "" {
				text = " "
			}
			if len(row) == 0 || style != last {
				fg, bg, attr := style.Decompose()
				row, last = append(row, Span{FG: uint64(fg), BG: uint64(bg), Attr: int(attr)}), style
			}
			row[len(row)-1].Text += text
			x += max(n, 1)
		}
		rows[y] = row
	}
	return rows
}

// clean makes a frame that came over a socket harmless for a terminal.
func (f *Frame) clean() {
	for _, s := range []*string{&f.Title, &f.Next} {
		*s = printable.Text(*s)
	}
	for _, row := range f.Rows {
		for i := range row {
			row[i].Text = printable.Text(row[i].Text)
		}
	}
}
