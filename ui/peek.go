package ui

import (
	"fmt"
	"strconv"
	"strings"

	"thaw/kernel"
	"thaw/session"
)

// Peeker is a Controller that shows memory and values of expressions. The answer
// comes with a view.
type Peeker interface {
	PeekMemory(task kernel.ID, addr uint64) // task 0: what the processor sees
	Print(expr string)
	Code(thread kernel.ID) // source and instructions where it is
	Watch(expr string)     // evaluated at every stop; one that is there is taken away
}

func needPeeker(u *ui) string {
	if _, ok := u.ctrl.(Peeker); !ok {
		return "this session cannot read memory"
	}
	if u.recorded() != "" {
		return needStop(u)
	}
	return needStopped(u)
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
	var task kernel.ID
	if r := u.selectedThread(); r != nil {
		task = r.task
	}
	if of = strings.TrimSpace(of); of != "" {
		id, err := strconv.ParseUint(of, 16, 64)
		if err != nil {
			u.note = fmt.Sprintf("%q is no id of a task: they are hex numbers, as 1e7", clean(of))
			return
		}
		task = kernel.ID(id)
	}
	u.ctrl.(Peeker).PeekMemory(task, addr)
}

// showCode shows the code where the selected thread is.
func (u *ui) showCode() {
	var id kernel.ID
	if r := u.selectedThread(); r != nil && r.obj != nil {
		id = r.obj.ID
	}
	u.ctrl.(Peeker).Code(id)
}

// showPeek opens the overlay for an answer that has just come.
func (u *ui) showPeek(p *session.Peek) {
	u.openOverlay(fmt.Sprintf("%s at stop %d", clean(p.Title), p.Stop), func(w int) []line { return u.peekLines(p, w) })
	u.overlay.wide = len(p.Rows) > 0
}

// peekLines is the text of a peek.
func (u *ui) peekLines(p *session.Peek, w int) []line {
	t := u.th
	if p.Err != "" {
		return t.paragraph("", clean(p.Err), w)
	}
	var out []line
	for _, text := range p.Text {
		for _, l := range strings.Split(text, "\n") {
			out = append(out, t.paragraph("", clean(l), w)...)
		}
	}
	for i := 0; i < len(p.Rows); i++ {
		r := p.Rows[i]
		if r.Data != nil {
			out = append(out, u.peekRow(r))
			continue
		}
		for i+1 < len(p.Rows) && p.Rows[i+1].Data == nil {
			i++
		}
		end := p.Rows[i].Addr
		out = append(out, line{{fmt.Sprintf("%12x  up to %x: not mapped, or not recorded", r.Addr, end), t.dim}})
	}
	return out
}

// peekRow is address, bytes, characters, and what words point to.
func (u *ui) peekRow(r session.PeekRow) line {
	t := u.th
	out := line{{fmt.Sprintf("%12x  ", r.Addr), t.dim}}
	var hexes, chars strings.Builder
	for i, b := range r.Data {
		if i == len(r.Data)/2 {
			hexes.WriteByte(' ')
		}
		fmt.Fprintf(&hexes, "%02x ", b)
		if b < 0x20 || b >= 0x7f {
			b = '.'
		}
		chars.WriteByte(b)
	}
	out = append(out, span{hexes.String() + " ", t.plain}, span{chars.String(), t.dim})
	if len(r.Means) > 0 {
		out = append(out, span{"  " + t.draw("→") + " " + clean(strings.Join(r.Means, ", ")), t.bold})
	}
	return out
}

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
