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
	"errors"
	"fmt"
	"maps"
	"math"
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
	ctx    context.Context
	guest  Guest
	only   string
	layout *stub.Layout
	shown  *Shown
	pids   numbers
	tids   numbers
	spaces map[int64]*memory.Space // by process, at this stop
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
	if only != "" && s.Threads()[0].PID == processors {
		return nil, fmt.Errorf("no component %s with threads at this stop: there are %s", only, strings.Join(slices.Sorted(maps.Values(s.shown.Names)), ", "))
	}
	layout, err := stub.NewLayout(g.Arch().Machine(), s.shown.CPUs...)
	if err != nil {
		return nil, err
	}
	s.layout = layout.WithoutOthers()
	return s, nil
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
	return nil
}

// numbers are the protocol's, by id: the id itself where that is a number that debuggers
// take (gdb keeps a process's in 32 bits, and 0 stands for any), else one that no id is.
type numbers map[kernel.ID]int64

const firstNumber = math.MaxInt32 - 1<<24

func (n numbers) of(id kernel.ID) int64 {
	if id > 0 && id < processors {
		return int64(id)
	}
	if n[id] == 0 {
		n[id] = firstNumber + int64(len(n))
	}
	return n[id]
}

// thread is a thread as the protocol calls it.
func (s *Stub) thread(o *kernel.Object) gdbremote.ThreadID {
	return gdbremote.ThreadID{PID: s.pids.of(o.Thread.PD), TID: s.tids.of(o.ID)}
}

func processor(cpu int) gdbremote.ThreadID {
	return gdbremote.ThreadID{PID: processors, TID: int64(cpu) + 1}
}

// Threads lists those of all protection domains that there are, and the processors.
func (s *Stub) Threads() (ids []gdbremote.ThreadID) {
	for _, o := range s.shown.System.Threads() {
		if pd := s.shown.System.Object(o.Thread.PD); pd != nil && pd.PD != nil && s.shows(pd) {
			ids = append(ids, s.thread(o))
		}
	}
	slices.SortStableFunc(ids, func(a, b gdbremote.ThreadID) int { return int(a.PID - b.PID) })
	if s.only != "" && len(ids) > 0 {
		return ids
	}
	for cpu := range s.shown.CPUs {
		ids = append(ids, processor(cpu))
	}
	return ids
}

// shows says whether a protection domain is shown.
func (s *Stub) shows(pd *kernel.Object) bool {
	return s.only == "" || s.only == s.shown.Names[pd.ID] || s.only == pd.ID.String()
}

// object is the thread that the protocol calls so, nil for a processor.
func (s *Stub) object(id gdbremote.ThreadID) (o *kernel.Object, cpu int, err error) {
	if id.PID == processors {
		if id.TID < 1 || id.TID > int64(len(s.shown.CPUs)) {
			return nil, 0, fmt.Errorf("no processor %v: %w", id, gdbremote.ErrProtocol)
		}
		return nil, int(id.TID) - 1, nil
	}
	for _, o := range s.shown.System.Threads() {
		if s.thread(o) == id {
			return o, o.Thread.CPU, nil
		}
	}
	return nil, 0, fmt.Errorf("no thread %v at this stop: %w", id, gdbremote.ErrProtocol)
}

// DescribeThreads tells names and states.
func (s *Stub) DescribeThreads() (out []gdbremote.ThreadDescription) {
	for _, id := range s.Threads() {
		o, cpu, err := s.object(id)
		if err != nil {
			continue
		}
		d := gdbremote.ThreadDescription{ID: id, Core: -1, Extra: s.extra(o)}
		switch {
		case o == nil:
			d.Name, d.Core = fmt.Sprintf("processor %d", cpu), cpu
		default:
			if d.Name = s.name(o); o.Thread.Running {
				d.Core = o.Thread.CPU
			}
		}
		out = append(out, d)
	}
	return out
}

// name is a thread's with its component.
func (s *Stub) name(o *kernel.Object) string {
	if pd := s.shown.Names[o.Thread.PD]; pd != "" {
		return pd + "/" + o.Title()
	}
	return o.Title()
}

