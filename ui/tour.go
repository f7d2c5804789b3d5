package ui

import (
	"fmt"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/session"
)

// Tour is a guided walk through a session: steps that a pane tells while the
// screen shows what they are about. All keys of the screen keep working.
type Tour struct {
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
	// "caps", "diff" (the capabilities compared), "log" or "breakpoints"; ""
	// leaves it.
	Focus string
	// Thread is the name of a thread of the restored child to select, "" none.
	Thread string
	Title  string
	Text   string // paragraphs, an empty line between them
}

// defaultPause is how long auto-play stays at a step.
const defaultPause = 10 * time.Second

// tour is a Tour that is walked.
type tour struct {
	Tour
	at    int
	open  bool
	auto  bool
	alarm int // number of the alarm that counts

	stop   int    // still to be shown, 0: none
	asked  int    // stops that there were when it was asked for
	thread string // still to be selected
	text   *textPane
}

// startTour begins a tour at its first step.
func (u *ui) startTour(t *Tour) {
	if t == nil || len(t.Steps) == 0 {
		return
	}
	u.tour = &tour{Tour: *t, open: true, at: -1}
	if u.tour.Pause <= 0 {
		u.tour.Pause = defaultPause
	}
	u.tour.text = newTextPane(u.th, false, u.tourLines)
	u.greeting = false
	u.tourGo(0)
}

// tourNext shows the rest of a long narration, and then the next step.
func (u *ui) tourNext() {
	if p := u.tour.text; p.more() {
		p.scroll(max(p.rows-1, 1))
		u.tourAlarm()
		return
	}
	u.tourGo(u.tour.at + 1)
}

// tourGo goes to a step.
func (u *ui) tourGo(to int) {
	t := u.tour
	switch {
	case to < 0:
		u.note = "this is the first step"
		return
	case to >= len(t.Steps):
		u.note = "this is the last step; Esc takes over"
		t.auto = false
		return
	}
	s := t.Steps[to]
	t.at, t.stop, t.thread, t.asked = to, s.Stop, s.Thread, -1
	t.text.toTop()
	if pane, ok := tourFocus[s.Focus]; ok {
		u.zoom = false
		u.diff = s.Focus == "diff"
		u.focusPane(pane)
		u.showCaps()
	}
	u.tourFollow()
	u.tourAlarm()
}

// tourFocus are the panes that a step may name.
var tourFocus = map[string]paneID{
	"phases": panePhases, "threads": paneThreads, "detail": paneDetail, "caps": paneCaps, "diff": paneCaps,
	"log": paneLog, "breakpoints": paneBreaks,
}

// tourFollow does what the step still waits for. It is called with every view.
func (u *ui) tourFollow() {
	t, v := u.tour, u.view
	if t == nil || !t.open {
		return
	}
	t.text.mark()
	switch {
	case t.stop == 0:
	case v.Snapshot != nil && v.Snapshot.Number == t.stop:
		t.stop = 0
	case u.seeker == nil || v.State == session.Running || v.State == session.Starting || t.stop > v.Stops:
		t.asked = -1
	case t.asked != v.Stops: // once: a refusal must not be asked for again and again
		t.asked = v.Stops
		u.seeker.Show(t.stop)
	}
	if t.stop != 0 || t.thread == "" {
		return
	}
	if r := u.restored(t.thread); r != nil {
		t.thread = ""
		u.selectThread(r.key)
	}
}

// restored finds a thread of the restored child by its name: one with a
// verdict, else any in its task.
func (u *ui) restored(name string) *threadRow {
	var other *threadRow
	for i := range u.threadRows.rows {
		switch r := &u.threadRows.rows[i]; {
		case r.name != name:
		case r.verdict != nil:
			return r
		case r.rank == rankRestored && other == nil:
			other = r
		}
	}
	return other
}

// tourProblem tells what of the step cannot be shown, "" if all is.
func (u *ui) tourProblem() string {
	t, v := u.tour, u.view
	switch {
	case t.stop == 0 && t.thread != "":
		return fmt.Sprintf("There is no restored thread %s at this stop.", clean(t.thread))
	case t.stop == 0:
		return ""
	case v.State == session.Running || v.State == session.Starting:
		return fmt.Sprintf("Stop %d is shown as soon as the guest stands.", t.stop)
	case t.stop > v.Stops:
		return fmt.Sprintf("Stop %d is not there yet, the newest is %d: press n until it comes.", t.stop, v.Stops)
	case u.seeker == nil:
		return fmt.Sprintf("This step is about stop %d: go there with p and f.", t.stop)
	}
	return ""
}

