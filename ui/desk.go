package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// desk is what every part works on: how to draw, what there is to show, the line
// that answers the last key, and where more is asked or shown. Parts know those
// below them and the desk, and never the whole screen.
type desk struct {
	*model
	th      *theme
	note    string // answer to the last key, until the next one
	line    promptLine
	windows windows
	jobs    *jobs             // nil: work is done in place
	copy    func(text []byte) // to the terminal's clipboard
}

func newDesk(m *model, th *theme) *desk {
	return &desk{model: m, th: th, line: promptLine{th: th}, windows: windows{th: th}, copy: func([]byte) {}}
}

// background does file work away from the event loop: what it tells comes back
// as an answer to the last key.
func (d *desk) background(work func() string) {
	if d.jobs == nil { // no event loop
		if told := work(); told != "" {
			d.note = told
		}
		return
	}
	d.jobs.start(work)
}

// backgroundOutput is background for what shows its output.
func (d *desk) backgroundOutput(work func() output) {
	if d.jobs == nil {
		d.show(work())
		return
	}
	d.jobs.startOutput(work)
}

// showStop shows a stop of the history by its number.
func (d *desk) showStop(arg string) {
	n, err := strconv.Atoi(arg)
	switch {
	case arg == "first":
		d.seeker.Show(max(d.view.First, 1))
	case arg == "last":
		d.seeker.Show(d.view.Stops)
	case err != nil || n < 1:
		d.note = fmt.Sprintf("%q is no number of a stop, and not first or last", clean(arg))
	case n > d.view.Stops:
		d.note = fmt.Sprintf("there is no stop %d: %d is the newest", n, d.view.Stops)
		d.seeker.Show(d.view.Stops)
	default:
		d.seeker.Show(n)
	}
}

// toggleBookmark marks the shown stop, or takes the mark away.
func (d *desk) toggleBookmark() {
	stop := d.view.Snapshot.Number
	if slices.Contains(d.notesOn(stop), "") {
		d.note = fmt.Sprintf("stop %d has no bookmark any more", stop)
	} else {
		d.note = fmt.Sprintf("stop %d is bookmarked; ' goes from one to the next", stop)
	}
	d.ctrl.Note("")
}

// noteLimit is the length of a note in characters.
const noteLimit = 500

// askNote types a note on the shown stop.
func (d *desk) askNote() {
	enter := "keep"
	if d.recorded() != "" {
		enter = "keep for this replay" // whose file stays as it is
	}
	d.line.ask(&prompt{title: fmt.Sprintf("note on stop %d", d.view.Snapshot.Number), limit: noteLimit, enter: enter, esc: "forget", done: d.writeNote})
}

func (d *desk) writeNote(text string) {
	if text = strings.TrimSpace(text); text == "" {
		d.note = "nothing was written; m sets a bookmark"
		return
	}
	d.ctrl.Note(text)
}

// nextNote shows the next stop that has a note, after the last the first.
func (d *desk) nextNote() {
	notes := d.view.Notes
	to := notes[0].Stop
	for _, n := range notes {
		if n.Stop > d.view.Snapshot.Number {
			to = n.Stop
			break
		}
	}
	if to == d.view.Snapshot.Number {
		d.note = "no other stop has a note"
		return
	}
	d.seeker.Show(to)
}
