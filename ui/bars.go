package ui

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/gdamore/tcell/v2"

	"thaw/session"
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
	if u.editing {
		u.filterLine(screen, y, w)
		return
	}
	v, t := u.view, u.th
	state := stateWords[v.State]
	if state == "" {
		state = strings.ToUpper(clean(string(v.State)))
	}
	l := line{{" " + state + " ", t.reverse.Bold(true)}, {" ", t.plain}}
	cost := ""
	if s := v.Snapshot; s != nil {
		where := span{fmt.Sprintf("stop %d of %d, live", s.Number, max(v.Stops, s.Number)), t.plain}
		switch {
		case !v.Live:
			where = span{fmt.Sprintf("stop %d of %d, HISTORY", s.Number, max(v.Stops, s.Number)), t.bold.Underline(true)}
		case v.State == session.Running:
			where.text = fmt.Sprintf("shown: stop %d, before it ran on", s.Number)
		}
		l = append(l, where, span{"  ", t.plain})
		if s.Cost.Bytes > 0 {
			cost = fmt.Sprintf("read %s in %s", humanize.IBytes(uint64(s.Cost.Bytes)), s.Cost.Duration.Round(time.Millisecond))
		}
	} else if v.Target != "" {
		l = append(l, span{clean(v.Target) + "  ", t.plain})
	}
	text := span{clean(v.Message), t.plain}
	switch {
	case u.note != "":
		text = span{u.note, t.bold}
	case v.Err != nil:
		text = span{clean(v.Err.Error()), t.bold}
		if width(text.text) > w-lineWidth(l) {
			text.text = "failed: 3, detail, tells why"
		}
	case text.text == "" && v.Snapshot != nil:
		text.text = clean(v.Snapshot.Reason)
	}
	if u.note != "" && width(t.draw(u.note)) > w-lineWidth(l) {
		l = l[:2] // the answer to a key is worth more than the stop's number
	}
	if room := w - lineWidth(l); cost != "" && width(t.draw(text.text))+width(cost)+3 <= room {
		t.drawLine(screen, w-width(cost)-1, y, width(cost), line{{cost, t.dim}})
	}
	t.drawLine(screen, 0, y, w, append(l, text))
}

// filterLine is the status line while a filter is typed.
func (u *ui) filterLine(screen tcell.Screen, y, w int) {
	l := u.filterable()
	if l == nil {
		return
	}
	typed := line{{" filter " + paneNames[u.focused] + " ", u.th.reverse.Bold(true)}, {" /" + l.filter, u.th.bold}}
	n := u.th.drawLine(screen, 0, y, w, typed)
	screen.ShowCursor(min(n, w-1), y)
	u.th.drawLine(screen, min(n+3, w), y, max(w-n-3, 0),
		line{{fmt.Sprintf("%d of %d rows; Enter keeps it, Esc shows all", len(l.order), l.src.len()), u.th.dim}})
}

// hintBar draws the last row from the focused pane's own keys and those that
// all panes have, as far as they do something now.
func (u *ui) hintBar(screen tcell.Screen, y, w int) {
	var keys []string
	switch {
	case u.help != nil:
		keys = nil
	case u.editing:
		keys = nil
	default:
		keys = append(append(append(keys, hintsFirst...), hintKeys[u.focused]...), hintsLast...)
	}
	x := 1
	var last []string // must stay in sight
	if n := len(keys) - 3; n > 0 {
		keys, last = keys[:n:n], keys[n:]
	}
	reserve := 0
	for _, k := range last {
		reserve += u.hintWidth(k)
	}
	for i, k := range append(keys, last...) {
		b := bindingFor(k)
		n := u.hintWidth(k)
		if b == nil || b.disabled(u) != "" || (i < len(keys) && x+n+reserve > w) || x+n > w+2 {
			continue
		}
		x += u.th.drawLine(screen, x, y, w-x, line{{b.label, u.th.bold}, {" " + b.short + "  ", u.th.plain}})
	}
	switch {
	case u.help != nil:
		u.th.drawLine(screen, 1, y, w-1, line{{"Esc", u.th.bold}, {" close  ", u.th.plain}, {"↑ ↓", u.th.bold}, {" scroll", u.th.plain}})
	case u.editing:
		u.th.drawLine(screen, 1, y, w-1, line{{"Enter", u.th.bold}, {" keep  ", u.th.plain}, {"Esc", u.th.bold}, {" show all  ", u.th.plain},
			{"↑ ↓", u.th.bold}, {" rows", u.th.plain}})
	}
}

func (u *ui) hintWidth(key string) int {
	b := bindingFor(key)
	if b == nil || b.disabled(u) != "" {
		return 0
	}
	return width(b.label) + width(b.short) + 3
}
