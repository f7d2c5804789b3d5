package hw

import (
	"cmp"
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
// one that it helps.
func (l *Layout) processors(space memory.Reader) (out []processor, err error) {
	word := func(addr uint64) uint64 {
		if err != nil {
			return 0
		}
		var v uint64
		v, err = memory.Uint(space, addr, l.ptr)
		return v
	}
	main := word(l.root.main)
	for at := word(main + l.root.cpus); at != 0 && err == nil; at = word(at + l.cpu.next) {
		if len(out) == maxCPUs || slices.ContainsFunc(out, func(p processor) bool { return p.addr == at }) {
			return out, fmt.Errorf("it does not end after %d", len(out))
		}
		p := processor{addr: at}
		if p.id, err = memory.Uint(space, at+l.cpu.id.off, l.cpu.id.size); err != nil {
			break
		}
		context := word(at + l.cpu.current)
		for n := 0; context != 0 && err == nil; n++ {
			if n == maxHelped {
				return out, fmt.Errorf("threads on processor %d help each other in a circle", p.id)
			}
			p.current = context - l.thread.context
			context = word(context + l.thread.helped)
		}
		if l.cpu.stack != 0 {
			p.stack = word(at + l.cpu.stack)
		}
		out = append(out, p)
	}
	return out, err
}

// CurrentThread is the address of the thread object that a processor runs, 0 where that
// cannot be told. Threads of core run in the kernel's mode on any page tables, so that
// only the scheduler knows.
func (l *Layout) CurrentThread(m kernel.Machine, cpu int) uint64 {
	space, err := l.KernelSpace(m)
	if err != nil {
		return 0
	}
	list, _ := l.processors(space)
	for _, p := range list {
		if p.id == uint64(cpu) {
			return p.current
		}
	}
	return 0
}

// entryStack is how large the stack of kernel entries is at the most
// (Hw::Mm::KERNEL_STACK_SIZE, 64 KiB in 21.11 to 26.02).
const entryStack = 64 << 10

// inKernel says whether a processor in the kernel's mode executes the kernel, and no
// thread of core: it then uses its own stack, or at its very exit the thread object.
func (p processor) inKernel(cpu kernel.CPU, size uint64) bool {
	if cpu.User {
		return false
	}
	return p.stack != 0 && p.stack-cpu.SP <= entryStack || cpu.SP-p.current < size
}

// markRunning finds the thread on each processor and what is its user state then:
// the processor's registers while it runs; what the kernel's entry has pushed until that
// was copied; then what was copied. Objects that were decoded are kept for the next stop
// as they are: what is changed here is a copy.
func (d *decoder) markRunning(sys *kernel.System) {
	list, err := d.processors(d.space)
	if err != nil {
		d.problem("the list of processors: %v", err)
	}
	for n, cpu := range d.m.CPUs {
		i := slices.IndexFunc(list, func(p processor) bool { return p.id == uint64(n) })
		if i < 0 {
			continue
		}
		p := list[i]
		o := d.copyOf(sys, p.current)
		if o == nil {
			continue
		}
		t := o.Thread
		t.Running, t.CPU = true, n
		switch {
		case !p.inKernel(cpu, o.Size):
			t.IP, t.SP, t.Flags, t.Source, t.Registers = cpu.IP, cpu.SP, cpu.Flags, kernel.SourceCPU, cpu.Registers
		case p.stack != 0 && p.stack-cpu.SP <= entryStack:
			d.entered(sys, o, p, cpu)
		}
	}
}

// copyOf puts a copy of a thread into the model, to be changed; nil if there is none at
// the address.
func (d *decoder) copyOf(sys *kernel.System, addr uint64) *kernel.Object {
	k := d.objects[addr]
	if k == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(sys.Objects, k.id, func(o *kernel.Object, id kernel.ID) int { return cmp.Compare(o.ID, id) })
	if !ok || sys.Objects[i].Thread == nil || sys.Objects[i].Addr != addr {
		return nil
	}
	o, t := *sys.Objects[i], *sys.Objects[i].Thread
	o.Thread = &t
	sys.Objects[i] = &o
	return &o
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
	frame, err := d.cpuState(at)
	if err != nil {
		d.problem("the kernel's entry frame at %#x: %v", at, err)
		return
	}
	pd := d.id(d.core)
	if frame.cs&3 == 3 {
		if in := sys.PDByRoot(cpu.Root); in != nil {
			pd = in.ID
		}
	}
	for _, k := range d.order {
		if r := k.raw.thread; k.kind == typeThread && r != nil && d.id(r.pd) == pd && r.saved.ip == frame.ip && r.saved.sp == frame.sp {
			return
		}
	}
	t := o.Thread
	if t.PD != pd {
		return
	}
	t.Places = append(slices.Clone(t.Places), kernel.Place{PlaceKind: d.platform.Places[1], IP: frame.ip, SP: frame.sp, IPAddr: at + l.ip, SPAddr: at + l.sp})
	t.IP, t.SP, t.Flags, t.Source, t.Registers = frame.ip, frame.sp, frame.flags, inEntry, frame.general
	if cpu.SP > at { // general registers are not pushed so far: nobody has changed them
		t.Registers = cpu.Registers
	}
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
	list, err := l.processors(space)
	if err != nil {
		return 0, err
	}
	if len(list) != 1 || list[0].current == 0 {
		return 0, fmt.Errorf("the kernel has %d processors, or runs no thread so far", len(list))
	}
	return list[0].addr + l.cpu.current, nil
}
