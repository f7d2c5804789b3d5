package foc

import (
	"fmt"
	"slices"

	"thaw/kernel"
)

// thread decodes a thread's control block and the user state that was saved at
// the end of its kernel stack.
func (d *decoder) thread(o *kernel.Object, c *class) error {
	made := &struct { // in one piece
		kernel.Thread
		places [2]kernel.Place
	}{}
	t, l := &made.Thread, &d.Layout.thread
	t.Source, t.Places = kernel.SourceNone, made.places[:]
	kept, cont := &t.Places[0], &t.Places[1]
	kept.PlaceKind, cont.PlaceKind = d.platform.Places[0], d.platform.Places[1]
	frame := o.Addr + l.frame
	var space, partner, queue, cs uint64
	err := d.words(o.Addr, wanted{l.state, &t.State}, wanted{l.space, &space}, wanted{l.partner, &partner}, wanted{l.queue, &queue},
		wanted{l.utcb, &t.UTCB}, wanted{l.contIP, &cont.IP})
	if err != nil {
		return fmt.Errorf("reading its control block: %w", err)
	}
	fl := append(d.regs[:0], wanted{l.frameIP, &kept.IP}, wanted{l.frameSP, &kept.SP}, wanted{l.frameFl, &t.Flags})
	if l.hasCS {
		fl = append(fl, wanted{l.frameCS, &cs})
	}
	if !c.own {
		if err := d.words(frame, fl...); err != nil {
			return fmt.Errorf("reading its entry frame: %w", err)
		}
	}
	o.Thread = t
	inWords := d.stateFlags(t.State)
	t.StateNames, t.StateWords = inWords.names, inWords.words
	t.Ready, t.Dead, t.Exception, t.Wait = inWords.ready, inWords.dead, inWords.exception, inWords.wait
	kept.IPAddr, kept.SPAddr = frame+l.frameIP, frame+l.frameSP
	cont.IPAddr = o.Addr + l.contIP
	d.refer(space, refTask)
	// A closed wait keeps the sender that is waited for; the member is stale
	// in a thread that is in no IPC. A sender stands in the wait queue of its
	// receiver, which is a part of that thread.
	switch {
	case inWords.sends:
		d.refer(queue, refPartner)
	case t.Wait.Verb != "":
		d.refer(partner, refPartner)
	}
	if c.own {
		return nil
	}
	if err := d.registers(t, frame); err != nil {
		return err
	}
	return d.userState(o, t)
}

// understand tells what the flags mean. A receiver that gets its message right now
// waits no more.
func (f *flags) understand() {
	f.words = stateWords(f.names)
	has := func(flag string) bool { return slices.Contains(f.names, flag) }
	f.ready, f.dead, f.exception, f.sends = has("ready"), has("dead"), has("in_exception"), has("send_wait")
	f.wait.Ends = has("timeout")
	switch {
	case f.sends:
		f.wait.Verb = "sends to"
	case has("receive_wait") || has("receive_in_progress"):
		f.wait.Verb, f.wait.What, f.wait.Ending = "receives from", "anybody", has("receive_in_progress")
	}
}

// maxFlags bounds how many different states are kept in words.
const maxFlags = 1 << 12

// stateFlags are the flags of a thread state.
func (l *Layout) stateFlags(state uint64) *flags {
	if f := l.flags[state]; f != nil {
		return f
	}
	f := &flags{}
	for _, s := range l.thread.states {
		if state&s.bit != 0 {
			f.names = append(f.names, s.name)
		}
	}
	f.understand()
	if len(l.flags) < maxFlags {
		l.flags[state] = f
	}
	return f
}

// interrupted are the kernel's labels behind the calls of its entries that save other
// registers than a system call's does: its own debugger tells by them how a thread came in.
var interrupted = []string{"in_timer_interrupt", "in_timer_interrupt_slow", "in_interrupt", "in_page_fault", "in_handle_fputrap", "in_slowtrap"}

// registers reads the general registers of the entry frame. A thread that came by an
// interrupt or a fault has others there, and in the midst of them where the kernel goes
// on: which ones is not known.
func (d *decoder) registers(t *kernel.Thread, frame uint64) error {
	l := &d.Layout.thread
	if t.Exception && len(l.trapRegs) > 0 {
		// Both frames end with the same words.
		if d.registersAt(t, frame+l.frameIP-l.trapIP, l.trapRegs) != nil {
			t.Registers = nil // a recording has not all of them
		}
		return nil
	}
	if err := d.registersAt(t, frame, l.regs); err != nil {
		return err
	}
	for _, r := range t.Registers {
		if name, off, ok := d.entryLabel(r.Value); ok && off == 0 && slices.Contains(interrupted, name) {
			t.Registers = nil
			return nil
		}
	}
	return nil
}

// entryLabel is the function that an address of the kernel's half of memory is in.
func (l *Layout) entryLabel(addr uint64) (name string, off uint64, ok bool) {
	if addr>>(8*uint(l.ptr)-1) == 0 {
		return "", 0, false
	}
	return l.file.FunctionAt(addr)
}

