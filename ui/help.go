package ui

import (
	"slices"

	"thaw/session"
)

// Widths of the help: two columns of keys where they fit.
const (
	helpColumn   = 39 // of the left one
	overlayWidth = 76
	keyColumn    = 11 // of a key's label
)

// openHelp shows the keys, and what the focused pane shows.
func (u *ui) openHelp() { u.openOverlay("help: "+paneInfos[u.focused].name, u.helpLines) }

// helpLines builds the help from the table of keys and commands.
func (u *ui) helpLines(w int) []line {
	out := u.th.paragraph("", paneInfos[u.focused].about, w)
	out = append(out, line{})
	out = append(out, u.keyLines(w)...)
	for _, block := range [][]line{u.legend(w), u.disabledLines(w), u.commandLines(w)} {
		if len(block) > 0 {
			out = append(append(out, line{}), block...)
		}
	}
	return out
}

// Groups of the help's left column; the others are at the right.
var helpLeft = []string{groupGuest, groupHistory, groupMove, groupThaw}

// keyLines lists the keys, in two columns where they fit.
func (u *ui) keyLines(w int) []line {
	var left, right, out []line
	for _, g := range groups {
		block := u.keyBlock(g)
		if slices.Contains(helpLeft, g) || w < overlayWidth {
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
			l = append(l, span{pad("", helpColumn-lineWidth(l)), u.th.plain})
			l = append(l, right[i]...)
		}
		out = append(out, l)
	}
	return out
}

// keyBlock is a group with its keys; those that do nothing now are dim.
func (u *ui) keyBlock(group string) []line {
	var out []line
	for i := range actions {
		a := &actions[i]
		if a.group != group || len(a.keys) == 0 || !a.there(u) {
			continue
		}
		style := u.th.plain
		if a.disabled(u) != "" {
			style = u.th.dim
		}
		if out == nil {
			out = []line{{{group, u.th.head}}}
		}
		out = append(out, line{{pad(a.label, keyColumn), u.th.bold}, {a.help, style}})
	}
	return out
}

// commandLines lists what can be typed behind a colon, with the key that does
// the same.
func (u *ui) commandLines(w int) []line {
	out := []line{{{"commands, behind :", u.th.head}}}
	for _, a := range u.commands() {
		text := a.help
		if len(a.keys) > 0 {
			text += " (" + a.label + ")"
		}
		out = append(out, u.th.paragraph(pad(":"+usage(a), 20)+" ", text, w)...)
	}
	return out
}

// disabledLines tells which keys do nothing now, and why.
func (u *ui) disabledLines(w int) []line {
	var whys []string
	keys := map[string]string{}
	for i := range actions {
		a := &actions[i]
		if why := a.disabledIn(u); why != "" && len(a.keys) > 0 {
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
	out := []line{{{"not now", u.th.head}}}
	for _, why := range whys {
		out = append(out, u.th.paragraph(pad(keys[why]+" ", keyColumn), why, w)...)
	}
	return out
}

// disabledIn is disabled, and "" for a key that this session has not.
func (a *action) disabledIn(u *ui) string {
	if !a.there(u) {
		return ""
	}
	return a.disabled(u)
}

// legend explains the signs of the focused pane.
func (u *ui) legend(w int) []line {
	switch u.focused {
	case panePhases:
		return u.th.paragraph("", "✓ done, ▶ runs now, – skipped, · not reached, "+noteMark+" with a note", w)
	case paneThreads, paneDetail:
		return append([]line{{{"verdicts", u.th.head}}}, u.verdictLegend()...)
	case paneCaps:
		return u.th.paragraph("", "Rights: W write, S special. Slots, labels and objects are in hex, as the kernel debugger prints them.", w)
	}
	return nil
}

func (u *ui) verdictLegend() []line {
	var order []session.Verdict
	for v := range verdictInfos {
		order = append(order, v)
	}
	slices.SortFunc(order, func(a, b session.Verdict) int { return verdictInfos[a].rank - verdictInfos[b].rank })
	var out []line
	for _, v := range order {
		info := verdictInfos[v]
		out = append(out, line{{pad(u.th.draw(info.text()), 17), info.style(u.th)}, {verdictHelp[v], u.th.plain}})
	}
	return out
}

// verdictHelp explains the verdicts in a few words.
var verdictHelp = map[session.Verdict]string{
	session.Ignored:      "entered user mode elsewhere; nothing wrote the request",
	session.Overwritten:  "written, then something else written over it",
	session.Partial:      "ip and sp arrived, other registers did not",
	session.NotRequested: "checkpointed, but nobody asked for its state",
	session.Unknown:      "evidence is missing; the thread's detail says which",
	session.Pending:      "has not come back to user mode so far",
	session.Coincident:   "stands where asked, but nothing wrote that",
	session.Applied:      "the requested state was written and entered",
}
