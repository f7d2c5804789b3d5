// Package components knows the programs with debug info: whether their files are those
// of what runs, which task runs which of them, and what stands at an address in their
// source and code.
//
// It knows the stopped machine and debug info. It must not know phases, evidence, or
// how a guest is driven.
package components

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/memory"
	"thaw/session/view"
)

// Component is a program with debug info. Several tasks may run it, and other
// programs may be linked at the same addresses: only page tables and memory
// contents tell them apart.
type Component struct {
	Name   string
	kernel bool
	File   *debuginfo.File
	Text   []elffile.Range
	sample []uint64 // addresses of text that recognise the program in a task
	proof  proof    // that the file is the program's
}

// Bytes compared at each place, and places per program.
const (
	sampleLen = 64
	samples   = 24
)

// NewComponent is a component by its debug info.
func NewComponent(name string, isKernel bool, file *debuginfo.File) *Component {
	c := &Component{Name: name, kernel: isKernel, File: file, Text: file.Text()}
	text := c.mainText()
	step := max((text.End-text.Start)/samples, sampleLen)
	for a := text.Start; a+sampleLen <= text.End; a += step {
		c.sample = append(c.sample, a)
	}
	return c
}

// mainText is the program's text: others are start-up code that a kernel gives back
// after boot.
func (c *Component) mainText() (text elffile.Range) {
	for _, r := range c.Text {
		if r.End-r.Start > text.End-text.Start {
			text = r
		}
	}
	return text
}

// holds says whether memory at addr holds this program's text.
func (c *Component) holds(mem memory.Reader, addr uint64) bool {
	var want, got [sampleLen]byte
	n := sampleLen
	for n > 8 && c.File.ReadFile(addr, want[:n]) != nil {
		n /= 2 // near the end of the text
	}
	if n <= 8 || mem.ReadMemory(addr, got[:n]) != nil {
		return false
	}
	return bytes.Equal(want[:n], got[:n])
}

// fit is how much of a program's text an address space holds.
type fit struct {
	places int // of the sampled ones that are mapped
	same   int // bytes that are equal there
	bytes  int // that were compared
}

// exact says that all that is mapped is this program's text.
func (f fit) exact() bool { return f.places > 0 && f.same == f.bytes }

// relinked says that the text is this program's but for operands, as when it
// was linked again with other data: Genode's run tool does that to core, whose
// booted image holds the boot modules. Between different programs some tenth
// of the bytes are equal.
func (f fit) relinked() bool { return f.places > 1 && f.same*4 >= f.bytes*3 }

// Fits says whether an address space, contents of which are read through text, holds the
// program's text at the sampled places.
func (c *Component) Fits(space *memory.Space, text prefetcher) bool {
	f := c.fits(space, text)
	return f.places > 0 && (f.exact() || f.relinked())
}

// prefetcher reads pieces of physical memory in one batch, to be asked for next: each is
// an address and a number of bytes.
type prefetcher interface {
	Prefetch(ranges [][2]uint64) error
}

// Sample is text at the first sampled place: where it is, and what the file has there.
func (c *Component) Sample() (addr uint64, text []byte, err error) {
	if len(c.sample) == 0 {
		return 0, nil, fmt.Errorf("%s has too little text to be recognised by", c.File.Path())
	}
	text = make([]byte, sampleLen)
	return c.sample[0], text, c.File.ReadFile(c.sample[0], text)
}

// sampled lists the sampled places that an address space maps, whose contents it
// reads through a view: that fetches all of them in one batch. Where memory cannot
// be read, reading it will tell.
func (c *Component) sampled(space *memory.Space, view prefetcher) (mapped []uint64) {
	var ranges [][2]uint64
	for _, a := range c.sample {
		if _, phys, err := space.Translate(a); err == nil {
			mapped, ranges = append(mapped, a), append(ranges, [2]uint64{phys, sampleLen})
		}
	}
	_ = view.Prefetch(ranges)
	return mapped
}

// fits compares the sampled places that an address space maps; its contents are
// read through text.
func (c *Component) fits(space *memory.Space, text prefetcher) fit {
	var f fit
	for _, a := range c.sampled(space, text) {
		var want, got [sampleLen]byte
		if c.File.ReadFile(a, want[:]) != nil || space.ReadMemory(a, got[:]) != nil {
			continue
		}
		f.places++
		f.bytes += sampleLen
		for i := range want {
			if want[i] == got[i] {
				f.same++
			}
		}
	}
	return f
}

// HasText says whether an address is in the text of its file.
func (c *Component) HasText(addr uint64) bool {
	return slices.ContainsFunc(c.Text, func(r elffile.Range) bool { return r.Contains(addr) })
}

// Library says whether the program is a shared library, which many tasks map.
func (c *Component) Library() bool { return Library(c.Name) }

// Library says so by a program's name.
func Library(name string) bool { return strings.HasSuffix(name, ".so") }

// Place puts an address of a component in words.
func (c *Component) Place(addr uint64) view.Place {
	if c == nil || c.File == nil {
		return view.Place{Addr: addr}
	}
	return PlaceIn(c.Name, c.File.Tap(), addr) // a recording needs the answers, too
}

// Names is debug info that knows what is at an address.
type Names interface {
	FunctionAt(pc uint64) (name string, off uint64, ok bool)
	LineAt(pc uint64) (file string, line int, ok bool)
}

// PlaceIn puts an address of a program in words.
func PlaceIn(component string, p Names, addr uint64) view.Place {
	out := view.Place{Addr: addr, Component: component}
	if fn, off, ok := p.FunctionAt(addr); ok {
		out.Function, out.Offset = fn, off
	}
	if file, line, ok := p.LineAt(addr); ok {
		out.File, out.Line = file, line
	}
	return out
}
