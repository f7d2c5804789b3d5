package ui

import (
	"fmt"

	"github.com/rivo/tview"

	"thaw/session/view"
)

// paneInfo is what a pane is called. With its number, the key, a title tells how
// to get there.
type paneInfo struct {
	name    string
	short   string // as a tab of a narrow screen
	command string // in the palette
	help    string // in the list of keys
	about   string // what it shows, for its help
}

var paneInfos = [paneEnd]paneInfo{
	panePhases:  {"phases", "phases", "phases", "phases", "The phases of the checkpoint and the restore, as the scenario names them. Enter shows the stop at which a phase was first entered."},
	paneThreads: {"threads", "threads", "threads", "threads", "All threads of the system. Those whose restored state got lost stand first, then the restored child, its original, and the others."},
	paneDetail:  {"detail", "detail", "detail", "detail of the thread", "The selected thread: the four places that its restored state passes, why it got lost, what to try, and how it stands now."},
	paneCaps:    {"capabilities", "caps", "caps", "capabilities of its task", "The capability table of the selected thread's task, or with d what differs between the original child and the restored one. Enter shows the object."},
	paneLog:     {"LOG", "LOG", "log", "LOG of the guest", "What the guest wrote to its LOG up to the shown stop."},
	paneBreaks:  {"breakpoints", "breaks", "breakpoints", "breakpoints", "Where thaw stops the guest or listens. \"elsewhere\" counts hits of the same address in other address spaces, which go on unseen."},
}

// panes are all panes, of which one has the keys, and how they divide the screen.
type panes struct {
	*desk
	division
	phases  *phasesPane
	threads *threadsPane
	detail  *detailPane
	caps    *capsPane
	log     *logPane
	breaks  *breaksPane
	byID    [paneEnd]pane
}

func newPanes(d *desk) *panes {
	threads := newThreadsPane(d)
	p := &panes{desk: d, division: division{tab: paneDetail, low: paneLog}, threads: threads, phases: newPhasesPane(d),
		detail: newDetailPane(d, threads), caps: newCapsPane(d, threads), log: newLogPane(d), breaks: newBreaksPane(d, threads)}
	p.byID = [paneEnd]pane{panePhases: p.phases, paneThreads: p.threads, paneDetail: p.detail, paneCaps: p.caps, paneLog: p.log, paneBreaks: p.breaks}
	threads.list.changed = func() {
		p.detail.selected()
		p.caps.show()
	}
	p.focus(paneThreads)
	return p
}

// follow takes over what is new in the model.
func (p *panes) follow(old *view.View) {
	for id := panePhases; id < paneEnd; id++ {
		p.byID[id].follow(old)
	}
}

// focus sends keys to a pane.
func (p *panes) focus(id paneID) {
	p.focused = id
	if id >= paneDetail {
		p.tab = id
	}
	if id == paneLog || id == paneBreaks {
		p.low = id
	}
	for pane, l := range p.lists() {
		l.setFocus(pane == id)
	}
}

// cycle goes to the next pane or the one before.
func (p *panes) cycle(by int) {
	n := int(paneEnd) - 1
	p.focus(paneID((int(p.focused)-1+by+n)%n + 1))
}

// lists are the panes that are tables.
func (p *panes) lists() map[paneID]*listPane {
	out := map[paneID]*listPane{}
	for id := panePhases; id < paneEnd; id++ {
		if l := p.byID[id].table(); l != nil {
			out[id] = l
		}
	}
	return out
}

// unsearched ends all filters and searches, and shows texts from their beginning.
func (p *panes) unsearched() {
	for id := panePhases; id < paneEnd; id++ {
		if l := p.byID[id].table(); l != nil && l.sieve.filter != "" {
			l.setFilter("")
		}
		if t := p.byID[id].text(); t != nil {
			t.endSearch()
			t.toTop()
		}
	}
}

// widget is the content of a pane.
func (p *panes) widget(id paneID) tview.Primitive {
	if l := p.byID[id].table(); l != nil {
		return l
	}
	return p.byID[id].text()
}

// title is what a pane's title says beside its name, from long to short forms.
func (p *panes) title(id paneID) []string {
	if l := p.byID[id].table(); l != nil && l.sieve.filter != "" {
		count := fmt.Sprintf("%d of %d", len(l.order), l.src.len())
		return []string{"/" + clean(l.sieve.filter) + ": " + count, count}
	}
	return p.byID[id].title()
}

// redraw has all cells and lines made again.
func (p *panes) redraw() {
	for _, pane := range p.byID[panePhases:] {
		if l := pane.table(); l != nil {
			l.redraw()
		} else {
			pane.text().mark()
		}
	}
}

// needOpenable: the focused pane has something to open.
func (p *panes) needOpenable() string {
	switch p.focused {
	case panePhases, paneThreads:
		return ""
	case paneCaps:
		return p.needSystem()
	}
	return "Enter opens a phase, a thread or a capability: press 1, 2 or 4 first"
}
