package ui

import (
	"time"

	"thaw/kernel"
	"thaw/session/view"
)

// model is what there is to show, and the session that commands go to: the
// newest view and the snapshots that were shown before it. It draws nothing.
type model struct {
	ctrl   Controller
	seeker Seeker // nil: the session cannot jump to a stop
	view   *view.View
	since  time.Time // since when the guest does what it does
	now    func() time.Time
	seen   seen

	unreadOf *view.Snapshot // stop whose problems were counted
	unreadN  int
}

func newModel(c Controller, now func() time.Time) *model {
	m := &model{ctrl: c, now: now, view: &view.View{Session: view.Session{State: view.Starting}}}
	m.seeker, _ = c.(Seeker)
	return m
}

// take takes a view over, and returns the one before.
func (m *model) take(v *view.View) (old *view.View) {
	old, m.view = m.view, v
	m.seen.add(v.Snapshot)
	if v.State != old.State {
		m.since = m.now()
	}
	return old
}

// recorded is the file that the session is replayed from, "" for a live one.
func (m *model) recorded() string {
	if r, ok := m.ctrl.(Recording); ok {
		return r.Recorded()
	}
	return ""
}

// previous is the snapshot before the shown one, nil if it was not shown.
func (m *model) previous() *view.Snapshot {
	if s := m.view.Snapshot; s != nil {
		return m.seen.byNumber[s.Number-1]
	}
	return nil
}

// previousThread is a thread as it was at the stop before the shown one, or
// nil.
func (m *model) previousThread(id kernel.ID) *kernel.Thread {
	s := m.previous()
	if s == nil || s.System == nil {
		return nil
	}
	if o := s.System.Object(id); o != nil {
		return o.Thread
	}
	return nil
}

// notesOn are the notes on a stop: the words of each, "" for a bookmark.
func (m *model) notesOn(stop int) []string {
	var out []string
	for _, n := range m.view.Notes {
		if n.Stop == stop {
			out = append(out, clean(n.Text))
		}
	}
	return out
}

// unread counts what could not be read at a stop, once for each.
func (m *model) unread(s *view.Snapshot) int {
	if m.unreadOf != s {
		m.unreadOf, m.unreadN = s, 0
		if s.System != nil {
			m.unreadN = len(s.System.AllProblems())
		}
	}
	return m.unreadN
}

// What can be typed behind a command.

// objectIDs are the ids of all objects at the shown stop.
func (m *model) objectIDs() []string {
	var out []string
	for _, o := range m.view.Snapshot.System.Objects {
		out = append(out, o.ID.String())
	}
	return out
}

// registerWords are the names that can stand for an address.
func (m *model) registerWords() []string {
	var out []string
	for _, r := range m.view.Snapshot.CPU {
		out = append(out, clean(r.Name))
	}
	return out
}

// componentWords begin an expression or a breakpoint.
func (m *model) componentWords() []string {
	var out []string
	for _, c := range m.view.Components {
		out = append(out, clean(c)+": ")
	}
	return out
}

// seenLimit bounds the snapshots that are kept to compare with.
const seenLimit = 32

// seen keeps snapshots that were shown: a view holds only the one of its stop.
type seen struct {
	byNumber map[int]*view.Snapshot
	order    []int // oldest first
}

func (k *seen) add(s *view.Snapshot) {
	if s == nil || k.byNumber[s.Number] == s {
		return
	}
	if k.byNumber == nil {
		k.byNumber = make(map[int]*view.Snapshot)
	}
	if k.byNumber[s.Number] == nil {
		k.order = append(k.order, s.Number)
	}
	k.byNumber[s.Number] = s
	if len(k.order) > seenLimit {
		delete(k.byNumber, k.order[0])
		k.order = k.order[1:]
	}
}
