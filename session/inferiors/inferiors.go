// Package inferiors shows a Genode system to debuggers that speak the GDB remote protocol
// the way its kernel sees it: components are processes, kernel threads are their threads,
// with names, and the registers of one that does not run are those that the kernel keeps
// of it. Memory is read through the component's own page tables. A last process has the
// processors themselves.
//
// It knows the models of package kernel, stops of a live session's parts and of a replay,
// and registers' names. It must not know how packets look, or any particular kernel.
package inferiors

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/recording/stub"
	"thaw/session/arch"
)

// Shown is what there is to see at a stop. It is not changed once it was given out.
type Shown struct {
	System  *kernel.System
	Names   map[kernel.ID]string              // of protection domains
	Files   map[kernel.ID]string              // of their programs, as far as known
	Kernel  string                            // file of its program
	Shared  map[kernel.ID][]gdbremote.Library // that they map
	Machine kernel.Machine
	CPUs    [][]kernel.Register // all registers of the processors
	Stopped int                 // processor
	Reason  string
}

// Guest is what is shown. Calls come one at a time.
type Guest interface {
	Arch() arch.Arch
	Shown(ctx context.Context) (*Shown, error)
	// Resume goes on, and returns at the next stop; ctx ends when somebody wants that.
	// back, if not nil, is a thread as whose coming back to user mode is a stop, too: that is
	// what a step of it is, while the guest goes on as a whole. end is "begin" or "end" where
	// a history has no more, else "".
	Resume(ctx context.Context, action gdbremote.Action, back *kernel.Object) (end string, err error)
	Reverse() bool
	// Break sets a breakpoint in a protection domain, or removes it.
	Break(ctx context.Context, pd kernel.ID, addr uint64, insert bool) error
	// Forget forgets all breakpoints: another debugger comes.
	Forget()
	// Breaks are the breakpoints with their counts, a line each.
	Breaks() []string
	// Write changes physical memory.
	Write(ctx context.Context, addr uint64, data []byte) error
}

// Stub answers a gdbremote.Server.
type Stub struct {
	ctx     context.Context
	guest   Guest
	only    string
	one     kernel.ID // that is shown alone, as long as it is there
	layout  *stub.Layout
	shown   *Shown
	pids    numbers
	tids    numbers
	spaces  map[int64]*memory.Space // by process, at this stop
	listing listing
}

// processors is the process that has the processors for threads.
const processors = firstNumber - 1

// New makes a stub of a guest that stands. only is the name or the id of the one
// protection domain that is shown, for debuggers that know one process at a time, such as
// lldb; "" for all.
func New(ctx context.Context, g Guest, only string) (*Stub, error) {
	s := &Stub{ctx: ctx, guest: g, only: only, pids: numbers{}, tids: numbers{}}
	if err := s.look(); err != nil {
		return nil, err
	}
	if err := s.choose(); err != nil {
		return nil, err
	}
	layout, err := stub.NewLayout(g.Arch().Machine(), s.shown.CPUs...)
	if err != nil {
		return nil, err
	}
	s.layout = layout.WithoutOthers()
	return s, nil
}

// choose finds the one component that is shown alone. A restorer makes a second one of the
// same name, and debuggers that know one process would take both for one: the first stays
// the one that is shown.
func (s *Stub) choose() error {
	if s.only == "" {
		return nil
	}
	var all, found []string
	var one kernel.ID
	for _, o := range s.shown.System.PDs() {
		called := fmt.Sprintf("%s (%s)", s.shown.Names[o.ID], o.ID)
		all = append(all, called)
		if s.shows(o) && len(s.shown.System.ThreadsOf(o.ID)) > 0 {
			found, one = append(found, called), o.ID
		}
	}
	slices.Sort(all)
	switch {
	case len(found) == 0:
		return fmt.Errorf("no component %s with threads at this stop: there are %s", s.only, strings.Join(all, ", "))
	case len(found) > 1:
		return fmt.Errorf("there are %d components %s: give the id of one, of %s", len(found), s.only, strings.Join(found, ", "))
	}
	s.one = one
	s.list()
	return nil
}

// Counts tells how many protection domains and threads there are.
func (s *Stub) Counts() (pds, threads int) {
	return len(s.shown.System.PDs()), len(s.shown.System.Threads())
}

// Connect is how gdb is started for what is served at an address: it takes one
// description of registers for the first process, and a process without a file for one of
// the architecture that is set. Libraries it asks for where no system says how it keeps
// them itself. A first stop in the process that it begins with it does not tell, and waits
// on for ever, unless something has begun there; `stepi 0` has, and lets nothing go.
func (s *Stub) Connect(addr string) string {
	return "gdb -ex 'set architecture " + s.layout.Arch() + "' -ex 'set osabi none' -ex 'set sysroot /' -ex 'set schedule-multiple on' -ex 'target extended-remote " + addr + "' -ex 'stepi 0'"
}

func (s *Stub) look() error {
	shown, err := s.guest.Shown(s.ctx)
	if err != nil {
		return err
	}
	s.shown, s.spaces = shown, map[int64]*memory.Space{}
	if shown.System.Object(s.one) == nil {
		s.one = 0
	}
	s.list()
	return nil
}

// SetBreakpointIn sets a breakpoint of a process's. Watchpoints are refused: the target's
// are virtual addresses of all processes.
func (s *Stub) SetBreakpointIn(id gdbremote.ThreadID, b gdbremote.Breakpoint, insert bool) error {
	if b.Kind != gdbremote.SoftwareBreak && b.Kind != gdbremote.HardwareBreak {
		return gdbremote.ErrUnsupported
	}
	o := s.pd(id.PID)
	if o == nil {
		return fmt.Errorf("the processors have no breakpoints of their own: set it in the component that executes it")
	}
	return s.guest.Break(s.ctx, o.ID, b.Addr, insert)
}

// Greet forgets what a debugger before has set.
func (s *Stub) Greet() { s.guest.Forget() }

// Reverse says whether the guest goes back.
func (s *Stub) Reverse() bool { return s.guest.Reverse() }

// Resume lets the guest go on.
func (s *Stub) Resume(ctx context.Context, action gdbremote.Action, id gdbremote.ThreadID) (gdbremote.Stop, error) {
	var end string
	var err error
	switch action {
	case gdbremote.ActionStep, gdbremote.ActionStepAmong:
		end, err = s.step(ctx, action, id)
	default:
		end, err = s.run(ctx, action, nil)
	}
	if err != nil {
		return gdbremote.Stop{}, err
	}
	stop := s.LastStop()
	if s.interrupted(ctx) {
		stop.Signal = gdbremote.SignalInterrupt
	}
	if end != "" {
		stop.Reason = gdbremote.ReasonReplayLog
		stop.Raw = fmt.Sprintf("T%02xthread:%v;replaylog:%s;", stop.Signal, stop.Thread, end)
	}
	return stop, nil
}
