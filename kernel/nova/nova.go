package nova

import (
	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
)

// NewLayout finds the layout in the kernel's debug info, and that of names in core's if
// that is there. The error names what is missing.
func NewLayout(f, core kernel.Symbols) (*Layout, error) {
	l := &Layout{file: f, ptr: f.PtrSize(), functions: map[uint64]function{}, platform: newPlatform()}
	err := offsets.FindParts(f, give, []offsets.Part{
		{What: "the kernel's variables", Find: l.findVariables},
		{What: "the mapping database", Find: l.findNode},
		{What: "kernel objects", Find: l.findObject},
		{What: "protection domains", Find: l.findPD},
		{What: "execution contexts", Find: l.findEC},
		{What: "registers of execution contexts", Find: l.findRegisters},
		{What: "portals, scheduling contexts and semaphores", Find: l.findOthers},
	})
	if err != nil {
		return nil, err
	}
	if l.unnamed = kernel.ErrNoCore; core != nil {
		l.core, l.unnamed = newCoreLayout(core)
	}
	return l, nil
}

// Platform is what the debugger must know of NOVA beside its objects.
func (l *Layout) Platform() *kernel.Platform { return &l.platform }

// Decode reads all kernel objects. It fails only where there is nothing to show;
// what is damaged is told in the model's Problems and in the objects.
//
// Over a memory.Mirror that was refreshed since the last call, what did not change in
// memory is not decoded again.
func (l *Layout) Decode(m kernel.Machine) (*kernel.System, error) {
	return l.last.Decode(m, l.KernelSpace, func(space *kept.Space, old last) (*kernel.System, last, error) {
		d := &decoder{Layout: l, m: m, Words: offsets.Words{Space: space, Ptr: l.ptr}, space: space, old: old,
			now:     last{nodes: kept.Table[node]{}, raws: kept.Table[raw]{}, built: map[uint64]*built{}},
			objects: map[uint64]*known{}, tables: map[uint64]table{}, queued: map[uint64]uint64{}, timed: map[uint64]bool{}, named: map[uint64]name{}}
		d.findObjects()
		d.findQueues()
		d.findNames()
		sys := d.system()
		sys.Anew = d.anew
		return sys, d.now, nil
	})
}
