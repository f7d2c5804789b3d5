package hw

import (
	"debug/elf"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
)

// processor is a Kernel::Cpu.
type processor struct {
	addr    uint64
	id      uint64
	current uint64 // thread that it runs, 0 if that cannot be told
	stack   uint64 // where the processor begins to push at a kernel entry, 0 if not known
}

// processors lists them, with who runs there: the scheduler's current context, or the
// one that it helps. It stops at the one that is asked for, if one is.
func (l *Layout) processors(space memory.Reader, only *uint64) (out []processor, err error) {
	moved, err := l.moved(space)
	if err != nil {
		return nil, err
	}
	at, err := l.root.cpus.Follow(space, l.ptr, moved)
	for ; at != 0 && err == nil; at, err = l.nextCPU(space, at, len(out)) {
		if l.cpu.made.Exists() { // the others of the array do not exist
			if made, err := memory.Uint(space, at+l.cpu.made.Off, l.cpu.made.Size); err != nil || made == 0 {
				return out, err
			}
		}
		if len(out) == maxCPUs || slices.ContainsFunc(out, func(p processor) bool { return p.addr == at }) {
			return out, fmt.Errorf("it does not end after %d", len(out))
		}
		p, err := l.processor(space, at, moved)
		if err != nil {
			return out, err
		}
		out = append(out, p)
		if only != nil && p.id == *only {
			break
		}
	}
	return out, err
}

// processor reads the one at an address.
func (l *Layout) processor(space memory.Reader, at, moved uint64) (p processor, err error) {
	p.addr = at
	if p.id, err = memory.Uint(space, at+l.cpu.id.Off, l.cpu.id.Size); err != nil {
		return p, err
	}
	if p.current, err = l.cpu.current.Follow(space, l.ptr, at); err == nil && p.current != 0 {
		p.current, err = l.helpedBy(space, p.current)
	}
	if err != nil {
		return p, fmt.Errorf("who runs on processor %d: %w", p.id, err)
	}
	switch {
	case l.cpu.stacks != 0:
		p.stack = l.cpu.stacks + moved + (p.id+1)*l.cpu.stackSize
	case len(l.cpu.stack) > 0:
		p.stack, err = l.cpu.stack.Follow(space, l.ptr, at)
	}
	return p, err
}

// nextCPU is the processor behind the one at an address, of which n came before.
func (l *Layout) nextCPU(space memory.Reader, at uint64, n int) (uint64, error) {
	switch {
	case l.cpu.count == 0:
		return l.cpu.next.Follow(space, l.ptr, at)
	case n < l.cpu.count:
		return at + l.cpu.size, nil
	}
	return 0, nil
}

// helpedBy is the thread that uses the time of one: itself, or whom it helps.
func (l *Layout) helpedBy(space memory.Reader, thread uint64) (uint64, error) {
	t := &l.thread
	for range maxHelped {
		if t.helps.Exists() {
			helps, err := memory.Uint(space, thread+t.helps.Off, t.helps.Size)
			if err != nil {
				return 0, err
			}
			out, err := memory.Uint(space, thread+t.out.Off, t.out.Size)
			if err != nil || helps != t.helping || !t.asks(out) {
				return thread, err
			}
		}
		to, err := t.helped.Follow(space, l.ptr, thread)
		if err != nil || to == 0 {
			return thread, err
		}
		thread = to
	}
	return 0, fmt.Errorf("threads help each other in a circle")
}

// CurrentThread is the address of the thread object that a processor runs, 0 where that
// cannot be told. Threads of core run in the kernel's mode on any page tables, so that
// only the scheduler knows.
func (l *Layout) CurrentThread(m kernel.Machine, cpu int) uint64 {
	space, err := l.KernelSpace(m)
	if err != nil {
		return 0
	}
	id := uint64(cpu)
	list, _ := l.processors(space, &id)
	if n := len(list); n > 0 && list[n-1].id == id {
		return list[n-1].current
	}
	return 0
}

// inEntry says whether a processor uses its stack of kernel entries.
func (l *Layout) inEntry(p processor, cpu kernel.CPU) bool {
	return !cpu.User && p.stack != 0 && p.stack-cpu.SP <= l.cpu.stackSize
}

// inKernel says whether a processor in the kernel's mode executes the kernel, and no
// thread of core: it then uses its own stack, or at its very entry or exit the thread
// object. One that knows by itself says so.
func (l *Layout) inKernel(p processor, cpu kernel.CPU, size uint64) bool {
	if l.file.Machine() == elf.EM_AARCH64 {
		return cpu.Noted != nil
	}
	return !cpu.User && (l.inEntry(p, cpu) || cpu.SP-p.current < size)
}

// markRunning finds the thread on each processor and what is its user state then:
// the processor's registers while it runs; what the kernel's entry has pushed until that
// was copied; then what was copied. Objects that were decoded are kept for the next stop
// as they are: what is changed here is a copy.
func (d *decoder) markRunning(sys *kernel.System) {
	list, err := d.processors(d.space, nil)
	if err != nil {
		d.probs.Note("the list of processors: %v", err)
	}
	if d.m.Running {
		for _, p := range list {
			sys.Runs(p.current, int(p.id))
		}
		return
	}
	for n, cpu := range d.m.CPUs {
		i := slices.IndexFunc(list, func(p processor) bool { return p.id == uint64(n) })
		if i < 0 {
			continue
		}
		p := list[i]
		o := sys.Own(p.current)
		if o == nil {
			continue
		}
		t := o.Thread
		t.Running, t.CPU = true, n
		switch {
		case !d.inKernel(p, cpu, o.Size):
			t.IP, t.SP, t.Flags, t.Source, t.Registers = cpu.IP, cpu.SP, cpu.Flags, kernel.SourceCPU, cpu.Registers
		case d.Layout.pushed:
			d.pushed(o, cpu)
		case cpu.Noted != nil:
			d.noted(sys, o, cpu)
		case d.inEntry(p, cpu):
			d.entered(sys, o, p, cpu)
		}
	}
}

