package live

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/session/target"
)

// stub is a machine behind a connection to its gdbstub.
type stub struct {
	mu     sync.Mutex        // guards client where it is not the session's goroutine that uses or replaces it
	client *gdbremote.Client // Reconnect makes another
	addr   string
	opts   Options
	name   string
	vm     *qemu.VM

	machine  elf.Machine
	cpus     []gdbremote.ThreadID
	system   []string // registers to ask for one by one
	reverses atomic.Bool
	stood    bool // the guest stood before (else it runs on at the end)

	reads context.Context // ends with Abort
	abort context.CancelFunc
}

// architectures are the names in target descriptions.
var architectures = map[string]elf.Machine{
	"i386:x86-64": elf.EM_X86_64,
	"i386":        elf.EM_386,
	"arm":         elf.EM_ARM,
	"aarch64":     elf.EM_AARCH64,
}

// maxCPUs bounds what a stub may claim: the registers of all are read at every
// stop.
const maxCPUs = 256

// identify asks what is on the other side.
func (t *stub) identify(ctx context.Context) error {
	// A guest that ran is stopped by attaching, and QEMU says so with a stop
	// nobody asked for; one that stood says nothing.
	defer func() {
		if t.stood = t.client.UnaskedStops() == 0; !t.stood {
			t.client.LetGoIfMute()
		}
	}()
	f := t.client.Features()
	t.reverses.Store(f.ReverseStep && f.ReverseContinue)
	if strings.Contains(f.Raw, "qXfer:threads:read+") { // QEMU's threads are processors, which need no names
		return fmt.Errorf("attaching to %s: it shows the kernel's threads, as `thaw serve` does, and no machine; attach to the guest's own stub once that has ended, `thaw top` there looks on beside it", t.name)
	}
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
func (t *stub) Name() string { return t.name }

// Machine is the processor's architecture.
func (t *stub) Machine() elf.Machine { return t.machine }

// systemRegisters are those that say which page tables are in use, and what came into
// the kernel, where the answer to `g` leaves them out: all names that QEMU has given them.
var systemRegisters = map[elf.Machine][]string{
	elf.EM_ARM:     {"TTBR0", "TTBR0_EL1", "TTBR0_S"},
	elf.EM_AARCH64: {"TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "SP_EL0", "ELR_EL1", "SPSR_EL1", "VBAR", "VBAR_EL1"},
}

// breakLength is what Z packets say about the instruction: its least length.
func (t *stub) breakLength() int {
	if t.machine == elf.EM_ARM || t.machine == elf.EM_AARCH64 {
		return 4
	}
	return 1
}

// SetBreaks sets break- and watchpoints, all or none. Hardware breakpoints leave memory
// as it is and have no small limit in QEMU.
//
// Requests about breakpoints end with an answer or the client's time limit, not
// with ctx: one that was sent and not waited for would stay in the stub.
func (t *stub) SetBreaks(ctx context.Context, list []target.Break) error {
	asked := t.breaks(list)
	if err := t.client.InsertAll(context.WithoutCancel(ctx), asked); err != nil {
		return fmt.Errorf("setting breakpoints: %w", t.lost(err))
	}
	failed := slices.IndexFunc(asked, func(b gdbremote.Breakpoint) bool { return b.Err != nil })
	if failed < 0 {
		return nil
	}
	why := fmt.Errorf("setting a %s at %#x: %w", asked[failed].Kind, asked[failed].Addr, asked[failed].Err)
	set := slices.DeleteFunc(asked, func(b gdbremote.Breakpoint) bool { return b.Err != nil })
	return errors.Join(why, t.lost(t.client.RemoveAll(context.WithoutCancel(ctx), set)))
}

// ClearBreaks removes them, as many as can be removed.
func (t *stub) ClearBreaks(ctx context.Context, list []target.Break) error {
	asked := t.breaks(list)
	if err := t.client.RemoveAll(context.WithoutCancel(ctx), asked); err != nil {
		return fmt.Errorf("removing breakpoints: %w", t.lost(err))
	}
	var errs []error
	for _, b := range asked {
		if b.Err != nil {
			errs = append(errs, fmt.Errorf("removing the %s at %#x: %w", b.Kind, b.Addr, b.Err))
		}
	}
	return errors.Join(errs...)
}

// breaks are break- and watchpoints in the client's words.
func (t *stub) breaks(list []target.Break) []gdbremote.Breakpoint {
	out := make([]gdbremote.Breakpoint, len(list))
	for i, b := range list {
		out[i] = gdbremote.Breakpoint{Kind: breakKinds[b.Kind], Addr: b.Addr, Length: b.Length}
		if b.Kind == target.Execute {
			out[i].Length = t.breakLength()
		}
	}
	return out
}

var breakKinds = map[target.BreakKind]gdbremote.BreakKind{
	target.WatchWrite: gdbremote.WatchWrite,
	target.WatchRead:  gdbremote.WatchRead,
	target.Execute:    gdbremote.HardwareBreak,
}

// WriteRegister sets a register of a processor.
func (t *stub) WriteRegister(ctx context.Context, cpu int, name string, value uint64) error {
	return t.lost(t.client.WriteRegister(context.WithoutCancel(ctx), t.cpus[cpu], name, value))
}

// PutRegisters puts a processor's registers back as they were.
func (t *stub) PutRegisters(ctx context.Context, cpu int, regs target.Registers) error {
	want, ok := regs.(*gdbremote.Registers)
	if !ok {
		return fmt.Errorf("putting back the registers of processor %d: they were not read from this target", cpu)
	}
	return t.lost(t.client.PutRegisters(context.WithoutCancel(ctx), t.cpus[cpu], want))
}

// WritePhysical writes physical memory, through the stub: the mapping of shared
// RAM is for reading.
func (t *stub) WritePhysical(ctx context.Context, addr uint64, data []byte) error {
	return t.lost(t.client.WriteMemory(context.WithoutCancel(ctx), gdbremote.Physical, addr, data))
}

// far says whether the stub is at the other end of a slow link.
func (t *stub) far() bool { return t.client.Turn() >= farTurn }

// farTurn is what the quickest request takes where each is worth sparing: on one machine
// it is some 0.1 ms, be it busy.
const farTurn = 2 * time.Millisecond

// Running says whether the guest runs.
func (t *stub) Running() bool { return t.client.Running() }

// Interrupt stops a running guest.
func (t *stub) Interrupt() error {
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
func (t *stub) Abort() { t.abort() }

// leave lets a guest run on that ran before. One that stood stays as it is: QEMU
// keeps a guest stopped whose debugger hangs up.
func (t *stub) leave(ctx context.Context) error {
	if err := t.halt(ctx); err != nil {
		err = fmt.Errorf("stopping the guest to leave it: %w", err)
		if !t.stood {
			err = errors.Join(err, t.client.LetGo())
		}
		return err
	}
	if t.stood {
		return errors.Join(t.client.ResetMode(ctx), t.client.Close())
	}
	if err := t.client.Detach(ctx); err != nil {
		return fmt.Errorf("detaching from %s: %w", t.name, err)
	}
	return t.client.Close()
}

// halt stops a guest that still runs.
func (t *stub) halt(ctx context.Context) error {
	if !t.client.Running() {
		return nil
	}
	if err := t.client.Interrupt(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, endsWithin)
	defer cancel()
	_, err := t.client.Wait(limited)
	return err
}

// lost explains a lost connection by the end of a QEMU that is ours.
func (t *stub) lost(err error) error {
	if err == nil || t.vm == nil || !errors.Is(err, gdbremote.ErrConnection) {
		return err
	}
	select {
	case <-t.vm.Done():
		return t.vm.Exit()
	case <-time.After(endsWithin):
		return err
	}
}

// endsWithin is how long a QEMU that hung up may take to end, and a guest to stop for a
// user who leaves.
const endsWithin = 2 * time.Second

// Gone is closed once the machine's side of the connection has ended.
func (t *stub) Gone() <-chan struct{} { return t.client.Gone() }

// Disconnect leaves the machine as Close does, but does not end one that was
// started for this session.
func (t *stub) Disconnect(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if t.client.Err() != nil {
		return nil
	}
	return errors.Join(t.leave(ctx), t.client.Close())
}

// executed is what `info replay` says.
var executed = regexp.MustCompile(`instruction count = (\d+)`)

// Position is how many instructions of the recorded run were executed.
func (t *stub) Position(ctx context.Context) (uint64, error) {
	text, err := t.client.Monitor(ctx, recordedRun)
	if err != nil {
		return 0, t.lost(err)
	}
	m := executed.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("QEMU does not tell the position in the recorded run: %q", strings.TrimSpace(text))
	}
	return strconv.ParseUint(m[1], 10, 64)
}

// tell runs a command of QEMU's monitor that says something only if it fails.
func (t *stub) tell(ctx context.Context, command string) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveWithin)
	defer cancel()
	text, err := t.client.Monitor(limited, command)
	if err != nil {
		return t.lost(err)
	}
	if text = strings.TrimSpace(text); text != "" {
		return fmt.Errorf("QEMU's %s: %s", command, strings.TrimPrefix(text, "Error: "))
	}
	return nil
}
