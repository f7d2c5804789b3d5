package inferiors

import (
	"context"
	"debug/elf"
	"errors"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/scenario"
	"thaw/session/target"
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
	driven
	target Target
	arch   arch.Arch
	write  bool
	why    string // it stands
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
	l := &Live{driven: newDriven(components.New(files, scenario.Plain())), target: t, arch: a, write: write, why: "attached"}
	if l.programs.Kernel() == nil {
		return nil, errors.New("no debug info for the kernel: give its ELF")
	}
	l.m = machine.Of(t, dec, paging, a, l.programs.Kernel().File.PtrSize(), untold{})
	l.programs.On(l.m)
	l.drive = drive.New(t, l.m, l.programs, func() bool { return false }, drive.Owner{
		GoesOn:   func(context.Context) (*drive.Event, error) { return nil, nil },
		Stopped:  func(context.Context) (func() error, error) { return func() error { return nil }, nil },
		WatchHit: func(context.Context, target.Stop) (*drive.Event, error) { return nil, nil },
		Words:    func() []target.Break { return nil },
		Stores: func(context.Context) func() (*drive.Event, error) {
			return func() (*drive.Event, error) { return nil, nil }
		},
		Accessed: func(context.Context, target.Stop, target.Registers) (*drive.Event, error) { return nil, nil },
		Others:   func(context.Context, target.Stop, map[int]*evidence.Track) (*drive.Event, error) { return nil, nil },
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
	return l.shown(sys, l.programs.NameTasks(sys, nil), l.why), nil
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
func (l *Live) Resume(ctx context.Context, action gdbremote.Action, back *kernel.Object) (end string, err error) {
	whole := context.WithoutCancel(ctx)
	l.programs.ForgetRoots()
	if action == gdbremote.ActionStep && back == nil {
		before, user := l.m.Here(), l.m.CPU().User
		if _, err := l.drive.StepOnce(whole); err != nil {
			return "", err
		}
		l.drive.Breaks.NoteFault(before, user)
		l.why = "a step"
		return "", nil
	}
	if action != gdbremote.ActionContinue && back == nil {
		return "", gdbremote.ErrUnsupported
	}
	if err := l.sync(whole, back, action == gdbremote.ActionStep); err != nil {
		return "", err
	}
	interrupt := func() {
		l.drive.Asked.Store(true)
		_ = l.target.Interrupt() // the stop, or the loss of the target, will tell
	}
	if err := l.drive.Until(ctx, interrupt, func() error {
		ev, err := l.drive.Run(whole, whole)
		if err == nil {
			l.why = ev.Reason
		}
		return err
	}); err != nil {
		return "", err
	}
	return "", l.waitsNoMore(whole)
}

// Close takes all breakpoints off; the target itself is its owner's.
func (l *Live) Close(ctx context.Context) error {
	if l.target.Running() {
		return nil // it is lost, or its owner's interrupt comes: QEMU drops them with the connection
	}
	return errors.Join(l.drive.Breaks.PutBack(ctx), l.removeAll(ctx))
}
