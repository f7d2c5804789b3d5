package components

import (
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
)

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
	if best != nil && !best.Library() { // one that has not mapped its program so far maps the libraries that begin it
		cs.taskComps[key] = best
		cs.sights.note(key, true)
		return best
	}
	cs.sights.note(key, false)
	if best == nil {
		return cs.byFile(sys, o, key)
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
	is := claim{program: !c.Library()}
	if key := (taskKey{task.ID, task.PD.Root}); cs.sights.tasks[key] {
		is.fit = cs.sights.of(cs.m, key, c)
	} else {
		is.fit = c.fits(space, cs.m.Text)
	}
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

// taskKey recognises a task across stops.
type taskKey struct {
	id   kernel.ID
	root uint64
}
