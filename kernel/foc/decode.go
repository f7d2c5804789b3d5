package foc

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/memory"
)

// Bounds on what a walk may follow; a real small system has some hundred
// objects. What lies beyond is reported as a problem.
const (
	maxObjects    = 1 << 18
	maxExtensions = 16
	maxCapPages   = 1 << 13 // per task
	maxCapBytes   = 1 << 26 // of all tasks' capability tables: damaged page tables may map one page everywhere
)

// decoder is one decoding of one stop.
type decoder struct {
	*Layout
	m      kernel.Machine
	mirror *memory.Mirror // m.Phys, if it is one
	kspace *kept.Space
	old    *last // the stop before, nil if nothing of it holds
	next   *last // for the next stop
	probs  kernel.Problems
	tables uint64 // bytes of capability tables that were read so far
	moved  bool   // the objects are not those of the stop before
	added  int    // objects that were not there then
	anew   int    // objects that were decoded

	room [256]byte // for what is read together
	raw  []byte    // of a capability table, as far as there is room
	page []byte    // of it
	regs []wanted  // of a frame
	read memory.Reads

	now, before *item // that is being decoded, and what it was at the stop before
}

// KernelSpace is an address space that maps the kernel: that of a processor
// at the stop, since Fiasco.OC maps itself into every task. Where a
// processor's tables hide the kernel, the error says so.
func (l *Layout) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return kept.KernelSpace(m, "the kernel's object list in memory", func(s *memory.Space) error {
		_, _, err := s.Translate(l.kobjects)
		return err
	})
}

func (d *decoder) word(addr uint64) (uint64, error) { return memory.Uint(d.kspace, addr, d.ptr) }

// object decodes the object whose Kobject_dbg is at dbg; nil where not even
// its class can be told.
func (d *decoder) object(dbg uint64) *kernel.Object {
	name, err := d.dynamicClass(dbg)
	if err != nil {
		d.now.problem("kernel object at %#x: %v", dbg, err)
		return nil
	}
	c, err := d.class(name)
	if err != nil {
		d.now.problem("kernel object at %#x: %v", dbg, err)
		return nil
	}
	o := &kernel.Object{Addr: dbg - c.dbg, Size: c.size, Class: name, Kind: c.kind, Event: c.kind == kindIRQ}
	id, err := memory.Uint(d.kspace, dbg+uint64(d.dbg.id), d.dbg.idSize)
	if err != nil {
		d.now.problem("%s at %#x: reading its id: %v", name, o.Addr, err)
		return nil
	}
	o.ID = kernel.ID(id)
	if o.Name, err = d.name(dbg); err != nil {
		o.Problem = err.Error()
	}
	if err := d.detail(o, c); err != nil {
		o.Problem = err.Error()
		d.now.problem("%s %s at %#x: %v", name, o.ID, o.Addr, err)
	}
	return o
}

// detail fills in what the model holds of an object's kind.
func (d *decoder) detail(o *kernel.Object, c *class) error {
	switch {
	case c.kind == kindThread:
		return d.thread(o, c)
	case c.kind == kindTask:
		return d.taskObject(o)
	case c.kind == kindGate:
		return d.labelled(o, c, d.gate, "receiver", "no thread bound")
	case c.kind == kindIRQ && c.refs:
		return d.labelled(o, c, d.irq, "thread", "not attached")
	}
	return nil
}

// dynamicClass tells an object's class from the vtable that the pointer at
// addr points into.
func (d *decoder) dynamicClass(addr uint64) (string, error) {
	vptr, err := d.word(addr)
	if err != nil {
		return "", fmt.Errorf("reading its vtable pointer: %w", err)
	}
	if name, ok := d.vtables[vptr]; ok {
		return name, nil
	}
	name, _, ok := d.file.VTableAt(vptr)
	if !ok {
		return "", fmt.Errorf("its vtable pointer %#x points into no vtable", vptr)
	}
	d.vtables[vptr] = name
	return name, nil
}

// name finds the debugger name among an object's extensions.
func (d *decoder) name(dbg uint64) (string, error) {
	link, err := d.word(dbg + d.dbg.jdbData)
	for n := 0; err == nil && link != 0; n++ {
		if n == maxExtensions {
			return "", fmt.Errorf("more than %d debugger extensions", maxExtensions)
		}
		ext := link - d.dbg.extLink
		class, cerr := d.dynamicClass(ext)
		if cerr != nil {
			return "", fmt.Errorf("debugger extension at %#x: %w", ext, cerr)
		}
		if class == "Jdb_kobject_name" {
			return memory.CString(d.kspace, ext+d.dbg.name, d.dbg.nameLen)
		}
		link, err = d.word(link + d.dbg.extNext)
	}
	return "", err
}

// wanted is a word at an offset, and where it goes.
type wanted struct {
	off uint64
	to  *uint64
}

// words reads words at offsets from base, in the given order: of what cannot be
// read, the first tells in every run.
func (d *decoder) words(base uint64, all ...wanted) error {
	if d.together(base, all) {
		return nil
	}
	for _, w := range all {
		v, err := d.word(base + w.off)
		if err != nil {
			return err
		}
		*w.to = v
	}
	return nil
}

// together reads words that lie together in one piece. It says false where they do
// not, or where not all can be read.
func (d *decoder) together(base uint64, all []wanted) bool {
	if len(all) == 0 {
		return true
	}
	first, last := all[0].off, all[0].off
	for _, w := range all {
		first, last = min(first, w.off), max(last, w.off)
	}
	word := uint64(d.ptr)
	if gap := last - first; gap > uint64(len(all)+1)*word || gap > uint64(len(d.room))-word {
		return false
	}
	raw := d.room[:last-first+word]
	if d.kspace.ReadMemory(base+first, raw) != nil {
		return false
	}
	for _, w := range all {
		*w.to = memory.LittleEndian(raw[w.off-first:][:d.ptr])
	}
	return true
}

// labelled decodes an object that leads to a thread and carries a label. A gate's
// label has permission bits in its low end.
func (d *decoder) labelled(o *kernel.Object, c *class, at refLayout, link, none string) error {
	var thread, label uint64
	if err := d.words(o.Addr+c.ref, wanted{at.thread, &thread}, wanted{at.label, &label}); err != nil {
		return fmt.Errorf("reading its %s and label: %w", link, err)
	}
	if c.kind == kindGate {
		label &^= 3
	}
	x := &struct {
		link  [1]kernel.Link
		value [1]kernel.Value
	}{[1]kernel.Link{{Name: link, None: none}}, [1]kernel.Value{{Name: "label", Number: label}}}
	o.Links, o.Values = x.link[:], x.value[:]
	d.refer(thread, refLink)
	return nil
}

// refer notes a pointer to an object, whose id is found once all are known. Lock
// bits in the low end of the pointer are removed.
func (d *decoder) refer(pointer uint64, to refTo) {
	if pointer &^= 3; pointer != 0 {
		d.now.refs = append(d.now.refs, ref{pointer, to})
	}
}
