package change

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/drive"
	"thaw/session/view"
)

// A call into the guest's kernel (GDB calls such an inferior call): the stopped
// processor, in user mode, is sent to an address that is not mapped. The fault
// brings it onto the current thread's kernel stack with interrupts off, and from
// there it is sent into the function. The called function returns to where the
// kernel takes all registers off the stack and returns from an exception, with the
// user's registers and a copy of the fault's frame there: so the guest finds back to
// user mode as it was even if nobody is there any more. Up to the function's entry
// the preparation is done whole or taken back.

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
	*Changer
	w       Putter
	user    kernel.CPU // the processor before
	flags   uint64     // for the kernel
	taken   []string   // the registers that the way out takes off the stack
	frame   []byte     // these, and the fault's frame with the user's ip in it
	sp      uint64     // where the called function finds its return address
	leave   uint64     // address of the way out
	fn      uint64     // entry of the called function
	objects []uint64   // `this` of this call and of those that follow
}

// callKernel sends the processor into a kernel function without parameters, for
// each of some objects, one after the other. The calls are made as the guest goes
// on.
func (ch *Changer) callKernel(ctx context.Context, w Putter, fn uint64, objects []uint64) (err error) {
	ctx = context.WithoutCancel(ctx) // whole, even if the user leaves meanwhile
	c := &kernelCall{Changer: ch, w: w, user: ch.m.CPU(), fn: fn, objects: objects}
	if c.leave, c.taken, err = ch.wayOut(); err != nil {
		return err
	}
	nowhere, err := ch.unmapped()
	if err != nil {
		return err
	}
	leave, err := ch.exceptionReturn()
	if err != nil {
		return err
	}
	saved, cpu := ch.m.Registers(), ch.m.Stopped
	if err = c.enter(ctx, nowhere); err == nil {
		err = c.next(ctx)
	}
	if err == nil {
		return nil
	}
	back := ch.m.Look(ctx, cpu)
	if back == nil && !ch.m.CPUs()[cpu].User {
		back = ch.leaveKernel(ctx, w, leave, nowhere)
	}
	return errors.Join(err, back, w.PutRegisters(ctx, cpu, saved), ch.m.Look(ctx, cpu))
}

// enter makes the processor fault by a jump to an address that is not mapped.
func (c *kernelCall) enter(ctx context.Context, nowhere uint64) error {
	if err := c.w.WriteRegister(ctx, c.m.Stopped, c.m.Arch.IP, nowhere); err != nil {
		return err
	}
	if err := c.stepOn(ctx); err != nil {
		return err
	}
	if c.m.CPU().User {
		return fmt.Errorf("%w: a jump to %#x, which is not mapped, did not fault", errNoCall, nowhere)
	}
	at, err := c.trapFrame(nowhere)
	if err != nil {
		return err
	}
	trap := make([]byte, trapWords*c.m.PtrSize())
	if err := c.m.Space().ReadMemory(at, trap); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(trap, c.user.IP)
	for _, name := range c.taken {
		v, _ := kernel.RegisterIn(c.user.Registers, name)
		c.frame = append(c.frame, c.m.Word(v)...)
	}
	c.frame = append(c.frame, trap...)
	c.flags = c.m.CPU().Flags &^ clearedFlags
	c.sp = (at-callRoom)&^15 - 8 // a function begins 8 bytes off a multiple of 16
	return nil
}

// next prepares the processor, in the kernel, for the call on the first object,
// and waits for its return if others follow.
func (c *kernelCall) next(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	block := c.m.KnownBlock()
	if err := c.writeMemory(ctx, c.w, c.sp, append(c.m.Word(c.leave), c.frame...)); err != nil {
		return err
	}
	set := []kernel.Register{{Name: c.programs.Kernel().File.ArgumentRegisters()[0], Value: c.objects[0]},
		{Name: c.m.Arch.SP, Value: c.sp}, {Name: c.m.Arch.Flags, Value: c.flags}, {Name: c.m.Arch.IP, Value: c.fn}}
	for _, r := range set {
		if err := c.w.WriteRegister(ctx, c.m.Stopped, r.Name, r.Value); err != nil {
			return err
		}
	}
	if c.objects = c.objects[1:]; len(c.objects) > 0 {
		kern := c.programs.Kernel()
		info := &view.BreakpointInfo{Component: kern.Name, Purpose: "return of a call by thaw", Addrs: []uint64{c.leave}}
		err := c.drive.Breaks.AddProbe(ctx, &drive.Probe{Addr: c.leave, Comp: kern, Info: info, Block: block, SP: c.sp + uint64(c.m.PtrSize()), Once: true,
			Hit: func(ctx context.Context) (*drive.Event, error) { return nil, c.next(ctx) }})
		if err != nil {
			return err
		}
	}
	return c.m.Look(ctx, c.m.Stopped)
}

