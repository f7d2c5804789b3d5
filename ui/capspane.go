package ui

import (
	"fmt"

	"thaw/kernel"
	"thaw/session/view"
)

// capsPane is the pane of the capabilities: the table of the selected thread's
// task, or what differs between the two children.
type capsPane struct {
	*desk
	listed
	threads *threadsPane
	diff    bool   // it compares
	meant   string // what the row begins with that a story is about, "" for the first

	of    kernel.ID // task whose capabilities are shown
	snap  *view.Snapshot
	shown *view.CapDiff // difference that is shown, nil: a table is
}

func newCapsPane(d *desk, threads *threadsPane) *capsPane {
	p := &capsPane{desk: d, threads: threads}
	p.list = newListPane(d.th, newCapList(d.th, nil, 0))
	return p
}

func (p *capsPane) follow(old *view.View) {
	if p.view.Caps != old.Caps {
		p.show()
	}
}

// show fills the pane, if what belongs there is not there yet.
func (p *capsPane) show() {
	if p.diff && p.view.Caps == nil {
		p.diff = false
	}
	if p.diff {
		if p.shown != p.view.Caps {
			p.shown = p.view.Caps
			l := newDiffList(p.th, p.view)
			l.meant = p.meant
			p.fill(l)
		}
		return
	}
	task := p.threads.task()
	if p.shown != nil || task != p.of || p.view.Snapshot != p.snap {
		p.shown, p.of, p.snap = nil, task, p.view.Snapshot
		p.fill(newCapList(p.th, p.view.Snapshot, task))
	}
}

func (p *capsPane) fill(src source) {
	p.list.src = src
	p.list.update()
}

// compare has the pane show the difference, or the table.
func (p *capsPane) compare(on bool) {
	p.diff = on
	p.show()
}

// propose selects the first row of a comparison that begins with a word, now and as
// long as the user chooses no other.
func (p *capsPane) propose(word string) {
	p.meant, p.list.wanted = word, nil
	if l, ok := p.list.src.(*diffList); ok {
		l.meant = word
	}
	p.list.update()
}

func (p *capsPane) title() []string {
	if d, ok := p.list.src.(*diffList); ok {
		return d.title()
	}
	if n := p.list.src.len(); n > 0 {
		return []string{fmt.Sprintf("%d of %s, %s", n, clean(p.view.Snapshot.TaskName(p.of)), taskWord(p.of)), fmt.Sprint(n)}
	}
	return nil
}

func (p *capsPane) hints() []hint { return keyHints("Enter", "d", "/", "v") }

// object is the object of the selected capability, 0 if there is none.
func (p *capsPane) object() kernel.ID {
	i := p.list.selected()
	if i < 0 {
		return 0
	}
	switch src := p.list.src.(type) {
	case *capList:
		return src.caps[i].Object
	case *diffList:
		if c := src.rows[i].after; c != nil {
			return c.Object
		} else if c := src.rows[i].before; c != nil {
			return c.Object
		}
	}
	return 0
}

// word is the selected slot, or in a comparison the memory that differs.
func (p *capsPane) word() (w view.Word, ok bool) {
	i := p.list.selected()
	if i < 0 {
		return w, false
	}
	switch src := p.list.src.(type) {
	case *capList:
		return view.Word{Task: p.of, Table: true, Slot: src.caps[i].Slot}, true
	case *diffList:
		r := &src.rows[i]
		switch {
		case r.page != nil && p.view.Memory != nil:
			return view.Word{Task: p.view.Memory.Restored, Addr: firstByte(r.page) &^ 7}, true
		case r.before != nil || r.after != nil:
			slot := r.slot
			if r.to != 0 {
				slot = r.to
			}
			return view.Word{Task: src.diff.Restored, Table: true, Slot: slot}, true
		}
	}
	return w, false
}
