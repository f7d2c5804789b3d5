package ui

import (
	"fmt"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/session/view"
)

// Tour is a guided walk through a session: steps that a pane tells while the
// screen shows what they are about. All keys of the screen keep working.
type Tour struct {
	Name  string // under which the user's place in it is kept, "": it is not
	Title string
	Steps []TourStep
	Pause time.Duration // of auto-play at each step, 0: ten seconds
}

// TourStep is one step of a tour.
type TourStep struct {
	// Stop is the stop of the history to show, 0: the shown one stays. One
	// that is not there yet is shown when it comes.
	Stop int
	// Focus is the pane that gets the keys: "phases", "threads", "detail",
	// "caps", "diff" (the children compared), "page" or "wait" (the same, with the
	// first such row selected), "log" or "breakpoints"; "" leaves it.
	Focus string
	// Thread is the name of a thread of the restored child to select, "" none.
	Thread string
	Title  string
	Text   string // paragraphs, an empty line between them
	Notes  string // what a presenter says besides: paragraphs, too
}

// defaultPause is how long auto-play stays at a step.
const defaultPause = 10 * time.Second

// tour is a Tour that is walked.
type tour struct {
	*desk
	panes *panes
	Tour
	at    int
	open  bool
	auto  bool
	alarm int  // number of the alarm that counts
	left  bool // it was asked whether to leave

	here   int    // stop that is shown
	coming int    // stop that was asked for last and is not shown so far, 0: none
	stop   int    // still to be shown, 0: none
	asked  int    // stops that there were when it was asked for
	thread string // still to be selected
	text   *textPane
}

// newTour begins a tour at its first step; nil: there is none.
func newTour(p *panes, of *Tour) *tour {
	if of == nil || len(of.Steps) == 0 {
		return nil
	}
	t := &tour{desk: p.desk, panes: p, Tour: *of, open: true, at: -1}
	if t.Pause <= 0 {
		t.Pause = defaultPause
	}
	t.text = newTextPane(t.th, false, t.lines)
	t.goTo(0)
	return t
}

// shown says whether the narration is on the screen.
func (t *tour) shown() bool { return t != nil && t.open }

// next shows the rest of a long narration, and then the next step.
func (t *tour) next() {
	if p := t.text; p.more() {
		p.scroll(max(p.rows-1, 1))
		t.ringLater()
		return
	}
	t.goTo(t.at + 1)
}

// goTo goes to a step.
func (t *tour) goTo(to int) {
	switch {
	case to < 0:
		t.note = "this is the first step"
		return
	case to >= len(t.Steps):
		t.note = "this is the last step; Esc takes over"
		t.auto = false
		return
	}
	s := t.Steps[to]
	t.at, t.stop, t.thread, t.asked = to, s.Stop, s.Thread, -1
	t.text.toTop()
	t.panes.unsearched()
	if pane, ok := tourFocus[s.Focus]; ok {
		t.panes.zoom = false
		t.panes.focus(pane)
		at, diff := tourRows[s.Focus]
		t.panes.caps.compare(diff)
		t.panes.caps.propose(at)
	}
	t.follow()
	t.ringLater()
}

// tourFocus are the panes that a step may name.
var tourFocus = map[string]paneID{
	"phases": panePhases, "threads": paneThreads, "detail": paneDetail, "caps": paneCaps, "diff": paneCaps, "page": paneCaps, "wait": paneCaps,
	"log": paneLog, "breakpoints": paneBreaks,
}

// tourRows are what a step can be about where the children are compared: what the row
// to select begins with.
var tourRows = map[string]string{"diff": "", "page": "page", "wait": "wait"}

