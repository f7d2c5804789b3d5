package ui

import (
	"fmt"
	"path"

	"thaw/kernel"
	"thaw/session/view"
)

func taskWord(id kernel.ID) string {
	if id == 0 {
		return "no task"
	}
	return "task " + id.String()
}

func sourceWords(th *kernel.Thread) string {
	p, usual := th.Kept(), th.Usual()
	switch {
	case p != nil && p.Aside:
		return fmt.Sprintf("%s, ip at %x: %s, the %s holds the kernel's %x", p.Text, p.IPAddr, p.Why, usual.Name, usual.IP)
	case p != nil:
		return fmt.Sprintf("its %s, ip at %x", p.Text, p.IPAddr)
	case th.Source == kernel.SourceCPU:
		return "the processor: it runs in user mode"
	}
	return string(th.Source)
}

// objectWords names a kernel object.
func objectWords(snap *view.Snapshot, id kernel.ID) string {
	sys := snap.System
	o := sys.Object(id)
	if o == nil {
		return id.String()
	}
	s := id.String() + " " + o.Title()
	if o.Thread != nil {
		s += " of " + snap.TaskName(o.Thread.PD)
	}
	return s
}

// waitWords is what the kernel debugger prints in its wait column, and whom
// that names.
func waitWords(s *view.Snapshot, th *kernel.Thread) string {
	wait := s.System.Wait(th)
	switch {
	case wait == "":
		return ""
	case wait == "-":
		return "-  " + th.Wait.What
	}
	o := s.System.WaitedFor(th)
	if o == nil {
		return wait
	}
	if o.Thread != nil {
		return wait + "  " + o.Title() + " of " + s.TaskName(o.Thread.PD)
	}
	return wait + "  " + string(o.Kind) + " " + o.Title()
}

// codeWords is a code address with its line in the source.
func codeWords(p view.Place) string {
	if p.File == "" {
		return p.String()
	}
	return fmt.Sprintf("%s  %s", p, lineWords(p))
}

// lineWords is a place's line in the source.
func lineWords(p view.Place) string {
	return fmt.Sprintf("%s:%d", clean(path.Base(p.File)), p.Line)
}
