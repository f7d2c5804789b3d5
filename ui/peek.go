package ui

import (
	"fmt"
	"strings"

	"thaw/session/view"
)

// leader is a source whose rows lead somewhere.
type leader interface {
	source
	leads(i int) view.Query // no Kind: nowhere
}

// memberList shows a value member by member.
type memberList struct {
	th      *theme
	members []view.PeekMember
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

func (l *memberList) key(i int) any          { return i }
func (l *memberList) search(i int) string    { return joinCells(l.row(i)) }
func (l *memberList) empty() string          { return "It has no members." }
func (l *memberList) leads(i int) view.Query { return l.members[i].Leads }

// frameList shows a backtrace.
type frameList struct {
	th     *theme
	frames []view.PeekFrame
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
	name := clean(bare.Bare().String())
	if f.Inlined {
		name += " (inlined)"
	}
	out := styled(l.th.plain, fmt.Sprint(i), name, "", hex(f.Place.Addr))
	out[2] = l.th.lineCell(f.Place, l.th.plain)
	out[1].fit = func(w int) string { return placeIn(f.Place, w) }
	return out
}

func (l *frameList) key(i int) any          { return i }
func (l *frameList) search(i int) string    { return joinCells(l.row(i)) }
func (l *frameList) empty() string          { return "The stack cannot be unwound." }
func (l *frameList) leads(i int) view.Query { return l.frames[i].Leads }

// stopsList shows at which stops an expression has which value.
type stopsList struct {
	th  *theme
	all []view.PeekStops
}

func (l *stopsList) columns() []column {
	return []column{{title: "from", min: 4, max: 6, right: true}, {title: "to", min: 4, max: 6, right: true}, {title: "value", min: 20, max: 2000}}
}

func (l *stopsList) len() int { return len(l.all) }

func (l *stopsList) row(i int) []cell {
	s := &l.all[i]
	style := l.th.plain
	if s.Unknown {
		style = l.th.dim
	}
	return styled(style, fmt.Sprint(s.From), fmt.Sprint(s.To), clean(s.Value))
}

func (l *stopsList) key(i int) any       { return i }
func (l *stopsList) search(i int) string { return joinCells(l.row(i)) }
func (l *stopsList) empty() string       { return "It holds at no stop." }

// changeList shows where in a recorded run an expression became another.
type changeList struct {
	th  *theme
	all []view.PeekChange
}

func (l *changeList) columns() []column {
	return []column{{title: "instruction", min: 9, max: 14, right: true}, {title: "value", min: 16, max: 2000, prio: 1}, {title: "thread", min: 16, max: 80, prio: 2}, {title: "entry", min: 8, max: 40, prio: 3}, {title: "seen at", min: 9, max: 14, right: true, prio: 4}}
}

func (l *changeList) len() int { return len(l.all) }

func (l *changeList) row(i int) []cell {
	c := &l.all[i]
	style := l.th.plain
	if c.Unknown {
		style = l.th.dim
	}
	if c.After == 0 {
		return styled(style, fmt.Sprint(c.Position), clean(c.New), "from here on", "", "")
	}
	return styled(style, fmt.Sprint(c.After), clean(c.New), clean(c.Thread), clean(c.Entry), fmt.Sprint(c.Position))
}

func (l *changeList) key(i int) any       { return i }
func (l *changeList) search(i int) string { return joinCells(l.row(i)) }
func (l *changeList) empty() string       { return "There was no look." }

// originList shows who wrote a piece of memory, and where that came from.
type originList struct {
	th  *theme
	all []view.Origin
}

func (l *originList) columns() []column {
	return []column{{title: "", min: 2, max: 2}, {title: "what", min: 16, max: 40, prio: 2}, {title: "value", min: 8, max: 18, prio: 1, right: true}, {title: "before", min: 8, max: 18, prio: 5, right: true},
		{title: "by", min: 20, max: 80, prio: 1}, {title: "thread", min: 10, max: 40, prio: 4}, {title: "", min: 20, max: 200, prio: 3}}
}

func (l *originList) len() int { return len(l.all) }

func (l *originList) row(i int) []cell {
	o := &l.all[i]
	by, before := clean(o.Place.Bare().String()), hex(o.Old)
	if o.Position == 0 {
		by, before = "", ""
	}
	if o.Place.File != "" {
		by += ", " + lineWords(o.Place)
	}
	sure := "?"
	if o.Sure {
		sure = "✓"
	}
	return styled(l.th.plain, sure, clean(o.Word), hex(o.New), before, by, clean(o.Thread), clean(o.Text))
}

func (l *originList) key(i int) any       { return i }
func (l *originList) search(i int) string { return joinCells(l.row(i)) }
func (l *originList) empty() string       { return "Nobody wrote it." }

// askedList shows the pieces of memory that were asked about.
type askedList struct {
	th  *theme
	all []view.Question
}

func (l *askedList) columns() []column {
	return []column{{title: "stop", min: 4, max: 6, right: true}, {title: "what", min: 16, max: 60}, {title: "steps", min: 5, max: 5, right: true}, {title: "last written by", min: 20, max: 200, prio: 1}}
}

func (l *askedList) len() int { return len(l.all) }

func (l *askedList) row(i int) []cell {
	q := &l.all[i]
	by := clean(q.Why)
	if len(q.Steps) > 0 {
		by = clean(q.Steps[0].Place.Bare().String())
	}
	return styled(l.th.plain, fmt.Sprint(q.Stop), clean(q.Word), fmt.Sprint(len(q.Steps)), by)
}

func (l *askedList) key(i int) any       { return i }
func (l *askedList) search(i int) string { return joinCells(l.row(i)) }
func (l *askedList) empty() string       { return "No origin was asked for." }
