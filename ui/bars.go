package ui

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gdamore/tcell/v2"

	"thaw/session"
	"thaw/words"
)

// phaseLine draws the top row: scenario, phases in short, and what got lost.
func (u *ui) phaseLine(screen tcell.Screen, w int) {
	losses := lostSummary(u.view)
	style := u.th.bad
	if len(losses) == 0 {
		losses = []string{""}
	} else if strings.HasPrefix(losses[0], "=") {
		style = u.th.good
	}
	left, right := u.phaseForms(losses, w)
	rw := 0
	if right != "" {
		right = " " + u.th.draw(right) + " "
		rw = min(width(right), w)
		u.th.drawLine(screen, w-rw, 0, rw, line{{right, style}})
	}
	u.th.drawLine(screen, 1, 0, max(w-rw-2, 0), line{{left, u.th.bold}})
}

// phaseForms picks the longest forms of both ends that fit together. The loss
// shortens first, then the scenario's name goes, then the way through the
// phases.
func (u *ui) phaseForms(losses []string, w int) (left, right string) {
	chains := u.phaseRows.chain(u.view.Complete)
	prefixes := []string{""}
	if name := clean(u.view.Scenario); name != "" {
		prefixes = []string{clip(name, 24) + "  ", ""}
	}
	half := min(4, len(chains))
	for _, forms := range [][]string{chains[:half], chains[half:]} {
		for _, prefix := range prefixes {
			for _, loss := range losses {
				for _, chain := range forms {
					if width(u.th.draw(prefix+chain))+width(u.th.draw(loss))+5 <= w {
						return prefix + chain, loss
					}
				}
			}
		}
	}
	return chains[len(chains)-1], losses[len(losses)-1]
}

// stateWords tells what the guest does.
var stateWords = map[session.RunState]string{
	session.Starting: "STARTING", session.Stopped: "STOPPED", session.Running: "RUNNING", session.Ended: "ENDED",
}

