package ui

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"

	"thaw/session"
)

// span is text in one style, line is what stands in one row.
type (
	span struct {
		text  string
		style tcell.Style
	}
	line []span
)

// clean makes text of the guest harmless: control characters, characters that
// turn the writing direction and bytes that are no UTF-8 become '?'. tview's
// tags are escaped where a string enters tview (see listPane); spans know no
// tags.
func clean(s string) string {
	harmless := true
	for _, r := range s {
		if !showable(r) {
			harmless = false
			break
		}
	}
	if harmless {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !showable(r) {
			return '?'
		}
		return r
	}, s)
}

func showable(r rune) bool {
	return r != utf8.RuneError && !unicode.IsControl(r) && !unicode.Is(unicode.Cf, r) &&
		!unicode.Is(unicode.Zl, r) && !unicode.Is(unicode.Zp, r)
}

// width is the number of columns that s takes.
func width(s string) int {
	if isASCII(s) {
		return len(s)
	}
	return uniseg.StringWidth(s)
}

// clip cuts s to w columns; the last one then holds "…".
func clip(s string, w int) string {
	if width(s) <= w {
		return s
	}
	if w <= 0 {
		return ""
	}
	var b strings.Builder
	used := 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used+g.Width() > w-1 {
			break
		}
		used += g.Width()
		b.WriteString(g.Str())
	}
	return b.String() + "…"
}

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

// wrap breaks s at spaces into rows of at most w columns; a longer word is
// broken behind a sign in its second half, or where the row ends.
func wrap(s string, w int) []string {
	if w <= 0 {
		return nil
	}
	if width(s) <= w {
		return []string{s}
	}
	var rows []string
	row := ""
	for _, word := range strings.Split(s, " ") {
		if row != "" && width(row)+1+width(word) <= w {
			row += " " + word
			continue
		}
		if row != "" {
			rows = append(rows, row)
		}
		for row = word; width(row) > w; {
			head, rest := cutWidth(row, w)
			if n := strings.LastIndexAny(head, "_:/.,-") + 1; n > len(head)/2 {
				head, rest = row[:n], row[n:]
			}
			rows = append(rows, head)
			row = rest
		}
	}
	return append(rows, row)
}

// paragraphs splits narration into paragraphs, with an empty one between each
// two. Line ends inside a paragraph are spaces.
func paragraphs(s string) []string {
	var out []string
	for _, p := range strings.Split(strings.TrimSpace(strings.ReplaceAll(s, "\r", "")), "\n\n") {
		if text := strings.Join(strings.Fields(p), " "); text != "" {
			if len(out) > 0 {
				out = append(out, "")
			}
			out = append(out, text)
		}
	}
	return out
}

// cutWidth splits s after at most w columns, but never before the first
// character.
func cutWidth(s string, w int) (head, rest string) {
	used, end := 0, 0
	for g := uniseg.NewGraphemes(s); g.Next(); {
		if used += g.Width(); used > w && end > 0 {
			break
		}
		_, end = g.Positions()
	}
	return s[:end], s[end:]
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

// shortFunction removes the parameter list of a function's name.
func shortFunction(name string) string {
	s := strings.TrimSuffix(name, " const")
	if !strings.HasSuffix(s, ")") {
		return s
	}
	depth := 0
	for i := len(s) - 1; i > 0; i-- {
		switch s[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				if strings.HasSuffix(s[:i], "operator") {
					return s
				}
				return s[:i]
			}
		}
	}
	return s
}

// placeIn tells a code address in at most w columns: qualifiers are dropped
// from the left before anything is cut.
func placeIn(p session.Place, w int) string {
	if p.Function == "" {
		if p.Component != "" {
			if s := clean(p.String()); width(s) <= w {
				return s
			}
		}
		return hex(p.Addr)
	}
	name, off := clean(shortFunction(p.Function)), ""
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
