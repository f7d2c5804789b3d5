package session

import (
	"bytes"
	"slices"
	"sort"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"thaw/session/view"
)

// component is a program with debug info. Several tasks may run it, and other
// programs may be linked at the same addresses: only page tables and memory
// contents tell them apart.
type component struct {
	name   string
	kernel bool
	file   *debuginfo.File
	text   []debuginfo.Range
	sample []uint64 // addresses of text that recognise the program in a task
	proof  proof    // that the file is the program's
}

// Bytes compared at each place, and places per program.
const (
	sampleLen = 64
	samples   = 24
)

func newComponent(name string, isKernel bool, file *debuginfo.File) *component {
	c := &component{name: name, kernel: isKernel, file: file, text: file.Text()}
	text := c.mainText()
	step := max((text.End-text.Start)/samples, sampleLen)
	for a := text.Start; a+sampleLen <= text.End; a += step {
		c.sample = append(c.sample, a)
	}
	return c
}

// mainText is the program's text: others are start-up code that a kernel gives back
// after boot.
func (c *component) mainText() (text debuginfo.Range) {
	for _, r := range c.text {
		if r.End-r.Start > text.End-text.Start {
			text = r
		}
	}
	return text
}

// holds says whether memory at addr holds this program's text.
func (c *component) holds(mem memory.Reader, addr uint64) bool {
	var want, got [sampleLen]byte
	n := sampleLen
	for n > 8 && c.file.ReadFile(addr, want[:n]) != nil {
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

// sampled lists the sampled places that an address space maps, whose contents it
// reads through a view: that fetches all of them in one batch. Where memory cannot
// be read, reading it will tell.
func (c *component) sampled(space *memory.Space, view *memory.View) (mapped []uint64) {
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
func (c *component) fits(space *memory.Space, text *memory.View) fit {
	var f fit
	for _, a := range c.sampled(space, text) {
		var want, got [sampleLen]byte
		if c.file.ReadFile(a, want[:]) != nil || space.ReadMemory(a, got[:]) != nil {
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

// runs says whether the program runs in the address space of the processor
// that just hit one of its breakpoints. A breakpoint fires before the page of
// its instruction is mapped, too: then the rest of the program tells, and where
// nothing of it is mapped either, the hit after the page fault will.
func (e *Engine) runs(c *component, root, pc uint64) bool {
	if c.kernel {
		return !e.m.CPUs[e.cpu].User
	}
	key := rootKey{root, c}
	if known, ok := e.roots[key]; ok {
		return known
	}
	space := e.m.Space(e.cpu).WithData(e.text)
	if _, _, err := space.Translate(pc); err != nil {
		f := c.fits(space, e.text)
		return f.exact() || f.relinked()
	}
	ok := c.holds(space, pc) || c.fits(space, e.text).relinked()
	e.roots[key] = ok
	return ok
}

// rootKey asks whether the page tables at a root are a component's.
type rootKey struct {
	root uint64
	comp *component
}

// nameTasks tells which component each task runs: by the name that the kernel
// gives it (sigma0's, whose memory holds core's, too), by its memory, else by
// the name of its first thread. The scenario's child goes by the scenario's name, whatever
// label its parent gave it.
func (e *Engine) nameTasks(sys *kernel.System) map[kernel.ID]string {
	names := make(map[kernel.ID]string)
	for _, o := range sys.PDs() {
		program := ""
		if c := e.taskComponent(sys, o); c != nil {
			program = c.name
		} else if main := sys.MainThread(o.ID); main != nil {
			program = main.Name
		}
		switch {
		case o.PD.Kernel:
			names[o.ID] = "kernel"
		case o.Name != "" && program != e.scn.Child:
			names[o.ID] = o.Name
		case program != "":
			names[o.ID] = program
		}
	}
	return names
}

// taskComponent finds the component that a task runs. Once found it is kept
// for as long as the task object has the same page tables.
func (e *Engine) taskComponent(sys *kernel.System, o *kernel.Object) *component {
	if o.PD.Root == 0 || o.PD.Kernel {
		return nil
	}
	key := taskKey{o.ID, o.PD.Root}
	if c := e.taskComps[key]; c != nil {
		return c
	}
	space := memory.NewSpace(e.m.Phys, e.m.Paging, o.PD.Root).WithData(e.text)
	var best *component
	var most claim
	for _, name := range e.compNames {
		c := e.comps[name]
		if holds, compared := c.proof.tasks[key]; c.kernel || compared && !holds {
			continue
		}
		is := e.claims(sys, o, c, space)
		if o.Name != "" && is.threads == 0 {
			continue // sigma0, whose memory holds core's, too
		}
		if is.better(most) {
			best, most = c, is
		}
	}
	if best != nil {
		e.taskComps[key] = best
	}
	return best
}

// claim is what speaks for a task to run a program. Several can be in one
// address space: libraries are, and core sees all memory, with what is left of
// the boot loader.
type claim struct {
	fit
	program bool // no library
	threads int  // of the task that are in its text
}

func (e *Engine) claims(sys *kernel.System, task *kernel.Object, c *component, space *memory.Space) claim {
	is := claim{fit: c.fits(space, e.text), program: !c.library()}
	for _, t := range sys.ThreadsOf(task.ID) {
		if c.hasText(t.Thread.IP) {
			is.threads++
		}
	}
	return is
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

// programAt finds what runs at an address of a task: its program, or a library
// that it maps there; nil if unknown.
func (e *Engine) programAt(sys *kernel.System, task *kernel.Object, addr uint64) *component {
	c := e.taskComponent(sys, task)
	if c == nil || c.hasText(addr) {
		return c
	}
	for _, name := range e.compNames {
		lib := e.comps[name]
		if !lib.library() || !lib.hasText(addr) {
			continue
		}
		key := libraryKey{taskKey{task.ID, task.PD.Root}, lib}
		if !e.libraries[key] {
			space := memory.NewSpace(e.m.Phys, e.m.Paging, task.PD.Root).WithData(e.text)
			e.libraries[key] = lib.holds(space, addr)
		}
		if e.libraries[key] {
			return lib
		}
	}
	return c
}

// libraryKey says that a task maps a library.
type libraryKey struct {
	task taskKey
	lib  *component
}

func (c *component) hasText(addr uint64) bool {
	return slices.ContainsFunc(c.text, func(r debuginfo.Range) bool { return r.Contains(addr) })
}

// library says whether the program is a shared library, which many tasks map.
func (c *component) library() bool { return strings.HasSuffix(c.name, ".so") }

// taskKey recognises a task across stops.
type taskKey struct {
	id   kernel.ID
	root uint64
}

// place puts an address of a component in words.
func (c *component) place(addr uint64) view.Place {
	if c == nil || c.file == nil {
		return view.Place{Addr: addr}
	}
	return placeIn(c.name, c.file.Tap(), addr) // a recording needs the answers, too
}

// placeIn puts an address of a program in words.
func placeIn(component string, p Program, addr uint64) view.Place {
	out := view.Place{Addr: addr, Component: component}
	if fn, off, ok := p.FunctionAt(addr); ok {
		out.Function, out.Offset = fn, off
	}
	if file, line, ok := p.LineAt(addr); ok {
		out.File, out.Line = file, line
	}
	return out
}

// judge weighs the evidence as it is now.
func (e *Engine) judge() *evidence.Judge {
	k := e.kernelComponent()
	return &evidence.Judge{Arch: e.arch, Platform: e.dec.Platform(), Child: e.scn.Child, Kernel: k.text, Ev: &e.ev,
		Place: func(program string, addr uint64) view.Place { return e.comps[program].place(addr) }}
}

// placeOf puts a thread's user ip in words.
func (e *Engine) placeOf(sys *kernel.System, o *kernel.Object, ip uint64) view.Place {
	task := sys.Object(o.Thread.PD)
	if task == nil || task.PD == nil {
		return view.Place{Addr: ip}
	}
	return e.programAt(sys, task, ip).place(ip)
}

// kernelComponent is the component that is the kernel.
func (e *Engine) kernelComponent() *component { return e.comps[e.scn.KernelName()] }

// sortedNames lists component names in a fixed order.
func sortedNames(m map[string]*component) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