// statusLine draws the row above the hints: run state, which stop is shown,
// the message or the answer to a key, and what the snapshot cost.
func (u *ui) statusLine(screen tcell.Screen, y, w int) {
	if u.prompt != nil {
		u.drawPrompt(screen, y, w)
		return
	}
	v, t := u.view, u.th
	l := line{{" " + u.stateWord() + " ", t.reverse.Bold(true)}, {" ", t.plain}}
	back, cost, short := "", "", "" // on the right
	if v.Back != "" && v.Live {
		back = "back: " + string(v.Back)
		short = back
	}
	if s := v.Snapshot; s != nil {
		l = append(l, u.stopWords(s), span{"  ", t.plain})
		if s.Cost.Bytes > 0 {
			cost = fmt.Sprintf("read %s in %s", humanize.IBytes(uint64(s.Cost.Bytes)), s.Cost.Duration.Round(time.Millisecond))
		}
		if n := u.unread(s); n > 0 {
			cost = words.Count(n, "problem") + ", see detail"
			short = cost
		}
	} else if v.Target != "" {
		l = append(l, span{clean(v.Target) + "  ", t.plain})
	}
	text := u.statusText(w - lineWidth(l))
	if u.note != "" && width(t.draw(u.note)) > w-lineWidth(l) {
		l = l[:2] // the answer to a key is worth more than the stop's number
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

// stateWord tells what the guest does.
func (u *ui) stateWord() string {
	if u.recorded() != "" {
		return "RECORDING"
	}
	if word := stateWords[u.view.State]; word != "" {
		return word
	}
	return strings.ToUpper(clean(string(u.view.State)))
}

// stopWords tells which stop is shown.
func (u *ui) stopWords(s *session.Snapshot) span {
	v, t := u.view, u.th
	mark := ""
	if len(u.notesOn(s.Number)) > 0 {
		mark = " " + noteMark
	}
	of := fmt.Sprintf("stop %d of %d", s.Number, max(v.Stops, s.Number))
	if v.First > 1 {
		of = fmt.Sprintf("stop %d of %d–%d", s.Number, v.First, max(v.Stops, s.Number))
	}
	of += mark
	switch {
	case u.recorded() != "":
		return span{of + " in " + clip(clean(filepath.Base(u.recorded())), 24), t.plain}
	case !v.Live:
		return span{of + ", HISTORY", t.bold.Underline(true)}
	case v.State == session.Running:
		return span{fmt.Sprintf("shown: stop %d, before it ran on", s.Number), t.plain}
	}
	return span{of + ", live", t.plain}
}

// statusText is the answer to the last key, else why the session ended, what
// the user wrote about the shown stop, the session's message, or why the guest
// stands.
func (u *ui) statusText(room int) span {
	v, t := u.view, u.th
	switch {
	case u.note != "":
		return span{u.note, t.bold}
	case v.Err != nil:
		text, short := clean(v.Err.Error()), "failed: 3, detail, tells why"
		if v.Lost {
			text, short = "R reconnects: "+text, "connection lost: R reconnects, 3 tells why"
		}
		if width(text) > room {
			text = short
		}
		return span{text, t.bold}
	}
	if s := v.Snapshot; s != nil && v.State == session.Stopped {
		notes := u.notesOn(s.Number)
		for i := len(notes) - 1; i >= 0; i-- {
			if notes[i] != "" {
				return span{noteMark + " " + notes[i], t.plain}
			}
		}
	}
	if n := int(time.Since(u.since).Round(time.Second).Seconds()); v.State == session.Running && n > 0 {
		return span{fmt.Sprintf("%s, %d s; Esc interrupts", clean(v.Message), n), t.plain}
	}
	if v.Message == "" && v.Snapshot != nil {
		text := clean(v.Snapshot.Reason)
		if !v.Live && v.Back != "" {
			text = u.backWords() + ": " + text
		}
		return span{text, t.plain}
	}
	return span{clean(v.Message), t.plain}
}

// hint is a key with what it does, in a word.
type hint struct{ label, does string }

func (h hint) width() int { return width(h.label) + width(h.does) + 3 }

// hintBar draws the last row: the keys of what is open, else those of the
// focused pane and of all panes, as far as they do something now.
func (u *ui) hintBar(screen tcell.Screen, y, w int) {
	var hints, last []hint // the last ones must stay in sight
	switch {
	case u.prompt != nil:
		hints = u.promptHints()
	case u.overlay != nil:
		hints = u.overlayHints()
	default:
		hints = u.hints(slices.Concat(hintsFirst, hintKeys[u.focused], hintsLast[:len(hintsLast)-hintsKept]))
		last = u.hints(hintsLast[len(hintsLast)-hintsKept:])
	}
	reserve := 0
	for _, h := range last {
		reserve += h.width()
	}
	x := 1
	put := func(h hint) {
		u.th.drawLine(screen, x, y, w-x, line{{h.label, u.th.bold}, {" " + h.does, u.th.plain}})
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

// hints are the keys that do something now.
func (u *ui) hints(keys []string) []hint {
	var out []hint
	for _, k := range keys {
		if a := u.actionFor(k); a != nil && a.disabled(u) == "" {
			out = append(out, hint{a.label, a.short})
		}
	}
	return out
}

// overlayHints are the keys of an overlay.
func (u *ui) overlayHints() []hint {
	o := u.overlay
	out := []hint{{"Esc", "close"}, {"↑ ↓", "scroll"}}
	if o.below != nil {
		out = []hint{{"Esc", "back"}, {"q", "close"}, {"↑ ↓", "scroll"}}
	}
	if o.open != nil {
		out = append([]hint{{"Enter", o.enter}}, out...)
	}
	if _, ok := u.memoryShown(); ok {
		out = append(out, hint{"← →", "word"})
	}
	return append(out, u.hints(overHints)...)
}

func (u *ui) promptHints() []hint {
	p := u.prompt
	out := []hint{{"Enter", p.enter}, {"Esc", p.esc}}
	return append(append(out, p.keys...), hint{"Ctrl-U", "clear"})
}
