package ui

import (
	"fmt"
	"strings"

	"github.com/gdamore/tcell/v2"
)

// search is what a text pane looks for.
type search struct {
	needle string // in lower case, "": nothing
	from   int    // line that was in sight first as it was typed
	at     int    // line of the match that was gone to, -1: none
	hits   []int  // lines that match
}

// find looks for a text from the lines in sight on.
func (p *textPane) find(text string) {
	p.search.needle = strings.ToLower(text)
	p.search.at = -1
	p.fresh = false
	p.layout()
	p.top, p.tail = p.search.from, false
	if len(p.search.hits) > 0 && p.search.needle != "" {
		p.nextHit(p.search.from-1, 1)
	}
}

// endSearch forgets what was looked for.
func (p *textPane) endSearch() { p.search = search{at: -1} }

// match finds the lines that match, of lines that were just built.
func (s *search) match(lines []line) {
	s.hits = s.hits[:0]
	if s.needle == "" {
		return
	}
	for i, l := range lines {
		if strings.Contains(strings.ToLower(lineText(l)), s.needle) {
			s.hits = append(s.hits, i)
		}
	}
}

// nextHit goes to the match behind a line, or before it; behind the last comes
// the first. It says whether it came round.
func (p *textPane) nextHit(from, by int) (round bool) {
	hits := p.search.hits
	if len(hits) == 0 {
		return false
	}
	to := -1
	for k := range hits {
		h := hits[k]
		if by < 0 {
			h = hits[len(hits)-1-k]
		}
		if by > 0 && h > from || by < 0 && h < from {
			to = h
			break
		}
	}
	if to < 0 {
		round, to = true, hits[0]
		if by < 0 {
			to = hits[len(hits)-1]
		}
	}
	p.search.at = to
	if to < p.top || to >= p.top+p.rows {
		p.scroll(to - p.rows/3 - p.top)
	}
	return round
}

// words tells what is looked for, and which match is shown.
func (s *search) words() string {
	if s.needle == "" {
		return ""
	}
	n := 0
	for i, h := range s.hits {
		if h == s.at {
			n = i + 1
		}
	}
	return fmt.Sprintf("/%s: %d of %d", s.needle, n, len(s.hits))
}

// mark has what matches in a line stand out: the match that was gone to more.
func (s *search) mark(l line, at int) line {
	if s.needle == "" {
		return l
	}
	var out line
	for _, sp := range l {
		hit := sp.style.Underline(true)
		if at == s.at {
			hit = sp.style.Reverse(true)
		}
		lower := strings.ToLower(sp.text)
		if len(lower) != len(sp.text) { // places are others in lower case
			out = append(out, sp)
			continue
		}
		text := sp.text
		for {
			i := strings.Index(lower, s.needle)
			if i < 0 {
				break
			}
			end := i + len(s.needle)
			out = append(out, span{text[:i], sp.style}, span{text[i:end], hit})
			text, lower = text[end:], lower[end:]
		}
		out = append(out, span{text, sp.style})
	}
	return out
}

// frontText is the text that keys go to: the overlay's, else the focused pane's;
// nil where that is a table.
func (u *ui) frontText() *textPane {
	if u.overlay != nil {
		return u.overlay.text
	}
	return u.textPaneOf(u.focused)
}

// askSearch types what to look for in a text.
func (u *ui) askSearch() {
	p := u.frontText()
	p.search.from = p.top
	u.ask(&prompt{title: "find in " + clip(u.frontName(), 30), mark: "/", limit: 60, enter: "keep", esc: "forget",
		hint: func() string {
			if p.search.needle == "" {
				return "; and , go from match to match"
			}
			return strings.TrimPrefix(p.search.words(), "/"+p.search.needle+": ") + " lines; ; and , go on"
		},
		keys:   []hint{{"↑ ↓", "matches"}},
		edited: p.find, done: func(string) {}, cancel: p.endSearch,
		key: func(name string, _ *tcell.EventKey) bool {
			switch name {
			case "Down":
				p.nextHit(p.search.at, 1)
			case "Up":
				p.nextHit(p.search.at, -1)
			default:
				return false
			}
			return true
		}})
}

// slash filters a table, and looks for a word in a text.
func (u *ui) slash() {
	if u.table() != nil {
		u.askFilter()
	} else {
		u.askSearch()
	}
}

// nextMatch goes to the next match in a text, or the one before.
func (u *ui) nextMatch(by int) {
	p := u.frontText()
	if p.nextHit(p.search.at, by) {
		u.note = "the search came round"
	}
}

// needSearch: something was found in the text that keys go to.
func needSearch(u *ui) string {
	switch p := u.frontText(); {
	case p == nil:
		return "/ filters a table; in a text it looks for a word"
	case p.search.needle == "":
		return "nothing was looked for: / does"
	case len(p.search.hits) == 0:
		return p.search.needle + " does not stand in " + u.frontName()
	}
	return ""
}
