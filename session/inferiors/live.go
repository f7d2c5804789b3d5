package inferiors

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"slices"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/scenario"
	"thaw/session/target"
	"thaw/session/view"
)

// Target is a machine that runs.
type Target interface {
	machine.Target
	drive.Target
	Machine() elf.Machine
	WritePhysical(ctx context.Context, addr uint64, data []byte) error
}

// Live is a guest under a debugger. Breakpoints are set as the guest goes on: gdb takes
// all of its own off at every stop, and sets them again.
type Live struct {
	target   Target
	arch     arch.Arch
	m        *machine.Machine
	programs *components.Set
	drive    *drive.Driver
	write    bool
	why      string         // it stands
	wanted   map[place]bool // breakpoints that the debugger wants
	set      map[place]*drive.Probe
	counted  map[place]*view.BreakpointInfo // of all that ever were, by place
}

// place is an address in a protection domain.
type place struct {
	pd   kernel.ID
	addr uint64
}

// untold is a tap that nobody listens to.
type untold struct{}

func (untold) Trace(*memory.View) {}
func (untold) Read(*memory.View)  {}
func (untold) Asked(*memory.View) {}

// NewLive shows a target that stands, with the programs of which there is debug info.
// write says that memory may be changed.
func NewLive(ctx context.Context, t Target, dec kernel.Decoder, paging memory.Paging, files map[string]*debuginfo.File, write bool) (*Live, error) {
	a, err := arch.Of(t.Machine())
	if err != nil {
		return nil, err
	}
	l := &Live{target: t, arch: a, write: write, why: "attached", programs: components.New(files, scenario.Plain()),
		wanted: map[place]bool{}, set: map[place]*drive.Probe{}, counted: map[place]*view.BreakpointInfo{}}
	if l.programs.Kernel() == nil {
		return nil, errors.New("no debug info for the kernel: give its ELF")
	}
	l.m = machine.Of(t, dec, paging, a, l.programs.Kernel().File.PtrSize(), untold{})
	l.programs.On(l.m)
	l.drive = drive.New(t, l.m, l.programs, func() bool { return false }, drive.Owner{
		GoesOn:   func(context.Context) (*drive.Event, error) { return nil, nil },
		Stopped:  func(context.Context) (func() error, error) { return func() error { return nil }, nil },
		WatchHit: func(context.Context, target.Stop) (*drive.Event, error) { return nil, nil },
		RunEnds:  func() {},
	})
	if err := l.m.Look(ctx, 0); err != nil {
		return nil, err
	}
	return l, l.programs.CheckKernel()
}

// Arch is the processor's.
func (l *Live) Arch() arch.Arch { return l.arch }

// Reverse says that it does not go back.
func (l *Live) Reverse() bool { return false }

// Shown reads the kernel's objects.
func (l *Live) Shown(ctx context.Context) (*Shown, error) {
	sys, err := l.m.System(ctx)
	if err != nil {
		return nil, err
	}
	out := &Shown{System: sys, Names: l.programs.NameTasks(sys, nil), Files: map[kernel.ID]string{}, Shared: map[kernel.ID][]gdbremote.Library{}, Stopped: l.m.Stopped, Reason: l.why, CPUs: l.m.AllRegisters(),
		Machine: kernel.Machine{Phys: l.m.FreshView(), Paging: l.m.Paging, CPUs: l.m.CPUs()}}
	for _, o := range sys.PDs() {
		if c := l.programOf(sys, o); c != nil {
			out.Files[o.ID] = c.File.Path()
		}
		out.Shared[o.ID] = l.shared(o)
	}
	return out, nil
}

// shared are the libraries whose text a protection domain maps where their files have it:
// Genode's linker is linked to an address.
func (l *Live) shared(o *kernel.Object) (out []gdbremote.Library) {
	if o.PD.Kernel || o.PD.Root == 0 {
		return nil
	}
	for _, name := range l.programs.Names {
		c := l.programs.ByName[name]
		if segments := c.File.Segments(); c.Library() && len(segments) > 0 && c.Fits(l.m.TextSpace(o.PD.Root), l.m.Text) {
			out = append(out, gdbremote.Library{File: c.File.Path(), Addr: segments[0].VAddr})
		}
	}
	return out
}

// programOf is the program that a protection domain runs, nil if it is not known.
func (l *Live) programOf(sys *kernel.System, o *kernel.Object) *components.Component {
	if c := l.programs.OfTask(sys, o); c != nil || !o.PD.Kernel {
		return c
	}
	return l.programs.Kernel()
}

