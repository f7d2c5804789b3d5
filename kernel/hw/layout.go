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
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
)

// Layout is where a core keeps what the decoder reads. It is made once per core.
type Layout struct {
	file kernel.Symbols
	ptr  int // bytes of a pointer

	root     root
	caps     treeLayout
	pd       pdLayout
	thread   threadLayout
	signal   signalLayout
	irq      irqLayout
	cpu      cpuLayout
	platform kernel.Platform

	states map[stateKey]*stateWords // of threads
	last   *last                    // decoding of the stop before, nil if there was none
}

// root is the way to core's protection domain and to the processors.
type root struct {
	main uint64 // address of the pointer Kernel::Main::_instance, 0 until the kernel has begun
	pd   uint64 // core's Kernel::Pd in Kernel::Main
	made uint64 // whether it was constructed, a byte
	cpus uint64 // pointer to the first Kernel::Cpu, in Kernel::Main
}

// treeLayout is an Object_identity_reference_tree, an AVL tree of capabilities, and
// what leads from a capability to an object.
type treeLayout struct {
	left, right uint64 // in a node: Avl_node_base::_child
	node        uint64 // Avl_node_base in Object_identity_reference
	capid, used member
	identity    uint64
	object      uint64 // in Object_identity
	identSize   uint64
	kind        member // in Object
	obj         uint64
	kinds       names // enum Kernel::Object::Type
}

// member is an integer: where it lies, and of how many bytes it is.
type member struct {
	off  uint64
	size int
}

// names are an enum's, by value.
type names map[uint64]string

// pdLayout is Kernel::Pd.
type pdLayout struct {
	size    uint64 // with its identity
	tree    uint64
	name    uint64 // its characters
	nameLen int
	root    uint64 // physical address of its page tables
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
	state, paused, exception member
	states, exceptions       names
	fault                    uint64 // address of the last page fault
	regs                     uint64 // pointer to the saved Genode::Cpu_state
	ip, sp, cs, flags        uint64 // in Cpu_state
	frame                    uint64 // bytes of a Cpu_state
	general                  []slot // further registers
	node, nodeThread         uint64 // _ipc_node; the thread in an Ipc_node
	out                      member // state of what it asks others for, in the thread
	outNode                  uint64 // the Ipc_node that it asks
	outStates                names
	receiver, killed         uint64 // that it waits for: signal receiver, signal context
	context, helped          uint64 // Scheduler::Context in the thread; in that, the context that it helps
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
	submits, ack              member
	handler                   uint64 // in a receiver
	thread                    uint64 // in a handler
}

// irqLayout is Kernel::User_irq.
type irqLayout struct {
	size    uint64
	id      member
	context uint64
}

// cpuLayout is Kernel::Cpu.
type cpuLayout struct {
	next    uint64
	id      member
	current uint64 // Scheduler::_current
	idle    uint64 // its idle thread
	stack   uint64 // the stack of kernel entries, 0 where that is not known
}

// NewLayout finds the layout in core's debug info. The error names what is missing.
func NewLayout(f kernel.Symbols) (*Layout, error) {
	l := &Layout{file: f, ptr: f.PtrSize(), states: map[stateKey]*stateWords{}, platform: newPlatform(f.Machine())}
	for _, part := range []struct {
		what string
		find func() error
	}{
		{"the kernel's root objects", l.findRoot},
		{"capabilities", l.findTree},
		{"protection domains", l.findPD},
		{"threads", l.findThread},
		{"IPC and waits of threads", l.findWaits},
		{"registers of threads", l.findRegisters},
		{"signals", l.findSignals},
		{"interrupts", l.findIRQ},
		{"processors", l.findCPU},
	} {
		if err := part.find(); err != nil {
			return nil, fmt.Errorf("%s does not describe %s (give base-hw's core ELF with debug info, var/run/NAME.core): %w", f.Path(), part.what, err)
		}
	}
	return l, nil
}

// finder looks members up until one is missing.
type finder struct {
	l   *Layout
	err error
}

func (l *Layout) find() *finder { return &finder{l: l} }

func (f *finder) typ(name string) *debuginfo.Type {
	if f.err != nil {
		return nil
	}
	t, err := f.l.file.Type(name)
	f.err = err
	return t
}