// exceptionReturn finds the instruction with which the kernel returns from an
// exception, where the page tables in use map it.
func (ch *Changer) exceptionReturn() (uint64, error) {
	return ch.findReturn("returns from an exception", func(text []byte) (back int, ok bool) { return len(ch.m.Arch.ExceptionReturn), true })
}

// wayOut finds where the kernel takes all general registers off the stack, and
// returns from an exception.
func (ch *Changer) wayOut() (addr uint64, taken []string, err error) {
	addr, err = ch.findReturn("takes all registers off the stack and returns from an exception", func(text []byte) (back int, ok bool) {
		back, taken, ok = ch.m.Arch.TakenBack(text)
		return back, ok
	})
	return addr, taken, err
}

// findReturn finds an instruction with which the kernel returns from an exception
// where the page tables in use map it, and fits, which is given all text up to its
// end, says how many bytes before that the wanted address is.
func (ch *Changer) findReturn(what string, fits func(text []byte) (back int, ok bool)) (uint64, error) {
	code := ch.m.Arch.ExceptionReturn
	if code == nil || !ch.m.CPU().User {
		return 0, fmt.Errorf("%w: it takes an x86_64 processor in user mode", errNoCall)
	}
	file, space := ch.programs.Kernel().File, ch.code()
	for _, r := range file.Text() {
		text := make([]byte, r.End-r.Start)
		if file.ReadFile(r.Start, text) != nil {
			continue
		}
		for end, rest := 0, text; ; {
			n := bytes.Index(rest, code)
			if n < 0 {
				break
			}
			end, rest = end+n+len(code), rest[n+len(code):]
			back, ok := fits(text[:end])
			if !ok {
				continue
			}
			got, addr := make([]byte, back), r.Start+uint64(end-back)
			if space.ReadMemory(addr, got) == nil && bytes.Equal(got, text[end-back:end]) {
				return addr, nil
			}
		}
	}
	return 0, fmt.Errorf("%w: nothing that %s is mapped", errNoCall, what)
}

// code is the memory that the stopped processor sees, for reading instructions:
// those do not go into recordings.
func (ch *Changer) code() *memory.Space { return ch.m.Space().WithData(ch.m.Text) }

// stepOn executes one instruction that cannot lead to itself.
func (ch *Changer) stepOn(ctx context.Context) error {
	before := ch.m.Here()
	for range drive.MaxIdle {
		if err := ch.drive.StepThrough(ctx); err != nil {
			return err
		}
		if ch.m.Here() != before {
			return nil
		}
	}
	return fmt.Errorf("the processor stays at %#x in %d steps", before.PC, drive.MaxIdle)
}

// unmapped is an address that user mode cannot execute.
func (ch *Changer) unmapped() (uint64, error) {
	page, space := ch.m.Paging.PageSize(), ch.m.Space()
	for addr := ch.m.Arch.UserEnd &^ (page - 1); addr > ch.m.Arch.UserEnd/2; addr -= page {
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
func (ch *Changer) trapFrame(ip uint64) (uint64, error) {
	sp, ptr := ch.m.CPU().SP, ch.m.PtrSize()
	for _, at := range []uint64{sp, sp + uint64(ptr)} {
		if v, err := memory.Uint(ch.m.Space(), at, ptr); err == nil && v == ip {
			return at, nil
		}
	}
	return 0, fmt.Errorf("%w: there is no frame of an exception at %#x", errNoCall, sp)
}

// writeMemory writes virtual memory that the stopped processor sees.
func (ch *Changer) writeMemory(ctx context.Context, w Writer, addr uint64, data []byte) error {
	space := ch.m.Space()
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
