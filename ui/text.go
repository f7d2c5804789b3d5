package ui

import (
	"strconv"
	"strings"

	"github.com/gdamore/tcell/v2"

	"thaw/printable"
	"thaw/session/view"
	"thaw/words"
)

// span is text in one style, line is what stands in one row.
type (
	span struct {
		text  string
		style tcell.Style
	}
	line []span
)

// Short names for what every drawing needs.
var (
	width = words.Width
	clip  = words.Clip
	wrap  = words.Wrap
)

// clean makes text of the guest harmless. tview's tags are escaped where a string
// enters tview (see listPane); spans know no tags.
var clean = printable.Text

// clip cuts s, which draw has prepared, to w columns with a mark that the
// terminal has.
func (t *theme) clip(s string, w int) string {
	if !t.ascii || width(s) <= w {
		return clip(s, w)
	}
	if w < 3 {
		return s[:max(w, 0)]
	}
	return s[:w-2] + ".."
}

// pad fills s with spaces to w columns.
func pad(s string, w int) string {
	if n := w - width(s); n > 0 {
		return s + strings.Repeat(" ", n)
	}
	return s
}

// padLeft puts the spaces in front.
func padLeft(s string, w int) string {
	if n := w - width(s); n > 0 {
		return strings.Repeat(" ", n) + s
	}
	return s
}

// paragraphs splits narration into paragraphs, with an empty one between each
// two. Line ends inside a paragraph are spaces.
func paragraphs(s string) []string {
	var out []string
	for p := range strings.SplitSeq(strings.TrimSpace(strings.ReplaceAll(s, "\r", "")), "\n\n") {
		if text := strings.Join(strings.Fields(p), " "); text != "" {
			if len(out) > 0 {
				out = append(out, "")
			}
			out = append(out, text)
		}
	}
	return out
}

// lineWidth sums the spans.
func lineWidth(l line) int {
	n := 0
	for _, s := range l {
		n += width(s.text)
	}
	return n
}

// drawLine writes spans from x on, in at most w columns, and returns the
// columns used. What does not fit ends in "…".
func (t *theme) drawLine(screen tcell.Screen, x, y, w int, l line) int {
	used := 0
	for _, s := range l {
		text := t.draw(s.text)
		if width(text) > w-used {
			text = t.clip(text, w-used)
		}
		for text != "" {
			rest, n := screen.Put(x+used, y, text, s.style)
			if n == 0 || len(rest) >= len(text) {
				break
			}
			text = rest
			used += n
		}
		if used >= w {
			break
		}
	}
	return used
}

// placeIn tells a code address in at most w columns: qualifiers are dropped
// from the left before anything is cut.
func placeIn(p view.Place, w int) string {
	if p.Function == "" {
		if p.Component != "" {
			if s := clean(p.String()); width(s) <= w {
				return s
			}
		}
		return hex(p.Addr)
	}
	name, off := clean(p.FunctionName()), ""
	if p.Offset != 0 {
		off = "+0x" + hex(p.Offset)
	}
	for rest := name; ; {
		if width(rest)+width(off) <= w {
			return rest + off
		}
		cut := qualifier(rest)
		if cut < 0 {
			if width(rest) <= w {
				return rest
			}
			return clip(rest, w)
		}
		rest = rest[cut:]
	}
}

// qualifier is the length of the first qualifier of a name with its "::", or
// -1. Those inside template arguments and parentheses do not count.
func qualifier(name string) int {
	depth := 0
	for i := 0; i+1 < len(name); i++ {
		switch name[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ':':
			if depth == 0 && name[i+1] == ':' {
				return i + 2
			}
		}
	}
	return -1
}

// hex is a number as the kernel debugger prints it, without a prefix.
func hex(v uint64) string { return strconv.FormatUint(v, 16) }

// lineText is a row without its styles.
func lineText(l line) string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}