// entered takes the frame that the kernel's entry pushed for a thread's state, if the
// kernel has not copied it so far. It has where a thread of the same protection domain
// has that very ip and sp: stacks of two threads are not the same there, and the current
// thread may be another one by then.
func (d *decoder) entered(sys *kernel.System, o *kernel.Object, p processor, cpu kernel.CPU) {
	l := &d.Layout.thread
	at := p.stack - l.frame
	if cpu.SP > at+l.ip {
		return // the processor is still pushing
	}
	frame := d.inFrame(sys, o, at, cpu)
	if frame == nil {
		return
	}
	if cpu.SP > at { // general registers are not pushed so far: nobody has changed them
		o.Thread.Registers = cpu.Registers
	}
}

// noted does so where the processor itself keeps what it came from: until the vector has
// pushed all, it is there, and general registers are in both places.
func (d *decoder) noted(sys *kernel.System, o *kernel.Object, cpu kernel.CPU) {
	l := &d.Layout.thread
	end := (cpu.SP + d.Layout.cpu.stackSize - 1) &^ (d.Layout.cpu.stackSize - 1)
	at := end - l.frame
	if !cpu.Noted.Vector {
		if cpu.SP != end { // else it leaves: what stands saved is right
			d.inFrame(sys, o, at, cpu)
		}
		return
	}
	n, t := cpu.Noted, o.Thread
	t.IP, t.SP, t.Flags, t.Source, t.Registers = n.IP, n.SP, n.Flags, inNoted, cpu.Registers
	if cpu.SP == end {
		return
	}
	frame, err := d.cpuState(at)
	if err != nil {
		d.probs.Note("the kernel's entry frame at %#x: %v", at, err)
		t.Registers = nil
		return
	}
	t.Registers = slices.Clone(cpu.Registers)
	for i, r := range t.Registers {
		if n := slices.IndexFunc(l.general, func(s slot) bool { return s.name == r.Name && at+s.off < cpu.SP }); n >= 0 {
			t.Registers[i].Value = frame.general[n].Value
		}
	}
}

// inFrame takes the frame at an address for a thread's state, see entered, and gives it; nil
// if it is not.
func (d *decoder) inFrame(sys *kernel.System, o *kernel.Object, at uint64, cpu kernel.CPU) *cpuState {
	l := &d.Layout.thread
	frame, err := d.cpuState(at)
	if err != nil {
		d.probs.Note("the kernel's entry frame at %#x: %v", at, err)
		return nil
	}
	pd := d.id(d.core)
	if d.fromUser(frame) {
		if in := sys.PDByRoot(cpu.Root); in != nil {
			pd = in.ID
		}
	}
	for _, k := range d.order {
		if r := k.raw.thread; k.kind == typeThread && r != nil && d.id(r.pd) == pd && r.saved.ip == frame.ip && r.saved.sp == frame.sp {
			return nil
		}
	}
	t := o.Thread
	if t.PD != pd {
		return nil
	}
	t.Places = append(slices.Clone(t.Places), kernel.Place{PlaceKind: d.platform.Places[1], IP: frame.ip, SP: frame.sp, IPAddr: at + l.ip, SPAddr: at + l.sp})
	t.IP, t.SP, t.Flags, t.Source, t.Registers = frame.ip, frame.sp, frame.flags, inEntry, frame.general
	return &frame
}

// fromUser says whether a state is one of user mode.
func (d *decoder) fromUser(s cpuState) bool {
	if d.file.Machine() == elf.EM_AARCH64 {
		return s.flags&0xf == 0
	}
	return s.cs&3 == 3
}

// pushed takes registers out of a thread's state that the processor pushes right now, or
// pops: which of both, and how far it has come, cannot be told, so that only those are
// known that are the same in both places.
func (d *decoder) pushed(o *kernel.Object, cpu kernel.CPU) {
	t := o.Thread
	if regs := d.objects[o.Addr].raw.thread.regs; cpu.SP == regs || cpu.SP-regs >= d.Layout.thread.frame {
		return
	}
	t.Registers = slices.DeleteFunc(slices.Clone(t.Registers), func(r kernel.Register) bool {
		v, ok := kernel.RegisterIn(cpu.Registers, r.Name)
		return !ok || v != r.Value
	})
}

// SpaceSwitch is the address of a word that is written before other page tables come
// into use: the scheduler's note of whom it runs (Kernel::Scheduler::_current). Only
// with one processor, and while it names a thread.
func (l *Layout) SpaceSwitch(m kernel.Machine) (uint64, error) {
	if len(m.CPUs) != 1 {
		return 0, fmt.Errorf("there are several processors")
	}
	space, err := l.KernelSpace(m)
	if err != nil {
		return 0, err
	}
	list, err := l.processors(space, nil)
	if err != nil {
		return 0, err
	}
	if len(list) != 1 || list[0].current == 0 {
		return 0, fmt.Errorf("the kernel has %d processors, or runs no thread so far", len(list))
	}
	return l.cpu.note.Follow(space, l.ptr, list[0].addr)
}
