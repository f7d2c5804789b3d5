package foc

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/memory"
)

// NewLayout finds the layout in the kernel's debug info. The error names what
// is missing.
func NewLayout(f kernel.Symbols) (*Layout, error) {
	l := &Layout{file: f, ptr: f.PtrSize(), platform: newPlatform(f.PtrSize(), f.Machine()), found: found{classes: map[string]*class{}, vtables: map[uint64]string{}, flags: map[uint64]*flags{}}}
	for _, part := range []struct {
		what string
		find func() error
	}{
		{"the list of kernel objects", l.findDbg},
		{"threads", l.findThread},
		{"tasks", l.findTask},
		{"capability tables", l.findCaps},
		{"IPC gates", func() (err error) { l.gate, err = l.findRef("Ipc_gate", "_thread", "_id"); return }},
		{"IRQ objects", func() (err error) { l.irq, err = l.findRef("Irq_sender", "_irq_thread", "_irq_id"); return }},
	} {
		if err := part.find(); err != nil {
			return nil, fmt.Errorf("%s does not describe %s (give %s): %w", f.Path(), part.what, give, err)
		}
	}
	return l, nil
}

// Decode reads all kernel objects. It fails only where there is nothing to
// show; what is damaged is told in the model's Problems and in the objects.
//
// Over a memory.Mirror that was refreshed since the last call, what did not
// change in memory is not decoded again.
func (l *Layout) Decode(m kernel.Machine) (*kernel.System, error) {
	d := &decoder{Layout: l, m: m, next: &last{}}
	d.mirror, _ = m.Phys.(*memory.Mirror)
	if err := d.findKernel(); err != nil {
		l.drop()
		return nil, err
	}
	sys := d.asBefore()
	if sys == nil {
		if err := d.walk(); err != nil {
			l.drop()
			return nil, err
		}
		sys = d.system()
	}
	sys.Anew = d.anew
	if d.mirror != nil {
		d.next.mirror, d.next.space = d.mirror, d.kspace
		l.last = d.next
	}
	d.markRunning(sys)
	return sys, nil
}

// findKernel finds the kernel's address space, and whether what was decoded at
// the stop before still stands where it stood.
func (d *decoder) findKernel() error {
	var before *kept.Space
	if l := d.last; l != nil && l.mirror != nil && l.mirror == d.mirror {
		if l.gone > maxGone*(len(l.items)+100) {
			d.mirror.Reset()
		} else {
			before, d.next.gone = l.space, l.gone
		}
	}
	space, same, err := kept.Open(d.m, before, d.KernelSpace)
	if err != nil {
		return err
	}
	if d.kspace = space; same {
		d.old = d.last
	}
	return nil
}

// asBefore is the model of the stop before, where nothing that it was made of has changed:
// a guest that waits for something. Else nil.
func (d *decoder) asBefore() *kernel.System {
	if d.old == nil || !d.mirror.Same() {
		return nil
	}
	*d.next = *d.old
	return d.old.sys.Again(slices.Clone(d.old.sys.Objects), d.old.sys.Problems)
}

// walk follows the cyclic list Kobject_dbg::_kobjects.
func (d *decoder) walk() error {
	first, err := d.word(d.kobjects)
	if err != nil {
		return fmt.Errorf("reading Kobject_dbg::_kobjects: %w", err)
	}
	if first == 0 || first == d.listEnd {
		return nil // no object made so far
	}
	end := d.listEnd
	if end == 0 {
		end = first
	}
	for link := first; ; {
		if d.again(link) {
			d.probs.Note("the list of kernel objects runs into itself at %#x before its end", link)
			return nil
		}
		it := d.item(link)
		if d.next.byLink != nil {
			d.next.byLink[link] = it
		}
		d.next.items = append(d.next.items, it)
		for _, p := range it.problems {
			d.probs.Note("%s", p)
		}
		switch {
		case it.err != nil:
			d.probs.Note("the list of kernel objects ends at %#x: %v", link, it.err)
			return nil
		case it.next == end:
			return nil
		case it.next == 0:
			d.probs.Note("the list of kernel objects breaks off at %#x", link)
			return nil
		case len(d.next.items) >= maxObjects:
			d.probs.Note("the list of kernel objects has more than %d members", maxObjects)
			return nil
		}
		link = it.next
	}
}

