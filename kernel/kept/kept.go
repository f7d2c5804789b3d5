// Package kept keeps what a decoder made of memory from stop to stop, as long as
// that memory stays as it was.
//
// It knows mirrors of memory and address spaces. It must not know what is decoded.
package kept

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"thaw/kernel"
	"thaw/memory"
)

// Space is the kernel's address space at one stop, and how it was found.
type Space struct {
	*memory.Space
	mirror *memory.Mirror // nil: memory is read anew at every stop
	stop   uint64         // of the mirror
	walked memory.Reads   // page tables that lead to the kernel
}

// Open finds the kernel's address space: find does so on a machine whose memory
// may be read for that. same says that what was decoded at the stop before (nil if
// there was none) still stands where it stood, so that it is as good as before where
// its memory is.
func Open(m kernel.Machine, before *Space, find func(kernel.Machine) (*memory.Space, error)) (now *Space, same bool, err error) {
	now = &Space{}
	now.mirror, _ = m.Phys.(*memory.Mirror)
	data := m.Phys
	m.Phys = tables{now, data}
	space, err := find(m)
	if err != nil {
		return nil, false, err
	}
	now.Space = space.WithData(data)
	if now.mirror == nil {
		return now, false, nil
	}
	now.stop = now.mirror.Stop()
	switch {
	case before == nil || before.mirror != now.mirror || before.stop+1 != now.stop:
	case before.Root() == space.Root() && !before.walked.Changed():
		now.walked = before.walked
		same = true
	case now.Holds(before.Space):
		same = true
	}
	if same {
		now.Adopt(before.Space)
	}
	return now, same, nil
}

// Turns hands what a decoder kept of one stop, a T, to its decoding of the next.
type Turns[T any] struct {
	space   *Space
	last    T
	made    *kernel.System // of it, which nobody else has
	machine kernel.Machine
}

// Decode decodes a stop in the kernel's address space, which find finds. decode gets what was
// kept at the stop before, empty unless that still stands where it stood, and tells what to
// keep. It is not asked where memory and processors are as they were: a guest that waits. A
// decoding that fails leaves nothing behind.
func (t *Turns[T]) Decode(m kernel.Machine, find func(kernel.Machine) (*memory.Space, error), decode func(now *Space, old T) (*kernel.System, T, error)) (*kernel.System, error) {
	before := *t
	*t = Turns[T]{}
	now, holds, err := Open(m, before.space, find)
	if err != nil {
		return nil, err
	}
	if holds && now.mirror.Same() && before.made != nil && before.machine.Running == m.Running && reflect.DeepEqual(before.machine.CPUs, m.CPUs) {
		*t = before
		t.space = now
		return copied(t.made), nil
	}
	if !holds {
		before = Turns[T]{}
	}
	sys, last, err := decode(now, before.last)
	if err != nil {
		return nil, err
	}
	*t = Turns[T]{now, last, copied(sys), m}
	return sys, nil
}

// copied is a system with objects of its own to replace.
func copied(s *kernel.System) *kernel.System {
	return s.Again(slices.Clone(s.Objects), slices.Clone(s.Problems))
}

// KernelSpace is the address space of a processor at the stop that maps the kernel, which
// every one does once it has begun. begun says why the kernel has not, in one; what it
// looks for is told with that.
func KernelSpace(m kernel.Machine, what string, begun func(*memory.Space) error) (*memory.Space, error) {
	if len(m.CPUs) == 0 {
		return nil, errors.New("finding the kernel in memory: no processor known")
	}
	var err error
	for _, cpu := range m.CPUs {
		s := memory.NewSpace(m.Phys, m.Paging, cpu.Root)
		if err = begun(s); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("finding %s: %w", what, err)
}

// Collect notes what is read from now on in r, and returns what was noted in before.
func (s *Space) Collect(r *memory.Reads) *memory.Reads {
	if s.mirror == nil {
		return nil
	}
	return s.mirror.Collect(r)
}

// tables reads page tables that lead to the kernel: they are no part of what is being
// decoded.
type tables struct {
	s    *Space
	phys memory.Reader
}

func (t tables) ReadMemory(addr uint64, buf []byte) error {
	outer := t.s.Collect(&t.s.walked)
	defer t.s.Collect(outer)
	return t.phys.ReadMemory(addr, buf)
}

// Table is what was decoded at addresses.
type Table[T any] map[uint64]*Item[T]

// Item is what was decoded at one of them, and from what.
type Item[T any] struct {
	Value T
	Err   error
	reads memory.Reads
}

// Take is what stands at an address: as it was decoded at the stop before, where its
// memory is as it was, or decoded now; anew says which.
func (t Table[T]) Take(s *Space, before Table[T], addr uint64, decode func(addr uint64) (T, error)) (it *Item[T], anew bool) {
	if it := t[addr]; it != nil {
		return it, false
	}
	if it = before[addr]; it == nil || it.Err != nil || it.reads.Changed() {
		it, anew = &Item[T]{}, true
		outer := s.Collect(&it.reads)
		it.Value, it.Err = decode(addr)
		s.Collect(outer)
		if len(it.reads) > few {
			it.reads.Compact()
		}
	}
	t[addr] = it
	return it, anew
}

// few lines are not worth being put in order.
const few = 16
