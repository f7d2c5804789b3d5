// Package hw decodes the kernel objects of base-hw, Genode's own kernel, from
// memory into the model of package kernel.
//
// It knows the names of the classes and members of Kernel::, Core:: and Genode::;
// where they lie comes from the debug info of the very core that runs (kernel and
// core are one program). It must not know phases, scenarios or components. Where a
// name changed between Genode's releases, all of them are tried.
package hw

import (
	"debug/elf"
	"fmt"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
)

// Layout is where a core keeps what the decoder reads. It is made once per core.
type Layout struct {
	file kernel.Symbols
	ptr  int // bytes of a pointer

	gen      *generation
	pushed   bool // a kernel entry pushes right into the thread's saved registers
	root     root
	caps     treeLayout
	pd       pdLayout
	thread   threadLayout
	signal   signalLayout
	irq      irqLayout
	cpu      cpuLayout
	platform kernel.Platform

	states map[stateKey]*stateWords // of threads
	last   kept.Turns[last]         // decoding of the stop before, empty if there was none
}

// root is the way to core's protection domain and to the processors.
type root struct {
	made offsets.Route // whether core's protection domain was constructed, a byte
	pd   offsets.Route // core's Kernel::Pd
	cpus offsets.Route // the first Kernel::Cpu
}

// treeLayout is an Object_identity_reference_tree, an AVL tree of capabilities, and
// what leads from a capability to an object.
type treeLayout struct {
	left, right uint64 // in a node: Avl_node_base::_child
	node        uint64 // Avl_node_base in Object_identity_reference
	capid, used offsets.Member
	identity    uint64
	object      uint64 // in Object_identity
	identSize   uint64
	kind        offsets.Member // in Object; where it is missing, the place of its own identity tells an object's class
	obj         uint64
	kinds       names // enum Kernel::Object::Type
	places      []place
}

// place is where an object's own identity lies, from its base Kernel::Object.
type place struct {
	identity uint64
	kind     string
	object   uint64 // the base in the object
}

// names are an enum's, by value.
type names = map[uint64]string

// pdLayout is Kernel::Pd.
type pdLayout struct {
	size uint64 // with its identity
	tree uint64
	name offsets.Route // its characters
	root uint64        // physical address of its page tables
}

// class is a dynamic class of threads. Their virtual tables tell nothing: the file with
// debug info was linked without the boot modules, which lie in front of them.
type class struct {
	name     string
	size     uint64
	identity uint64 // its own Object_identity, 0 if it has none
}

// threadLayout is Kernel::Thread with its bases.
type threadLayout struct {
	classes                  []class
	label, pd, utcb          uint64
	state, paused, exception offsets.Member
	states, exceptions       names
	fault                    uint64 // address of the last page fault
	stateLayout
	waitLayout
	executed offsets.Member // ticks of the kernel's timer, up to when it last decided who runs; where it is missing, the kernel does not count

	joined offsets.Route // the protection domain that it will run in, as core knows; none where the kernel knows it from the first
}

// stateLayout is where a thread's user state is saved, a Genode::Cpu_state.
type stateLayout struct {
	regs              uint64 // pointer to the saved Genode::Cpu_state
	ip, sp, cs, flags uint64 // in it
	trap              uint64 // what brought it into the kernel, there
	pageFault         int64  // by that, a page fault; -1 where exception says so
	frame             uint64 // bytes that a kernel entry pushes, a Cpu_state first
	general           []slot // further registers
}

// waitLayout is what a thread waits for.
type waitLayout struct {
	out              offsets.Member // state of what it asks others for, in the thread
	outStates        names
	server           offsets.Route  // the thread that it asks
	receiver, killed uint64         // that it waits for: signal receiver, signal context
	helped           offsets.Route  // the thread that it lends its time to
	helps            offsets.Member // whether it does so, while it asks:
	helping          uint64         // if it is this
}

// slot is a register.
type slot struct {
	name string // GDB's
	off  uint64 // in Cpu_state
}

// signalLayout is Kernel::Signal_context, Signal_receiver and Signal_handler.
type signalLayout struct {
	contextSize, receiverSize uint64 // with their identities
	receiver, imprint         uint64 // in a context
	submits, ack              offsets.Member
	handler                   offsets.Route // from a receiver, the thread that waits at it
}

// irqLayout is Kernel::User_irq.
type irqLayout struct {
	size    uint64
	id      offsets.Member
	context uint64
}

