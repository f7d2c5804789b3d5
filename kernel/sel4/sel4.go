// Package sel4 decodes the kernel objects of seL4, as Genode's debug build of it keeps
// them, from memory into the model of package kernel.
//
// It knows the names of the kernel's structures and members, and of those of Genode's core
// that know how threads are called; where they lie comes from the debug info of the very
// kernel and core that run. What that does not describe, bit fields, stands in one table
// (bits.go), for one configuration. It must not know phases, scenarios or components.
package sel4

import (
	"errors"
	"fmt"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// Layout is where a kernel keeps what the decoder reads. It is made once per kernel.
type Layout struct {
	file kernel.Symbols
	ptr  int // bytes of a pointer

	nodes  nodeLayout
	tcb    tcbLayout
	irqs   irqLayout
	tables uint64 // the kernel's own page tables (x64KSKernelPML4)
	skim   uint64 // a variable that every address space maps

	states, tags, faults map[uint64]string // enum entries by value
	core                 *coreLayout       // nil where core's debug info is not there or does not tell:
	unnamed              error             // why
	platform             kernel.Platform
	last                 kept.Turns[last] // decoding of the stop before, empty if there was none
}

// NewLayout finds where a kernel keeps its objects, and where Genode's core has names.
func NewLayout(f, core kernel.Symbols) (*Layout, error) {
	l := &Layout{file: f, ptr: f.PtrSize(), platform: newPlatform()}
	err := offsets.FindParts(f, give, []offsets.Part{
		{What: "its enums", Find: l.findEnums},
		{What: "the configuration of seL4 that thaw knows", Find: l.check},
		{What: "its processors' state", Find: l.findNodes},
		{What: "TCBs", Find: l.findTCB},
	})
	if err != nil {
		return nil, err
	}
	if l.unnamed = kernel.ErrNoCore; core != nil {
		l.core, l.unnamed = newCoreLayout(core)
	}
	return l, nil
}

// Platform is what the debugger must know of seL4 beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

// Slot is the index in a capability table that a selector names: the selector itself.
func (l *Layout) Slot(selector uint64) uint64 { return selector }

// KernelSpace is the kernel's own address space. Those of processors in user mode map
// just a few pages of the kernel, by which the rest of its image is found.
func (l *Layout) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	err := errors.New("no processor known")
	for _, cpu := range m.CPUs {
		var s *memory.Space
		if s, err = l.spaceFrom(m, cpu.Root); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("finding the kernel's page tables in memory: %w", err)
}

func (l *Layout) spaceFrom(m kernel.Machine, root uint64) (*memory.Space, error) {
	_, at, err := memory.NewSpace(m.Phys, m.Paging, root).Translate(l.skim)
	if err != nil {
		return nil, err
	}
	at += l.tables - l.skim // the image lies in one piece
	s := memory.NewSpace(m.Phys, m.Paging, at)
	if _, own, err := s.Translate(l.tables); err != nil || own != at {
		return nil, errors.Join(errors.New("it is no kernel of this file"), err)
	}
	w := offsets.Words{Space: s, Ptr: l.ptr}
	idle, err := w.Word(l.nodes.at(0, l.nodes.idle))
	if err != nil {
		return nil, err
	}
	state, err := words(s, idle+l.tcb.state, stateType.word+1)
	if err != nil {
		return nil, fmt.Errorf("reading its idle thread: %w", err)
	}
	if word := l.states[stateType.in(state)]; word != idleState {
		return nil, fmt.Errorf("its idle thread is %q: it has not begun so far, or its bit fields are others", word)
	}
	return s, nil
}

// CurrentThread is the address of the TCB that a processor runs, 0 where that cannot be
// told.
func (l *Layout) CurrentThread(m kernel.Machine, cpu int) uint64 {
	s, err := l.KernelSpace(m)
	if err != nil || cpu >= l.nodes.count {
		return 0
	}
	tcb, err := memory.Uint(s, l.nodes.at(cpu, l.nodes.current), l.ptr)
	if err != nil {
		return 0
	}
	return tcb
}

// Decode reads all kernel objects. It fails only where there is nothing to show;
// what is damaged is told in the model's Problems and in the objects.
//
// Over a memory.Mirror that was refreshed since the last call, what did not change in
// memory is not read again.
func (l *Layout) Decode(m kernel.Machine) (*kernel.System, error) {
	return l.last.Decode(m, l.KernelSpace, func(space *kept.Space, old last) (*kernel.System, last, error) {
		d := &decoder{Layout: l, m: m, Words: offsets.Words{Space: space, Ptr: l.ptr}, space: space, old: old, now: last{raws: kept.Table[raw]{}},
			objects: map[uint64]*known{}, spaces: map[uint64]uint64{}, replier: map[uint64]uint64{}, events: map[uint64]bool{}, named: map[uint64]name{}}
		d.findObjects()
		d.findNames()
		sys := d.system()
		sys.Anew = d.anew
		return sys, d.now, nil
	})
}
