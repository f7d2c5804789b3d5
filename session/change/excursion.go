package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/memcompare"
	"thaw/session/target"
)

// An excursion executes a thread's next instructions on the stopped processor, to
// see what it would do, and leaves no trace of it: registers and user memory are
// put back. It ends before a system call, so nobody else is told anything. Pages
// that the pager would map on demand are lent for the time being.

// excursion is what a thread would do from a state on.
type excursion struct {
	steps []step
	end   string // why it ended: endSystemCall, endLimit, or an exception in words
	last  uint64 // ip at the end
	// The capability selector that the system call names.
	selector uint64
	known    bool

	root     uint64
	attached []memcompare.Attachment
	pages    []memory.Request // to be put back, page-table entries among them
}

// step is one instruction with the registers before it.
type step struct {
	ip   uint64
	regs []kernel.Register
}

// errNotPutBack says that the guest may not be as it was before an excursion.
var errNotPutBack = errors.New("putting the guest back as it was")

// Why excursions end.
const (
	endSystemCall = "system call"
	endLimit      = "still in user mode"
)

// maxExcursion bounds an excursion, in instructions.
const maxExcursion = 3000

// Putter is a target whose registers can be put back as they were.
type Putter interface {
	Writer
	// PutRegisters writes all registers of a processor that differ from those of
	// an earlier stop.
	PutRegisters(ctx context.Context, cpu int, regs target.Registers) error
}

// excursion executes up to maxExcursion instructions in the address space with
// the page tables at root, from a register state on.
func (ch *Changer) excursion(ctx context.Context, w Putter, root uint64, start []kernel.Register, attached []memcompare.Attachment) (x excursion, err error) {
	leave, err := ch.exceptionReturn()
	if err != nil {
		return x, err
	}
	saved, cpu := ch.m.Registers(), ch.m.Stopped
	x.root, x.attached = root, attached
	if x.pages, err = ch.userPages(root); err != nil {
		return x, err
	}
	stack, err := ch.trapStack(ctx)
	if err != nil {
		return x, err
	}
	x.pages = append(x.pages, stack...)
	defer func() {
		// Even if the user leaves meanwhile. Setting the root anew makes the processor
		// forget pages that were lent.
		ctx := context.WithoutCancel(ctx)
		back := errors.Join(ch.putPages(ctx, w, x.pages), w.PutRegisters(ctx, cpu, saved),
			w.WriteRegister(ctx, cpu, ch.m.Arch.RootRegister, arch.Value(saved, ch.m.Arch.RootRegister)), ch.m.Look(ctx, cpu))
		if back != nil {
			err = errors.Join(err, fmt.Errorf("%w: %w", errNotPutBack, back))
		}
	}()
	own := []kernel.Register{{Name: ch.m.Arch.RootRegister, Value: root}, {Name: ch.m.Arch.FaultAddress, Value: noFault},
		{Name: ch.m.Arch.LazyFPU, Value: arch.Value(saved, ch.m.Arch.LazyFPU) &^ ch.m.Arch.LazyFPUBit}}
	for _, r := range append(own, start...) {
		if err := w.WriteRegister(ctx, ch.m.Stopped, r.Name, r.Value); err != nil {
			return x, err
		}
	}
	if err := ch.m.Look(ctx, ch.m.Stopped); err != nil {
		return x, err
	}
	err = ch.follow(ctx, w, leave, &x)
	return x, err
}

// follow executes instructions until the program enters the kernel.
func (ch *Changer) follow(ctx context.Context, w Putter, leave uint64, x *excursion) error {
	for n := 0; ; n++ {
		cpu := ch.m.CPU()
		x.last = cpu.IP
		if len(x.steps) == 0 || x.steps[len(x.steps)-1].ip != cpu.IP { // repetitions are one instruction
			regs := append(slices.Clone(cpu.Registers), kernel.Register{Name: ch.m.Arch.SP, Value: cpu.SP})
			x.steps = append(x.steps, step{cpu.IP, regs})
		}
		if ch.atSystemCall(cpu.IP) {
			x.end = endSystemCall
			x.selector, x.known = kernel.RegisterIn(cpu.Registers, ch.m.Decoder.Platform().Selector)
			return nil
		}
		if n == maxExcursion {
			x.end = endLimit
			return nil
		}
		if err := ch.drive.StepThrough(ctx); err != nil {
			return err
		}
		if ch.m.CPU().User {
			continue
		}
		x.end = ch.exceptionText()
		fault := arch.Value(ch.m.Registers(), ch.m.Arch.FaultAddress)
		if err := ch.leaveKernel(ctx, w, leave, cpu.IP); err != nil {
			return err
		}
		if lent, err := ch.lend(ctx, w, x, fault); err != nil || !lent {
			return err
		}
	}
}

// entries makes entries of page tables.
type entries interface {
	Entry(phys uint64, writable bool) uint64
}

