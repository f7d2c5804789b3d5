package ui

import (
	"fmt"

	"thaw/kernel"
)

// sinceWords explains the marks of a heading, "" where nothing can be compared.
func (p *detailPane) sinceWords(before []kernel.Register) string {
	if len(before) == 0 {
		return ""
	}
	return fmt.Sprintf(", %s changed since stop %d", changeMark, p.view.Snapshot.Number-1)
}

// presentLines tell how a thread stands at the shown stop, and what is another
// than at the stop before.
func (p *detailPane) presentLines(o *kernel.Object, w int) []line {
	th, old := o.Thread, p.previousThread(o.ID)
	var list []fact
	tell := func(label, text, was string) {
		if was != "" && was != text {
			text += fmt.Sprintf("  %s was %s at stop %d", changeMark, was, p.view.Snapshot.Number-1)
		}
		list = append(list, fact{label, text})
	}
	was := &kernel.Thread{}
	if old != nil {
		was = old
	}
	tell("stopped", clean(p.view.Snapshot.Reason), "") // whole: the status line may cut it
	tell("state", th.StateString(), stateIf(old))
	if th.Source == kernel.SourceNone || th.Source == "" {
		tell("ip", "none: it never ran in user mode", "")
	} else {
		tell("ip", p.addressWords(o.ID, th.IP), p.oldAddress(o.ID, th.IP, was))
		sp := ""
		if old != nil && was.SP != th.SP {
			sp = hex(was.SP)
		}
		tell("sp", hex(th.SP), sp)
		tell("read from", sourceWords(th), "")
	}
	tell("waits for", waitWords(p.view.Snapshot, th), "")
	if th.Running {
		tell("runs on", fmt.Sprintf("CPU %d", th.CPU), "")
	}
	tell("executed", clean(th.Executed.Text), "")
	return p.th.facts(list, w)
}

func stateIf(t *kernel.Thread) string {
	if t == nil {
		return ""
	}
	return t.StateString()
}

// addressWords is a thread's ip in words.
func (p *detailPane) addressWords(id kernel.ID, ip uint64) string {
	place, known := p.view.Snapshot.Places[id]
	if !known || place.Function == "" || place.Addr != ip {
		return hex(ip)
	}
	place.Function = place.FunctionName()
	return hex(ip) + "  " + codeWords(place)
}

// oldAddress is the ip before, "" if it is the same or not known.
func (p *detailPane) oldAddress(id kernel.ID, ip uint64, was *kernel.Thread) string {
	if was.Source == "" || was.Source == kernel.SourceNone || was.IP == ip {
		return ""
	}
	if at, ok := p.previous().Places[id]; ok && at.Addr == was.IP && at.Function != "" {
		return placeIn(at, 40)
	}
	return hex(was.IP)
}

// threadRegisters lists the registers that a thread's saved state holds.
func (p *detailPane) threadRegisters(o *kernel.Object, w int) []line {
	if len(o.Thread.Registers) == 0 {
		return nil
	}
	var before []kernel.Register
	if old := p.previousThread(o.ID); old != nil {
		before = old.Registers
	}
	title := fmt.Sprintf("registers at stop %d", p.view.Snapshot.Number) + p.sinceWords(before)
	return append([]line{p.th.section(title, w)}, p.th.registerGrid(o.Thread.Registers, before, w)...)
}
