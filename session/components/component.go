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
	"thaw/kernel"
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
func (c *Component) Fits(space *memory.Space, text *memory.View) bool {
	f := c.fits(space, text)
	return f.places > 0 && (f.exact() || f.relinked())
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
func (c *Component) sampled(space *memory.Space, view *memory.View) (mapped []uint64) {
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
func (c *Component) fits(space *memory.Space, text *memory.View) fit {
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

// Runs says whether the program runs in the address space of the processor
// that just hit one of its breakpoints. A breakpoint fires before the page of
// its instruction is mapped, too: then the rest of the program tells, and where
// nothing of it is mapped either, the hit after the page fault will.
func (cs *Set) Runs(c *Component, root, pc uint64) bool {
	if c.kernel {
		return !cs.m.CPU().User
	}
	key := rootKey{root, c}
	if known, ok := cs.roots[key]; ok {
		return known
	}
	space := cs.m.Space().WithData(cs.m.Text)
	if _, _, err := space.Translate(pc); err != nil {
		f := c.fits(space, cs.m.Text)
		return f.exact() || f.relinked()
	}
	ok := c.holds(space, pc) || c.fits(space, cs.m.Text).relinked()
	cs.roots[key] = ok
	return ok
}

// rootKey asks whether the page tables at a root are a component's.
type rootKey struct {
	root uint64
	comp *Component
}

// OfTask finds the component that a task runs. Once found it is kept
// for as long as the task object has the same page tables.
func (cs *Set) OfTask(sys *kernel.System, o *kernel.Object) *Component {
	if o.PD.Root == 0 || o.PD.Kernel {
		return nil
	}
	key := taskKey{o.ID, o.PD.Root}
	if c := cs.taskComps[key]; c != nil {
		return c
	}
	space := cs.m.TextSpace(o.PD.Root)
	var best *Component
	var most claim
	for _, name := range cs.Names {
		c := cs.ByName[name]
		if holds, compared := c.proof.tasks[key]; c.kernel || compared && !holds {
			continue
		}
		is := cs.claims(sys, o, c, space)
		if o.Name != "" && is.threads+is.inLibraries == 0 {
			continue // sigma0, whose memory holds core's, too
		}
		if is.better(most) {
			best, most = c, is
		}
	}
	if best == nil {
		return cs.byFile(sys, o, key)
	}
	if !best.Library() { // one that has not mapped its program so far maps the libraries that begin it
		cs.taskComps[key] = best
	}
	return best
}

// byFile finds the component of a task that maps none of its text now, such as a child
// whose dataspaces a checkpointer has detached: the program that the task was seen to run
// before, or one that another task was seen to run, if the task goes by its name and has
// threads in its text. That holds for this stop only: text that is mapped later tells.
func (cs *Set) byFile(sys *kernel.System, o *kernel.Object, key taskKey) *Component {
	name := ""
	if main := sys.MainThread(o.ID); main != nil {
		name = main.Name
	}
	space := cs.m.TextSpace(o.PD.Root)
	var found *Component
	for _, n := range cs.Names {
		c := cs.ByName[n]
		if c.kernel || c.Library() || c.proof.other != nil || !c.proof.somewhere() {
			continue
		}
		is := cs.claims(sys, o, c, space)
		if is.places > 0 || is.threads == 0 {
			continue
		}
		if c.proof.tasks[key] {
			return c
		}
		if !cs.goesBy(c, name) {
			continue
		}
		if found != nil {
			return nil
		}
		found = c
	}
	return found
}

// claim is what speaks for a task to run a program. Several can be in one
// address space: libraries are, and core sees all memory, with what is left of
// the boot loader.
type claim struct {
	fit
	program     bool // no library
	threads     int  // of the task that are in its text
	inLibraries int  // and in that of libraries that it maps, for a program
}

func (cs *Set) claims(sys *kernel.System, task *kernel.Object, c *Component, space *memory.Space) claim {
	is := claim{fit: c.fits(space, cs.m.Text), program: !c.Library()}
	for _, t := range sys.ThreadsOf(task.ID) {
		if c.HasText(t.Thread.IP) {
			is.threads++
		} else if is.program && is.places > 0 && cs.inLibrary(space, t.Thread.IP) {
			is.inLibraries++
		}
	}
	return is
}

// inLibrary says whether an address space has a library's text at an address.
func (cs *Set) inLibrary(space *memory.Space, addr uint64) bool {
	for _, name := range cs.Names {
		if c := cs.ByName[name]; c.Library() && c.HasText(addr) && c.holds(space, addr) {
			return true
		}
	}
	return false
}

// better says whether a claim is one, and a better one than another.
func (a claim) better(b claim) bool {
	if !a.exact() && !a.relinked() {
		return false
	}
	rank := func(c claim) []int {
		return []int{number(c.places > 0), number(c.program), min(c.threads, 1), number(c.exact()), c.threads, c.places}
	}
	return slices.Compare(rank(a), rank(b)) > 0
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// At finds what runs at an address of a task: its program, or a library
// that it maps there; nil if unknown.
func (cs *Set) At(sys *kernel.System, task *kernel.Object, addr uint64) *Component {
	c := cs.OfTask(sys, task)
	if c != nil && c.HasText(addr) {
		return c
	}
	for _, name := range cs.Names {
		lib := cs.ByName[name]
		if !lib.Library() || !lib.HasText(addr) {
			continue
		}
		key := libraryKey{taskKey{task.ID, task.PD.Root}, lib}
		if !cs.libraries[key] {
			space := cs.m.TextSpace(task.PD.Root)
			cs.libraries[key] = lib.holds(space, addr)
			if _, _, err := space.Translate(addr); err != nil && cs.mapped(lib) {
				return lib // what other tasks have at this address: this one's page is not there now
			}
		}
		if cs.libraries[key] {
			return lib
		}
	}
	if k := cs.Kernel(); k != nil && k.HasText(addr) {
		return k // core of base-hw is a part of the kernel's program
	}
	return c
}

// InProgram puts an address of a task that runs a program in words: where the program has
// no text, in those of a library that tasks were seen to map there.
func (cs *Set) InProgram(program string, addr uint64) view.Place {
	c := cs.ByName[program]
	if c == nil || c.HasText(addr) {
		return c.Place(addr)
	}
	for _, name := range cs.Names {
		if lib := cs.ByName[name]; lib.Library() && lib.HasText(addr) && cs.mapped(lib) {
			return lib.Place(addr)
		}
	}
	return c.Place(addr)
}

// mapped says whether some task was seen to map a library.
func (cs *Set) mapped(lib *Component) bool {
	for key, is := range cs.libraries {
		if is && key.lib == lib {
			return true
		}
	}
	return false
}

// libraryKey says that a task maps a library.
type libraryKey struct {
	task taskKey
	lib  *Component
}

// HasText says whether an address is in the text of its file.
func (c *Component) HasText(addr uint64) bool {
	return slices.ContainsFunc(c.Text, func(r elffile.Range) bool { return r.Contains(addr) })
}

// Library says whether the program is a shared library, which many tasks map.
func (c *Component) Library() bool { return Library(c.Name) }

// Library says so by a program's name.
func Library(name string) bool { return strings.HasSuffix(name, ".so") }

// taskKey recognises a task across stops.
type taskKey struct {
	id   kernel.ID
	root uint64
}

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
