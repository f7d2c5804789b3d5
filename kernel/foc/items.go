package foc

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/memory"
)

// last is a decoding that is kept for the next stop.
type last struct {
	mirror *memory.Mirror
	space  *kept.Space // nil: nothing of it holds

	items  []*item          // in the order of the list
	byLink map[uint64]*item // nil: the same as in another one so far
	sys    *kernel.System   // without what runs on the processors
	ids    *ids
	gone   int // objects that were dropped since the mirror was empty
}

// index finds items by their links from now on.
func (l *last) index() {
	if l.byLink != nil {
		return
	}
	l.byLink = make(map[uint64]*item, len(l.items))
	for _, it := range l.items {
		l.byLink[it.link] = it
	}
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

// same says whether two objects are one and the same to references.
func same(a, b *kernel.Object) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ID == b.ID && a.Addr == b.Addr && a.Size == b.Size && a.Class == b.Class && (a.PD == nil) == (b.PD == nil)
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
