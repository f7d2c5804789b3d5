package report

import (
	"fmt"
	"io"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// IPC prints who waits for whom, as far as a thread's wait can be ended by
// another thread; rings of threads that wait for each other; and IRQ objects
// with the threads that are attached to them.
func IPC(w io.Writer, s *view.Snapshot) error {
	p := &printer{w: w}
	sys := s.System
	for _, ring := range sys.Cycles() {
		p.line("deadlock: %s → back to %s", threadChain(s, ring), ring[0])
	}
	p.line("who waits for whom")
	for _, o := range sys.Threads() {
		chain, cycle := sys.Chain(o.ID)
		via := sys.WaitedFor(o.Thread)
		switch {
		case cycle == 0 && len(chain) == 1:
			p.line("  %s → itself: it sleeps", threadChain(s, chain))
		case cycle >= 0:
			p.line("  %s → back to %s", threadChain(s, chain), chain[cycle])
		case len(chain) > 1:
			p.line("  %s", threadChain(s, chain))
		case via == nil:
			// Ready, dead, or waiting for anybody.
		case via.Event:
			p.line("  %s → %s %s%s", threadTitle(s, o.ID), via.Kind, via.ID, nameOf(via))
		case via.Thread == nil:
			p.line("  %s → %s %s%s, which no thread serves", threadTitle(s, o.ID), via.Kind, via.ID, nameOf(via))
		}
	}
	p.line("IRQs")
	for _, o := range sys.Objects {
		lead, ok := o.Lead()
		if !o.Event || !ok {
			continue
		}
		held := holders(s, o.ID)
		switch {
		case lead.To != 0:
			p.line("  %s %s%s → %s", o.Kind, o.ID, nameOf(o), threadTitle(s, lead.To))
		case held != "":
			p.line("  %s %s%s → no thread is attached; held by %s", o.Kind, o.ID, nameOf(o), held)
		}
	}
	return p.err
}

func nameOf(o *kernel.Object) string {
	if o.Name == "" {
		return ""
	}
	return " " + clean(o.Name)
}

// holders lists the first few slots that name an object.
func holders(s *view.Snapshot, id kernel.ID) string {
	const most = 3
	var out []string
	for i, h := range s.System.Holders(id) {
		if i == most {
			out = append(out, "…")
			break
		}
		out = append(out, fmt.Sprintf("%s slot %x", clean(s.TaskName(h.PD)), h.Slot))
	}
	return strings.Join(out, ", ")
}

// threadTitle is "component/thread id".
func threadTitle(s *view.Snapshot, id kernel.ID) string {
	o := s.System.Object(id)
	if o == nil || o.Thread == nil {
		return "object " + id.String()
	}
	return clean(s.TaskName(o.Thread.PD)+"/"+o.Title()) + " " + id.String()
}

func threadChain(s *view.Snapshot, ids []kernel.ID) string {
	names := make([]string, 0, len(ids))
	for _, id := range ids {
		names = append(names, threadTitle(s, id))
	}
	return strings.Join(names, " → ")
}
