package foc

import (
	"debug/elf"
	"fmt"

	"thaw/kernel"
)

// capsStart are the capability tables' ranges where the debug info has no
// enumerator for them, by architecture (Mem_layout of 16.08: ARM).
var capsStart = map[elf.Machine][2]uint64{
	elf.EM_ARM: {0xf5000000, 0xf5000000 + 1<<20*16 - 1},
}

// address cuts a sign-extended enumerator to the size of a pointer.
func (l *Layout) address(v uint64) uint64 {
	if l.ptr == 4 {
		return v & 0xffff_ffff
	}
	return v
}

// kernelThread is the base of the kernel's own threads.
const kernelThread = "Kernel_thread"

// class returns what is known of a dynamic class, looking it up once.
func (l *Layout) class(name string) (*class, error) {
	if c := l.classes[name]; c != nil {
		return c, nil
	}
	t, err := l.file.Type(name)
	if err != nil {
		return nil, err
	}
	dbg, ok := t.BaseOffset("Kobject_dbg")
	if !ok {
		return nil, fmt.Errorf("class %s is not derived from Kobject_dbg", name)
	}
	c := &class{kind: kernel.KindOther, size: uint64(t.Size), dbg: uint64(dbg)}
	for _, k := range []struct {
		base string
		kind kernel.Kind
	}{{"Thread", kindThread}, {"Task", kindTask}, {l.gate.base, kindGate}, {l.irq.base, kindIRQ}, {"Irq", kindIRQ}} {
		off, ok := t.BaseOffset(k.base)
		if name == k.base {
			off, ok = 0, true
		}
		if ok {
			c.kind, c.ref, c.refs = k.kind, uint64(off), k.base != "Irq"
			break
		}
	}
	if c.kind == kindThread {
		c.size = l.thread.block
		_, derived := t.BaseOffset(kernelThread)
		c.own = derived || name == kernelThread
	}
	l.classes[name] = c
	return c, nil
}
