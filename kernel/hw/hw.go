package hw

import (
	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
)

// NewLayout finds the layout in core's debug info. The error names what is missing.
func NewLayout(f kernel.Symbols) (*Layout, error) {
	gen, err := generationOf(f)
	if err != nil {
		return nil, err
	}
	l := &Layout{file: f, ptr: f.PtrSize(), gen: gen, states: map[stateKey]*stateWords{}, platform: newPlatform(f.Machine(), gen)}
	err = offsets.FindParts(f, give, []offsets.Part{
		{What: "the kernel's root objects", Find: l.findRoot},
		{What: "capabilities", Find: l.findTree},
		{What: "protection domains", Find: l.findPD},
		{What: "threads", Find: l.findThread},
		{What: "IPC and waits of threads", Find: l.findWaits},
		{What: "registers of threads", Find: l.findRegisters},
		{What: "signals", Find: l.findSignals},
		{What: "interrupts", Find: l.findIRQ},
		{What: "processors", Find: l.findCPU},
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Platform is what the debugger must know of base-hw beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

// Decode reads all kernel objects. It fails only where there is nothing to show;
// what is damaged is told in the model's Problems and in the objects.
//
// Over a memory.Mirror that was refreshed since the last call, what did not change in
// memory is not decoded again.
func (l *Layout) Decode(m kernel.Machine) (*kernel.System, error) {
	d := &decoder{Layout: l, m: m, now: last{trees: kept.Table[[]node]{}, raws: kept.Table[raw]{}, built: map[uint64]*built{}},
		ids: map[uint64]kernel.ID{}, objects: map[uint64]*known{}}
	space, old, err := l.last.Open(m, l.KernelSpace)
	if err != nil {
		return nil, err
	}
	d.Words, d.space, d.old = offsets.Words{Space: space, Ptr: l.ptr}, space, old
	if err := d.findCore(); err != nil {
		return nil, err
	}
	d.findObjects()
	d.findIdle()
	sys := d.system()
	sys.Anew = d.anew
	l.last.Keep(space, d.now)
	return sys, nil
}
