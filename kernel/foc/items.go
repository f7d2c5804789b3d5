package foc

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/memory"
)

// last is a decoding that is kept for the next stop.
type last struct {
	mirror *memory.Mirror
	space  *kept.Space // nil: nothing of it holds

	items  []*item // in the order of the list
	byLink map[uint64]*item
	sys    *kernel.System // without what runs on the processors
	ids    *ids
	gone   int // objects that were dropped since the mirror was empty
}

// item is what was decoded of one member of the object list, and from what.
type item struct {
	link, next uint64
	err        error          // next could not be read
	obj        *kernel.Object // nil where not even its class can be told
	refs       []ref
	table      *capTable // of a task
	cleared    bool      // it is a thread without a user state
	problems   []string
	reads      memory.Reads
	index      int // of obj in the system
}

// ref is a kernel pointer of an object, and which of its members it is for.
type ref struct {
	pointer uint64
	to      refTo
}

type refTo uint8

const (
	refTask refTo = iota
	refPartner
	refLink // the object's only one
)

func (r ref) member(o *kernel.Object) *kernel.ID {
	switch r.to {
	case refTask:
		return &o.Thread.PD
	case refPartner:
		return &o.Thread.Wait.For
	}
	return &o.Links[0].To
}

func (it *item) problem(format string, args ...any) {
	it.problems = append(it.problems, fmt.Sprintf(format, args...))
}

// stale says whether something has to be decoded again: its memory changed, or
// not all of it could be read.
func (it *item) stale() bool {
	if it.obj == nil || it.err != nil || len(it.problems) > 0 || it.obj.Problem != "" || it.reads.Changed() {
		return true
	}
	if it.obj.PD == nil {
		return false
	}
	if it.obj.PD.Problem != "" {
		return true
	}
	if it.table != nil {
		for i := range it.table.pages {
			if it.table.pages[i].reads.Changed() {
				return true
			}
		}
	}
	return false
}

// maxGone is how many dropped objects a mirror may hold memory of, for each that
// is there.
const maxGone = 4

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

// same says whether two objects are one and the same to references.
func same(a, b *kernel.Object) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Addr == b.Addr && a.Size == b.Size && a.Class == b.Class && (a.PD == nil) == (b.PD == nil)
}

// decode decodes a member of the list.
func (d *decoder) decode(link uint64, old *item) *item {
	it := &item{link: link}
	d.anew++
	d.now, d.before = it, old
	outer := d.kspace.Collect(&it.reads)
	it.obj = d.object(link - d.dbg.link)
	it.next, it.err = d.word(link + d.dbg.next)
	d.kspace.Collect(outer)
	return it
}

// refer notes a pointer to an object, whose id is found once all are known. Lock
// bits in the low end of the pointer are removed.
func (d *decoder) refer(pointer uint64, to refTo) {
	if pointer &^= 3; pointer != 0 {
		d.now.refs = append(d.now.refs, ref{pointer, to})
	}
}

// system makes the model of what was decoded. What is not decoded anew was given
// out at an earlier stop and must not be changed.
func (d *decoder) system() *kernel.System {
	n := d.next
	if d.old == nil || d.moved || len(n.items) != len(d.old.items) {
		return d.newSystem()
	}
	// The same objects as before: references lead where they led.
	n.ids = d.old.ids
	n.sys = d.old.sys.Again(slices.Clone(d.old.sys.Objects), d.probs)
	for i, it := range n.items {
		if was := d.old.items[i]; it != was {
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

// ids finds the objects that kernel pointers hit; many point to the same.
type ids struct {
	sys   *kernel.System // any with the same objects
	known map[uint64]kernel.ID
}

func (s *ids) id(pointer uint64) kernel.ID {
	id, ok := s.known[pointer]
	if !ok {
		if o := s.sys.At(pointer); o != nil {
			id = o.ID
		}
		s.known[pointer] = id
	}
	return id
}

// same says whether all references of an object lead where they led.
func (s *ids) same(it *item) bool {
	for _, r := range it.refs {
		if s.id(r.pointer) != *r.member(it.obj) {
			return false
		}
	}
	if t := it.obj.Thread; t != nil {
		return ofKernel(s.sys, it.obj) == it.cleared
	}
	if it.obj.PD != nil {
		for _, c := range it.obj.PD.Caps {
			if s.id(c.Pointer) != c.Object {
				return false
			}
		}
	}
	return true
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