// cpuLayout is Kernel::Cpu.
type cpuLayout struct {
	next    offsets.Route // the next one
	size    uint64        // or this far on, in an array of so many
	count   int
	made    offsets.Member // whether one of the array exists; where it is missing, all do
	id      offsets.Member
	current offsets.Route // thread whose time is used
	note    offsets.Route // the kernel's pointer to it
	idle    uint64        // its idle thread

	// The stack of kernel entries: its end is noted in the processor, or it lies in an
	// array of them at an address.
	stack     offsets.Route
	stacks    uint64
	stackSize uint64
}

// coreObject is what core makes of a kernel object: the object and its identity.
func coreObject(class string) string { return "Kernel::Core_object<Kernel::" + class + ">" }

func (l *Layout) findRoot(f *offsets.Finder) {
	l.root = root{made: f.Route(l.gen.made), pd: f.Route(l.gen.pd...), cpus: f.Route(l.gen.cpus...)}
	l.root.pd = append(l.root.pd, f.Route([]offsets.Hop{offsets.InBase(coreObject("Pd"), "Kernel::Pd")})...)
}

func (l *Layout) findTree(f *offsets.Finder) {
	const ref = "Kernel::Object_identity_reference"
	l.caps = treeLayout{
		left: f.At("Genode::Avl_node_base", "_child[0]"), right: f.At("Genode::Avl_node_base", "_child[1]"),
		node:  f.Base(ref, "Genode::Avl_node_base"),
		capid: f.Number(ref, "_capid"), used: f.Number(ref, "_in_utcbs"),
		identity:  f.At(ref, "_identity"),
		object:    f.At("Kernel::Object_identity", "_object"),
		identSize: f.Size("Kernel::Object_identity"),
		kind:      f.MaybeNumber("Kernel::Object", "_type"),
	}
	if l.caps.kind.Exists() { // since 21.05 at the latest
		l.caps.obj, l.caps.kinds = f.At("Kernel::Object", "_obj"), f.Enum("Kernel::Object::Type")
		return
	}
	for _, c := range []struct{ class, kind string }{
		{"Thread", typeThread}, {"Pd", typePD}, {"Signal_context", typeContext}, {"Signal_receiver", typeReceiver}, {"User_irq", typeIRQ}, {"Vm", typeVCPU},
	} {
		if _, err := l.file.Type(coreObject(c.class)); err != nil && c.kind != typeThread {
			continue // not all kernels have it, and core makes none
		}
		base := f.Base(coreObject(c.class), "Kernel::Object")
		l.caps.places = append(l.caps.places, place{f.Base(coreObject(c.class), "Kernel::Object_identity") - base, c.kind, base})
	}
}

func (l *Layout) findPD(f *offsets.Finder) {
	l.pd = pdLayout{
		size: f.Size(coreObject("Pd")),
		tree: f.At("Kernel::Pd", "_cap_tree") + f.Base("Kernel::Object_identity_reference_tree", "Genode::Avl_node_base"),
		name: f.Route(
			[]offsets.Hop{offsets.In("Kernel::Pd", "_core_data.name._buf")},                                                // 25.08 to 26.02
			[]offsets.Hop{offsets.Through("Kernel::Pd", "_platform_pd"), offsets.Through("Core::Platform_pd", "_label")},   // from 23.05 on
			[]offsets.Hop{offsets.Through("Kernel::Pd", "_platform_pd"), offsets.Through("Genode::Platform_pd", "_label")}, // before
		),
		root: f.At("Kernel::Pd", "_core_data.table_phys_addr", "mmu_regs.cr3"),
	}
}

func (l *Layout) findThread(f *offsets.Finder) {
	const thread = "Kernel::Thread"
	l.thread = threadLayout{
		classes: l.threadClasses(),
		label:   f.At(thread, "_label"), pd: f.At(thread, "_pd"), utcb: f.At(thread, "_utcb"),
		state: f.Number(thread, "_state"), paused: f.Number(thread, "_paused"), exception: f.MaybeNumber(thread, "_exception_state"),
		states: f.Enum(thread + "::State"),
		fault:  f.At(thread, "_fault.addr"), stateLayout: stateLayout{pageFault: -1},
		executed: f.MaybeNumber(thread, "_execution_time"),
	}
	l.thread.joined = f.MaybeRoute(joined...)
	if l.thread.exception.Exists() {
		l.thread.exceptions = f.Enum(thread + "::Exception_state")
	} else {
		l.thread.trap = f.At(cpuStateType, "trapno", "cpu_exception")
		l.thread.pageFault = int64(f.Enumerator(cpuStateType + "::PAGE_FAULT"))
	}
	if f.Err == nil && len(l.thread.classes) == 0 {
		f.Err = fmt.Errorf("no class %s", coreObject("Thread"))
	}
}

