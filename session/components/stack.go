package components

import (
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// maxFrames bounds a backtrace.
const maxFrames = 64

// Here is the program that the stopped processor runs, nil if
// unknown.
func (cs *Set) Here(sys *kernel.System) *Component {
	cpu := cs.m.CPU()
	if !cpu.User {
		return cs.Kernel()
	}
	if task := sys.PDByRoot(cpu.Root); task != nil {
		return cs.At(sys, task, cpu.IP)
	}
	return nil
}

// Backtrace unwinds the stack of the stopped processor, which runs a component, or nil.
// Without a system it stays in that component.
func (cs *Set) Backtrace(sys *kernel.System, c *Component) []view.Frame {
	if c == nil {
		return nil
	}
	var task *kernel.Object
	if cpu := cs.m.CPU(); cpu.User && sys != nil {
		task = sys.PDByRoot(cpu.Root)
	}
	return cs.framesOf(sys, task, cs.m.Scope(c.File))
}

// framesOf unwinds the stack of a scope in a task, nil in the kernel: from a library into
// the program that called it, and back.
func (cs *Set) framesOf(sys *kernel.System, task *kernel.Object, scope debuginfo.Scope) []view.Frame {
	return cs.told(cs.unwound(sys, task, scope))
}

// unwound is framesOf for who evaluates in the frames.
func (cs *Set) unwound(sys *kernel.System, task *kernel.Object, scope debuginfo.Scope) (frames []debuginfo.Frame, why string) {
	if task != nil && task.PD != nil {
		scope.FileAt = func(addr uint64) *debuginfo.File {
			if c := cs.At(sys, task, addr); c != nil {
				return c.File
			}
			return nil
		}
	}
	return scope.Backtrace(maxFrames)
}

// told puts frames in words, and why they end.
func (cs *Set) told(frames []debuginfo.Frame, why string) []view.Frame {
	out := make([]view.Frame, 0, len(frames)+1)
	for _, f := range frames {
		out = append(out, view.Frame{Inlined: f.Inlined, Place: view.Place{Addr: f.PC, Component: cs.of(f.Scope.File), Function: f.Func, Offset: f.Offset, File: f.File, Line: f.Line}})
	}
	if why != "" {
		out = append(out, view.Frame{Note: why})
	}
	return out
}

// of is the name of the component with a file.
func (cs *Set) of(f *debuginfo.File) string {
	for name, c := range cs.ByName {
		if c.File == f {
			return name
		}
	}
	return ""
}

// UserThread is a thread that was in user mode, and its task.
func UserThread(s *view.Snapshot, id kernel.ID) (thread, task *kernel.Object, err error) {
	o := s.System.Object(id)
	if o == nil || o.Thread == nil {
		return nil, nil, fmt.Errorf("thread %s is not there any more", id)
	}
	task = s.System.Object(o.Thread.PD)
	if o.Thread.Source == kernel.SourceNone || task == nil || task.PD == nil {
		return nil, nil, fmt.Errorf("thread %s %s never was in user mode", id, o.Title())
	}
	return o, task, nil
}

// Stack unwinds the stack of a thread in user mode.
func (cs *Set) Stack(s *view.Snapshot, o, task *kernel.Object, phys memory.Reader) ([]view.Frame, error) {
	scope, err := cs.threadScope(s, o, task, phys)
	if err != nil {
		return nil, err
	}
	return cs.framesOf(s.System, task, scope), nil
}

// Frames is Stack for who evaluates in the frames.
func (cs *Set) Frames(s *view.Snapshot, o, task *kernel.Object, phys memory.Reader) ([]debuginfo.Frame, error) {
	scope, err := cs.threadScope(s, o, task, phys)
	if err != nil {
		return nil, err
	}
	frames, _ := cs.unwound(s.System, task, scope)
	return frames, nil
}

// threadScope is where a thread in user mode stands.
func (cs *Set) threadScope(s *view.Snapshot, o, task *kernel.Object, phys memory.Reader) (debuginfo.Scope, error) {
	c := cs.At(s.System, task, o.Thread.IP)
	if c == nil {
		return debuginfo.Scope{}, fmt.Errorf("there is no debug info for the program at %#x", o.Thread.IP)
	}
	regs := savedRegisters{{Name: cs.m.Arch.IP, Value: o.Thread.IP}, {Name: cs.m.Arch.SP, Value: o.Thread.SP}}
	return debuginfo.Scope{File: c.File, Mem: memory.NewSpace(phys, cs.m.Paging, task.PD.Root), Regs: append(regs, o.Thread.Registers...), PC: o.Thread.IP}, nil
}

// savedRegisters are a thread's, by name.
type savedRegisters []kernel.Register

// Uint64 implements debuginfo.Registers.
func (r savedRegisters) Uint64(name string) (uint64, bool) { return kernel.RegisterIn(r, name) }
