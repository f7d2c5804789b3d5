package ui

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gdamore/tcell/v2"

	"thaw/session/view"
	"thaw/words"
)

// bars are the rows above and below the panes.
type bars struct {
	*desk
	panes *panes
	keys  keymap
}

// phaseLine draws the top row: what is shown, phases in short, and what got lost.
func (b *bars) phaseLine(screen tcell.Screen, w int) {
	losses := lostSummary(b.view)
	style := b.th.bad
	if len(losses) == 0 {
		losses = []string{""}
	} else if strings.HasPrefix(losses[0], "=") {
		style = b.th.good
	}
	left, right := b.phaseForms(losses, w)
	rw := 0
	if right != "" {
		right = " " + b.th.draw(right) + " "
		rw = min(width(right), w)
		b.th.drawLine(screen, w-rw, 0, rw, line{{right, style}})
	}
	b.th.drawLine(screen, 1, 0, max(w-rw-2, 0), line{{left, b.th.bold}})
}

// phaseForms picks the longest forms of both ends that fit together. What is not
// worth a cell more than the loss goes first: the scenario, then the way through the
// phases, then the name. Only then is the loss told in its barest form.
func (b *bars) phaseForms(losses []string, w int) (left, right string) {
	chains := b.panes.phases.rows.chain(b.view.Complete)
	named := [][]string{{""}}
	if name := clean(b.view.Subject()); name != "" {
		prefixes := []string{clip(name, 24) + "  "}
		if of := clean(b.view.Scenario); of != name && of != "" {
			prefixes = slices.Insert(prefixes, 0, clip(name, 24)+" ("+clip(of, 16)+")  ")
		}
		named = [][]string{prefixes, {""}}
	}
	if n := b.view.Restore; n > 1 {
		for i := range chains {
			chains[i] = fmt.Sprintf("restore %d: %s", n, chains[i])
		}
	}
	bare, half := max(len(losses)-1, 1), min(4, len(chains))
	for _, told := range [][]string{losses[:bare], losses[bare:]} {
		for _, prefixes := range named {
			for _, forms := range [][]string{chains[:half], chains[half:]} {
				if left, right := b.fitting(prefixes, forms, told, w); left != "" {
					return left, right
				}
			}
		}
	}
	return chains[len(chains)-1], losses[len(losses)-1]
}

// fitting are the longest forms that fit into w cells, "" if none do.
func (b *bars) fitting(prefixes, chains, losses []string, w int) (left, right string) {
	for _, prefix := range prefixes {
		for _, loss := range losses {
			for _, chain := range chains {
				if width(b.th.draw(prefix+chain))+width(b.th.draw(loss))+5 <= w {
					return prefix + chain, loss
				}
			}
		}
	}
	return "", ""
}

// stateWords tells what the guest does.
var stateWords = map[view.RunState]string{
	view.Starting: "STARTING", view.Stopped: "STOPPED", view.Running: "RUNNING", view.Ended: "ENDED",
}

// statusLine draws the row above the hints: run state, which stop is shown,
// the message or the answer to a key, and what the snapshot cost. The last cells of
// the row are taken.
func (b *bars) statusLine(screen tcell.Screen, y, w, taken int) {
	whole := w
	w -= taken
	if b.line.open != nil {
		b.line.draw(screen, y, w)
		return
	}
	v, t := b.view, b.th
	l := line{{" " + b.stateWord() + " ", t.reverse.Bold(true)}, {" ", t.plain}}
	back, cost, short := "", "", "" // on the right
	if v.Back != "" && v.Live {
		back = "back: " + string(v.Back)
		short = back
	}
	var brief span // in the place of which stop is shown, where what is to be said has no room
	if s := v.Snapshot; s != nil {
		var long span
		long, brief = b.stopWords(s)
		l = append(l, long, span{"  ", t.plain})
		if s.Cost.Bytes > 0 {
			cost = fmt.Sprintf("read %s in %s", humanize.IBytes(uint64(s.Cost.Bytes)), s.Cost.Duration.Round(time.Millisecond))
		}
		if n := b.unread(s); n > 0 {
			cost = words.Count(n, "problem") + ", see detail"
			short = cost
		}
	} else if v.Target != "" {
		l = append(l, span{clean(v.Target) + "  ", t.plain})
	}
	text := b.statusText(w - lineWidth(l))
	if brief.text != "" && width(t.draw(text.text)) > w-lineWidth(l) {
		l[2] = brief
	}
	if b.note != "" && width(t.draw(b.note)) > w-lineWidth(l) {
		l = l[:2] // the answer to a key is worth more than the stop's number
		rows := wrap(b.note, w-lineWidth(l)-1)
		rows = rows[:min(len(rows), answerRows)]
		last := len(rows) - 1
		for i, row := range rows[:last] {
			t.drawLine(screen, 0, y-last+i, whole, line{{pad(pad("", lineWidth(l))+row, whole), text.style}})
		}
		text.text = rows[last]
	}
	room := w - lineWidth(l) - width(t.draw(text.text)) - 3
	for _, aside := range []string{strings.Trim(back+", "+cost, ", "), short} {
		if width(aside) <= room {
			t.drawLine(screen, w-width(aside)-1, y, width(aside), line{{aside, t.dim}})
			break
		}
	}
	t.drawLine(screen, 0, y, w, append(l, text))
}

// answerRows is the most rows that the answer to a key takes.
const answerRows = 6

