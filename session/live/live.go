// Package live is a session's target that is alive: QEMU, reached through its
// gdbstub.
//
// It knows the remote protocol client, QEMU's monitor output and, for machines
// it started, the VM. It must not know kernels, phases or debug info.
package live

import (
	"cmp"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/memory"
	"thaw/session/target"
)

// Options say how to attach.
type Options struct {
	GDB gdbremote.Options
	// Name is what users see as the target, "" for the address.
	Name string
	// VM is set if the machine was started for this session: it is stopped at
	// the end, and its RAM may be shared.
	VM *qemu.VM
	// RAM is the file that the guest's RAM is shared as, "" if it is not, or if
	// the VM tells.
	RAM string
	// PID is the process that runs the guest, to read its RAM in; 0: VM's, or the
	// one at the other end of the connection.
	PID int
	// StubOnly says to read memory through the stub, though QEMU's process might
	// be read.
	StubOnly bool
	// End is the position of the end of the recorded run that QEMU replays, in
	// instructions; 0 if it is not known, or none is replayed.
	End uint64
	// ReverseWithin is how long QEMU may take to go back; a minute if zero.
	ReverseWithin time.Duration
	// Serial is where the guest's serial output comes from, nil if nowhere.
	Serial io.Reader
	// OpenSerial opens that again after a connection that was lost, nil if it
	// does not end with QEMU.
	OpenSerial func() (io.ReadCloser, error)
}

// Target is a live machine.
type Target struct {
	mu            sync.Mutex        // guards client where it is not the session's goroutine that uses or replaces it
	client        *gdbremote.Client // Reconnect makes another
	addr          string
	opts          Options
	name          string
	machine       elf.Machine
	vm            *qemu.VM
	shared        *ramView // nil if there is none
	warning       string   // to be told once
	cpus          []gdbremote.ThreadID
	system        []string       // registers to ask for one by one
	tss           map[int]uint64 // base of each processor's task-state segment
	log           *logLines
	advances      *bool           // it may be resumed with other registers, nil if nobody asked
	writes        bool            // the stub has written memory
	written       map[string]bool // registers that it has written
	serial        io.Closer       // that Reconnect has opened, nil if none
	stood         bool            // the guest stood before (else it runs on at the end)
	abandoned     string          // what tells that a debugger before ended without taking leave, "" if nothing does
	found         bool            // stood, as Reconnect has found it
	exited        bool            // the stub said that QEMU ends
	reverseWithin time.Duration
	reverses      atomic.Bool
	end           uint64          // of the recorded run
	runEnds       bool            // Wait has to tell that its end was reached
	reads         context.Context // ends with Abort
	abort         context.CancelFunc
}

