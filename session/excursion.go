package session

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
	Changer
	// PutRegisters writes all registers of a processor that differ from those of
	// an earlier stop.
	PutRegisters(ctx context.Context, cpu int, regs target.Registers) error
}

// excursion executes up to maxExcursion instructions in the address space with
// the page tables at root, from a register state on.
func (e *Engine) excursion(ctx context.Context, w Putter, root uint64, start []kernel.Register, attached []memcompare.Attachment) (x excursion, err error) {
	leave, err := e.exceptionReturn()
	if err != nil {
		return x, err
	}
	saved, cpu := e.m.Registers(), e.m.Stopped
	x.root, x.attached = root, attached
	if x.pages, err = e.userPages(root); err != nil {
		return x, err
	}
	stack, err := e.trapStack(ctx)
	if err != nil {
		return x, err
	}
	x.pages = append(x.pages, stack...)
	defer func() {
		// Even if the user leaves meanwhile. Setting the root anew makes the processor
		// forget pages that were lent.
		ctx := context.WithoutCancel(ctx)
		back := errors.Join(e.putPages(ctx, w, x.pages), w.PutRegisters(ctx, cpu, saved),
			w.WriteRegister(ctx, cpu, e.m.Arch.RootRegister, arch.Value(saved, e.m.Arch.RootRegister)), e.m.Look(ctx, cpu))
		if back != nil {
			err = errors.Join(err, fmt.Errorf("%w: %w", errNotPutBack, back))
		}
	}()
	own := []kernel.Register{{Name: e.m.Arch.RootRegister, Value: root}, {Name: e.m.Arch.FaultAddress, Value: noFault},
		{Name: e.m.Arch.LazyFPU, Value: arch.Value(saved, e.m.Arch.LazyFPU) &^ e.m.Arch.LazyFPUBit}}
	for _, r := range append(own, start...) {
		if err := w.WriteRegister(ctx, e.m.Stopped, r.Name, r.Value); err != nil {
			return x, err
		}
	}
	if err := e.m.Look(ctx, e.m.Stopped); err != nil {
		return x, err
	}
	err = e.follow(ctx, w, leave, &x)
	return x, err
}

