package ui

import (
	"fmt"

	"thaw/session/view"
	"thaw/words"
)

// logPane is the pane of the guest's LOG.
type logPane struct {
	*desk
	written
	done wrapped
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
	return []string{words.Count(len(p.view.Log)+p.view.LogGap.Lines, "line")}
}

func (p *logPane) hints() []hint { return keyHints("/", ";", "e") }

// wrapped is the LOG in rows, as far as it was drawn: a LOG grows at its end.
type wrapped struct {
	width int
	log   []string
	gap   view.LogGap
	rows  []line
}

// continues says whether a LOG begins with what was wrapped.
func (o *wrapped) continues(log []string, gap view.LogGap, width int) bool {
	n := len(o.log)
	return n > 0 && o.width == width && o.gap == gap && n <= len(log) && o.log[0] == log[0] && o.log[n-1] == log[n-1] && o.log[n/2] == log[n/2]
}

// lines wraps the guest's LOG.
func (p *logPane) lines(w int) []line {
	log, gap := p.view.Log, p.view.LogGap
	if len(log) == 0 {
		return []line{{{"The guest has written nothing so far.", p.th.dim}}}
	}
	o := &p.done
	if !o.continues(log, gap, w) {
		*o = wrapped{width: w, gap: gap}
	}
	for i := len(o.log); i < len(log); i++ {
		if gap.Lines > 0 && i == gap.At {
			o.rows = append(o.rows, p.th.paragraph("", fmt.Sprintf("… %s left out here; %s …", words.Count(gap.Lines, "line"), clean(gap.Where)), w)...)
		}
		for n, row := range wrap(clean(log[i]), max(w-2, 8)) {
			if n > 0 {
				row = "  " + row
			}
			o.rows = append(o.rows, line{{row, p.th.plain}})
		}
	}
	o.log = log
	return o.rows
}
