package ui

import (
	"fmt"
	"strings"
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