// lend maps the page that is attached at an address, until the excursion's end,
// and says whether there is one. Tables are not made: only a missing entry of the
// last level is filled in.
func (ch *Changer) lend(ctx context.Context, w Putter, x *excursion, addr uint64) (bool, error) {
	size := ch.m.Paging.PageSize()
	tables, ok := ch.m.Paging.(entries)
	phys, writable, known := memcompare.AttachedPage(x.attached, addr&^(size-1), size)
	_, _, err := ch.m.Space().Translate(addr)
	var fault *memory.Fault
	if addr == noFault || !ok || !known || !errors.As(err, &fault) || fault.Level != 1 || fault.At == 0 {
		return false, nil
	}
	before := []memory.Request{{Addr: phys, Buf: make([]byte, size)}, {Addr: fault.At, Buf: make([]byte, ch.m.PtrSize())}}
	if err := ch.m.ReadPhysical(before); err != nil {
		return false, err
	}
	x.pages = append(x.pages, before...)
	if err := w.WritePhysical(ctx, fault.At, ch.m.Word(tables.Entry(phys, writable))); err != nil {
		return false, fmt.Errorf("lending the page at %#x: %w", addr, err)
	}
	if err := w.WriteRegister(ctx, ch.m.Stopped, ch.m.Arch.FaultAddress, noFault); err != nil {
		return false, err
	}
	return true, ch.m.Look(ctx, ch.m.Stopped)
}

// atSystemCall says whether the instruction at ip enters the kernel on purpose.
func (ch *Changer) atSystemCall(ip uint64) bool {
	for _, code := range ch.m.Arch.SystemCalls {
		got := make([]byte, len(code))
		if ch.code().ReadMemory(ip, got) == nil && bytes.Equal(got, code) {
			return true
		}
	}
	return false
}

// noFault is put into the register with the address of the last page fault, so
// that a new one shows.
const noFault = ^uint64(0)

// exceptionText says which exception the processor has just taken.
func (ch *Changer) exceptionText() string {
	if addr := arch.Value(ch.m.Registers(), ch.m.Arch.FaultAddress); addr != noFault {
		return fmt.Sprintf("page fault at %#x", addr)
	}
	return fmt.Sprintf("exception, handled at %s", ch.programs.Kernel().Place(ch.m.CPU().IP))
}

// leaveKernel takes the processor, which an exception has just brought into the
// kernel, back to user mode by the exception's own frame.
func (ch *Changer) leaveKernel(ctx context.Context, w Writer, leave, ip uint64) error {
	at, err := ch.trapFrame(ip)
	if err != nil {
		return err
	}
	for _, r := range []kernel.Register{{Name: ch.m.Arch.SP, Value: at}, {Name: ch.m.Arch.IP, Value: leave}} {
		if err := w.WriteRegister(ctx, ch.m.Stopped, r.Name, r.Value); err != nil {
			return err
		}
	}
	if err := ch.stepOn(ctx); err != nil {
		return fmt.Errorf("leaving the kernel after an exception at %#x: %w", ip, err)
	}
	if cpu := ch.m.CPU(); !cpu.User {
		return fmt.Errorf("leaving the kernel after an exception at %#x: the processor is at %#x", ip, cpu.IP)
	}
	return nil
}

// userPages reads the pages of an address space that user mode can write.
func (ch *Changer) userPages(root uint64) ([]memory.Request, error) {
	size := ch.m.Paging.PageSize()
	space := ch.m.Fresh(root)
	mapped, more, err := space.Mapped(0, ch.m.Arch.UserEnd, memcompare.MaxMemory)
	if err != nil {
		return nil, fmt.Errorf("listing the pages at %#x: %w", root, err)
	}
	var reqs []memory.Request
	for _, p := range mapped {
		for off := uint64(0); p.User && p.Writable && off < p.Size && len(reqs) <= memcompare.MaxMemory; off += size {
			reqs = append(reqs, memory.Request{Addr: p.Phys + off, Buf: make([]byte, size)})
		}
	}
	if more || len(reqs) > memcompare.MaxMemory {
		return nil, fmt.Errorf("the address space at %#x maps more than %d pages: too many to put back", root, memcompare.MaxMemory)
	}
	return reqs, ch.m.ReadPhysical(reqs)
}

// trapStack reads what an exception would overwrite on the current thread's kernel
// stack, as far as user mode's page tables map it.
func (ch *Changer) trapStack(ctx context.Context) ([]memory.Request, error) {
	if err := ch.m.FindStacks(ctx); err != nil {
		return nil, err
	}
	n := uint64((trapWords + 1) * ch.m.PtrSize())
	sp := ch.m.CPU().KernelSP
	_, phys, err := ch.m.Space().Translate(sp - n)
	if sp == 0 || err != nil {
		return nil, nil //nolint:nilerr // hidden from user mode: the exception pushes elsewhere
	}
	reqs := []memory.Request{{Addr: phys, Buf: make([]byte, n)}}
	return reqs, ch.m.ReadPhysical(reqs)
}

// putPages writes back what differs from what was read before; of memory that was
// read twice, the first. Where it cannot be read any more, since the user leaves,
// all is written.
func (ch *Changer) putPages(ctx context.Context, w Writer, before []memory.Request) error {
	now := make([]memory.Request, 0, len(before))
	for _, q := range before {
		now = append(now, memory.Request{Addr: q.Addr, Buf: make([]byte, len(q.Buf))})
	}
	unread := ch.m.ReadPhysical(now) != nil
	for i, q := range slices.Backward(before) {
		if q.Err != nil || !unread && now[i].Err == nil && bytes.Equal(q.Buf, now[i].Buf) {
			continue
		}
		if err := w.WritePhysical(ctx, q.Addr, q.Buf); err != nil {
			return fmt.Errorf("putting back %d bytes at %#x: %w", len(q.Buf), q.Addr, err)
		}
	}
	return nil
}
