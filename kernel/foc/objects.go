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

func (l *Layout) findCaps() error {
	c := &l.caps
	entry, err := l.file.Type("Obj::Entry")
	if err != nil {
		return err
	}
	if entry.Size < int64(l.ptr) || entry.Size > 4096 || 4096%entry.Size != 0 {
		return fmt.Errorf("an Obj::Entry of %d bytes does not fill pages", entry.Size)
	}
	c.entry = uint64(entry.Size)
	start, err := l.file.Enumerator("Mem_layout::Caps_start")
	end, errEnd := l.file.Enumerator("Mem_layout::Caps_end")
	switch known, ok := capsStart[l.file.Machine()]; {
	case err == nil && errEnd == nil:
		c.start, c.end = l.address(uint64(start)), l.address(uint64(end))
	case ok:
		c.start, c.end = known[0], known[1]+1
	default:
		return err
	}
	if c.end <= c.start || (c.end-c.start)/c.entry > 1<<24 {
		return fmt.Errorf("Mem_layout::Caps_start %#x and Caps_end %#x are no table", c.start, c.end)
	}
	// The flags are a bit field behind the list links: its first byte.
	fl, err := entry.FieldPath("_flags")
	if err != nil {
		return err
	}
	if fl.Offset < 0 || fl.Offset >= entry.Size {
		return fmt.Errorf("Obj::Entry of %d bytes has its flags at %d", entry.Size, fl.Offset)
	}
	c.flags = uint64(fl.Offset)
	return nil
}

// address cuts a sign-extended enumerator to the size of a pointer.
func (l *Layout) address(v uint64) uint64 {
	if l.ptr == 4 {
		return v & 0xffff_ffff
	}
	return v
}

func (l *Layout) findRef(typ, thread, label string) (refLayout, error) {
	f := l.finder()
	r := refLayout{base: typ, thread: f.At(typ, thread), label: f.At(typ, label)}
	return r, f.Err
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
