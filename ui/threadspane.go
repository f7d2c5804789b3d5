package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// threadsPane is the pane of the threads. The one that is selected is what detail,
// capabilities and most keys are about.
type threadsPane struct {
	*desk
	listed
	rows  *threadList
	found string // thread that was looked for last
}

func newThreadsPane(d *desk) *threadsPane {
	p := &threadsPane{desk: d, rows: newThreadList(d.th, d.view)}
	p.list = newListPane(d.th, p.rows)
	return p
}

func (p *threadsPane) follow(old *view.View) {
	if p.view.Snapshot == old.Snapshot && sameVerdicts(p.view.Verdicts, old.Verdicts) {
		return
	}
	p.rows = newThreadList(p.th, p.view)
	p.list.src = p.rows
	if s := p.view.Snapshot; s != nil && s != old.Snapshot && p.view.Live && s.By == view.ByBreakpoint {
		p.list.wanted = nil // the user asked who comes by there
	}
	p.list.update()
}

// sameVerdicts says whether both views share one slice: views are immutable.
func sameVerdicts(a, b []view.ThreadVerdict) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (p *threadsPane) title() []string {
	if n := p.rows.len(); n > 0 {
		return []string{fmt.Sprint(n)}
	}
	return nil
}

func (p *threadsPane) hints() []hint { return keyHints("Enter", "/", "v", "w") }

// selected is the row that detail and capabilities belong to, or nil.
func (p *threadsPane) selected() *threadRow {
	i := p.list.selected()
	if i < 0 || i >= len(p.rows.rows) {
		return nil
	}
	return &p.rows.rows[i]
}

// object is the selected thread's object, 0 where there is none.
func (p *threadsPane) object() kernel.ID {
	if r := p.selected(); r != nil && r.obj != nil {
		return r.obj.ID
	}
	return 0
}

// task is the task of the selected thread, 0 if there is none.
func (p *threadsPane) task() kernel.ID {
	if r := p.selected(); r != nil {
		return r.task
	}
	return 0
}

// verdict is the verdict about the selected thread, or nil.
func (p *threadsPane) verdict() *view.ThreadVerdict {
	id := p.object()
	for i := range p.view.Verdicts {
		if v := &p.view.Verdicts[i]; v.Thread != 0 && v.Thread == id {
			return v
		}
	}
	return nil
}

// choose selects a thread; a filter that hides it goes.
func (p *threadsPane) choose(key threadKey) {
	p.list.want(key)
	if r := p.selected(); r == nil || r.key != key {
		p.list.setFilter("")
	}
}

// hold keeps the selected thread selected: something is done to it, by which its verdict
// may become another one, and its place in the list.
func (p *threadsPane) hold() {
	if r := p.selected(); r != nil {
		p.list.want(r.key)
	}
}

// restored finds a thread of the restored child by its name: one with a
// verdict, else any in its task.
func (p *threadsPane) restored(name string) *threadRow {
	var other *threadRow
	for i := range p.rows.rows {
		switch r := &p.rows.rows[i]; {
		case r.name != name:
		case r.verdict != nil:
			return r
		case r.rank == rankRestored && other == nil:
			other = r
		}
	}
	return other
}

// words are ids and names of the threads.
func (p *threadsPane) words() []string {
	var names, ids []string
	for i := range p.rows.rows {
		r := &p.rows.rows[i]
		if n := clean(r.name); n != "" && !slices.Contains(names, n) {
			names = append(names, n)
		}
		if r.key.id != 0 {
			ids = append(ids, r.key.id.String())
		}
	}
	return append(names, ids...)
}

// find selects a thread by its id in hex, else by its name; of one name the next
// behind the selected one. It says whether there is one.
func (p *threadsPane) find(arg string) bool {
	rows, from := p.rows.rows, -1
	if arg == p.found {
		from = p.list.selected() // once more: the next one
	}
	p.found = arg
	id, err := strconv.ParseUint(arg, 16, 64)
	want := strings.ToLower(arg)
	for _, fits := range []func(r *threadRow) bool{
		func(r *threadRow) bool { return err == nil && r.key.id == kernel.ID(id) && id != 0 },
		func(r *threadRow) bool { return strings.ToLower(clean(r.name)) == want },
		func(r *threadRow) bool { return strings.HasPrefix(strings.ToLower(clean(r.name)), want) },
	} {
		for k := 1; k <= len(rows); k++ {
			if r := &rows[(from+k+len(rows))%len(rows)]; fits(r) {
				p.choose(r.key)
				return true
			}
		}
	}
	p.note = fmt.Sprintf("no thread %s at this stop", clean(arg))
	return false
}