// follow does what the step still waits for. It is called with every view.
func (t *tour) follow() {
	if !t.shown() {
		return
	}
	v := t.view
	t.text.mark()
	if v.Snapshot != nil && v.Snapshot.Number == t.coming {
		t.coming = 0
	}
	switch {
	case t.stop == 0:
	case v.Snapshot != nil && v.Snapshot.Number == t.stop:
		if t.coming != 0 && t.coming != t.stop && t.seeker != nil { // another one is on its way
			t.coming = t.stop
			t.seeker.Show(t.stop)
		}
		t.stop = 0
	case t.seeker == nil || v.State == view.Running || v.State == view.Starting || t.stop > v.Stops:
		t.asked = -1
	case t.asked != v.Stops: // once: a refusal must not be asked for again and again
		t.asked, t.coming = v.Stops, t.stop
		t.seeker.Show(t.stop)
	}
	if t.stop == 0 && v.Snapshot != nil {
		if n := v.Snapshot.Number; t.here != 0 && t.coming == 0 && n != t.here && v.State != view.Running {
			t.accompany(n)
		}
		t.here = v.Snapshot.Number
	}
	if t.stop != 0 || t.thread == "" {
		return
	}
	if r := t.panes.threads.restored(t.thread); r != nil {
		t.thread = ""
		t.panes.threads.choose(r.key)
	}
}

// yield leaves the choice of a thread to the user, who has just made one.
func (t *tour) yield() {
	if t != nil {
		t.thread = ""
	}
}

// accompany has the story go along with a user who walks the stops: to the step
// about the stop, or about the last one before it.
func (t *tour) accompany(stop int) {
	back, best := stop < t.here, -1
	for i, s := range t.Steps {
		switch {
		case s.Stop == 0 || s.Stop > stop:
		case best < 0 || s.Stop > t.Steps[best].Stop || back && s.Stop == t.Steps[best].Stop:
			best = i
		}
	}
	if best >= 0 && t.Steps[best].Stop != t.Steps[t.at].Stop {
		t.at, t.thread = best, ""
		t.text.toTop()
	}
}

// problem tells what of the step cannot be shown, "" if all is.
func (t *tour) problem() string {
	v := t.view
	switch {
	case t.stop == 0 && t.thread != "":
		return fmt.Sprintf("There is no restored thread %s at this stop.", clean(t.thread))
	case t.stop == 0 && t.Steps[t.at].Stop != 0 && v.Snapshot != nil && v.Snapshot.Number != t.Steps[t.at].Stop:
		return fmt.Sprintf("This step is about stop %d, shown is stop %d: Space goes on, ← back.", t.Steps[t.at].Stop, v.Snapshot.Number)
	case t.stop == 0:
		return ""
	case v.State == view.Running || v.State == view.Starting:
		return fmt.Sprintf("Stop %d is shown as soon as the guest stands.", t.stop)
	case t.stop > v.Stops:
		return fmt.Sprintf("Stop %d is not there yet, the newest is %d: press n until it comes.", t.stop, v.Stops)
	case t.seeker == nil:
		return fmt.Sprintf("This step is about stop %d: go there with p and f.", t.stop)
	}
	return ""
}

// toggleAuto turns auto-play on and off.
func (t *tour) toggleAuto() {
	t.auto = !t.auto
	t.ringLater()
}

// ringLater has auto-play go on after the pause. Earlier alarms do not count
// any more.
func (t *tour) ringLater() {
	t.alarm++
	if t.auto && t.jobs != nil {
		t.jobs.ring(alarm{t.Pause, t.alarm})
	}
}

// ring is an alarm that has come.
func (t *tour) ring(number int) {
	if !t.shown() || !t.auto || number != t.alarm {
		return
	}
	if t.stop != 0 && t.problem() != "" {
		t.auto = false
		t.note = "auto-play waits: " + t.problem()
		return
	}
	t.next()
}

// close lets the user take over.
func (t *tour) close() {
	t.open, t.auto = false, false
	t.note = fmt.Sprintf("all keys are yours; T opens the tour again at step %d", t.at+1)
}

// leave asks once before a story ends that is not told to its end.
func (t *tour) leave(quit func()) {
	if !t.shown() || t.left || t.at == 0 || t.at == len(t.Steps)-1 {
		quit()
		return
	}
	t.left = true
	t.line.confirm(fmt.Sprintf("leave the story at step %d of %d?", t.at+1, len(t.Steps)), "leave", "stay", quit)
}

// goOn asks whether to go on at the step where the story was left.
func (t *tour) goOn(at int) {
	if t != nil && at > 0 && at < len(t.Steps)-1 {
		t.line.confirm(fmt.Sprintf("go on at step %d of %d, where you left?", at+1, len(t.Steps)), "go on there", "from the beginning", func() { t.goTo(at) })
	}
}

