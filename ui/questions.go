package ui

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// questions asks the session about memory, values, code, backtraces and objects,
// and opens windows for the answers.
type questions struct {
	*desk
	threads  *threadsPane
	caps     *capsPane
	drafting *drafting
}

func (q *questions) ask(what view.Query) { q.ctrl.(Peeker).Ask(what) }

// memory takes "ADDR" or "ADDR TASK"; without a task that of the selected
// thread is meant. The address is hex, or a register of the stopped processor
// by its name.
func (q *questions) memory(arg string) {
	where, of, _ := strings.Cut(strings.TrimSpace(arg), " ")
	addr, err := strconv.ParseUint(strings.TrimPrefix(where, "0x"), 16, 64)
	if err != nil {
		for _, r := range q.view.Snapshot.CPU {
			if r.Name == where {
				addr, err = r.Value, nil
			}
		}
	}
	if err != nil {
		q.note = fmt.Sprintf("%q is no address: write it in hex, as 401ff9a0, or a register's name", clean(where))
		return
	}
	task := q.threads.task()
	if of = strings.TrimSpace(of); of != "" {
		id, err := strconv.ParseUint(of, 16, 64)
		if err != nil {
			q.note = fmt.Sprintf("%q is no id of a task: they are hex numbers, as 1e7", clean(of))
			return
		}
		task = kernel.ID(id)
	}
	q.ask(view.Query{Kind: view.QueryMemory, Task: task, Addr: addr})
}

// value shows an expression's value member by member.
func (q *questions) value(expr string) {
	q.ask(view.Query{Kind: view.QueryValue, Expr: expr, Task: q.threads.task()})
}

// code shows the code where the selected thread is, stack its backtrace.
func (q *questions) code() {
	q.ask(view.Query{Kind: view.QueryCode, Thread: q.threads.object()})
}
func (q *questions) stack() {
	q.ask(view.Query{Kind: view.QueryStack, Thread: q.threads.object()})
}

// inspect shows the members of what is selected: the object of a capability where
// keys go there, else the thread.
func (q *questions) inspect() {
	if q.caps.list.focus {
		q.members(q.caps.object())
	} else {
		q.members(q.threads.object())
	}
}

func (q *questions) members(id kernel.ID) {
	if q.view.Snapshot.System.Object(id) == nil {
		q.note = "there is no such object at this stop"
		return
	}
	q.ask(view.Query{Kind: view.QueryObject, Object: id})
}

func (q *questions) membersOf(arg string) {
	if id, ok := q.id(arg); ok {
		q.members(id)
	}
}

// id reads an object's id.
func (q *questions) id(arg string) (kernel.ID, bool) {
	id, err := strconv.ParseUint(strings.TrimPrefix(arg, "0x"), 16, 64)
	if err != nil {
		q.note = fmt.Sprintf("%q is no id: they are hex numbers, as 1a3", clean(arg))
	}
	return kernel.ID(id), err == nil
}

// find shows the object with an id: a thread in the threads, which it says, another
// one in a window.
func (q *questions) find(arg string) (thread bool) {
	id, ok := q.id(arg)
	if !ok {
		return false
	}
	switch o := q.view.Snapshot.System.Object(id); {
	case o == nil:
		q.note = fmt.Sprintf("no object %s at this stop", id)
	case o.Thread != nil:
		q.threads.choose(threadKey{id: o.ID})
		return true
	default:
		q.open(o)
	}
	return false
}

// openCapability shows the object of the selected capability; of a difference, all
// that differs first.
func (q *questions) openCapability() {
	i := q.caps.list.selected()
	if i < 0 {
		return
	}
	o := q.view.Snapshot.System.Object(q.caps.object())
	d, compared := q.caps.list.src.(*diffList)
	switch {
	case compared: // the cells may be cut
		w := q.windows.openText(d.name(i), func(w int) []line { return d.lines(i, w) })
		if o != nil {
			w.enter, w.open = "object", func() { q.open(o) }
		}
	case o == nil:
		q.note = "the capability's object is not known at this stop"
	default:
		q.open(o)
	}
}

// open shows all that is known about a kernel object.
func (q *questions) open(o *kernel.Object) {
	snap := q.view.Snapshot
	title := fmt.Sprintf("%s %s at stop %d", o.Kind, o.ID, snap.Number)
	w := q.windows.openText(title, func(w int) []line { return q.th.objectLines(snap, o, w) })
	if q.needPeeker() == "" {
		w.enter, w.open = "members", func() { q.members(o.ID) }
	}
}

// answer opens a window for an answer that has just come, above the one that it
// was asked from.
func (q *questions) answer(p *view.Peek) {
	title := fmt.Sprintf("%s at stop %d", clean(p.Title), p.Stop)
	if p.Stop == 0 { // it is about the programs, not a stop
		title = clean(p.Title)
	}
	switch {
	case p.Err != "":
	case len(p.Functions) > 0:
		q.drafting.show(clean(p.Title), p.Functions)
		return
	case len(p.Origins) > 0:
		q.origins(clean(p.Title), p.Origins)
		return
	case len(p.Members) > 0:
		l := &memberList{th: q.th, members: p.Members}
		w := q.list(title, l)
		q.addWrote(w, func(i int) (view.Word, bool) {
			m := &l.members[i]
			return view.Word{Name: strings.TrimSpace("member " + m.Name), Task: p.Query.Task, Addr: m.Addr, Size: m.Size}, m.Addr != 0
		})
		return
	case len(p.Rows) > 0:
		l := newMemoryList(q.th, p.Rows)
		w := q.list(title, l)
		move := func(by int) func() {
			return func() {
				l.move(by)
				w.list.redraw()
			}
		}
		w.keys, w.own = map[string]func(){"Left": move(-1), "Right": move(1)}, []hint{{"← →", "word"}}
		q.addWrote(w, func(i int) (view.Word, bool) { return l.wordAt(i, p.Query.Task) })
		return
	case len(p.Stops) > 0:
		q.stops(clean(p.Title), p.Stops)
		return
	case len(p.Changes) > 0:
		q.changes(clean(p.Title), p.Changes)
		return
	case len(p.Frames) > 0:
		q.list(title, &frameList{th: q.th, frames: p.Frames})
		return
	}
	q.windows.openText(title, func(w int) []line { return q.text(p, w) }).wide = true
}

