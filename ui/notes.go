package ui

import (
	"fmt"
	"slices"
	"strings"

	"thaw/session"
)

// noteMark marks what has a note or a bookmark.
const noteMark = "◆"

// notesOn are the notes on a stop: the words of each, "" for a bookmark.
func (u *ui) notesOn(stop int) []string {
	var out []string
	for _, n := range u.view.Notes {
		if n.Stop == stop {
			out = append(out, clean(n.Text))
		}
	}
	return out
}

// toggleBookmark marks the shown stop, or takes the mark away.
func (u *ui) toggleBookmark() {
	stop := u.view.Snapshot.Number
	if slices.Contains(u.notesOn(stop), "") {
		u.note = fmt.Sprintf("stop %d has no bookmark any more", stop)
	} else {
		u.note = fmt.Sprintf("stop %d is bookmarked; ' goes from one to the next", stop)
	}
	u.ctrl.Note("")
}

// noteLimit is the length of a note in characters.
const noteLimit = 500

// askNote types a note on the shown stop.
func (u *ui) askNote() {
	u.ask(&prompt{title: fmt.Sprintf("note on stop %d", u.view.Snapshot.Number), limit: noteLimit, enter: "keep", esc: "forget", done: u.writeNote})
}

func (u *ui) writeNote(text string) {
	if text = strings.TrimSpace(text); text == "" {
		u.note = "nothing was written; m sets a bookmark"
		return
	}
	u.ctrl.Note(text)
}

// nextNote shows the next stop that has a note, after the last the first.
func (u *ui) nextNote() {
	notes := u.view.Notes
	to := notes[0].Stop
	for _, n := range notes {
		if n.Stop > u.view.Snapshot.Number {
			to = n.Stop
			break
		}
	}
	if to == u.view.Snapshot.Number {
		u.note = "no other stop has a note"
		return
	}
	u.seeker.Show(to)
}

// noteLines are the notes on a stop for the detail pane.
func (u *ui) noteLines(s *session.Snapshot, w int) []line {
	notes := u.notesOn(s.Number)
	if len(notes) == 0 {
		return nil
	}
	out := []line{u.th.section(fmt.Sprintf("notes on stop %d", s.Number), w)}
	for _, n := range notes {
		if n == "" {
			n = "bookmark"
		}
		out = append(out, u.th.paragraph(noteMark+" ", n, w)...)
	}
	return out
}

// notesByPhase gives each note to the phase that ran at its stop: the one that
// was entered last before it. Notes on stops after the last shown one belong
// to phases that are not known here.
func notesByPhase(phases []session.Phase, notes []session.Note, last int) map[int][]string {
	out := make(map[int][]string)
	for _, n := range notes {
		at := -1
		for i, p := range phases {
			if p.Stop > 0 && p.Stop <= n.Stop && (at < 0 || p.Stop >= phases[at].Stop) {
				at = i
			}
		}
		if at >= 0 && n.Stop <= last {
			out[at] = append(out[at], clean(n.Text))
		}
	}
	return out
}