// threadClasses are the classes of threads, each with how core makes it; the one of
// components comes first. Core_thread exists from 25.11 on.
func (l *Layout) threadClasses() (out []class) {
	for _, c := range []struct{ name, made string }{
		{"Kernel::Thread", coreObject("Thread")},
		{"Kernel::Core_thread", coreObject("Core_thread")},
		{"Kernel::Core_main_thread", "Kernel::Core_main_thread"},
	} {
		t, err := l.file.Type(c.made)
		if err != nil || t.Underlying().Size <= 0 || t.Underlying().Size > maxObject {
			continue
		}
		if off, ok := t.BaseOffset("Kernel::Object_identity"); ok {
			out = append(out, class{c.name, uint64(t.Underlying().Size), uint64(off)})
		}
	}
	return out
}

// maxObject is more than any kernel object has bytes.
const maxObject = 1 << 20

func (l *Layout) findWaits(f *offsets.Finder) {
	const thread, node = "Kernel::Thread", "Kernel::Ipc_node"
	t := &l.thread
	// The node is a member, or up to 19.08 a base: its state has the name of the thread's then.
	t.out = f.Number(thread, "_ipc_node._out.state", "_ipc_node._state", "Ipc_node::_state")
	t.outStates = f.Enum(node+"::Out::State", node+"::State")
	t.server = f.Route(
		[]offsets.Hop{offsets.Through(thread, "_ipc_node._out.node"), offsets.Through(node, "_thread")},
		[]offsets.Hop{offsets.Through(thread, "_ipc_node._callee"), offsets.Through(node, "_thread")}, // up to 22.11
		[]offsets.Hop{offsets.Through(thread, "_callee"), offsets.Of(node, thread)},
	)
	t.receiver = f.At(thread, "_signal_handler._receiver", "_signal_receiver")
	t.killed = f.At(thread, "_signal_context_killer._context", "Signal_context_killer::_context")
	// It lends its time to whom it asks if its node says so, by a flag or, from 23.02 on, by
	// its state; from 25.02 on the scheduler knows.
	t.helps, t.helping = f.MaybeNumber(thread, "_ipc_node._help", "_help"), 1
	for value, name := range t.outStates {
		if name == "SEND_HELPING" {
			t.helps, t.helping = t.out, value
		}
	}
	if t.helped = t.server; t.helps.Exists() {
		return
	}
	const context = "Kernel::Scheduler::Context"
	t.helped = f.Route([]offsets.Hop{offsets.InBase(thread, context), offsets.Through(context, "_destination"), offsets.Of(context, thread)})
}

const cpuStateType = "Genode::Cpu_state"

func (l *Layout) findRegisters(f *offsets.Finder) {
	const state = cpuStateType
	t := &l.thread
	t.regs = f.At("Kernel::Thread", "regs._obj")
	t.ip, t.sp, t.frame = f.At(state, "ip"), f.At(state, "sp"), f.Size(state)
	if l.file.Machine() == elf.EM_AARCH64 { // what only the kernel may set stands behind it
		const whole = "Board::Cpu::Context"
		t.flags, t.frame = f.At(whole, "pstate"), f.Size(whole)
	} else {
		t.flags = f.At(state, "eflags", "cpsr")
	}
	t.cs = t.flags
	if cs, ok := f.Maybe(state, "cs"); ok {
		t.cs = cs
	}
	for _, name := range kernel.GeneralRegisters(l.file.Machine()) {
		if r, ok := f.Maybe(state, name); ok {
			t.general = append(t.general, slot{name, r})
		}
	}
	if _, ok := f.Maybe(state, "r"); ok { // ARM's is one array
		r := f.Path(state, "r")
		for i := range min(max(r.Type.Underlying().Count, 0), 31) {
			t.general = append(t.general, slot{fmt.Sprintf("x%d", i), uint64(r.Offset) + uint64(i)*uint64(l.ptr)})
		}
	}
	for _, r := range append([]slot{{kernel.FlagsRegister(l.file.Machine()), t.flags}}, t.general...) {
		for _, p := range l.platform.Places {
			p.Beside = append(p.Beside, kernel.Beside{Name: r.name, Off: int64(r.off - t.ip)})
		}
	}
}