// follow executes instructions until the program enters the kernel.
func (e *Engine) follow(ctx context.Context, w Putter, leave uint64, x *excursion) error {
	for n := 0; ; n++ {
		cpu := e.m.CPU()
		x.last = cpu.IP
		if len(x.steps) == 0 || x.steps[len(x.steps)-1].ip != cpu.IP { // repetitions are one instruction
			regs := append(slices.Clone(cpu.Registers), kernel.Register{Name: e.m.Arch.SP, Value: cpu.SP})
			x.steps = append(x.steps, step{cpu.IP, regs})
		}
		if e.atSystemCall(cpu.IP) {
			x.end = endSystemCall
			x.selector, x.known = kernel.RegisterIn(cpu.Registers, e.m.Decoder.Platform().Selector)
			return nil
		}
		if n == maxExcursion {
			x.end = endLimit
			return nil
		}
		if err := e.stepTo(ctx); err != nil {
			return err
		}
		if e.m.CPU().User {
			continue
		}
		x.end = e.exceptionText()
		fault := arch.Value(e.m.Registers(), e.m.Arch.FaultAddress)
		if err := e.leaveKernel(ctx, w, leave, cpu.IP); err != nil {
			return err
		}
		if lent, err := e.lend(ctx, w, x, fault); err != nil || !lent {
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
func (e *Engine) lend(ctx context.Context, w Putter, x *excursion, addr uint64) (bool, error) {
	size := e.m.Paging.PageSize()
	tables, ok := e.m.Paging.(entries)
	phys, writable, known := memcompare.AttachedPage(x.attached, addr&^(size-1), size)
	_, _, err := e.m.Space().Translate(addr)
	var fault *memory.Fault
	if addr == noFault || !ok || !known || !errors.As(err, &fault) || fault.Level != 1 || fault.At == 0 {
		return false, nil
	}
	before := []memory.Request{{Addr: phys, Buf: make([]byte, size)}, {Addr: fault.At, Buf: make([]byte, e.m.PtrSize())}}
	if err := e.m.ReadPhysical(before); err != nil {
		return false, err
	}
	x.pages = append(x.pages, before...)
	if err := w.WritePhysical(ctx, fault.At, e.m.Word(tables.Entry(phys, writable))); err != nil {
		return false, fmt.Errorf("lending the page at %#x: %w", addr, err)
	}
	if err := w.WriteRegister(ctx, e.m.Stopped, e.m.Arch.FaultAddress, noFault); err != nil {
		return false, err
	}
	return true, e.m.Look(ctx, e.m.Stopped)
}

// atSystemCall says whether the instruction at ip enters the kernel on purpose.
func (e *Engine) atSystemCall(ip uint64) bool {
	for _, code := range e.m.Arch.SystemCalls {
		got := make([]byte, len(code))
		if e.code().ReadMemory(ip, got) == nil && bytes.Equal(got, code) {
			return true
		}
	}
	return false
}

// noFault is put into the register with the address of the last page fault, so
// that a new one shows.
const noFault = ^uint64(0)

// exceptionText says which exception the processor has just taken.
func (e *Engine) exceptionText() string {
	if addr := arch.Value(e.m.Registers(), e.m.Arch.FaultAddress); addr != noFault {
		return fmt.Sprintf("page fault at %#x", addr)
	}
	return fmt.Sprintf("exception, handled at %s", e.programs.Kernel().Place(e.m.CPU().IP))
}

// leaveKernel takes the processor, which an exception has just brought into the
// kernel, back to user mode by the exception's own frame.
func (e *Engine) leaveKernel(ctx context.Context, w Changer, leave, ip uint64) error {
	at, err := e.trapFrame(ip)
	if err != nil {
		return err
	}
	for _, r := range []kernel.Register{{Name: e.m.Arch.SP, Value: at}, {Name: e.m.Arch.IP, Value: leave}} {
		if err := w.WriteRegister(ctx, e.m.Stopped, r.Name, r.Value); err != nil {
			return err
		}
	}
	if err := e.stepOn(ctx); err != nil {
		return fmt.Errorf("leaving the kernel after an exception at %#x: %w", ip, err)
	}
	if cpu := e.m.CPU(); !cpu.User {
		return fmt.Errorf("leaving the kernel after an exception at %#x: the processor is at %#x", ip, cpu.IP)
	}
	return nil
}

// userPages reads the pages of an address space that user mode can write.
func (e *Engine) userPages(root uint64) ([]memory.Request, error) {
	size := e.m.Paging.PageSize()
	space := e.m.Fresh(root)
	mapped, more, err := space.Mapped(0, e.m.Arch.UserEnd, memcompare.MaxMemory)
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
	return reqs, e.m.ReadPhysical(reqs)
}

// trapStack reads what an exception would overwrite on the current thread's kernel
// stack, as far as user mode's page tables map it.
func (e *Engine) trapStack(ctx context.Context) ([]memory.Request, error) {
	if err := e.m.FindStacks(ctx); err != nil {
		return nil, err
	}
	n := uint64((trapWords + 1) * e.m.PtrSize())
	sp := e.m.CPU().KernelSP
	_, phys, err := e.m.Space().Translate(sp - n)
	if sp == 0 || err != nil {
		return nil, nil //nolint:nilerr // hidden from user mode: the exception pushes elsewhere
	}
	reqs := []memory.Request{{Addr: phys, Buf: make([]byte, n)}}
	return reqs, e.m.ReadPhysical(reqs)
}

// putPages writes back what differs from what was read before; of memory that was
// read twice, the first. Where it cannot be read any more, since the user leaves,
// all is written.
func (e *Engine) putPages(ctx context.Context, w Changer, before []memory.Request) error {
	now := make([]memory.Request, 0, len(before))
	for _, q := range before {
		now = append(now, memory.Request{Addr: q.Addr, Buf: make([]byte, len(q.Buf))})
	}
	unread := e.m.ReadPhysical(now) != nil
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
