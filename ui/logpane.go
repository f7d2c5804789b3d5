package ui

import (
	"thaw/session/view"
	"thaw/words"
)

// logPane is the pane of the guest's LOG.
type logPane struct {
	*desk
	written
}

func newLogPane(d *desk) *logPane {
	p := &logPane{desk: d}
	p.body = newTextPane(d.th, true, p.lines)
	return p
}

func (p *logPane) follow(*view.View) { p.body.mark() }

func (p *logPane) title() []string {
	if s := p.body.search.words(); s != "" {
		return []string{clean(s)}
	}
	return []string{words.Count(len(p.view.Log), "line")}
}

func (p *logPane) hints() []hint { return keyHints("/", ";", "e") }

// logLimit is the number of LOG lines shown: the newest.
const logLimit = 5000

// lines wraps the guest's LOG.
func (p *logPane) lines(w int) []line {
	lines := p.view.Log
	if len(lines) == 0 {
		return []line{{{"The guest has written nothing so far.", p.th.dim}}}
	}
	lines = lines[max(len(lines)-logLimit, 0):]
	out := make([]line, 0, len(lines))
	for _, l := range lines {
		for i, row := range wrap(clean(l), max(w-2, 8)) {
			if i > 0 {
				row = "  " + row
			}
			out = append(out, line{{row, p.th.plain}})
		}
	}
	return out
}