func (l *Layout) findSignals(f *offsets.Finder) {
	const context, receiver, handler = "Kernel::Signal_context", "Kernel::Signal_receiver", "Kernel::Signal_handler"
	const element = "Genode::Fifo_element<" + handler + ">"
	l.signal = signalLayout{
		contextSize: f.Size(coreObject("Signal_context")), receiverSize: f.Size(coreObject("Signal_receiver")),
		receiver: f.At(context, "_receiver"), imprint: f.At(context, "_imprint"),
		submits: f.Number(context, "_submits"), ack: f.Number(context, "_ack"),
		handler: f.Route(
			[]offsets.Hop{offsets.Through(receiver, "_handler"), offsets.Through(handler, "_thread")},
			[]offsets.Hop{offsets.Through(receiver, "_handlers._head"), offsets.Through(element, "_object"), offsets.Through(handler, "_thread")}, // 20.02 to 24.11
			[]offsets.Hop{offsets.Through(receiver, "_handlers._head"), offsets.Through(element, "_object"), offsets.Of(handler, "Kernel::Thread")},
		),
	}
}

func (l *Layout) findIRQ(f *offsets.Finder) {
	const irq = "Kernel::User_irq"
	l.irq = irqLayout{id: f.Number(irq, "_id", "_irq_nr"), context: f.At(irq, "_context"), size: f.Size(irq)}
	if typ, err := l.file.Type(coreObject("User_irq")); err == nil { // in 18.02 core makes one without an identity
		l.irq.size = uint64(typ.Underlying().Size)
	}
}

func (l *Layout) findCPU(f *offsets.Finder) {
	const cpu, thread, context, share = "Kernel::Cpu", "Kernel::Thread", "Kernel::Scheduler::Context", "Kernel::Cpu_share"
	l.cpu = cpuLayout{
		id: f.Number(cpu, "_id.value", "_id"), idle: f.At(cpu, "_idle"),
		note: f.Route([]offsets.Hop{offsets.In(cpu, "_scheduler._current")}, []offsets.Hop{offsets.In(cpu, "_scheduler._head")}),
		current: f.Route(
			[]offsets.Hop{offsets.Through(cpu, "_scheduler._current"), offsets.Of(context, thread)}, // from 24.02 on
			[]offsets.Hop{offsets.Through(cpu, "_scheduler._head"), offsets.Of(share, thread)},
		),
		stackSize: entryStack,
	}
	l.findCPUs(f)
	if all, err := l.file.Variable("kernel_stack"); err == nil { // up to 24.05
		l.cpu.stacks = all.Addr
		if one := all.Type.Underlying().Elem; one != nil {
			l.cpu.stackSize = uint64(max(one.Underlying().Size, 0))
		}
	} else {
		l.cpu.stack = f.MaybeRoute([]offsets.Hop{offsets.Through(cpu, "tss.ist[0]")})
	}
}

// findCPUs finds how one processor leads to the next: in a list from 24.08 on, in an array
// before.
func (l *Layout) findCPUs(f *offsets.Finder) {
	const pool, element = "Kernel::Cpu_pool", "Genode::List<Kernel::Cpu>::Element"
	if l.cpu.next = f.MaybeRoute([]offsets.Hop{offsets.InBase("Kernel::Cpu", element), offsets.Through(element, "_next")}); l.cpu.next != nil {
		return
	}
	all := f.Path(pool, "_cpus").Type
	if f.Err != nil {
		return
	}
	one := all.Underlying().Elem
	if one == nil {
		f.Err = fmt.Errorf("%s::_cpus is no array", pool)
		return
	}
	l.cpu.count, l.cpu.size = int(min(max(all.Underlying().Count, 0), maxCPUs)), uint64(max(one.Underlying().Size, 0))
	l.cpu.made = f.MaybeNumber(pool, "_cpus[0]._constructed")
	l.cpu.made.Off -= f.At(pool, "_cpus")
}

// entryStack is how large the stack of kernel entries is at the most
// (Hw::Mm::KERNEL_STACK_SIZE, 64 KiB in 21.11 to 26.02).
const entryStack = 64 << 10

// stateKey is a thread's state, and stateWords what it means.
type stateKey struct{ state, paused, exception uint64 }

type stateWords struct{ names []string }