// reopen comes back to the step at which the tour was closed.
func (t *tour) reopen() {
	t.open = true
	t.goTo(t.at)
}

// lines is the narration of the step.
func (t *tour) lines(w int) []line {
	s := t.Steps[t.at]
	var out []line
	roomy := t.panes.plan.tour.h >= roomyTour
	if roomy {
		out = append(t.th.paragraph("", t.Title, w+1), line{})
	}
	for _, row := range wrap(clean(s.Title), max(w, 8)) {
		out = append(out, line{{row, t.th.bold.Underline(true)}})
	}
	if roomy {
		out = append(out, line{})
	}
	for _, text := range paragraphs(s.Text) {
		if text == "" {
			out = append(out, line{})
			continue
		}
		for i, row := range wrap(clean(text), max(w, 8)) {
			if i > 0 && roomy && t.th.roomy {
				out = append(out, line{})
			}
			out = append(out, line{{row, t.th.plain}})
		}
	}
	return out
}

// draw draws the pane: a title, the narration, what cannot be shown, and
// the keys.
func (t *tour) draw(screen tcell.Screen, r rect) {
	for x := r.x; x < r.x+r.w; x++ {
		t.th.drawLine(screen, x, r.y, 1, line{{"─", t.th.plain}})
	}
	step := fmt.Sprintf(" step %d of %d ", t.at+1, len(t.Steps))
	title := clean(t.Title)
	if r.h >= roomyTour { // it stands above the narration
		title = "tour"
	}
	t.th.drawLine(screen, r.x+1, r.y, r.w-len(step)-3, line{{" " + title + " ", t.th.bold.Reverse(true)}})
	t.th.drawLine(screen, r.x+r.w-len(step)-1, r.y, len(step), line{{step, t.th.bold}})

	x, w := r.x+1, r.w-2
	foot := t.problemLines(w)
	n := len(t.keys(w, true)) // as many rows as the keys may need
	if r.h-2 < len(foot)+n+1 {
		foot, n = nil, 1
	}
	top, below := r.y+1, len(foot)+n
	if r.h >= roomyTour {
		top++
	}
	t.text.SetRect(x, top, w, r.y+r.h-below-top)
	t.text.mark()
	t.text.Draw(screen)
	keys := t.keys(w, t.text.more())
	for i, l := range append(foot, keys[:min(n, len(keys))]...) {
		t.th.drawLine(screen, x, r.y+r.h-below+i, w, l)
	}
}

// roomyTour is the height from which the narration has air around it.
const roomyTour = 20

// problemLines tell what of the step cannot be shown.
func (t *tour) problemLines(w int) []line {
	out := t.th.paragraph("! ", t.problem(), w)
	for i := range out {
		for k := range out[i] {
			out[i][k].style = t.th.bold
		}
	}
	return out
}

// keys are the rows that tell the keys; more says that the narration goes
// on below.
func (t *tour) keys(w int, more bool) []line {
	next, style := "next", t.th.plain
	if more {
		next, style = "read on ▼", t.th.bold
	}
	auto := "auto-play"
	if t.auto {
		auto = fmt.Sprintf("auto-play is on, %s each", t.Pause)
	}
	var out []line
	row := line{}
	for i, k := range [][2]string{{"Space", next}, {"←", "back"}, {"a", auto}, {"Esc", "take over"}} {
		item := line{{k[0], t.th.bold}, {" " + k[1] + "   ", t.th.plain}}
		if i == 0 {
			item[1].style = style
		}
		if len(row) > 0 && lineWidth(row)+lineWidth(item)-3 > w {
			out, row = append(out, row), line{}
		}
		row = append(row, item...)
	}
	return append(out, row)
}

// mouse scrolls the narration.
func (t *tour) mouse(action tview.MouseAction, ev *tcell.EventMouse) bool {
	handled, _ := t.text.MouseHandler()(action, ev, noFocus)
	return handled
}

func (t *tour) needOpen() string {
	if t.open {
		return ""
	}
	return "you have taken over; T opens the tour again"
}

func (t *tour) needClosed() string {
	if t.open {
		return "the tour is open; Esc takes over"
	}
	return ""
}
