package foc

import (
	"errors"
	"fmt"

	"thaw/kernel"
	"thaw/memory"
)

// SpaceSwitch is the address of Mem_space::_current, which Mem_space::make_current
// writes whenever the processor gets other page tables (Fiasco.OC revisions 47 to
// 72, ia32, amd64 and arm). It is given only where it names, at this stop, the page
// tables that the processor has: a multiprocessor kernel keeps one per processor,
// elsewhere.
func (l *Layout) SpaceSwitch(m kernel.Machine) (uint64, error) {
	if len(m.CPUs) != 1 {
		return 0, errors.New("there are several processors")
	}
	v, err := l.file.Variable("Mem_space::_current")
	if err != nil {
		return 0, err
	}
	at, err := v.Type.FieldPath("_d") // of Per_cpu
	if err != nil {
		return 0, err
	}
	f := l.finder()
	dir := f.At("Mem_space", "_dir")
	if f.Err != nil {
		return 0, f.Err
	}
	kernelSpace, err := l.KernelSpace(m)
	if err != nil {
		return 0, err
	}
	addr := v.Addr + uint64(at.Offset)
	space, err := memory.Uint(kernelSpace, addr, l.ptr)
	if err != nil {
		return 0, fmt.Errorf("reading Mem_space::_current: %w", err)
	}
	tables, err := memory.Uint(kernelSpace, space+dir, l.ptr)
	if err != nil {
		return 0, fmt.Errorf("reading the page directory of Mem_space::_current: %w", err)
	}
	if _, root, err := kernelSpace.Translate(tables); err != nil || root != m.CPUs[0].Root {
		return 0, fmt.Errorf("the kernel's Mem_space::_current has page tables at %#x, the processor at %#x (%v)", root, m.CPUs[0].Root, err)
	}
	return addr, nil
}
