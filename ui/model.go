package ui

import (
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/tview"

	"thaw/kernel"
	"thaw/session"
)

// ui is the whole state of the screen. It belongs to the event loop; the pump
// touches only mail and ctrl.
type ui struct {
	ctrl Controller
	mail mailbox
	quit func()
	th   *theme
	view *session.View

	root    *root
	phases  *listPane
	threads *listPane
	caps    *listPane
	breaks  *listPane
	detail  *textPane
	log     *textPane

	focused paneID
	tab     paneID // pane of the compact form's lower half
	low     paneID // pane of the full form's lower right
	zoom    bool
	sizes   sizes
	diff    bool      // the capability pane compares
	found   string    // thread that was looked for last
	since   time.Time // since when the guest does what it does
	note    string    // answer to the last key, until the next one

	prompt   *prompt // what is typed, nil: nothing
	recalled []string
	greeting bool
	overlay  *overlay // nil: none is open
	tour     *tour    // nil: there is none

	seeker    Seeker            // nil: the session cannot jump to a stop
	copy      func(text []byte) // to the terminal's clipboard
	jobs      *jobs             // nil: work is done in place
	alarms    chan alarm        // to the pump, nil: nobody rings
	configDir string            // "": settings are not remembered
	known     settings          // as they were remembered last
	theme     string            // that the user chose, ever
	memo      memo

	phaseRows  *phaseList
	threadRows *threadList
	breakRows  *breakList
	seen       seen
	capsOf     kernel.ID // task whose capabilities are shown
	capsSnap   *session.Snapshot
	capsDiff   *session.CapDiff
	unreadOf   *session.Snapshot // stop whose problems were counted
	unreadN    int
	shown      threadKey // thread that the detail pane shows
	lastPhase  int
}

func newUI(c Controller, o Options) *ui {
	u := &ui{ctrl: c, quit: func() {}, copy: func([]byte) {}, view: &session.View{State: session.Starting},
		focused: paneThreads, tab: paneDetail, low: paneLog, greeting: !o.NoGreeting, lastPhase: -1, configDir: o.ConfigDir}
	colours := themeNamed(o.Theme)
	if colours == nil {
		colours = &themeTable[0]
	}
	u.th = newTheme(o.ASCII, !o.NoColor, colours)
	u.seeker, _ = c.(Seeker)
	u.phaseRows = newPhaseList(u.th, u.view)
	u.threadRows = newThreadList(u.th, u.view)
	u.breakRows = &breakList{th: u.th}
	u.phases = newListPane(u.th, u.phaseRows)
	u.phases.bare = true
	u.threads = newListPane(u.th, u.threadRows)
	u.caps = newListPane(u.th, newCapList(u.th, nil, 0))
	u.breaks = newListPane(u.th, u.breakRows)
	u.detail = newTextPane(u.th, false, u.detailLines)
	u.log = newTextPane(u.th, true, u.logLines)
	u.threads.changed = u.threadChanged
	u.root = &root{Box: tview.NewBox(), u: u}
	u.focusPane(paneThreads)
	u.startTour(o.Tour)
	u.restore(o.settings)
	return u
}

// recorded is the file that the session is replayed from, "" for a live one.
func (u *ui) recorded() string {
	if r, ok := u.ctrl.(Recording); ok {
		return r.Recorded()
	}
	return ""
}

// apply takes a view over. Only what changed is built again: a running guest
// sends many views that differ in the LOG alone.
func (u *ui) apply(v *session.View) {
	if v == nil {
		return
	}
	old := u.view
	u.view = v
	u.seen.add(v.Snapshot)
	if v.State != old.State || v.Snapshot != old.Snapshot {
		u.note = ""
	}
	if v.State != old.State {
		u.since = time.Now()
	}
	u.phaseRows = newPhaseList(u.th, v)
	if c := u.phaseRows.last(); c != u.lastPhase {
		u.lastPhase = c // follow the run
		u.phases.wanted = nil
		if c > 0 {
			u.phases.wanted = c
		}
	}
	u.phases.src = u.phaseRows
	u.phases.update()

	if v.Snapshot != old.Snapshot || !sameVerdicts(v.Verdicts, old.Verdicts) {
		u.threadRows = newThreadList(u.th, v)
		u.threads.src = u.threadRows
		u.threads.update()
	}
	if v.Caps != old.Caps {
		u.showCaps()
	}
	if v.Peek != nil && v.Peek != old.Peek {
		u.showPeek(v.Peek)
	}
	u.breakRows.list = ownFirst(v.Breakpoints)
	u.breaks.update()
	u.detail.mark()
	u.log.mark()
	u.tourFollow()
}