// addWrote gives a table's window keys that ask who wrote the memory of the selected row.
func (q *questions) addWrote(w *window, word func(i int) (view.Word, bool)) {
	if q.needReverse() != "" {
		return
	}
	ask := func(steps int) func() {
		return func() {
			i := w.list.selected()
			if i < 0 {
				return
			}
			if what, ok := word(i); ok {
				q.windows.close()
				q.ctrl.(Traveller).LastWriteOf(what, steps)
				return
			}
			q.note = "this is in no memory that can be asked about"
		}
	}
	if w.keys == nil {
		w.keys = map[string]func(){}
	}
	w.keys["W"], w.keys["F"] = ask(1), ask(view.MaxOrigins)
	w.own = append(w.own, hint{"W", "last write"}, hint{"F", "follow its origin"})
}

// origins shows who wrote, and where that came from; Enter goes there.
func (q *questions) origins(title string, all []view.Origin) {
	w := q.windows.openList(title, &originList{th: q.th, all: all})
	w.enter, w.open = "go there", func() {
		i := w.list.selected()
		if i < 0 {
			return
		}
		switch o := &all[i]; {
		case o.Position != 0 && q.needReverse() == "":
			q.windows.close()
			q.ctrl.(Traveller).GoToPosition(o.Position)
		case o.Stop != 0 && q.seeker != nil:
			q.windows.close()
			q.seeker.Show(o.Stop)
		default:
			q.note = "there is no place in the run to go to"
		}
	}
}

// asked lists the origins that were asked for; Enter shows one.
func (q *questions) asked() {
	all := q.view.Questions
	w := q.windows.openList("origins that were asked for", &askedList{th: q.th, all: all})
	w.enter, w.open = "show", func() {
		if i := w.list.selected(); i >= 0 && len(all[i].Steps) > 0 {
			q.origins("who wrote "+clean(all[i].Word), all[i].Steps)
		}
	}
}

// needAsked: an origin was asked for.
func (q *questions) needAsked() string {
	if len(q.view.Questions) == 0 {
		return "no origin was asked for so far: W and F on a word do"
	}
	return ""
}

// run asks a question to all stops.
func (q *questions) run(expr string) { q.ask(view.Query{Kind: view.QueryRun, Expr: expr}) }

// runEntries asks a question at every kernel entry of a recorded run, or between two stops.
func (q *questions) runEntries(arg string) {
	q.ctrl.(Traveller).AskRun(view.ParseRunQuestion(arg))
}

// changes shows where in a recorded run an expression became another; Enter goes to the
// kernel entry that did that, or after which it was.
func (q *questions) changes(title string, all []view.PeekChange) {
	w := q.windows.openList(title, &changeList{th: q.th, all: all})
	if q.needReverse() != "" {
		return
	}
	w.enter, w.open = "go there", func() {
		if i := w.list.selected(); i >= 0 {
			q.windows.close()
			q.ctrl.(Traveller).GoToPosition(cmp.Or(all[i].After, all[i].Position))
		}
	}
}

// stops shows at which stops an expression has which value; Enter shows the first of them.
func (q *questions) stops(title string, all []view.PeekStops) {
	w := q.windows.openList(title, &stopsList{th: q.th, all: all})
	if q.seeker == nil {
		return
	}
	w.enter, w.open = "show the stop", func() {
		if i := w.list.selected(); i >= 0 {
			q.windows.close()
			q.seeker.Show(all[i].From)
		}
	}
}

// list opens a table whose rows lead somewhere.
func (q *questions) list(title string, src leader) *window {
	w := q.windows.openList(title, src)
	w.enter, w.open = "follow", func() { q.follow(w.list, src) }
	return w
}

// text is the text of an answer without rows.
func (q *questions) text(p *view.Peek, w int) []line {
	if p.Err != "" {
		return q.th.paragraph("", clean(p.Err), w)
	}
	var out []line
	for _, text := range p.Text {
		for l := range strings.SplitSeq(text, "\n") {
			style := q.th.plain
			if strings.HasPrefix(l, "▸") {
				style = q.th.bold
			}
			out = append(out, line{{clean(l), style}}) // code is not broken
		}
	}
	return out
}

// follow goes where the selected row leads.
func (q *questions) follow(list *listPane, src leader) {
	i := list.selected()
	if i < 0 {
		return
	}
	switch to := src.leads(i); {
	case to.Kind == "":
		q.note = "this leads nowhere: a pointer does"
	case q.needPeeker() != "":
		q.note = q.needPeeker()
	default:
		q.ask(to)
	}
}