// registersAt reads the registers of a frame.
func (d *decoder) registersAt(t *kernel.Thread, frame uint64, regs []regSlot) error {
	t.Registers = make([]kernel.Register, len(regs))
	all := d.regs[:0]
	for i, r := range regs {
		t.Registers[i].Name = r.name
		all = append(all, wanted{r.offset, &t.Registers[i].Value})
	}
	d.regs = all
	if d.together(frame, all) {
		return nil
	}
	for i, r := range regs {
		if err := d.words(frame, all[i]); err != nil {
			t.Registers = t.Registers[:i]
			return fmt.Errorf("reading %s of its entry frame: %w", r.name, err)
		}
	}
	return nil
}

// userState decides where the user ip and sp are: in the continuation where an
// exception was triggered (the frame then leads into the kernel), else in the
// frame.
func (d *decoder) userState(o *kernel.Object, t *kernel.Thread) error {
	l := &d.Layout.thread
	kept, cont := &t.Places[0], &t.Places[1]
	cont.SP, cont.SPAddr = kept.SP, kept.SPAddr
	if l.contSP != 0 {
		cont.SPAddr = o.Addr + l.contSP
		if err := d.words(o.Addr, wanted{l.contSP, &cont.SP}); err != nil {
			return fmt.Errorf("reading its continuation: %w", err)
		}
	}
	switch {
	case cont.Counts(cont.IP):
		t.IP, t.SP, t.Source = cont.IP, cont.SP, inCont
		if l.contFlags != 0 {
			return d.words(o.Addr, wanted{l.contFlags, &t.Flags})
		}
	case kept.IP != 0 || kept.SP != 0:
		t.IP, t.SP, t.Source = kept.IP, kept.SP, inFrame
	}
	return nil
}

// ofKernel says whether a thread is one of the kernel's task: where others have
// their entry frame, it has its stack.
func ofKernel(sys *kernel.System, o *kernel.Object) bool {
	task := sys.Object(o.Thread.PD)
	return task != nil && task.PD != nil && task.PD.Kernel
}

// clearUser takes away the user state of a thread that has none.
func clearUser(t *kernel.Thread) {
	t.IP, t.SP, t.Flags, t.Source, t.Registers = 0, 0, 0, kernel.SourceNone, nil
}

// markRunning finds the thread on each processor. One that runs in user mode
// has a stale frame: its state is the processor's. Objects that were decoded are
// kept for the next stop as they are; what is changed here is a copy.
func (d *decoder) markRunning(sys *kernel.System) {
	if d.m.Running {
		d.markCurrent(sys)
		return
	}
	found := make([]*kernel.Object, len(d.m.CPUs))
	for n, cpu := range d.m.CPUs {
		found[n] = d.Current(sys, cpu)
	}
	for n, cpu := range d.m.CPUs {
		if found[n] == nil {
			continue
		}
		t := sys.Own(found[n].Addr).Thread
		t.Running, t.CPU = true, n
		if cpu.User {
			t.IP, t.SP, t.Flags, t.Source, t.Registers = cpu.IP, cpu.SP, cpu.Flags, kernel.SourceCPU, cpu.Registers
		}
	}
}

// Current is the thread that runs on a processor, or nil where that cannot be
// told. In kernel mode the stack pointer lies in the thread's block, or just behind
// it where the stack is empty: at the kernel's entry and exit. In user mode it is
// the block whose stack the next kernel entry takes; where that is not known (ARM),
// the one thread of the running task that is ready and not waiting in IPC.
func (l *Layout) Current(sys *kernel.System, cpu kernel.CPU) *kernel.Object {
	if sp := kernelStack(cpu); !cpu.User || sp != 0 {
		if o := sys.At(sp - 1); o != nil && o.Thread != nil {
			return o
		}
		if !cpu.User {
			return nil
		}
	}
	task := sys.PDByRoot(cpu.Root)
	if task == nil {
		return nil
	}
	var found *kernel.Object
	for _, o := range sys.ThreadsOf(task.ID) {
		if o.Thread.Ready && !o.Thread.Has("receive_wait") && !o.Thread.Has("send_wait") {
			if found != nil {
				return nil // two could run: no guess
			}
			found = o
		}
	}
	return found
}

// CurrentThread is the address of the thread block that a processor runs in,
// without a model: for deciding about a breakpoint hit at little cost. It is 0
// where it cannot be told.
func (l *Layout) CurrentThread(m kernel.Machine, n int) uint64 {
	if sp := kernelStack(m.CPUs[n]); sp != 0 {
		return (sp - 1) &^ (l.thread.block - 1) // see Current
	}
	return 0
}

// kernelStack is the pointer of the kernel stack that a processor uses, or would at
// the next kernel entry; 0 if that is not known.
func kernelStack(cpu kernel.CPU) uint64 {
	if cpu.User {
		return cpu.KernelSP
	}
	return cpu.SP
}

// Slot is the index that a capability selector names: l4_cap_idx_t keeps 12 bits
// for flags (L4_CAP_SHIFT).
func (l *Layout) Slot(selector uint64) uint64 { return selector >> 12 }
