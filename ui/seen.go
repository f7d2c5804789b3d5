package ui

import (
	"fmt"

	"thaw/kernel"
	"thaw/session"
)

// seenLimit bounds the snapshots that are kept to compare with.
const seenLimit = 32

// seen keeps snapshots that were shown: a view holds only the one of its stop.
type seen struct {
	byNumber map[int]*session.Snapshot
	order    []int // oldest first
}

func (k *seen) add(s *session.Snapshot) {
	if s == nil || k.byNumber[s.Number] == s {
		return
	}
	if k.byNumber == nil {
		k.byNumber = make(map[int]*session.Snapshot)
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

// previous is the snapshot before the shown one, nil if it was not shown.
func (u *ui) previous() *session.Snapshot {
	if s := u.view.Snapshot; s != nil {
		return u.seen.byNumber[s.Number-1]
	}
	return nil
}

// previousThread is a thread as it was at the stop before the shown one, or
// nil.
func (u *ui) previousThread(id kernel.ID) *kernel.Thread {
	s := u.previous()
	if s == nil || s.System == nil {
		return nil
	}
	if o := s.System.Object(id); o != nil {
		return o.Thread
	}
	return nil
}

// changeMark stands behind a register that changed.
const changeMark = "*"

// registerGrid lists registers with their values; those that differ from
// before are marked.
func (t *theme) registerGrid(regs, before []kernel.Register, w int) []line {
	var texts []string
	for _, r := range regs {
		mark := " "
		if old, ok := kernel.RegisterIn(before, r.Name); ok && old != r.Value {
			mark = changeMark
		}
		texts = append(texts, fmt.Sprintf("%s %16x %s", pad(clip(clean(r.Name), 8), 8), r.Value, mark))
	}
	return t.grid(texts, w)
}

// sinceWords explains the marks of a heading, "" where nothing can be compared.
func (u *ui) sinceWords(before []kernel.Register) string {
	if len(before) == 0 {
		return ""
	}
	return fmt.Sprintf(", %s changed since stop %d", changeMark, u.view.Snapshot.Number-1)
}

// presentLines tell how a thread stands at the shown stop, and what is another
// than at the stop before.
func (u *ui) presentLines(o *kernel.Object, w int) []line {
	th, old := o.Thread, u.previousThread(o.ID)
	var out []line
	fact := func(label, text, was string) {
		if was != "" && was != text {
			text += fmt.Sprintf("  %s was %s at stop %d", changeMark, was, u.view.Snapshot.Number-1)
		}
		out = append(out, u.th.paragraph(pad(label, 11), text, w)...)
	}
	was := &kernel.Thread{}
	if old != nil {
		was = old
	}
	fact("state", th.StateString(), stateIf(old))
	if th.Source == kernel.SourceNone || th.Source == "" {
		fact("ip", "none: it never ran in user mode", "")
	} else {
		fact("ip", u.addressWords(o.ID, th.IP), u.oldAddress(o.ID, th.IP, was))
		sp := ""
		if old != nil && was.SP != th.SP {
			sp = hex(was.SP)
		}
		fact("sp", hex(th.SP), sp)
		fact("read from", sourceWords(th), "")
	}
	fact("waits for", u.waitWords(u.view.Snapshot, th), "")
	if th.Running {
		fact("runs on", fmt.Sprintf("CPU %d", th.CPU), "")
	}
	return out
}

func stateIf(t *kernel.Thread) string {
	if t == nil {
		return ""
	}
	return t.StateString()
}

// addressWords is a thread's ip in words.
func (u *ui) addressWords(id kernel.ID, ip uint64) string {
	p, known := u.view.Snapshot.Places[id]
	if !known || p.Function == "" || p.Addr != ip {
		return hex(ip)
	}
	p.Function = shortFunction(p.Function)
	return hex(ip) + "  " + codeWords(p)
}

// oldAddress is the ip before, "" if it is the same or not known.
func (u *ui) oldAddress(id kernel.ID, ip uint64, was *kernel.Thread) string {
	if was.Source == "" || was.Source == kernel.SourceNone || was.IP == ip {
		return ""
	}
	if p, ok := u.previous().Places[id]; ok && p.Addr == was.IP && p.Function != "" {
		return placeIn(p, 40)
	}
	return hex(was.IP)
}

// waitWords is what the kernel debugger prints in its wait column, and whom
// that names.
func (u *ui) waitWords(s *session.Snapshot, th *kernel.Thread) string {
	wait := s.System.Wait(th)
	switch {
	case wait == "":
		return ""
	case wait == "-":
		return "-  anybody"
	}
	o := s.System.Object(th.Partner)
	if o == nil {
		return wait
	}
	if o.Thread != nil {
		return wait + "  " + o.Title() + " of " + s.TaskName(o.Thread.Task)
	}
	return wait + "  " + string(o.Kind) + " " + o.Title()
}

// threadRegisters lists the registers that a thread's saved state holds.
func (u *ui) threadRegisters(o *kernel.Object, w int) []line {
	if len(o.Thread.Registers) == 0 {
		return nil
	}
	var before []kernel.Register
	if old := u.previousThread(o.ID); old != nil {
		before = old.Registers
	}
	title := fmt.Sprintf("registers at stop %d", u.view.Snapshot.Number) + u.sinceWords(before)
	return append([]line{u.th.section(title, w)}, u.th.registerGrid(o.Thread.Registers, before, w)...)
}
