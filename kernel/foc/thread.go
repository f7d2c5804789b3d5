package foc

import (
	"fmt"

	"thaw/kernel"
	"thaw/memory"
)

// thread decodes a thread's control block and the user state that was saved at
// the end of its kernel stack.
func (d *decoder) thread(o *kernel.Object) error {
	t := &kernel.Thread{Source: kernel.SourceNone}
	l := &d.Layout.thread
	frame := o.Addr + l.frame
	var space, partner, queue, cs uint64
	err := d.words(o.Addr, wanted{l.state, &t.State}, wanted{l.space, &space}, wanted{l.partner, &partner}, wanted{l.queue, &queue},
		wanted{l.utcb, &t.UTCB}, wanted{l.contIP, &t.ContIP})
	if err != nil {
		return fmt.Errorf("reading its control block: %w", err)
	}
	fl := []wanted{{l.frameIP, &t.FrameIP}, {l.frameSP, &t.FrameSP}, {l.frameFl, &t.Flags}}
	if l.hasCS {
		fl = append(fl, wanted{l.frameCS, &cs})
	}
	own := d.kernelThread(o.Class)
	if !own {
		if err := d.words(frame, fl...); err != nil {
			return fmt.Errorf("reading its entry frame: %w", err)
		}
	}
	o.Thread = t
	for _, f := range l.states {
		if t.State&f.bit != 0 {
			t.StateNames = append(t.StateNames, f.name)
		}
	}
	t.StateWords = stateWords(t.StateNames)
	t.FrameIPAddr, t.FrameSPAddr = frame+l.frameIP, frame+l.frameSP
	t.ContIPAddr = o.Addr + l.contIP
	t.ContValid = t.ContIP != d.none()
	d.refer(space, &t.Task)
	// A closed wait keeps the sender that is waited for; the member is stale
	// in a thread that is in no IPC. A sender stands in the wait queue of its
	// receiver, which is a part of that thread.
	switch {
	case t.Has("send_wait"):
		d.refer(queue, &t.Partner)
	case t.Has("receive_wait") || t.Has("receive_in_progress"):
		d.refer(partner, &t.Partner)
	}
	if own {
		return nil
	}
	if err := d.registers(t, frame); err != nil {
		return err
	}
	return d.userState(o, t)
}

// kernelThread says whether a class is one of the kernel's own threads, which
// have their stack where others have their entry frame.
func (l *Layout) kernelThread(class string) bool {
	const own = "Kernel_thread"
	c, err := l.class(class)
	if err != nil || class == own {
		return class == own
	}
	_, derived := c.typ.BaseOffset(own)
	return derived
}

// registers reads the general registers of the entry frame.
func (d *decoder) registers(t *kernel.Thread, frame uint64) error {
	for _, r := range d.Layout.thread.regs {
		v, err := d.word(frame + r.offset)
		if err != nil {
			return fmt.Errorf("reading %s of its entry frame: %w", r.name, err)
		}
		t.Registers = append(t.Registers, kernel.Register{Name: r.name, Value: v})
	}
	return nil
}

// userState decides where the user ip and sp are: in the continuation where an
// exception was triggered (the frame then leads into the kernel), else in the
// frame.
func (d *decoder) userState(o *kernel.Object, t *kernel.Thread) error {
	l := &d.Layout.thread
	t.ContSP = t.FrameSP
	t.ContSPAddr = t.FrameSPAddr
	if l.contSP != 0 {
		t.ContSPAddr = o.Addr + l.contSP
		if err := d.words(o.Addr, wanted{l.contSP, &t.ContSP}); err != nil {
			return fmt.Errorf("reading its continuation: %w", err)
		}
	}
	switch {
	case t.ContValid:
		t.IP, t.SP, t.Source = t.ContIP, t.ContSP, kernel.SourceContinuation
		if l.contFlags != 0 {
			return d.words(o.Addr, wanted{l.contFlags, &t.Flags})
		}
	case t.FrameIP != 0 || t.FrameSP != 0:
		t.IP, t.SP, t.Source = t.FrameIP, t.FrameSP, kernel.SourceFrame
	}
	return nil
}

// clearKernelThreads takes away the user state of threads of the kernel's task:
// where others have their entry frame, they have their stack.
func clearKernelThreads(sys *kernel.System) {
	for _, o := range sys.Threads() {
		task := sys.Object(o.Thread.Task)
		if task == nil || task.Task == nil || !task.Task.Kernel {
			continue
		}
		o.Thread.IP, o.Thread.SP, o.Thread.Flags, o.Thread.Source, o.Thread.Registers = 0, 0, 0, kernel.SourceNone, nil
	}
}

