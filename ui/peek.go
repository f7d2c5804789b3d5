package ui

import (
	"fmt"
	"strconv"
	"strings"

	"thaw/kernel"
	"thaw/session"
)

// Peeker is a Controller that shows memory, values, code and backtraces. The
// answer comes with a view.
type Peeker interface {
	Ask(q session.Query)
	Watch(expr string) // evaluated at every stop; one that is there is taken away
}

func needPeeker(u *ui) string {
	if _, ok := u.ctrl.(Peeker); !ok {
		return "this session cannot read memory"
	}
	if u.recorded() != "" {
		return needStop(u)
	}
	if why := needStop(u); why != "" {
		return why
	}
	return needStopped(u)
}

func (u *ui) query(q session.Query) { u.ctrl.(Peeker).Ask(q) }

// selectedTask is the task of the selected thread, 0 if there is none.
func (u *ui) selectedTask() kernel.ID {
	if r := u.selectedThread(); r != nil {
		return r.task
	}
	return 0
}

// peekMemory takes "ADDR" or "ADDR TASK"; without a task that of the selected
// thread is meant. The address is hex, or a register of the stopped processor
// by its name.
func (u *ui) peekMemory(arg string) {
	where, of, _ := strings.Cut(strings.TrimSpace(arg), " ")
	addr, err := strconv.ParseUint(strings.TrimPrefix(where, "0x"), 16, 64)
	if err != nil {
		for _, r := range u.view.Snapshot.CPU {
			if r.Name == where {
				addr, err = r.Value, nil
			}
		}
	}
	if err != nil {
		u.note = fmt.Sprintf("%q is no address: write it in hex, as 401ff9a0, or a register's name", clean(where))
		return
	}
	task := u.selectedTask()
	if of = strings.TrimSpace(of); of != "" {
		id, err := strconv.ParseUint(of, 16, 64)
		if err != nil {
			u.note = fmt.Sprintf("%q is no id of a task: they are hex numbers, as 1e7", clean(of))
			return
		}
		task = kernel.ID(id)
	}
	u.query(session.Query{Kind: session.QueryMemory, Task: task, Addr: addr})
}

// registerWords are the names that can stand for an address.
func (u *ui) registerWords() []string {
	var out []string
	for _, r := range u.view.Snapshot.CPU {
		out = append(out, clean(r.Name))
	}
	return out
}

// printValue shows an expression's value member by member.
func (u *ui) printValue(expr string) {
	u.query(session.Query{Kind: session.QueryValue, Expr: expr, Task: u.selectedTask()})
}

// componentWords begin an expression or a breakpoint.
func (u *ui) componentWords() []string {
	var out []string
	for _, c := range u.view.Components {
		out = append(out, clean(c)+": ")
	}
	return out
}

// showCode shows the code where the selected thread is, showStack its backtrace.
func (u *ui) showCode()  { u.askThread(session.QueryCode) }
func (u *ui) showStack() { u.askThread(session.QueryStack) }

func (u *ui) askThread(kind string) {
	q := session.Query{Kind: kind}
	if r := u.selectedThread(); r != nil && r.obj != nil {
		q.Thread = r.obj.ID
	}
	u.query(q)
}

// inspect shows the members of what is selected: the object of a capability, else
// the thread.
func (u *ui) inspect() {
	id := kernel.ID(0)
	if u.focused == paneCaps {
		id = u.selectedCapability()
	} else if r := u.selectedThread(); r != nil && r.obj != nil {
		id = r.obj.ID
	}
	u.inspectObject(id)
}

func (u *ui) inspectObject(id kernel.ID) {
	if u.view.Snapshot.System.Object(id) == nil {
		u.note = "there is no such object at this stop"
		return
	}
	u.query(session.Query{Kind: session.QueryObject, Object: id})
}

func (u *ui) inspectID(arg string) {
	id, err := strconv.ParseUint(strings.TrimPrefix(arg, "0x"), 16, 64)
	if err != nil {
		u.note = fmt.Sprintf("%q is no id: they are hex numbers, as 1a3", clean(arg))
		return
	}
	u.inspectObject(kernel.ID(id))
}

// showPeek opens the overlay for an answer that has just come, above the one that
// it was asked from.
func (u *ui) showPeek(p *session.Peek) {
	title := fmt.Sprintf("%s at stop %d", clean(p.Title), p.Stop)
	var src source
	switch {
	case p.Err != "":
	case len(p.Members) > 0:
		src = &memberList{th: u.th, members: p.Members}
	case len(p.Rows) > 0:
		src = newMemoryList(u.th, p.Rows)
	case len(p.Frames) > 0:
		src = &frameList{th: u.th, frames: p.Frames}
	}
	if src == nil {
		u.openOverlay(title, func(w int) []line { return u.peekText(p, w) })
		u.overlay.wide = true
		return
	}
	u.openList(title, src)
}

