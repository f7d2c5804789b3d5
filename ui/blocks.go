package ui

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// paragraph wraps text behind a label; following rows are indented like it.
func (t *theme) paragraph(label, text string, w int) []line {
	if text == "" {
		return nil
	}
	var out []line
	n := width(label)
	for i, row := range wrap(clean(text), max(w-n-1, 8)) {
		if i == 0 {
			out = append(out, line{{label, t.bold}, {row, t.plain}})
		} else {
			out = append(out, line{{pad("", n), t.plain}, {row, t.plain}})
		}
	}
	return out
}

// fact is a label and what it says.
type fact struct{ label, text string }

// facts are rows whose texts stand in one column, behind the longest label; a fact
// without a text has none.
func (t *theme) facts(list []fact, w int) []line {
	col := 0
	for _, f := range list {
		if f.text != "" {
			col = max(col, width(clean(f.label))+2)
		}
	}
	var out []line
	for _, f := range list {
		out = append(out, t.paragraph(pad(clean(f.label), col), f.text, w)...)
	}
	return out
}

// spaced are rows with an empty one between each two.
func spaced(lines []line) []line {
	var out []line
	for i, l := range lines {
		if i > 0 {
			out = append(out, line{})
		}
		out = append(out, l)
	}
	return out
}

// section is a heading row.
func (t *theme) section(title string, w int) line {
	return line{{title, t.head}, {" " + strings.Repeat("─", max(w-width(title)-2, 0)), t.dim}}
}

// registerTable compares registers that were requested with those that the
// thread entered user mode with.
func (t *theme) registerTable(tv *view.ThreadVerdict, w int) []line {
	req, ent := tv.Requested.Registers, tv.Entered.Registers
	if len(req) == 0 && len(ent) == 0 {
		return []line{{{"Neither place holds any beside ip and sp.", t.dim}}}
	}
	var names []string
	for _, r := range req {
		names = append(names, r.Name)
	}
	for _, r := range ent {
		if _, ok := kernel.RegisterIn(req, r.Name); !ok {
			names = append(names, r.Name)
		}
	}
	word := func(regs []kernel.Register, name string) string {
		if v, ok := kernel.RegisterIn(regs, name); ok {
			return hex(v)
		}
		return "—"
	}
	var texts []string
	for _, n := range names {
		a, b := word(req, n), word(ent, n)
		mark := " "
		if a != b && a != "—" && b != "—" {
			mark = "≠"
		}
		texts = append(texts, fmt.Sprintf("%s %s → %s %s", pad(clip(clean(n), 7), 7), padLeft(a, 16), padLeft(b, 16), mark))
	}
	return t.grid(texts, w)
}

// grid puts texts of one width into as many columns as fit; those with a
// mark at the end stand out.
func (t *theme) grid(texts []string, w int) []line {
	if len(texts) == 0 {
		return nil
	}
	cell := width(t.draw(texts[0])) + 3
	per := max(w/cell, 1)
	rows := (len(texts) + per - 1) / per
	out := make([]line, rows)
	for i, text := range texts {
		style := t.plain
		if strings.HasSuffix(text, "≠") || strings.HasSuffix(text, changeMark) {
			style = t.bold
		}
		out[i%rows] = append(out[i%rows], span{pad(t.draw(text), cell), style})
	}
	return out
}

// changeMark stands behind a register that changed.
const changeMark = "*"

// registerGrid lists registers with their values; those that differ from
// before are marked.
func (t *theme) registerGrid(regs, before []kernel.Register, w int) []line {
	var texts []string
	for _, r := range regs {
		mark := " "
		if old, ok := kernel.RegisterIn(before, r.Name); ok && old != r.Value {
			mark = changeMark
		}
		texts = append(texts, fmt.Sprintf("%s %16x %s", pad(clip(clean(r.Name), 8), 8), r.Value, mark))
	}
	return t.grid(texts, w)
}