// markRunning finds the thread on each processor. One that runs in user mode
// has a stale frame: its state is the processor's.
func (d *decoder) markRunning(sys *kernel.System) {
	for n, cpu := range d.m.CPUs {
		o := d.Current(sys, cpu)
		if o == nil {
			continue
		}
		o.Thread.Running, o.Thread.CPU = true, n
		if cpu.User {
			o.Thread.IP, o.Thread.SP, o.Thread.Flags = cpu.IP, cpu.SP, cpu.Flags
			o.Thread.Source = kernel.SourceCPU
			o.Thread.Registers = cpu.Registers
		}
	}
}

// Current is the thread that runs on a processor, or nil where that cannot be
// told. In kernel mode the stack pointer lies in the thread's block. In user
// mode it is the block whose stack the next kernel entry takes; where that is
// not known (ARM), the one thread of the running task that is ready and not
// waiting in IPC.
func (l *Layout) Current(sys *kernel.System, cpu kernel.CPU) *kernel.Object {
	sp := cpu.SP
	if cpu.User {
		sp = cpu.KernelSP - 1 // it points just behind the block
	}
	if !cpu.User || cpu.KernelSP != 0 {
		if o := sys.At(sp); o != nil && o.Thread != nil {
			return o
		}
		if !cpu.User {
			return nil
		}
	}
	task := sys.TaskByRoot(cpu.Root)
	if task == nil {
		return nil
	}
	var found *kernel.Object
	for _, o := range sys.ThreadsOf(task.ID) {
		if o.Thread.Has("ready") && !o.Thread.Has("receive_wait") && !o.Thread.Has("send_wait") {
			if found != nil {
				return nil // two could run: no guess
			}
			found = o
		}
	}
	return found
}

// CurrentBlock is the address of the thread block that a processor runs in,
// without a model: for deciding about a breakpoint hit at little cost. It is 0
// where it cannot be told.
func (l *Layout) CurrentBlock(cpu kernel.CPU) uint64 {
	switch {
	case !cpu.User:
		return cpu.SP &^ (l.thread.block - 1)
	case cpu.KernelSP != 0:
		return (cpu.KernelSP - 1) &^ (l.thread.block - 1)
	}
	return 0
}

// taskObject decodes a task and its capability table.
func (d *decoder) taskObject(o *kernel.Object) error {
	t := &kernel.Task{Kernel: o.Class == "Kernel_task"}
	dir, err := d.word(o.Addr + d.Layout.task.dir)
	if err != nil {
		return fmt.Errorf("reading its page directory: %w", err)
	}
	o.Task = t
	if dir == 0 {
		return nil
	}
	_, root, err := d.kspace.Translate(dir)
	if err != nil {
		t.Problem = fmt.Sprintf("page directory at %#x: %v", dir, err)
		return nil
	}
	t.Root = root
	d.capabilities(t)
	d.pending = append(d.pending, func(s *kernel.System) {
		for i := range t.Caps {
			if o := s.At(t.Caps[i].Pointer); o != nil {
				t.Caps[i].Object = o.ID
			}
		}
	})
	return nil
}

// capabilities reads the pages of a task's capability table, as far as they
// are mapped in its own address space.
func (d *decoder) capabilities(t *kernel.Task) {
	space := memory.NewSpace(d.m.Phys, d.m.Paging, t.Root)
	pages, more, err := space.Mapped(d.caps.start, d.caps.end-1, maxCapPages)
	switch {
	case err != nil:
		t.Problem = err.Error()
	case more:
		t.Problem = fmt.Sprintf("only the first %d pages of its capability table are read", maxCapPages)
	}
	for _, p := range pages {
		if p.User || p.Size > 1<<22 {
			t.Problem = fmt.Sprintf("page %#x is in the range of the capability table but is none", p.Virt)
			continue
		}
		if d.tables += p.Size; d.tables > maxCapBytes {
			t.Problem = fmt.Sprintf("its capability table is cut short: those of all tasks have more than %d bytes", maxCapBytes)
			return
		}
		if err := d.capPage(t, p); err != nil {
			t.Problem = err.Error()
		}
	}
}

// capPage reads the entries of one page of a capability table.
func (d *decoder) capPage(t *kernel.Task, p memory.Mapping) error {
	raw := make([]byte, p.Size)
	if err := d.m.Phys.ReadMemory(p.Phys, raw); err != nil {
		return fmt.Errorf("reading the capability page at %#x: %w", p.Virt, err)
	}
	for off := uint64(0); off+d.caps.entry <= p.Size; off += d.caps.entry {
		word := memory.LittleEndian(raw[off : off+uint64(d.ptr)])
		if word&^3 == 0 {
			continue
		}
		t.Caps = append(t.Caps, kernel.Capability{
			Slot:    (p.Virt + off - d.caps.start) / d.caps.entry,
			Pointer: word &^ 3,
			Rights:  uint8(word & 3),
			Flags:   raw[off+d.caps.flags] & 0xf8,
		})
	}
	return nil
}

// Slot is the index that a capability selector names: l4_cap_idx_t keeps 12 bits
// for flags (L4_CAP_SHIFT).
func (l *Layout) Slot(selector uint64) uint64 { return selector >> 12 }