// peekText is the text of an answer without rows.
func (u *ui) peekText(p *session.Peek, w int) []line {
	if p.Err != "" {
		return u.th.paragraph("", clean(p.Err), w)
	}
	var out []line
	for _, text := range p.Text {
		for _, l := range strings.Split(text, "\n") {
			style := u.th.plain
			if strings.HasPrefix(l, "▸") {
				style = u.th.bold
			}
			out = append(out, line{{clean(l), style}}) // code is not broken
		}
	}
	return out
}

// follow goes where the selected row of a peek leads.
func (u *ui) follow() {
	o := u.overlay
	i := o.list.selected()
	if i < 0 {
		return
	}
	var q session.Query
	switch src := o.list.src.(type) {
	case leader:
		q = src.leads(i)
	}
	switch {
	case q.Kind == "":
		u.note = "this leads nowhere: a pointer does"
	case needPeeker(u) != "":
		u.note = needPeeker(u)
	default:
		u.query(q)
	}
}

// leader is a source whose rows lead somewhere.
type leader interface {
	leads(i int) session.Query // no Kind: nowhere
}

// memberList shows a value member by member.
type memberList struct {
	th      *theme
	members []session.PeekMember
}

func (l *memberList) columns() []column {
	return []column{
		{title: "member", min: 12, max: 50},
		{title: "value", min: 12, max: 200, prio: 1},
		{title: "points to", min: 16, max: 60, prio: 1},
		{title: "type", min: 8, max: 60, prio: 2},
		{title: "offset", min: 6, max: 16, prio: 3, right: true},
	}
}

func (l *memberList) len() int { return len(l.members) }

func (l *memberList) row(i int) []cell {
	m := &l.members[i]
	name, value, means, offset := strings.Repeat("  ", m.Depth)+clean(m.Name), clean(m.Value), clean(m.Means), ""
	if m.Name == "" {
		name = "value"
		if m.Value == "" {
			name = "members"
		}
	}
	if means != "" {
		means = "→ " + means
	}
	if m.Addr != 0 && i > 0 {
		offset = hex(m.Addr - l.members[0].Addr)
	}
	style := l.th.plain
	if m.Leads.Kind != "" {
		style = l.th.bold
	}
	return []cell{{text: name, style: l.th.plain}, {text: value, style: style}, {text: means, style: l.th.bold},
		{text: clean(m.Type), style: l.th.dim}, {text: offset, style: l.th.dim}}
}

func (l *memberList) key(i int) any             { return i }
func (l *memberList) search(i int) string       { return joinCells(l.row(i)) }
func (l *memberList) empty() string             { return "It has no members." }
func (l *memberList) leads(i int) session.Query { return l.members[i].Leads }

// frameList shows a backtrace.
type frameList struct {
	th     *theme
	frames []session.PeekFrame
}

func (l *frameList) columns() []column {
	return []column{
		{title: "#", min: 2, max: 3, right: true},
		{title: "function", min: 20, max: 120, prio: 1},
		{title: "line", min: 12, max: 40, prio: 2},
		{title: "address", min: 8, max: 16, prio: 3, right: true},
	}
}

func (l *frameList) len() int { return len(l.frames) }

func (l *frameList) row(i int) []cell {
	f := &l.frames[i]
	if f.Note != "" {
		return styled(l.th.dim, "", clean(f.Note), "", "")
	}
	bare := f.Place
	bare.File = ""
	name, at := clean(bare.Bare().String()), ""
	if f.Inlined {
		name += " (inlined)"
	}
	if f.Place.File != "" {
		at = lineWords(f.Place)
	}
	out := styled(l.th.plain, fmt.Sprint(i), name, at, hex(f.Place.Addr))
	out[1].fit = func(w int) string { return placeIn(f.Place, w) }
	return out
}

func (l *frameList) key(i int) any             { return i }
func (l *frameList) search(i int) string       { return joinCells(l.row(i)) }
func (l *frameList) empty() string             { return "The stack cannot be unwound." }
func (l *frameList) leads(i int) session.Query { return l.frames[i].Leads }

// watchLines are the watch expressions, for the detail pane.
func (u *ui) watchLines(w int) []line {
	var out []line
	for _, x := range u.view.Watches {
		value := clean(x.Value)
		if x.Err != "" {
			value = "? " + clean(x.Err)
		}
		out = append(out, u.th.paragraph(clean(x.Component+": "+x.Expr)+" = ", value, w)...)
	}
	return out
}