// stateWord tells what the guest does.
func (b *bars) stateWord() string {
	if b.recorded() != "" {
		return "RECORDING"
	}
	if word := stateWords[b.view.State]; word != "" {
		return word
	}
	return strings.ToUpper(clean(string(b.view.State)))
}

// stopWords tells which stop is shown, and in brief, "" where nothing can be left out.
func (b *bars) stopWords(s *view.Snapshot) (long, brief span) {
	v, t := b.view, b.th
	mark := ""
	if len(b.notesOn(s.Number)) > 0 {
		mark = " " + noteMark
	}
	of := fmt.Sprintf("stop %d of %d", s.Number, max(v.Stops, s.Number))
	if v.First > 1 {
		of = fmt.Sprintf("stop %d of %d–%d", s.Number, v.First, max(v.Stops, s.Number))
	}
	of += mark
	switch {
	case b.recorded() != "":
		return span{of + " in " + clip(clean(filepath.Base(b.recorded())), 24), t.plain}, span{}
	case !v.Live:
		return span{of + ", HISTORY", t.bold.Underline(true)}, span{}
	case v.State == view.Running:
		return span{fmt.Sprintf("shown: stop %d, before it ran on", s.Number), t.plain}, span{fmt.Sprintf("shown: stop %d", s.Number), t.plain}
	case v.NoRun != "":
		return span{of + ", live, lent to gdb", t.plain}, span{of + ", lent", t.plain}
	}
	return span{of + ", live", t.plain}, span{of, t.plain}
}

// statusText is the answer to the last key, else why the session ended, what
// the user wrote about the shown stop, the session's message, or why the guest
// stands.
func (b *bars) statusText(room int) span {
	v, t := b.view, b.th
	switch {
	case b.note != "":
		return span{b.note, t.bold}
	case v.Err != nil:
		text, short := clean(v.Err.Error()), "failed: 3, detail, tells why"
		if v.Lost {
			text, short = "R reconnects: "+text, "connection lost: R reconnects, 3 tells why"
		}
		if width(text) > room {
			text = short
		}
		return span{text, t.bold}
	case v.Unrecorded != "":
		text := "NOT RECORDED, :record FILE goes on elsewhere: " + clean(v.Unrecorded)
		if width(text) > room {
			text = "NOT RECORDED: :record FILE goes on elsewhere"
		}
		return span{text, t.bold}
	}
	if len(v.Mismatches) > 0 && v.State == view.Stopped {
		text := clean(v.Mismatches[0].String())
		if width(text) > room {
			text = fmt.Sprintf("give the right file of %s: 3, detail, tells more", clean(v.Mismatches[0].Component))
		}
		return span{text, t.bold}
	}
	if s := v.Snapshot; s != nil && v.State == view.Stopped {
		notes := b.notesOn(s.Number)
		for i := len(notes) - 1; i >= 0; i-- {
			if notes[i] != "" {
				return span{noteMark + " " + notes[i], t.plain}
			}
		}
	}
	if n := int(b.now().Sub(b.since).Round(time.Second).Seconds()); v.State == view.Running && n > 0 {
		return span{fmt.Sprintf("%s, %d s; Esc interrupts", clean(v.Message), n), t.plain}
	}
	if v.Message == "" && v.Snapshot != nil {
		text := clean(v.Snapshot.Reason)
		if !v.Live && v.Back != "" {
			text = b.backWords() + ": " + text
		}
		return span{text, t.plain}
	}
	return span{clean(v.Message), t.plain}
}

// hintBar draws the last row: the keys of what is open, else those of the
// focused pane and of all panes, as far as they do something now.
func (b *bars) hintBar(screen tcell.Screen, y, w int) {
	var hints, last []hint // the last ones must stay in sight
	switch {
	case b.line.open != nil:
		hints = b.line.hints()
	case b.windows.top != nil:
		hints = b.windows.hints()
	default:
		hints = slices.Concat(hintsFirst, b.panes.byID[b.panes.focused].hints(), hintsThen)
		last = b.useful(hintsLast)
	}
	hints = b.useful(hints)
	reserve := 0
	for _, h := range last {
		reserve += h.width()
	}
	x := 1
	put := func(h hint) {
		b.th.drawLine(screen, x, y, w-x, line{{h.label, b.th.bold}, {" " + h.does, b.th.plain}})
		x += h.width()
	}
	for _, h := range hints {
		if x+h.width()+reserve <= w+2 {
			put(h)
		}
	}
	for _, h := range last {
		if x+h.width() <= w+2 {
			put(h)
		}
	}
}

// Hints of every pane.
var (
	hintsFirst = keyHints("R", "n", "i", "p", "f", "B", "s", "c", "S", "C", "W", "T")
	hintsThen  = keyHints("m", "z")
	hintsLast  = keyHints(":", "Tab", "?", "q") // which must stay in sight
)

// useful are the hints of keys that do something now.
func (b *bars) useful(hints []hint) []hint {
	var out []hint
	for _, h := range hints {
		if h.does != "" {
			out = append(out, h)
		} else if a := b.keys.find(h.label); a != nil && a.disabled() == "" {
			out = append(out, hint{a.label, a.short})
		}
	}
	return out
}

// backWords tell what a stop of the history is good for.
func (b *bars) backWords() string {
	switch v := b.view; {
	case v.NoRestart == "":
		return fmt.Sprintf("B puts the guest here (%s)", v.Back)
	case v.Back == view.BackSnapshots:
		return "no VM snapshot here, the guest stays"
	}
	return fmt.Sprintf("%s, the guest stays at stop %d", view.BackHistory, b.view.Stops)
}
