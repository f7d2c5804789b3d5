package ui

import (
	"slices"

	"thaw/session/view"
)

// Widths of the help: two columns of keys where they fit.
const (
	helpColumn = 39 // of the left one
	keyColumn  = 11 // of a key's label
)

// help tells the keys.
type help struct {
	*desk
	panes *panes
	keys  keymap
}

// open shows the keys, and what the focused pane shows.
func (h *help) open() { h.windows.openText("help: "+paneInfos[h.panes.focused].name, h.lines) }

// lines builds the help from the table of keys and commands.
func (h *help) lines(w int) []line {
	out := h.th.paragraph("", paneInfos[h.panes.focused].about, w)
	out = append(out, line{})
	out = append(out, h.keyLines(w)...)
	for _, block := range [][]line{h.legend(w), h.disabledLines(w), h.commandLines(w)} {
		if len(block) > 0 {
			out = append(append(out, line{}), block...)
		}
	}
	return out
}

// Groups of the help's left column; the others are at the right.
var helpLeft = []string{groupGuest, groupHistory, groupMove, groupThaw}

// keyLines lists the keys, in two columns where they fit.
func (h *help) keyLines(w int) []line {
	var left, right, out []line
	for _, g := range groups {
		block := h.keyBlock(g)
		if slices.Contains(helpLeft, g) || w < windowWidth {
			left = append(left, block...)
		} else {
			right = append(right, block...)
		}
	}
	for i := range max(len(left), len(right)) {
		var l line
		if i < len(left) {
			l = append(l, left[i]...)
		}
		if i < len(right) {
			l = append(l, span{pad("", helpColumn-lineWidth(l)), h.th.plain})
			l = append(l, right[i]...)
		}
		out = append(out, l)
	}
	return out
}

// keyBlock is a group with its keys; those that do nothing now are dim.
func (h *help) keyBlock(group string) []line {
	var out []line
	for i := range h.keys {
		a := &h.keys[i]
		if a.group != group || len(a.keys) == 0 {
			continue
		}
		style := h.th.plain
		if a.disabled() != "" {
			style = h.th.dim
		}
		if out == nil {
			out = []line{{{group, h.th.head}}}
		}
		out = append(out, line{{pad(a.label, keyColumn), h.th.bold}, {a.help, style}})
	}
	return out
}

// commandLines lists what can be typed behind a colon, with the key that does
// the same.
func (h *help) commandLines(w int) []line {
	out := []line{{{"commands, behind :", h.th.head}}}
	for _, a := range h.keys.commands() {
		text := a.help
		if len(a.keys) > 0 {
			text += " (" + a.label + ")"
		}
		out = append(out, h.th.paragraph(pad(":"+a.usage(), 20)+" ", text, w)...)
	}
	return out
}

// disabledLines tells which keys do nothing now, and why.
func (h *help) disabledLines(w int) []line {
	var whys []string
	keys := map[string]string{}
	for i := range h.keys {
		a := &h.keys[i]
		if why := a.disabled(); why != "" && len(a.keys) > 0 {
			if keys[why] == "" {
				whys = append(whys, why)
			} else {
				keys[why] += " "
			}
			keys[why] += a.label
		}
	}
	if len(whys) == 0 {
		return nil
	}
	out := []line{{{"not now", h.th.head}}}
	for _, why := range whys {
		out = append(out, h.th.paragraph(pad(keys[why]+" ", keyColumn), why, w)...)
	}
	return out
}

// legend explains the signs of the focused pane.
func (h *help) legend(w int) []line {
	switch h.panes.focused {
	case panePhases:
		return h.th.paragraph("", "✓ done, ▶ runs now, – skipped, · not reached, "+noteMark+" with a note", w)
	case paneThreads, paneDetail:
		return append([]line{{{"verdicts", h.th.head}}}, h.verdictLegend()...)
	case paneCaps:
		return h.th.paragraph("", "Rights: W write, S special. Slots, labels and objects are in hex, as the kernel debugger prints them.", w)
	}
	return nil
}

func (h *help) verdictLegend() []line {
	var out []line
	for _, v := range view.Verdicts {
		info := verdictOf(v)
		out = append(out, line{{pad(h.th.draw(info.text()), 17), info.style(h.th)}, {verdictHelp[v], h.th.plain}})
	}
	return out
}

// verdictHelp explains the verdicts in a few words.
var verdictHelp = map[view.Verdict]string{
	view.Ignored:      "entered user mode elsewhere; nothing wrote the request",
	view.Overwritten:  "written, then something else written over it",
	view.Killed:       "written, but the return to user mode faulted on it",
	view.Partial:      "ip and sp arrived, other registers did not",
	view.NotRequested: "checkpointed, but nobody asked for its state",
	view.Unknown:      "evidence is missing; the thread's detail says which",
	view.Pending:      "has not come back to user mode so far",
	view.Coincident:   "stands where asked, but nothing wrote that",
	view.Applied:      "the requested state was written and entered",
}
