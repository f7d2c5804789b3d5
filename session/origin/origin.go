// Package origin decides by instructions where a value came from: whether the one that
// wrote it copied it, and from where.
//
// It knows the instructions of x86_64 and of ARM (32 and 64 bits), and what the executed
// ones found in the registers. It must not know targets, kernels or programs. What it is
// not sure of it calls unknown.
package origin

import (
	"debug/elf"
	"fmt"
	"slices"
)

// Step is an instruction that was executed.
type Step struct {
	Machine elf.Machine
	IP      uint64
	Code    []byte                           // that it begins with, up to 15 bytes
	Reg     func(name string) (uint64, bool) // registers before it, under GDB's names
}

// Kind says what is known of a value.
type Kind int

// The kinds.
const (
	Unknown  Kind = iota // Why says what is in the way
	Copied               // from memory at Addr, as Step number At read it
	Computed             // Why says how
)

// Source is where a value came from.
type Source struct {
	Kind Kind
	At   int    // number of the step
	Addr uint64 // virtual, where Copied: of the byte that is the value's first
	Why  string
}

// Write is what an instruction writes to memory.
type Write struct {
	Addr, Size uint64 // Size 0: nothing
	Known      bool   // that this is all of it
}

// instruction is a decoded step.
type instruction interface {
	// text is its name.
	text() string
	// writes is what it writes to memory.
	writes() Write
	// stored tells where some of the bytes came from that it writes.
	stored(off, size uint64) found
	// sets tells where bytes of a register came from, if it sets them.
	sets(name string, off, size uint64) (f found, ok bool)
}

// found is where bytes came from as far as one instruction tells.
type found struct {
	Source
	reg       string // it had them in this register, "" if it is as Source says
	off, size uint64 // in the register
}

// machines decode the instructions of processors.
var machines = map[elf.Machine]struct {
	decode func(s *Step) (instruction, error)
	// link is the register that the processor sets as it takes an exception, if it may have
	// taken one between two steps, "" if not; nil where it never sets one.
	link func(s, next *Step) string
}{
	elf.EM_X86_64:  {decode: decodeX86},
	elf.EM_ARM:     {decode: decodeA32, link: linkA32},
	elf.EM_AARCH64: {decode: decodeA64},
}

// inst decodes a step.
func (s *Step) inst() (instruction, error) {
	m, ok := machines[s.Machine]
	if !ok {
		return nil, fmt.Errorf("instructions of %v are not understood", s.Machine)
	}
	in, err := m.decode(s)
	if err != nil {
		return nil, fmt.Errorf("the instruction at %#x is not understood: %w", s.IP, err)
	}
	return in, nil
}

// Writes tells what an instruction writes to memory.
func (s *Step) Writes() Write {
	in, err := s.inst()
	if err != nil {
		return Write{}
	}
	return in.writes()
}

// MayAccess says whether an instruction of ARM may read or write memory from one address to
// another.
func (s *Step) MayAccess(first, last uint64) bool {
	in, err := s.inst()
	e, ok := in.(*effect)
	if err != nil || !ok || !e.apart || len(e.loads)+len(e.stores) > 0 && !e.known {
		return true
	}
	return slices.ContainsFunc(append(slices.Clone(e.loads), e.stores...), func(a access) bool { return a.addr <= last && a.addr+a.size > first })
}

// Sleeps says whether it is one that has an ARM wait for an interrupt.
func (s *Step) Sleeps() bool {
	in, err := s.inst()
	return err == nil && in.text() == "wfi"
}

// Of tells where the size bytes at dest came from that the last of the steps wrote.
func Of(steps []Step, dest uint64, size uint64) Source {
	last := len(steps) - 1
	in, err := steps[last].inst()
	if err != nil {
		return unknown(last, "%v", err)
	}
	w := in.writes()
	if !w.Known || dest < w.Addr || dest-w.Addr+size > w.Size {
		return unknown(last, "what %s writes is not told apart", in.text())
	}
	return in.stored(dest-w.Addr, size).follow(steps, last)
}

// Whole tells whether all of size bytes at dest were copied from one piece of memory, as
// far as the steps go: where that is, and the first of the steps that did it. The last of
// the steps is the last that wrote there.
func Whole(steps []Step, dest, size uint64) (from uint64, first int, ok bool) {
	left := make([]bool, size) // bytes whose last write was seen
	n := uint64(0)
	for i := len(steps) - 1; i >= 0 && n < size; i-- {
		w := steps[i].Writes()
		if !w.Known {
			return 0, 0, false
		}
		for b := range size {
			if left[b] || dest+b < w.Addr || dest+b-w.Addr >= w.Size {
				continue
			}
			src := Of(steps[:i+1], dest+b, 1)
			if src.Kind != Copied || n > 0 && src.Addr-b != from {
				return 0, 0, false
			}
			from, first, left[b] = src.Addr-b, i, true
			n++
		}
	}
	return from, first, n == size
}

// follow tells where bytes came from that step number at has told of.
func (f found) follow(steps []Step, at int) Source {
	if f.reg != "" {
		return trace(steps, at, f.reg, f.off, f.size)
	}
	f.At = at
	return f.Source
}

// trace tells where the bytes of a register came from that step number at finds there.
func trace(steps []Step, at int, name string, off, size uint64) Source {
	for i := at - 1; i >= 0; i-- {
		in, err := steps[i].inst()
		if err != nil {
			return unknown(i, "%v", err)
		}
		if f, ok := in.sets(name, off, size); ok {
			return f.follow(steps, i)
		}
		if link := machines[steps[i].Machine].link; link != nil && link(&steps[i], &steps[i+1]) == name {
			return unknown(i, "%s may have been set by the processor: its mode is another one behind %s", name, in.text())
		}
	}
	return unknown(0, "%s was set more than %d instructions before", name, at)
}

func unknown(at int, format string, args ...any) Source {
	return Source{Kind: Unknown, At: at, Why: fmt.Sprintf(format, args...)}
}

// What may be found: an instruction tells of.
func inRegister(name string, off, size uint64) found { return found{reg: name, off: off, size: size} }
func inMemory(addr uint64) found                     { return found{Source: Source{Kind: Copied, Addr: addr}} }
func notKnown(format string, args ...any) found      { return found{Source: unknown(0, format, args...)} }
func computed(format string, args ...any) found {
	return found{Source: Source{Kind: Computed, Why: fmt.Sprintf(format, args...)}}
}