// again says whether a member was in the list before. None is, and none need be looked up,
// as long as they come in the order of the stop before.
func (d *decoder) again(link uint64) bool {
	n := d.next
	if at := len(n.items); n.byLink == nil && d.old != nil && at < len(d.old.items) && d.old.items[at].link == link {
		return false
	}
	n.index()
	return n.byLink[link] != nil
}

// drop forgets what was decoded at the stop before, but for how much of it the
// mirror has.
func (l *Layout) drop() {
	if l.last != nil {
		l.last = &last{mirror: l.last.mirror, gone: l.last.gone + len(l.last.items)}
	}
}

// item is a member of the list: as it was at the last stop, or decoded anew.
func (d *decoder) item(link uint64) *item {
	var old *item
	if d.old != nil {
		if n := len(d.next.items); n < len(d.old.items) && d.old.items[n].link == link {
			old = d.old.items[n]
		} else {
			old = d.old.byLink[link]
			d.moved = true
		}
	}
	if old != nil && !old.stale() && (old.table == nil || d.tables+old.table.bytes <= maxCapBytes) {
		if old.table != nil {
			d.tables += old.table.bytes
		}
		return old
	}
	it := d.decode(link, old)
	if old == nil {
		d.added++
	}
	if old == nil || !same(old.obj, it.obj) {
		d.moved = true
	}
	return it
}

// decode decodes a member of the list.
func (d *decoder) decode(link uint64, old *item) *item {
	it := &item{link: link}
	d.anew++
	d.now, d.before = it, old
	d.read = d.read[:0]
	outer := d.kspace.Collect(&d.read)
	it.obj = d.object(link - d.dbg.link)
	it.next, it.err = d.word(link + d.dbg.next)
	d.kspace.Collect(outer)
	it.reads = slices.Clone(d.read)
	return it
}

// system makes the model of what was decoded. What is not decoded anew was given
// out at an earlier stop and must not be changed.
func (d *decoder) system() *kernel.System {
	n := d.next
	if d.old == nil || d.moved || len(n.items) != len(d.old.items) {
		n.index()
		return d.newSystem()
	}
	n.byLink = d.old.byLink // which is not used any more
	// The same objects as before: references lead where they led.
	n.ids = d.old.ids
	n.sys = d.old.sys.Again(slices.Clone(d.old.sys.Objects), d.probs)
	for i, it := range n.items {
		if was := d.old.items[i]; it != was {
			n.byLink[it.link] = it
			if it.index = was.index; it.obj != nil {
				n.sys.Objects[it.index] = it.obj
			}
		}
	}
	for i, it := range n.items {
		if it != d.old.items[i] {
			d.resolve(it)
		}
	}
	return n.sys.Again(slices.Clone(n.sys.Objects), d.probs)
}

// newSystem makes a model of other objects than before.
func (d *decoder) newSystem() *kernel.System {
	n := d.next
	objects := make([]*kernel.Object, 0, len(n.items))
	of := make(map[*kernel.Object]*item, len(n.items))
	for _, it := range n.items {
		if it.obj != nil {
			objects = append(objects, it.obj)
			of[it.obj] = it
		}
	}
	n.sys = kernel.NewSystem(objects, d.probs)
	n.ids = &ids{sys: n.sys, known: map[uint64]kernel.ID{}}
	for i, o := range n.sys.Objects {
		of[o].index = i
	}
	for i, it := range n.items {
		if d.old != nil && d.old.byLink[it.link] == it {
			if n.ids.same(it) {
				continue
			}
			anew := d.decode(it.link, it)
			anew.index = it.index
			it, n.items[i], n.byLink[it.link] = anew, anew, anew
			n.sys.Objects[it.index] = it.obj
		}
		d.resolve(it)
	}
	if d.old != nil {
		n.gone += len(d.old.items) + d.added - len(n.items)
	}
	return n.sys.Again(slices.Clone(n.sys.Objects), d.probs)
}

// resolve finds the objects that one decoded anew refers to.
func (d *decoder) resolve(it *item) {
	o, ids := it.obj, d.next.ids
	switch {
	case o == nil:
		return
	case o.PD != nil && it.table != nil:
		it.table.fill(o.PD, ids)
		return
	}
	for _, r := range it.refs {
		*r.member(o) = ids.id(r.pointer)
	}
	if it.cleared = o.Thread != nil && ofKernel(d.next.sys, o); it.cleared {
		clearUser(o.Thread)
	}
}