// extra is a thread's state in words.
func (s *Stub) extra(o *kernel.Object) string {
	if o == nil {
		return "all of its registers, whatever it executes"
	}
	t := o.Thread
	text := t.StateString()
	if t.Running {
		text = fmt.Sprintf("on processor %d, %s", t.CPU, text)
	}
	if t.Waits() {
		what := t.Wait.What
		if other := s.shown.System.WaitedFor(t); other != nil {
			what = other.Title() + " " + other.ID.String()
		}
		text += ": " + strings.TrimSpace(t.Wait.Verb+" "+what)
	}
	if t.Source == kernel.SourceNone && !t.Running {
		text += "; never in user mode: it has no registers, and pc 0 stands for that"
	}
	return text
}

// ThreadExtra is a thread's name and state.
func (s *Stub) ThreadExtra(id gdbremote.ThreadID) string {
	o, cpu, err := s.object(id)
	switch {
	case err != nil:
		return ""
	case o == nil:
		return fmt.Sprintf("processor %d: %s", cpu, s.extra(nil))
	}
	return s.name(o) + ": " + s.extra(o)
}

// ExecFile is the file of a process's program.
func (s *Stub) ExecFile(pid int64) string {
	if pid == processors {
		return s.shown.Kernel
	}
	if o := s.pd(pid); o != nil {
		return s.shown.Files[o.ID]
	}
	return ""
}

// Libraries are those that a process maps.
func (s *Stub) Libraries(pid int64) []gdbremote.Library {
	if o := s.pd(pid); o != nil {
		return s.shown.Shared[o.ID]
	}
	return nil
}

// pd is the protection domain that the protocol calls a process, nil if it is none.
func (s *Stub) pd(pid int64) *kernel.Object {
	for _, o := range s.shown.System.PDs() {
		if s.pids.of(o.ID) == pid {
			return o
		}
	}
	return nil
}

// LastStop says who ran as the guest stopped: a component's thread, else the processor.
func (s *Stub) LastStop() gdbremote.Stop {
	stop := gdbremote.Stop{Signal: gdbremote.SignalTrap, Thread: processor(s.shown.Stopped)}
	if o := s.shown.System.Running(s.shown.Stopped); o != nil && s.pd(s.pids.of(o.Thread.PD)) != nil {
		stop.Thread = s.thread(o)
	}
	if all := s.Threads(); s.only != "" && !slices.Contains(all, stop.Thread) {
		stop.Thread = all[0] // nothing happened in what is shown: some of its threads has to be said to have stopped
	}
	return stop
}

// TargetFile is the target description.
func (s *Stub) TargetFile(name string) ([]byte, bool) {
	return s.layout.Document(), name == "target.xml"
}

// registers are those of a thread as far as known: what the kernel keeps, or all of the
// processor that executes it in user mode.
func (s *Stub) registers(id gdbremote.ThreadID) ([]kernel.Register, error) {
	o, cpu, err := s.object(id)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return s.shown.CPUs[cpu], nil
	}
	t, a := o.Thread, s.guest.Arch()
	if t.Running && t.CPU < len(s.shown.CPUs) && t.CPU < len(s.shown.Machine.CPUs) && (s.shown.Machine.CPUs[t.CPU].User || t.Source == kernel.SourceNone) {
		return s.shown.CPUs[t.CPU], nil
	}
	if t.Source == kernel.SourceNone {
		return []kernel.Register{{Name: a.IP}}, nil // gdb gives up where a thread has none; its state says what that is worth
	}
	return append(slices.Clone(t.Registers), kernel.Register{Name: a.IP, Value: t.IP}, kernel.Register{Name: a.SP, Value: t.SP},
		kernel.Register{Name: a.Flags, Value: t.Flags}), nil
}

// ReadRegisters gives all registers of the target description, with zeros where nothing
// is known.
func (s *Stub) ReadRegisters(id gdbremote.ThreadID) ([]byte, error) {
	list, err := s.registers(id)
	if err != nil {
		return nil, err
	}
	values, _ := s.layout.Bytes(list)
	return values, nil
}

// KnownRegisters says which bytes of ReadRegisters are known.
func (s *Stub) KnownRegisters(id gdbremote.ThreadID) ([]bool, error) {
	list, err := s.registers(id)
	if err != nil {
		return nil, err
	}
	_, known := s.layout.Bytes(list)
	return known, nil
}

