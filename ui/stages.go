package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"

	"thaw/session/view"
)

// arrow draws a gap in w cells; loss is a word for what happened in one where the state
// got lost.
func arrow(g view.Gap, loss string, w int) string {
	rule := func(ch string, n int) string { return strings.Repeat(ch, max(n, 0)) }
	middle := func(text string) string {
		n := w - width(text)
		return rule("┄", n/2) + text + rule("┄", n-n/2)
	}
	switch g {
	case view.GapReached:
		return rule("━", w-1) + "▶"
	case view.GapLost:
		if width(loss)+3 > w {
			loss = "lost"
		}
		return rule("━", w-3-width(loss)) + "✗ " + loss + " "
	case view.GapEqual:
		return middle(" ≈ ")
	case view.GapOther:
		return rule("┄", w-1) + "▶"
	case view.GapPending:
		return middle(" … ")
	}
	return middle(" ? ")
}

func gapStyle(g view.Gap, t *theme) tcell.Style {
	switch g {
	case view.GapLost:
		return t.bad
	case view.GapReached:
		return t.good
	case view.GapEqual, view.GapPending:
		return t.warn
	}
	return t.dim
}

// differs says whether a stage holds another value than it was handed: what
// was requested, or for the request what was checkpointed.
func differs(s [4]*view.Stage, i int, value func(*view.Stage) uint64) bool {
	from := 1
	if i == 1 {
		from = 0
	}
	return i > 0 && s[i].Known && s[from].Known && value(s[i]) != value(s[from])
}

func stageIP(s *view.Stage) uint64 { return s.IP }
func stageSP(s *view.Stage) uint64 { return s.SP }

// Cells of the labels left of the stages, and the least width of a column.
const (
	labelWidth = 6
	stageWidth = 16
)

// stageBlock shows the stages side by side, or below each other where the
// pane is narrow.
func (t *theme) stageBlock(tv *view.ThreadVerdict, w int) []line {
	col := min((w-labelWidth)/4, 40)
	if col < stageWidth {
		return t.stageList(tv, w)
	}
	s, gaps := tv.Stages(), tv.Gaps()
	head, arrows := line{{pad("", labelWidth), t.plain}}, line{{pad("", labelWidth), t.plain}}
	for i := range s {
		head = append(head, span{pad(view.StageNames[i], col), t.bold})
		node := "● "
		if !s[i].Known {
			node = "○ "
		}
		arrows = append(arrows, span{node, t.bold})
		if i < 3 {
			a, style := arrow(gaps[i], tv.Loss(), col-3), gapStyle(gaps[i], t)
			if gaps[i] == view.GapLost { // only the mark stands out
				n := strings.Index(a, "✗")
				arrows = append(arrows, span{a[:n], t.good}, span{strings.TrimSpace(a[n:]), style}, span{"  ", t.plain})
			} else {
				arrows = append(arrows, span{a + " ", style})
			}
		}
	}
	in, stop := line{{pad("in", labelWidth), t.dim}}, line{{pad("stop", labelWidth), t.dim}}
	for i := range s {
		place, number := "not known", ""
		if s[i].Known {
			place = placeIn(s[i].Place, col-2)
		}
		if s[i].Stop > 0 {
			number = fmt.Sprint(s[i].Stop)
		}
		in = append(in, span{pad(t.draw(place), col), t.plain})
		stop = append(stop, span{pad(number, col), t.plain})
	}
	out := []line{head, arrows, t.valueRow("ip", s, col, stageIP), t.valueRow("sp", s, col, stageSP), in, stop}
	return append(out, t.sourceRow(s, col)...)
}

// sourceRow tells the lines in the source, if any is known.
func (t *theme) sourceRow(s [4]*view.Stage, col int) []line {
	l, known := line{{pad("line", labelWidth), t.dim}}, false
	for i := range s {
		text := ""
		if p := s[i].Place; s[i].Known && p.File != "" {
			text, known = t.lineIn(p, col-2), true
		}
		l = append(l, span{pad(text, col), t.plain})
	}
	if !known {
		return nil
	}
	return []line{l}
}

// lineIn tells a place's line in at most w columns: of the file's name as much as
// there is room for.
func (t *theme) lineIn(p view.Place, w int) string {
	number := fmt.Sprintf(":%d", p.Line)
	name := strings.TrimSuffix(lineWords(p), number)
	return t.clip(name, max(w-len(number), 1)) + number
}

// lineCell is a table's cell with a place's line in the source, if that is known: a short
// one cuts the file's name, not the number.
func (t *theme) lineCell(p view.Place, style tcell.Style) cell {
	if p.File == "" {
		return cell{style: style}
	}
	return cell{text: lineWords(p), style: style, fit: func(w int) string { return t.lineIn(p, w) }}
}

// sourceList tells where each stage was read, or why it is not known.
func (t *theme) sourceList(tv *view.ThreadVerdict, w int) []line {
	var list []fact
	for i, s := range tv.Stages() {
		text := s.Source
		if !s.Known {
			text = "not known"
			if s.Missing != "" {
				text += ": " + s.Missing
			}
		}
		list = append(list, fact{view.StageNames[i], text})
	}
	return t.facts(list, w)
}

func (t *theme) valueRow(label string, s [4]*view.Stage, col int, value func(*view.Stage) uint64) line {
	l := line{{pad(label, labelWidth), t.dim}}
	for i := range s {
		switch {
		case !s[i].Known:
			l = append(l, span{pad(t.draw("—"), col), t.dim})
		case differs(s, i, value):
			text := t.draw(hex(value(s[i])) + " ≠")
			l = append(l, span{text, t.bold.Underline(true)}, span{pad("", col-width(text)), t.plain})
		default:
			l = append(l, span{pad(hex(value(s[i])), col), t.plain})
		}
	}
	return l
}

// stageList is the narrow form: a row for each stage and one for each loss.
func (t *theme) stageList(tv *view.ThreadVerdict, w int) []line {
	var out []line
	s, gaps := tv.Stages(), tv.Gaps()
	for i := range s {
		if i > 0 && gaps[i-1] == view.GapLost {
			out = append(out, line{{"  ✗ " + tv.Loss() + " here", t.bad}})
		}
		node, text := "● ", ""
		if s[i].Known {
			text = fmt.Sprintf("%s %s ", hex(s[i].IP), hex(s[i].SP))
			if differs(s, i, stageIP) || differs(s, i, stageSP) {
				text += "≠ "
			}
		} else {
			node, text = "○ ", "not known"
		}
		l := line{{node, t.bold}, {pad(view.StageNames[i], 13), t.bold}, {text, t.plain}}
		if s[i].Known {
			l = append(l, span{placeIn(s[i].Place, max(w-lineWidth(l), 8)), t.dim})
		}
		out = append(out, l)
	}
	return out
}
