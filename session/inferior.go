package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

// A call into the guest's kernel (GDB calls such an inferior call): the stopped
// processor, in user mode, is sent to an address that is not mapped. The fault
// brings it onto the current thread's kernel stack with interrupts off, and from
// there it is sent into the function. The called function returns to an
// instruction that returns from an exception, with a copy of the fault's frame on
// the stack: so the guest finds back to user mode even if nobody catches it there.

// errNoCall says that the processor cannot be sent into the kernel.
var errNoCall = errors.New("the kernel cannot be called")

// trapWords is what an exception from user mode leaves on the kernel stack: ip,
// cs, flags, sp, ss (AMD64 Architecture Programmer's Manual, volume 2, 8.9.3).
const trapWords = 5

// callRoom is how far below the fault's frame a called function's stack begins,
// in bytes.
const callRoom = 512

// clearedFlags are those that a called function expects to be off: trap,
// interrupt and direction flag.
const clearedFlags = 0x700

// kernelCall is a call that is under way.
type kernelCall struct {
	w       Changer
	user    kernel.CPU // the processor before, to be put back
	flags   uint64     // for the kernel
	frame   []byte     // the fault's frame, with the user's ip in it
	sp      uint64     // where the called function finds its return address
	leave   uint64     // address of the instruction that returns from an exception
	fn      uint64     // entry of the called function
	objects []uint64   // `this` of this call and of those that follow
}

// callKernel sends the processor into a kernel function without parameters, for
// each of some objects, one after the other. The calls are made as the guest goes
// on.
func (e *Engine) callKernel(ctx context.Context, w Changer, fn uint64, objects []uint64) error {
	c := &kernelCall{w: w, user: e.m.CPUs[e.cpu], fn: fn, objects: objects}
	var err error
	if c.leave, err = e.exceptionReturn(); err != nil {
		return err
	}
	if err := e.enterKernel(ctx, w, c); err != nil {
		return err
	}
	return e.nextCall(ctx, c)
}

// exceptionReturn finds the instruction with which the kernel returns from an
// exception, where the page tables in use map it.
func (e *Engine) exceptionReturn() (uint64, error) {
	code := e.arch.ExceptionReturn
	if code == nil || !e.m.CPUs[e.cpu].User {
		return 0, fmt.Errorf("%w: it takes an x86_64 processor in user mode", errNoCall)
	}
	file, space := e.kernelComponent().file, e.code()
	for _, r := range file.Text() {
		text := make([]byte, r.End-r.Start)
		if file.ReadFile(r.Start, text) != nil {
			continue
		}
		for at := bytes.Index(text, code); at >= 0; {
			got := make([]byte, len(code))
			if addr := r.Start + uint64(at); space.ReadMemory(addr, got) == nil && bytes.Equal(got, code) {
				return addr, nil
			}
			n := bytes.Index(text[at+1:], code)
			if n < 0 {
				break
			}
			at += 1 + n
		}
	}
	return 0, fmt.Errorf("%w: no instruction that returns from an exception is mapped", errNoCall)
}

// code is the memory that the stopped processor sees, for reading instructions:
// those do not go into recordings.
func (e *Engine) code() *memory.Space { return e.m.Space(e.cpu).WithData(e.text) }

// enterKernel makes the processor fault.
func (e *Engine) enterKernel(ctx context.Context, w Changer, c *kernelCall) error {
	nowhere, err := e.unmapped()
	if err != nil {
		return err
	}
	if err := w.WriteRegister(ctx, e.cpu, e.arch.IP, nowhere); err != nil {
		return err
	}
	if err := e.stepOn(ctx); err != nil {
		return err
	}
	if e.m.CPUs[e.cpu].User {
		return errors.Join(fmt.Errorf("%w: a jump to %#x, which is not mapped, did not fault", errNoCall, nowhere),
			w.WriteRegister(ctx, e.cpu, e.arch.IP, c.user.IP))
	}
	at, err := e.trapFrame(nowhere)
	if err != nil {
		return err
	}
	c.frame = make([]byte, trapWords*e.ptrSize())
	if err := e.m.Space(e.cpu).ReadMemory(at, c.frame); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(c.frame, c.user.IP)
	c.flags = e.m.CPUs[e.cpu].Flags &^ clearedFlags
	c.sp = (at-callRoom)&^15 - 8 // a function begins 8 bytes off a multiple of 16
	return nil
}

// stepTo executes one instruction, whatever that does.
func (e *Engine) stepTo(ctx context.Context) error {
	stop, err := e.guard.step(ctx, e.cpu)
	if err != nil {
		return err
	}
	return e.look(ctx, stop.CPU)
}

