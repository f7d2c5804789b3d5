package ui

import (
	"fmt"
	"slices"

	"github.com/gdamore/tcell/v2"

	"thaw/session"
)

// greetingLines tell what to press at the first start.
var greetingLines = []string{
	"n runs to the next phase; c runs on, i interrupts.",
	"The thread whose state got lost stands first; 3 tells why.",
	"? shows all keys, q quits. Any key closes this.",
}

// box draws a frame in the middle and returns its inside.
func (u *ui) box(screen tcell.Screen, w, h, iw, ih int, title string) rect {
	iw, ih = min(iw, w-4), min(ih, h-4)
	x, y := (w-iw-4)/2, (h-ih-2)/2
	rule := ""
	for range iw + 2 {
		rule += "─"
	}
	put := func(row int, text string) { u.th.drawLine(screen, x, y+row, iw+4, line{{text, u.th.bold}}) }
	put(0, "┌"+rule+"┐")
	for i := range ih {
		put(1+i, "│"+pad("", iw+2)+"│")
	}
	put(1+ih, "└"+rule+"┘")
	if title != "" {
		u.th.drawLine(screen, x+2, y, iw, line{{" " + title + " ", u.th.bold.Reverse(true)}})
	}
	return rect{x + 2, y + 1, iw, ih}
}

func (u *ui) drawGreeting(screen tcell.Screen, w, h int) {
	iw := 0
	for _, l := range greetingLines {
		iw = max(iw, width(l))
	}
	r := u.box(screen, w, h, iw, len(greetingLines), "thaw")
	for i, l := range greetingLines {
		if i < r.h {
			u.th.drawLine(screen, r.x, r.y+i, r.w, line{{l, u.th.plain}})
		}
	}
}

// openHelp shows the key table.
func (u *ui) openHelp() { u.help = newTextPane(u.th, false, u.helpLines) }

// helpKey moves in the help or closes it.
func (u *ui) helpKey(name string, ev *tcell.EventKey) {
	switch name {
	case "Esc", "?", "q", "Enter":
		u.help = nil
	default:
		u.help.InputHandler()(ev, nil)
	}
}

// Width of the help's inside: two columns of keys where they fit.
const helpColumn = 38

func (u *ui) drawHelp(screen tcell.Screen, w, h int) {
	iw := min(2*helpColumn+1, w-4)
	lines := u.helpLines(iw)
	r := u.box(screen, w, h, iw, len(lines), "help")
	u.help.SetRect(r.x, r.y, r.w, r.h)
	u.help.Draw(screen)
	if pos := u.help.position(); pos != "" {
		u.th.drawLine(screen, r.x+r.w-width(pos)-2, r.y+r.h, width(pos)+2, line{{" " + pos + " ", u.th.bold}})
	}
}

// helpLines builds the help from the key table and the verdicts.
func (u *ui) helpLines(w int) []line {
	var left, right, out []line
	for _, g := range groups {
		block := []line{{{g, u.th.head}}}
		for i := range bindings {
			if b := &bindings[i]; b.group == g {
				style := u.th.plain
				if b.disabled(u) != "" {
					style = u.th.dim
				}
				block = append(block, line{{pad(b.label, 11), u.th.bold}, {b.help, style}})
			}
		}
		if g == groupPanes || w < 2*helpColumn {
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
	out = append(out, line{})
	out = append(out, u.disabledLines(w)...)
	out = append(out, line{{"verdicts", u.th.head}})
	var order []session.Verdict
	for v := range verdictInfos {
		order = append(order, v)
	}
	slices.SortFunc(order, func(a, b session.Verdict) int { return verdictInfos[a].rank - verdictInfos[b].rank })
	for _, v := range order {
		info := verdictInfos[v]
		out = append(out, line{{pad(u.th.draw(info.text()), 17), info.style(u.th)}, {verdictHelp[v], u.th.plain}})
	}
	return out
}

// disabledLines tells which keys do nothing now, and why.
func (u *ui) disabledLines(w int) []line {
	var whys []string
	keys := map[string]string{}
	for i := range bindings {
		b := &bindings[i]
		if why := b.disabled(u); why != "" {
			if keys[why] == "" {
				whys = append(whys, why)
			} else {
				keys[why] += " "
			}
			keys[why] += b.label
		}
	}
	if len(whys) == 0 {
		return nil
	}
	out := []line{{{"not now", u.th.head}}}
	for _, why := range whys {
		out = append(out, u.th.paragraph(fmt.Sprintf("%-11s", keys[why]), why, w)...)
	}
	return append(out, line{})
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