// Break notes what the debugger wants.
func (l *Live) Break(ctx context.Context, pd kernel.ID, addr uint64, insert bool) error {
	at := place{pd, addr}
	if !insert {
		if !l.wanted[at] {
			return gdbremote.ErrNotInserted
		}
		delete(l.wanted, at)
		return nil
	}
	if l.set[at] == nil {
		if _, err := l.probe(ctx, at); err != nil {
			return err
		}
	}
	l.wanted[at] = true
	return nil
}

// Forget forgets all breakpoints, which go as the guest goes on.
func (l *Live) Forget() { clear(l.wanted) }

// probe is a breakpoint that counts in one protection domain, though others run its
// program, too.
func (l *Live) probe(ctx context.Context, at place) (*drive.Probe, error) {
	sys, err := l.m.System(ctx)
	if err != nil {
		return nil, err
	}
	o := sys.Object(at.pd)
	if o == nil || o.PD == nil {
		return nil, fmt.Errorf("no protection domain %s at this stop", at.pd)
	}
	c := l.programs.At(sys, o, at.addr)
	if c == nil && o.PD.Kernel {
		c = l.programs.Kernel()
	}
	if c == nil {
		return nil, fmt.Errorf("which program %s runs is not known: give its debug info", at.pd)
	}
	info := l.counted[at]
	if info == nil {
		info = &view.BreakpointInfo{Component: c.Name, Function: fmt.Sprintf("%#x", at.addr), Purpose: view.PurposeBreak, Addrs: []uint64{at.addr}}
		l.counted[at] = info
	}
	roots := append([]uint64{o.PD.Root}, o.PD.Roots...)
	return &drive.Probe{Addr: at.addr, Comp: c, Info: info, Hit: func(context.Context) (*drive.Event, error) {
		if !o.PD.Kernel && !slices.Contains(roots, l.m.Here().Root) {
			info.Hits, info.Foreign = info.Hits-1, info.Foreign+1
			return nil, nil
		}
		return &drive.Event{Reason: fmt.Sprintf("breakpoint at %#x in %s", at.addr, c.Name)}, nil
	}}, nil
}

// sync has set on the target what is wanted.
func (l *Live) sync(ctx context.Context) error {
	for at, p := range l.set {
		if !l.wanted[at] {
			if err := l.drive.Breaks.RemoveProbe(ctx, p); err != nil {
				return err
			}
			delete(l.set, at)
		}
	}
	for at := range l.wanted {
		if l.set[at] != nil {
			continue
		}
		p, err := l.probe(ctx, at)
		if err == nil {
			err = l.drive.Breaks.AddProbe(ctx, p)
		}
		if err != nil {
			return err
		}
		l.set[at] = p
	}
	return nil
}

// Breaks tells the counts of all breakpoints that ever were set.
func (l *Live) Breaks() (lines []string) {
	for _, at := range slices.SortedFunc(maps.Keys(l.counted), func(a, b place) int { return int(a.addr - b.addr) }) {
		i := l.counted[at]
		lines = append(lines, fmt.Sprintf("%s in %s %s: hit %d×, %s× in other address spaces", i.Function, i.Component, at.pd, i.Hits, i.Elsewhere()))
	}
	return lines
}

// Write changes physical memory, if that is allowed.
func (l *Live) Write(ctx context.Context, addr uint64, data []byte) error {
	if !l.write {
		return ErrReadOnly
	}
	if err := l.target.WritePhysical(ctx, addr, data); err != nil {
		return err
	}
	return l.m.Look(ctx, l.m.Stopped)
}

// Resume lets the guest go on until a breakpoint, the end of ctx, or for one instruction.
func (l *Live) Resume(ctx context.Context, action gdbremote.Action) (end string, err error) {
	whole := context.WithoutCancel(ctx)
	l.programs.ForgetRoots()
	if action == gdbremote.ActionStep {
		before, user := l.m.Here(), l.m.CPU().User
		if _, err := l.drive.StepOnce(whole); err != nil {
			return "", err
		}
		l.drive.Breaks.NoteFault(before, user)
		l.why = "a step"
		return "", nil
	}
	if action != gdbremote.ActionContinue {
		return "", gdbremote.ErrUnsupported
	}
	if err := l.sync(whole); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() {
		l.drive.Asked.Store(true)
		_ = l.target.Interrupt() // the stop, or the loss of the target, will tell
	})
	defer stop()
	ev, err := l.drive.Run(whole, whole)
	if err != nil {
		return "", err
	}
	l.why = ev.Reason
	return "", nil
}

// Close takes all breakpoints off; the target itself is its owner's.
func (l *Live) Close(ctx context.Context) error {
	if l.target.Running() {
		return nil // it is lost, or its owner's interrupt comes: QEMU drops them with the connection
	}
	clear(l.wanted)
	return errors.Join(l.drive.Breaks.PutBack(ctx), l.sync(ctx))
}