// sameVerdicts says whether both views share one slice: views are immutable.
func sameVerdicts(a, b []session.ThreadVerdict) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// selectedThread is the row that detail and capabilities belong to, or nil.
func (u *ui) selectedThread() *threadRow {
	i := u.threads.selected()
	if i < 0 || i >= len(u.threadRows.rows) {
		return nil
	}
	return &u.threadRows.rows[i]
}

// threadChanged follows the selection of the thread table.
func (u *ui) threadChanged() {
	u.detail.mark()
	if r := u.selectedThread(); r != nil && r.key != u.shown {
		u.shown = r.key
		u.detail.toTop()
	}
	u.showCaps()
}

// showCaps fills the capability pane: the selected thread's table, or the
// comparison.
func (u *ui) showCaps() {
	if u.diff && u.view.Caps == nil {
		u.diff = false
	}
	if u.diff {
		if u.capsDiff != u.view.Caps {
			u.capsDiff = u.view.Caps
			u.setCaps(newDiffList(u.th, u.view))
		}
		return
	}
	var task kernel.ID
	if r := u.selectedThread(); r != nil {
		task = r.task
	}
	if u.capsDiff != nil || task != u.capsOf || u.view.Snapshot != u.capsSnap {
		u.capsDiff, u.capsOf, u.capsSnap = nil, task, u.view.Snapshot
		u.setCaps(newCapList(u.th, u.view.Snapshot, task))
	}
}

func (u *ui) setCaps(src source) {
	u.caps.src = src
	u.caps.update()
}

// focusPane sends keys to a pane.
func (u *ui) focusPane(id paneID) {
	u.focused = id
	if id >= paneDetail {
		u.tab = id
	}
	if id == paneLog || id == paneBreaks {
		u.low = id
	}
	for pane, l := range u.lists() {
		l.setFocus(pane == id)
	}
}

// lists are the panes that are tables.
func (u *ui) lists() map[paneID]*listPane {
	return map[paneID]*listPane{panePhases: u.phases, paneThreads: u.threads, paneCaps: u.caps, paneBreaks: u.breaks}
}

// textPanes are the panes of text, with the tour's narration.
func (u *ui) textPanes() []*textPane {
	out := []*textPane{u.detail, u.log}
	if u.tour != nil {
		out = append(out, u.tour.text)
	}
	return out
}

// textPaneOf is a pane of text, or nil.
func (u *ui) textPaneOf(id paneID) *textPane {
	return map[paneID]*textPane{paneDetail: u.detail, paneLog: u.log}[id]
}

// primitive is the widget of a pane.
func (u *ui) primitive(id paneID) tview.Primitive {
	if l := u.lists()[id]; l != nil {
		return l
	}
	return u.textPaneOf(id)
}

// table is the table that keys go to: the overlay's, else the focused one; nil
// where that is a text.
func (u *ui) table() *listPane {
	if u.overlay != nil {
		return u.overlay.list
	}
	return u.lists()[u.focused]
}

// capture takes the pump's events out of the stream; all else goes to the
// root, in order.
func (u *ui) capture(ev *tcell.EventKey) *tcell.EventKey {
	if ev.Key() != keyWake {
		u.key(ev)
		u.keepSettings("")
		return nil
	}
	news := u.mail.take()
	u.apply(news.view)
	if news.told != "" {
		u.note = news.told
	}
	if news.ring != 0 {
		u.tourRing(news.ring)
	}
	if news.end {
		u.quit()
	}
	return nil
}

// logLimit is the number of LOG lines shown: the newest.
const logLimit = 5000

// logLines wraps the guest's LOG.
func (u *ui) logLines(w int) []line {
	lines := u.view.Log
	if len(lines) == 0 {
		return []line{{{"The guest has written nothing so far.", u.th.dim}}}
	}
	lines = lines[max(len(lines)-logLimit, 0):]
	out := make([]line, 0, len(lines))
	for _, l := range lines {
		for i, row := range wrap(clean(l), max(w-2, 8)) {
			if i > 0 {
				row = "  " + row
			}
			out = append(out, line{{row, u.th.plain}})
		}
	}
	return out
}
