package ui

import (
	"fmt"
	"path"
	"thaw/kernel"
	"thaw/session"
)

func taskWord(id kernel.ID) string {
	if id == 0 {
		return "no task"
	}
	return "task " + id.String()
}

func sourceWords(th *kernel.Thread) string {
	switch th.Source {
	case kernel.SourceFrame:
		return fmt.Sprintf("its entry frame, ip at %x", th.FrameIPAddr)
	case kernel.SourceContinuation:
		return fmt.Sprintf("_exc_cont, ip at %x: an exception is pending, the frame holds the kernel's %x", th.ContIPAddr, th.FrameIP)
	case kernel.SourceCPU:
		return "the processor: it runs in user mode"
	}
	return string(th.Source)
}

// objectWords names a kernel object.
func objectWords(snap *session.Snapshot, id kernel.ID) string {
	sys := snap.System
	o := sys.Object(id)
	if o == nil {
		return id.String()
	}
	s := id.String() + " " + o.Title()
	if o.Thread != nil {
		s += " of " + snap.TaskName(o.Thread.Task)
	}
	return s
}

// waitWords is what the kernel debugger prints in its wait column, and whom
// that names.
func waitWords(s *session.Snapshot, th *kernel.Thread) string {
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

// codeWords is a code address with its line in the source.
func codeWords(p session.Place) string {
	if p.File == "" {
		return p.String()
	}
	return fmt.Sprintf("%s  %s", p, lineWords(p))
}

// lineWords is a place's line in the source.
func lineWords(p session.Place) string {
	return fmt.Sprintf("%s:%d", clean(path.Base(p.File)), p.Line)
}
