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
	pushed := pushes(f)
	l := &Layout{file: f, ptr: f.PtrSize(), gen: gen, pushed: pushed, states: map[stateKey]*stateWords{}, platform: newPlatform(f.Machine(), gen.attached, pushed)}
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
	return l.last.Decode(m, l.KernelSpace, func(space *kept.Space, old last) (*kernel.System, last, error) {
		// There will be about as many as before.
		n := len(old.raws)
		d := &decoder{Layout: l, m: m, Words: offsets.Words{Space: space, Ptr: l.ptr}, space: space, old: old,
			now: last{trees: make(kept.Table[[]node], len(old.trees)), raws: make(kept.Table[raw], n), built: make(map[uint64]*built, len(old.built))},
			ids: make(map[uint64]kernel.ID, len(old.held)), objects: make(map[uint64]*known, n), order: make([]*known, 0, n)}
		if err := d.findCore(); err != nil {
			return nil, last{}, err
		}
		d.findObjects()
		d.findIdle()
		sys := d.system()
		sys.Anew = d.anew
		return sys, d.now, nil
	})
}
