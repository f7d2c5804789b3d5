package ui

import (
	"fmt"

	"thaw/session"
)

// historyLines tell what happened to a thread's state, in order, with backtraces
// of those who wrote it.
func (u *ui) historyLines(tv *session.ThreadVerdict, w int) []line {
	if len(tv.History) == 0 {
		return nil
	}
	t := u.th
	out := []line{t.section("history", w)}
	for _, h := range tv.History {
		out = append(out, t.paragraph(fmt.Sprintf("%8.3fs stop %-3d ", h.Time.Seconds(), h.Stop), clean(h.Text), w)...)
		for i, f := range h.Frames {
			text := clean(f.Note)
			if text == "" {
				text = clean(f.Place.Bare().String())
			}
			out = append(out, t.paragraph(fmt.Sprintf("              #%-2d ", i), text, w)...)
		}
	}
	return out
}