// maxIdle is how often a step may leave the processor where it was: QEMU returns
// now and then without having executed an instruction whose page was just mapped.
const maxIdle = 4

// stepOn executes one instruction that cannot lead to itself.
func (e *Engine) stepOn(ctx context.Context) error {
	before := e.here()
	for range maxIdle {
		if err := e.stepTo(ctx); err != nil {
			return err
		}
		if e.here() != before {
			return nil
		}
	}
	return fmt.Errorf("the processor stays at %#x in %d steps", before.pc, maxIdle)
}

// unmapped is an address that user mode cannot execute.
func (e *Engine) unmapped() (uint64, error) {
	page, space := e.m.Paging.PageSize(), e.m.Space(e.cpu)
	for addr := e.arch.UserEnd &^ (page - 1); addr > e.arch.UserEnd/2; addr -= page {
		_, _, err := space.Translate(addr)
		if fault := (*memory.Fault)(nil); errors.As(err, &fault) {
			return addr, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("%w: no address is free to fault at", errNoCall)
}

// trapFrame is where the frame stands that an exception of the instruction at ip
// left for the processor that just entered the kernel. Some exceptions push an
// error code on top.
func (e *Engine) trapFrame(ip uint64) (uint64, error) {
	sp, ptr := e.m.CPUs[e.cpu].SP, e.ptrSize()
	for _, at := range []uint64{sp, sp + uint64(ptr)} {
		if v, err := memory.Uint(e.m.Space(e.cpu), at, ptr); err == nil && v == ip {
			return at, nil
		}
	}
	return 0, fmt.Errorf("%w: there is no frame of an exception at %#x", errNoCall, sp)
}

// nextCall prepares the processor, in the kernel, for the call on the first
// object, and waits for its return.
func (e *Engine) nextCall(ctx context.Context, c *kernelCall) error {
	block := e.dec.CurrentThread(e.m, e.cpu)
	if err := e.writeMemory(ctx, c.w, c.sp, append(e.word(c.leave), c.frame...)); err != nil {
		return err
	}
	set := []kernel.Register{{Name: e.kernelComponent().file.ArgumentRegisters()[0], Value: c.objects[0]},
		{Name: e.arch.SP, Value: c.sp}, {Name: e.arch.Flags, Value: c.flags}, {Name: e.arch.IP, Value: c.fn}}
	for _, r := range set {
		if err := c.w.WriteRegister(ctx, e.cpu, r.Name, r.Value); err != nil {
			return err
		}
	}
	c.objects = c.objects[1:]
	kern := e.kernelComponent()
	info := &view.BreakpointInfo{Component: kern.name, Purpose: "return of a call by thaw", Addrs: []uint64{c.leave}}
	err := e.addProbe(ctx, &probe{addr: c.leave, comp: kern, info: info, block: block, sp: c.sp + uint64(e.ptrSize()), once: true,
		hit: func(ctx context.Context) (*event, error) { return nil, e.called(ctx, c) }})
	if err != nil {
		return err
	}
	return e.look(ctx, e.cpu)
}

// called makes the next call, or lets the processor go back to where it was.
func (e *Engine) called(ctx context.Context, c *kernelCall) error {
	if len(c.objects) > 0 {
		return e.nextCall(ctx, c)
	}
	for _, r := range c.user.Registers { // ip, sp and flags come from the frame
		if err := c.w.WriteRegister(ctx, e.cpu, r.Name, r.Value); err != nil {
			return err
		}
	}
	if err := e.stepOn(ctx); err != nil {
		return err
	}
	if cpu := e.m.CPUs[e.cpu]; !cpu.User || cpu.IP != c.user.IP {
		return fmt.Errorf("returning from a call of the kernel: the processor is at %#x instead of %#x", cpu.IP, c.user.IP)
	}
	return nil
}

// writeMemory writes virtual memory that the stopped processor sees.
func (e *Engine) writeMemory(ctx context.Context, w Changer, addr uint64, data []byte) error {
	space := e.m.Space(e.cpu)
	for len(data) > 0 {
		m, phys, err := space.Translate(addr)
		if err != nil {
			return fmt.Errorf("writing %d bytes at %#x: %w", len(data), addr, err)
		}
		n := min(uint64(len(data)), m.Phys+m.Size-phys)
		if err := w.WritePhysical(ctx, phys, data[:n]); err != nil {
			return fmt.Errorf("writing %d bytes at %#x: %w", len(data), addr, err)
		}
		addr, data = addr+n, data[n:]
	}
	return nil
}