// path is a member of a class by its path; of several paths the first that exists
// counts.
func (f *finder) path(typ string, paths ...string) debuginfo.Resolved {
	t := f.typ(typ)
	if t == nil {
		return debuginfo.Resolved{}
	}
	var err error
	for _, p := range paths {
		r, e := t.FieldPath(p)
		if e == nil {
			return r
		}
		err = e
	}
	f.err = err
	return debuginfo.Resolved{}
}

// at is where a member lies.
func (f *finder) at(typ string, paths ...string) uint64 { return uint64(f.path(typ, paths...).Offset) }

// integer is a member that is a number.
func (f *finder) integer(typ string, paths ...string) member {
	r := f.path(typ, paths...)
	m := member{off: uint64(r.Offset)}
	if f.err != nil {
		return m
	}
	if m.size = int(r.Type.Underlying().Size); m.size < 1 || m.size > 8 {
		f.err = fmt.Errorf("%s::%s is no number", typ, paths[0])
	}
	return m
}

// base is where a base class lies in a class.
func (f *finder) base(typ, base string) uint64 {
	t := f.typ(typ)
	if t == nil {
		return 0
	}
	off, ok := t.BaseOffset(base)
	if !ok {
		f.err = fmt.Errorf("%s has no base class %s", typ, base)
	}
	return uint64(off)
}

// size is that of a class.
func (f *finder) size(typ string) uint64 {
	t := f.typ(typ)
	if t == nil {
		return 0
	}
	n := t.Underlying().Size
	if n <= 0 || n > maxObject {
		f.err = fmt.Errorf("%s has a size of %d bytes", typ, n)
	}
	return uint64(n)
}

// enum are an enum's names.
func (f *finder) enum(typ string) names {
	t := f.typ(typ)
	if t == nil {
		return nil
	}
	out := names{}
	for _, e := range t.Underlying().Enumerators {
		out[uint64(e.Value)] = e.Name
	}
	if len(out) == 0 {
		f.err = fmt.Errorf("enum %s has no values", typ)
	}
	return out
}

// maxObject is more than any kernel object has bytes.
const maxObject = 1 << 20

// coreObject is what core makes of a kernel object: the object and its identity.
func coreObject(class string) string { return "Kernel::Core_object<Kernel::" + class + ">" }

func (l *Layout) findRoot() error {
	main, err := l.file.Variable("Kernel::Main::_instance")
	if err != nil {
		return err
	}
	f := l.find()
	l.root = root{
		main: main.Addr,
		pd:   f.at("Kernel::Main", "_core_platform_pd._kobj._space") + f.base(coreObject("Pd"), "Kernel::Pd"),
		made: f.at("Kernel::Main", "_core_platform_pd._kobj._constructed"),
		cpus: f.at("Kernel::Main", "_cpu_pool._cpus._first"),
	}
	return f.err
}

func (l *Layout) findTree() error {
	f := l.find()
	const ref = "Kernel::Object_identity_reference"
	l.caps = treeLayout{
		left: f.at("Genode::Avl_node_base", "_child[0]"), right: f.at("Genode::Avl_node_base", "_child[1]"),
		node:  f.base(ref, "Genode::Avl_node_base"),
		capid: f.integer(ref, "_capid"), used: f.integer(ref, "_in_utcbs"),
		identity:  f.at(ref, "_identity"),
		object:    f.at("Kernel::Object_identity", "_object"),
		identSize: f.size("Kernel::Object_identity"),
		kind:      f.integer("Kernel::Object", "_type"),
		obj:       f.at("Kernel::Object", "_obj"),
		kinds:     f.enum("Kernel::Object::Type"),
	}
	return f.err
}

func (l *Layout) findPD() error {
	f := l.find()
	name := f.path("Kernel::Pd", "_core_data.name._buf")
	l.pd = pdLayout{
		size: f.size(coreObject("Pd")),
		tree: f.at("Kernel::Pd", "_cap_tree"),
		name: uint64(name.Offset),
		root: f.at("Kernel::Pd", "_core_data.table_phys_addr"),
	}
	if f.err == nil {
		l.pd.nameLen = int(min(max(name.Type.Underlying().Count, 1), 512))
		l.pd.tree += f.base("Kernel::Object_identity_reference_tree", "Genode::Avl_node_base")
	}
	return f.err
}

