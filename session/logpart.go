package session

import "slices"

// logPart is the LOG of a recording up to a record: the first lines of what was
// written before it, and its own. A guest that goes back leaves all parts as they
// were.
type logPart struct {
	before *logPart
	kept   int // lines before this part that count
	lines  []string
}

// end is how many lines were written up to here.
func (p *logPart) end() int {
	if p == nil {
		return 0
	}
	return p.kept + len(p.lines)
}

// newest are the last lines.
func (p *logPart) newest(most int) []string {
	var parts [][]string
	for end, left := p.end(), most; p != nil && left > 0; p = p.before {
		if n := end - p.kept; n > 0 {
			n = min(n, left)
			from := end - p.kept - n
			parts = append(parts, p.lines[from:from+n])
			end, left = end-n, left-n
		}
		end = min(end, p.kept)
	}
	slices.Reverse(parts)
	return slices.Concat(parts...)
}