// tourAuto turns auto-play on and off.
func (u *ui) tourAuto() {
	u.tour.auto = !u.tour.auto
	u.tourAlarm()
}

// tourAlarm has auto-play go on after the pause. Earlier alarms do not count
// any more.
func (u *ui) tourAlarm() {
	t := u.tour
	t.alarm++
	if !t.auto || u.alarms == nil {
		return
	}
	select {
	case <-u.alarms: // the pump has not fetched the last one
	default:
	}
	u.alarms <- alarm{t.Pause, t.alarm}
}

// tourRing is an alarm that has come.
func (u *ui) tourRing(number int) {
	t := u.tour
	if t == nil || !t.open || !t.auto || number != t.alarm {
		return
	}
	if t.stop != 0 && u.tourProblem() != "" {
		t.auto = false
		u.note = "auto-play waits: " + u.tourProblem()
		return
	}
	u.tourNext()
}

// tourClose lets the user take over.
func (u *ui) tourClose() {
	t := u.tour
	t.open, t.auto = false, false
	u.note = fmt.Sprintf("all keys are yours; T opens the tour again at step %d", t.at+1)
}

// tourOpen comes back to the step at which the tour was closed.
func (u *ui) tourOpen() {
	u.tour.open = true
	u.tourGo(u.tour.at)
}

// tourLines is the narration of the step.
func (u *ui) tourLines(w int) []line {
	t := u.tour
	s := t.Steps[t.at]
	var out []line
	roomy := u.root.plan.tour.h >= roomyTour
	if roomy {
		out = append(u.th.paragraph("", t.Title, w+1), line{})
	}
	for _, row := range wrap(clean(s.Title), max(w, 8)) {
		out = append(out, line{{row, u.th.bold.Underline(true)}})
	}
	if roomy {
		out = append(out, line{})
	}
	for _, text := range paragraphs(s.Text) {
		if text == "" {
			out = append(out, line{})
			continue
		}
		for _, row := range wrap(clean(text), max(w, 8)) {
			out = append(out, line{{row, u.th.plain}})
		}
	}
	return out
}

// drawTour draws the pane: a title, the narration, what cannot be shown, and
// the keys.
func (u *ui) drawTour(screen tcell.Screen, r rect) {
	t := u.tour
	for x := r.x; x < r.x+r.w; x++ {
		u.th.drawLine(screen, x, r.y, 1, line{{"─", u.th.plain}})
	}
	step := fmt.Sprintf(" step %d of %d ", t.at+1, len(t.Steps))
	title := clean(t.Title)
	if r.h >= roomyTour { // it stands above the narration
		title = "tour"
	}
	u.th.drawLine(screen, r.x+1, r.y, r.w-len(step)-3, line{{" " + title + " ", u.th.bold.Reverse(true)}})
	u.th.drawLine(screen, r.x+r.w-len(step)-1, r.y, len(step), line{{step, u.th.bold}})

	x, w := r.x+1, r.w-2
	foot := u.tourProblemLines(w)
	n := len(u.tourKeys(w, true)) // as many rows as the keys may need
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
	keys := u.tourKeys(w, t.text.more())
	for i, l := range append(foot, keys[:min(n, len(keys))]...) {
		u.th.drawLine(screen, x, r.y+r.h-below+i, w, l)
	}
}

// roomyTour is the height from which the narration has air around it.
const roomyTour = 20

// tourProblemLines tell what of the step cannot be shown.
func (u *ui) tourProblemLines(w int) []line {
	out := u.th.paragraph("! ", u.tourProblem(), w)
	for i := range out {
		for k := range out[i] {
			out[i][k].style = u.th.bold
		}
	}
	return out
}

// tourKeys are the rows that tell the keys; more says that the narration goes
// on below.
func (u *ui) tourKeys(w int, more bool) []line {
	next, style := "next", u.th.plain
	if more {
		next, style = "read on ▼", u.th.bold
	}
	auto := "auto-play"
	if u.tour.auto {
		auto = fmt.Sprintf("auto-play is on, %s each", u.tour.Pause)
	}
	var out []line
	row := line{}
	for i, k := range [][2]string{{"Space", next}, {"←", "back"}, {"a", auto}, {"Esc", "take over"}} {
		item := line{{k[0], u.th.bold}, {" " + k[1] + "   ", u.th.plain}}
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

// tourMouse scrolls the narration.
func (u *ui) tourMouse(action tview.MouseAction, ev *tcell.EventMouse) bool {
	handled, _ := u.tour.text.MouseHandler()(action, ev, noFocus)
	return handled
}