func (l *Layout) findThread() error {
	f := l.find()
	const thread = "Kernel::Thread"
	l.thread = threadLayout{
		classes: l.threadClasses(),
		label:   f.at(thread, "_label"), pd: f.at(thread, "_pd"), utcb: f.at(thread, "_utcb"),
		state: f.integer(thread, "_state"), paused: f.integer(thread, "_paused"), exception: f.integer(thread, "_exception_state"),
		states: f.enum(thread + "::State"), exceptions: f.enum(thread + "::Exception_state"),
		fault: f.at(thread, "_fault.addr"),
	}
	if f.err == nil && len(l.thread.classes) == 0 {
		return fmt.Errorf("no class %s", coreObject("Thread"))
	}
	return f.err
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

func (l *Layout) findWaits() error {
	f := l.find()
	const thread, node = "Kernel::Thread", "Kernel::Ipc_node"
	t := &l.thread
	t.node, t.nodeThread = f.at(thread, "_ipc_node"), f.at(node, "_thread")
	t.out, t.outNode = f.integer(thread, "_ipc_node._out.state"), f.at(thread, "_ipc_node._out.node")
	t.outStates = f.enum(node + "::Out::State")
	t.receiver, t.killed = f.at(thread, "_signal_handler._receiver"), f.at(thread, "_signal_context_killer._context")
	t.context, t.helped = f.base(thread, "Kernel::Scheduler::Context"), f.at("Kernel::Scheduler::Context", "_destination")
	return f.err
}

// generalRegisters are those other than ip and sp that a Cpu_state may have, by
// GDB's names, which are also its members'.
var generalRegisters = map[elf.Machine][]string{
	elf.EM_X86_64: strings.Fields("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15"),
}

func (l *Layout) findRegisters() error {
	f := l.find()
	const state = "Genode::Cpu_state"
	t := &l.thread
	t.regs = f.at("Kernel::Thread", "regs._obj")
	t.ip, t.sp, t.flags = f.at(state, "ip"), f.at(state, "sp"), f.at(state, "eflags", "pstate", "cpsr")
	t.frame = f.size(state)
	typ := f.typ(state)
	if f.err != nil {
		return f.err
	}
	t.cs = t.flags
	if cs, err := typ.FieldPath("cs"); err == nil {
		t.cs = uint64(cs.Offset)
	}
	for _, name := range generalRegisters[l.file.Machine()] {
		if r, err := typ.FieldPath(name); err == nil {
			t.general = append(t.general, slot{name, uint64(r.Offset)})
		}
	}
	if r, err := typ.FieldPath("r"); err == nil && r.Type.Underlying().Count > 0 { // ARM's is one array
		for i := range min(r.Type.Underlying().Count, 31) {
			t.general = append(t.general, slot{fmt.Sprintf("x%d", i), uint64(r.Offset) + uint64(i)*uint64(l.ptr)})
		}
	}
	return nil
}

func (l *Layout) findSignals() error {
	f := l.find()
	const context = "Kernel::Signal_context"
	l.signal = signalLayout{
		contextSize: f.size(coreObject("Signal_context")), receiverSize: f.size(coreObject("Signal_receiver")),
		receiver: f.at(context, "_receiver"), imprint: f.at(context, "_imprint"),
		submits: f.integer(context, "_submits"), ack: f.integer(context, "_ack"),
		handler: f.at("Kernel::Signal_receiver", "_handler"), thread: f.at("Kernel::Signal_handler", "_thread"),
	}
	return f.err
}

func (l *Layout) findIRQ() error {
	f := l.find()
	l.irq = irqLayout{size: f.size(coreObject("User_irq")), id: f.integer("Kernel::User_irq", "_id", "_irq_nr"), context: f.at("Kernel::User_irq", "_context")}
	return f.err
}

func (l *Layout) findCPU() error {
	f := l.find()
	const cpu = "Kernel::Cpu"
	l.cpu = cpuLayout{
		next:    f.base(cpu, "Genode::List<Kernel::Cpu>::Element") + f.at("Genode::List<Kernel::Cpu>::Element", "_next"),
		id:      f.integer(cpu, "_id.value", "_id"),
		current: f.at(cpu, "_scheduler._current"),
		idle:    f.at(cpu, "_idle"),
	}
	if f.err != nil {
		return f.err
	}
	if typ, err := l.file.Type(cpu); err == nil {
		if r, err := typ.FieldPath("tss.ist[0]"); err == nil {
			l.cpu.stack = uint64(r.Offset)
		}
	}
	return nil
}