// Attach connects to a gdbstub. The guest stands afterwards.
func Attach(ctx context.Context, addr string, o Options) (*Target, error) {
	client, err := gdbremote.Dial(ctx, addr, o.GDB)
	if err != nil {
		return nil, err
	}
	if o.RAM == "" && o.VM != nil {
		o.RAM = o.VM.RAMPath()
	}
	reads, abort := context.WithCancel(context.Background())
	t := &Target{client: client, reads: reads, abort: abort, addr: addr, opts: o, name: cmp.Or(o.Name, addr), vm: o.VM, tss: map[int]uint64{}, written: map[string]bool{}, log: newLogLines(o.Serial),
		end: o.End, reverseWithin: cmp.Or(o.ReverseWithin, reverseWithin)}
	if err := t.identify(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	if err := t.openRAM(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	if err := t.lookAbandoned(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

// lookAbandoned finds out whether a guest that stands was left so by a debugger that
// ended without taking leave. Two things tell: QEMU stopped it for a debugger, or
// still reads physical memory for one. Where it only says "paused", its owner may
// have done it.
func (t *Target) lookAbandoned(ctx context.Context) error {
	if !t.stood || t.vm != nil {
		return nil
	}
	status, err := t.client.Monitor(ctx, "info status")
	if t.client.Err() != nil || ctx.Err() != nil {
		return fmt.Errorf("attaching to %s: asking why the guest stands: %w", t.name, err)
	}
	if t.client.Abandoned() || err == nil && strings.Contains(status, "(debug)") {
		t.abandoned = "the guest stands since a debugger ended without letting it go on, as a thaw that is killed does; it is left standing: `cont` in QEMU's monitor lets it go on"
		t.warning = t.abandoned
	}
	return nil
}

// Abandoned says so if the guest was found standing, and left so by a debugger that
// ended without taking leave; else "".
func (t *Target) Abandoned() string { return t.abandoned }

// architectures are the names in target descriptions.
var architectures = map[string]elf.Machine{
	"i386:x86-64": elf.EM_X86_64,
	"i386":        elf.EM_386,
	"arm":         elf.EM_ARM,
}

// maxCPUs bounds what a stub may claim: the registers of all are read at every
// stop.
const maxCPUs = 256

// identify asks what is on the other side.
func (t *Target) identify(ctx context.Context) error {
	// A guest that ran is stopped by attaching, and QEMU says so with a stop
	// nobody asked for; one that stood says nothing.
	defer func() { t.stood = t.client.UnaskedStops() == 0 }()
	f := t.client.Features()
	t.reverses.Store(f.ReverseStep && f.ReverseContinue)
	if t.client.Description() == nil {
		return fmt.Errorf("attaching to %s: the stub does not describe its processor; it must be QEMU's", t.name)
	}
	name := t.client.Description().Architecture
	m, ok := architectures[name]
	if !ok {
		return fmt.Errorf("attaching to %s: the stub's processor is %q, and x86_64 and ARM are supported", t.name, name)
	}
	t.machine = m
	for _, name := range systemRegisters[m] {
		if _, ok := t.client.Description().Register(name); ok {
			t.system = append(t.system, name)
		}
	}
	if !t.client.HasPhysical() {
		return fmt.Errorf("attaching to %s: the stub cannot read physical memory (Qqemu.PhyMemMode); it must be QEMU's", t.name)
	}
	var err error
	if t.cpus, err = t.client.Threads(ctx); err != nil {
		return fmt.Errorf("attaching to %s: listing processors: %w", t.name, err)
	}
	if n := len(t.cpus); n == 0 || n > maxCPUs {
		return fmt.Errorf("attaching to %s: the stub lists %d processors, and 1 to %d are supported", t.name, n, maxCPUs)
	}
	return nil
}

// Name is the address.
func (t *Target) Name() string { return t.name }

// Machine is the processor's architecture.
func (t *Target) Machine() elf.Machine { return t.machine }

// BlockSize suits the way memory is read.
func (t *Target) BlockSize() uint64 {
	if t.ram() != nil {
		return memory.SharedBlock
	}
	return memory.StubBlock
}

// ReadPhysical reads from shared RAM or QEMU's process where that is possible, else
// through the stub.
func (t *Target) ReadPhysical(reqs []memory.Request) error {
	switch ram := t.ram(); {
	case ram == nil:
		return t.ReadStub(reqs)
	case ram.file != nil:
		return ram.file.ReadPhysical(reqs)
	default:
		return t.readProcess(ram.process, reqs)
	}
}

// At is guest memory where it lies, nil if the guest's RAM is not shared; see
// memory.InPlace.
func (t *Target) At(addr uint64, n int) []byte {
	if ram := t.ram(); ram != nil && ram.file != nil {
		return ram.file.At(addr, n)
	}
	return nil
}

// CPUs reads the registers of all processors.
func (t *Target) CPUs(ctx context.Context) ([]target.Registers, error) {
	out := make([]target.Registers, 0, len(t.cpus))
	for i, id := range t.cpus {
		r, err := t.client.ReadRegisters(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("processor %d: %w", i, t.lost(err))
		}
		if err := t.client.Fetch(ctx, id, r, t.system...); err != nil {
			return nil, fmt.Errorf("processor %d: %w", i, t.lost(err))
		}
		out = append(out, r)
	}
	return out, t.proveAgain(ctx)
}

// systemRegisters are those that say which page tables are in use, where the
// answer to `g` leaves them out: all names that QEMU has given them.
var systemRegisters = map[elf.Machine][]string{
	elf.EM_ARM: {"TTBR0", "TTBR0_EL1", "TTBR0_S"},
}

// taskRegister is the line of `info registers` that tells where the task-state
// segment lies: selector, base, limit, attributes.
var taskRegister = regexp.MustCompile(`(?m)^TR\s*=\s*[0-9a-fA-F]+\s+([0-9a-fA-F]+)\s`)

// KernelStack reads rsp0 of the processor's task-state segment (AMD64
// Architecture Programmer's Manual, volume 2, 12.2.5). Only the monitor tells
// where the segment lies, once: kernels leave it in place.
func (t *Target) KernelStack(ctx context.Context, cpu int, mem memory.Reader) (uint64, error) {
	if t.machine != elf.EM_X86_64 {
		return 0, nil
	}
	base, ok := t.tss[cpu]
	if !ok {
		t.client.SelectThread(t.cpus[cpu])
		text, err := t.client.Monitor(ctx, "info registers")
		if gdbremote.IsUnsupported(err) {
			return 0, nil
		}
		if err != nil {
			return 0, t.lost(err)
		}
		m := taskRegister.FindStringSubmatch(text)
		if m == nil {
			return 0, nil
		}
		if base, err = strconv.ParseUint(m[1], 16, 64); err != nil || base == 0 {
			return 0, nil // not set up so far
		}
		t.tss[cpu] = base
	}
	const rsp0 = 4
	sp, err := memory.Uint(mem, base+rsp0, 8)
	var fault *memory.Fault
	if errors.As(err, &fault) {
		return 0, nil // hidden from user mode
	}
	return sp, err
}

// breakLength is what Z packets say about the instruction: its least length.
func (t *Target) breakLength() int {
	if t.machine == elf.EM_ARM {
		return 4
	}
	return 1
}

// SetBreakpoint sets a breakpoint at a virtual address of every address space.
// Hardware breakpoints leave memory as it is and have no small limit in QEMU.
//
// Requests about breakpoints end with an answer or the client's time limit, not
// with ctx: one that was sent and not waited for would stay in the stub.
func (t *Target) SetBreakpoint(ctx context.Context, addr uint64) error {
	return t.lost(t.client.Insert(context.WithoutCancel(ctx), gdbremote.HardwareBreak, addr, t.breakLength()))
}

// ClearBreakpoint removes it.
func (t *Target) ClearBreakpoint(ctx context.Context, addr uint64) error {
	return t.lost(t.client.Remove(context.WithoutCancel(ctx), gdbremote.HardwareBreak, addr, t.breakLength()))
}

var watchKinds = map[target.WatchKind]gdbremote.BreakKind{
	target.WatchWrite: gdbremote.WatchWrite,
	target.WatchRead:  gdbremote.WatchRead,
}

// SetWatch sets a watchpoint at a virtual address.
func (t *Target) SetWatch(ctx context.Context, kind target.WatchKind, addr uint64, length int) error {
	return t.lost(t.client.Insert(context.WithoutCancel(ctx), watchKinds[kind], addr, length))
}

// ClearWatch removes it.
func (t *Target) ClearWatch(ctx context.Context, kind target.WatchKind, addr uint64, length int) error {
	return t.lost(t.client.Remove(context.WithoutCancel(ctx), watchKinds[kind], addr, length))
}

// WriteRegister sets a register of a processor.
func (t *Target) WriteRegister(ctx context.Context, cpu int, name string, value uint64) error {
	return t.lost(t.client.WriteRegister(context.WithoutCancel(ctx), t.cpus[cpu], name, value))
}

// PutRegisters puts a processor's registers back as they were.
func (t *Target) PutRegisters(ctx context.Context, cpu int, regs target.Registers) error {
	want, ok := regs.(*gdbremote.Registers)
	if !ok {
		return fmt.Errorf("putting back the registers of processor %d: they were not read from this target", cpu)
	}
	return t.lost(t.client.PutRegisters(context.WithoutCancel(ctx), t.cpus[cpu], want))
}

// WritePhysical writes physical memory, through the stub: the mapping of shared
// RAM is for reading.
func (t *Target) WritePhysical(ctx context.Context, addr uint64, data []byte) error {
	return t.lost(t.client.WriteMemory(context.WithoutCancel(ctx), gdbremote.Physical, addr, data))
}

// Running says whether the guest runs.
func (t *Target) Running() bool { return t.client.Running() }

// Interrupt stops a running guest.
func (t *Target) Interrupt() error {
	t.mu.Lock()
	client := t.client
	t.mu.Unlock()
	if !client.Running() {
		return nil
	}
	return client.Interrupt()
}

// Abort ends the reading of memory, for good: a stub may answer as slowly as it
// likes, and nobody wants to know any more. What it takes to leave the guest in
// order still works. Any goroutine may call it.
func (t *Target) Abort() { t.abort() }

// Log returns new lines of the guest's serial output.
func (t *Target) Log() []string { return t.log.take() }

// Close ends a machine that was started for this session; any other is left as
// it was found, even if ctx is over.
func (t *Target) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	t.abort()
	errs := []error{t.unmap()}
	if t.serial != nil {
		errs = append(errs, t.serial.Close())
	}
	if t.vm != nil {
		errs = append(errs, t.client.Close(), t.vm.Stop(ctx))
	} else if t.client.Err() == nil {
		errs = append(errs, t.leave(ctx))
	}
	return errors.Join(errs...)
}

// leave lets a guest run on that ran before. One that stood stays as it is: QEMU
// keeps a guest stopped whose debugger hangs up.
func (t *Target) leave(ctx context.Context) error {
	if t.client.Running() {
		if err := t.client.Interrupt(); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, endsWithin)
		defer cancel()
		if _, err := t.client.Wait(limited); err != nil {
			return fmt.Errorf("stopping the guest to leave it: %w", err)
		}
	}
	if t.stood {
		return errors.Join(t.client.ResetMode(ctx), t.client.Close())
	}
	if err := t.client.Detach(ctx); err != nil {
		return fmt.Errorf("detaching from %s: %w", t.name, err)
	}
	return t.client.Close()
}