// FindRegister says where a register is in ReadRegisters' answer.
func (s *Stub) FindRegister(number int) (from, to int, ok bool) { return s.layout.Find(number) }

// HasPhysical says that ReadMemory knows physical addresses.
func (s *Stub) HasPhysical() bool { return true }

// space is memory as a process sees it.
func (s *Stub) space(id gdbremote.ThreadID) (*memory.Space, error) {
	if id.PID == processors {
		_, cpu, err := s.object(id)
		if err != nil {
			return nil, err
		}
		return s.shown.Machine.Space(cpu), nil
	}
	if space := s.spaces[id.PID]; space != nil {
		return space, nil
	}
	o := s.pd(id.PID)
	if o == nil || o.PD.Root == 0 {
		return nil, fmt.Errorf("process %d has no page tables", id.PID)
	}
	s.spaces[id.PID] = memory.NewSpace(s.shown.Machine.Phys, s.shown.Machine.Paging, o.PD.Root)
	return s.spaces[id.PID], nil
}

// ReadMemory reads through the process's page tables.
func (s *Stub) ReadMemory(id gdbremote.ThreadID, mode gdbremote.AddressMode, addr uint64, buf []byte) error {
	from := s.shown.Machine.Phys
	if mode == gdbremote.Virtual {
		space, err := s.space(id)
		if err != nil {
			return fmt.Errorf("%w: %w", err, gdbremote.ErrMemory)
		}
		from = space
	}
	if err := from.ReadMemory(addr, buf); err != nil {
		return fmt.Errorf("%w: %w", err, gdbremote.ErrMemory)
	}
	return nil
}

// ErrReadOnly refuses to change anything. The refusal must be an answer: gdb takes
// silence about a write for a success.
var ErrReadOnly = errors.New("nothing may be changed")

// WriteMemory writes through the process's page tables, if that is allowed.
func (s *Stub) WriteMemory(id gdbremote.ThreadID, mode gdbremote.AddressMode, addr uint64, data []byte) error {
	for len(data) > 0 {
		at, n := addr, uint64(len(data))
		if mode == gdbremote.Virtual {
			space, err := s.space(id)
			if err != nil {
				return err
			}
			m, phys, err := space.Translate(addr)
			if err != nil {
				return err
			}
			at, n = phys, min(n, m.Phys+m.Size-phys)
		}
		if err := s.guest.Write(s.ctx, at, data[:n]); err != nil {
			return err
		}
		addr, data = addr+n, data[n:]
	}
	return s.look()
}

// WriteRegister refuses: most are kept in several places.
func (s *Stub) WriteRegister(gdbremote.ThreadID, int, []byte) error { return ErrReadOnly }

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

// Monitor answers what gdb has no words for.
func (s *Stub) Monitor(command string) (string, error) {
	switch strings.TrimSpace(command) {
	case "why":
		return s.shown.Reason + "\n", nil
	case "breakpoints":
		if all := s.guest.Breaks(); len(all) > 0 {
			return strings.Join(all, "\n") + "\n", nil
		}
		return "none\n", nil
	case "registers":
		var b strings.Builder
		for n, all := range s.shown.CPUs {
			for _, r := range all {
				fmt.Fprintf(&b, "processor %d  %-10s %#x\n", n, r.Name, r.Value)
			}
		}
		return b.String(), nil
	case "components":
		var b strings.Builder
		for _, o := range s.shown.System.PDs() {
			fmt.Fprintf(&b, "process %d  id %s  %s  %d threads  %d capabilities  %s\n", s.pids.of(o.ID), o.ID, s.shown.Names[o.ID],
				len(s.shown.System.ThreadsOf(o.ID)), len(o.PD.Caps), s.shown.Files[o.ID])
		}
		return b.String(), nil
	}
	help := "why: why the guest stands\nbreakpoints: of each process, with how often they were hit\ncomponents: which process is which\nregisters: all of the processors, those too that gdb does not know\n"
	m, ok := s.guest.(gdbremote.Monitorer)
	if !ok {
		return help, nil
	}
	text, err := m.Monitor(command)
	if strings.TrimSpace(command) == "help" {
		text = help + text
	}
	if looked := s.look(); err == nil {
		err = looked // it may have gone to another stop
	}
	return text, err
}
