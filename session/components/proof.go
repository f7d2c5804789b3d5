package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo/elffile"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"thaw/session/view"
)

// A component's file is believed where memory holds its text: every page of it that
// a task maps is compared once. A difference is none of the program's own where it
// is an operand that leads to data: Genode links core again with the boot modules,
// so that its data lies elsewhere.

// Bounds of a proof: bytes of text of a program; bytes in one piece, and of all, that a
// kernel may patch of its own text at boot.
const (
	maxProved    = 32 << 20
	maxPatch     = 32
	patchedShare = 64   // one of so many bytes
	pageBytes    = 4096 // of text that is compared at a time
)

// proof is what memory has shown of a component's file so far.
type proof struct {
	parts []textPart           // the file's text, read once
	data  []elffile.Range      // what it loads besides
	got   uint64               // its global offset table, 0 if it has none
	done  map[pageKey]struct{} // pages that were compared
	same  map[uint64]struct{}  // pages that are the file's in some task
	tasks map[taskKey]bool     // tasks that were compared: whether they hold it
	other *view.Mismatch       // why the file is not that of the program, nil if it may be
}

// somewhere says whether a task was seen to run the program.
func (p *proof) somewhere() bool {
	for _, holds := range p.tasks {
		if holds {
			return true
		}
	}
	return false
}

// textPart is a range of text and the file's bytes of it.
type textPart struct {
	elffile.Range
	code []byte
}

// pageKey is a page of a task.
type pageKey struct {
	task taskKey
	page uint64
}

// prepared reads the text of the component's file, once.
func (c *Component) prepared() *proof {
	p := &c.proof
	if p.done != nil {
		return p
	}
	p.done, p.same, p.tasks = map[pageKey]struct{}{}, map[uint64]struct{}{}, map[taskKey]bool{}
	text := c.Text
	if c.kernel { // text of the boot is given back after it
		text = []elffile.Range{c.mainText()}
	}
	left := uint64(maxProved)
	for _, r := range text {
		code := make([]byte, min(r.End-r.Start, left))
		if c.File.ReadFile(r.Start, code) == nil {
			p.parts = append(p.parts, textPart{elffile.Range{Start: r.Start, End: r.Start + uint64(len(code))}, code})
			left -= uint64(len(code))
		}
	}
	for _, s := range c.File.Segments() {
		at, end := s.VAddr, s.VAddr+s.MemSize
		if c.kernel { // whose variables must be where the file has them
			end = s.VAddr + s.FileSize
		}
		for _, r := range c.Text { // by address
			if r.Start >= at && r.End <= end {
				p.data = append(p.data, elffile.Range{Start: at, End: r.Start})
				at = r.End
			}
		}
		p.data = append(p.data, elffile.Range{Start: at, End: end})
	}
	p.data = slices.DeleteFunc(p.data, func(r elffile.Range) bool { return r.End <= r.Start })
	if s, err := c.File.Symbol("_GLOBAL_OFFSET_TABLE_"); err == nil {
		p.got = s.Addr
	}
	return p
}

// deviation is what comparing pages of text found.
type deviation struct {
	pages, differ int         // that were compared anew, and those of them that differ
	pieces        [][2]uint64 // addresses that differ, from and to
}

// compare compares the text that a space maps with the file, as far as it was not
// compared before. What cannot be read is not compared.
func (c *Component) compare(task taskKey, space *memory.Space, view *memory.View) (d deviation) {
	p := c.prepared()
	for _, part := range p.parts {
		mapped, _, err := space.Mapped(part.Start, part.End-1, maxProved/pageBytes)
		if err != nil {
			continue // tables that are being made, or taken apart
		}
		var todo []elffile.Range
		var physical [][2]uint64
		for _, m := range mapped {
			for a := max(m.Virt, part.Start); a < min(m.Virt+m.Size, part.End); a = a&^(pageBytes-1) + pageBytes {
				r := elffile.Range{Start: a, End: min(a&^(pageBytes-1)+pageBytes, m.Virt+m.Size, part.End)}
				if _, done := p.done[pageKey{task, a}]; !done {
					todo = append(todo, r)
					physical = append(physical, [2]uint64{m.Phys + a - m.Virt, r.End - a})
				}
			}
		}
		_ = view.Prefetch(physical) // reading will tell
		for _, r := range todo {
			got := make([]byte, r.End-r.Start)
			if space.ReadMemory(r.Start, got) != nil {
				continue
			}
			p.done[pageKey{task, r.Start}] = struct{}{}
			d.pages++
			pieces := c.differing(part, r.Start, got)
			if _, same := p.same[r.Start]; len(pieces) == 0 {
				p.same[r.Start] = struct{}{}
			} else if !same { // else the file is right, and this task's memory is not
				d.differ++
				d.pieces = append(d.pieces, pieces...)
			}
		}
	}
	return d
}

// differing lists the pieces in which text in memory differs from the file, but for
// operands that lead to data.
func (c *Component) differing(part textPart, addr uint64, got []byte) (pieces [][2]uint64) {
	const apart = 8 // bytes between two of them
	want := part.code[addr-part.Start:]
	for i := 0; i < len(got); i++ {
		if got[i] == want[i] {
			continue
		}
		at := addr + uint64(i)
		if n := c.proof.operandAt(part, at, c.File.Machine()); n > 0 {
			i += n - 1
			continue
		}
		if n := len(pieces); n > 0 && at-pieces[n-1][1] < apart {
			pieces[n-1][1] = at + 1
		} else {
			pieces = append(pieces, [2]uint64{at, at + 1})
		}
	}
	return pieces
}

// mismatch puts differences in words.
func (c *Component) mismatch(d deviation, task kernel.ID, name string) *view.Mismatch {
	return &view.Mismatch{Component: c.Name, File: c.File.Path(), Task: task, Name: name, At: c.Place(d.pieces[0][0]), Differ: d.differ, Pages: d.pages}
}

// Prove compares the files of the components with the tasks that run them or go by
// their names, as far as that was not done before.
func (cs *Set) Prove(sys *kernel.System) {
	for _, o := range sys.PDs() {
		if o.PD.Root == 0 || o.PD.Kernel || o.Name != "" { // sigma0's memory holds core's, too
			continue
		}
		name := ""
		if main := sys.MainThread(o.ID); main != nil {
			name = main.Name
		}
		key := taskKey{o.ID, o.PD.Root}
		space := memory.NewSpace(cs.m.Text, cs.m.Paging, o.PD.Root)
		runs := cs.OfTask(sys, o)
		if runs != nil {
			cs.proveIn(runs, key, name, space)
		}
		for _, n := range cs.Names {
			// A look around takes all programs that it finds: what it runs may go by
			// the name of another of them.
			if c := cs.ByName[n]; c != runs && !c.kernel && cs.goesBy(c, name) && (runs == nil || cs.expected) {
				cs.proveIn(c, key, name, space)
			}
		}
	}
}

// Mismatches are the files that are not those of the programs that run.
func (cs *Set) Mismatches() (all []view.Mismatch) {
	for _, n := range cs.Names {
		if m := cs.ByName[n].proof.other; m != nil {
			all = append(all, *m)
		}
	}
	return all
}

// proveIn compares a component's file with a task. What only looked like the program
// so far is another one, where the task does not go by its name.
func (cs *Set) proveIn(c *Component, key taskKey, name string, space *memory.Space) {
	d := c.compare(key, space, cs.m.Text)
	switch {
	case d.pages == 0:
	case d.differ == 0:
		c.proof.tasks[key] = true
	case !cs.goesBy(c, name):
		c.proof.tasks[key] = false
		delete(cs.taskComps, key)
	case c.proof.other == nil:
		c.proof.other = c.mismatch(d, key.id, name)
	}
}

// goesBy says whether a thread's name is that of a component's first thread: Genode
// names it after the component, and core's "core.main".
func (cs *Set) goesBy(c *Component, name string) bool {
	names := append([]string{c.Name}, cs.known[c.Name]...)
	name, _ = strings.CutSuffix(name, ".main")
	return name != "" && slices.ContainsFunc(names, func(n string) bool { return evidence.SameName(name, n) })
}

// Unproved lists the components of the scenario that were seen in no task so far.
func (cs *Set) Unproved() (names []string) {
	for _, n := range cs.Names {
		c := cs.ByName[n]
		if cs.expected && !c.kernel && !c.Library() && len(c.proof.tasks) == 0 && c.proof.other == nil {
			names = append(names, n)
		}
	}
	return names
}

// CheckKernel compares the kernel's text in memory with its file: another
// build would make every offset wrong.
func (cs *Set) CheckKernel() error {
	k := cs.Kernel()
	space, err := cs.m.KernelSpace()
	if err != nil {
		return err
	}
	d := k.compare(taskKey{}, space.WithData(cs.m.Text), cs.m.Text)
	if d.pages == 0 && len(k.proof.same) == 0 {
		return fmt.Errorf("the text of kernel %s is not in the guest's memory: give the kernel ELF of the system that runs", k.File.Path())
	}
	switch {
	case k.patched(d):
	case k.patched(k.elsewhere(space.WithData(cs.m.Text), cs.m.Text)):
		return fmt.Errorf("the running kernel has its variables elsewhere than %s (as %#x leads to them, in %d of %d pages): Genode linked it again with its boot modules, whose table has moved them; another number of modules, or another size of core's data, mends that",
			k.File.Path(), d.pieces[0][0], d.differ, d.pages)
	default:
		return errors.New(k.mismatch(d, 0, "").String())
	}
	cs.checked = true
	return nil
}

// patched says whether differences are those that a kernel makes at boot: short ones,
// and any in tables that stand among its code.
func (c *Component) patched(d deviation) bool {
	var differ, all uint64
	for _, part := range c.proof.parts {
		all += part.End - part.Start
	}
	for _, p := range d.pieces {
		if c.table(p[0]) {
			continue
		}
		if p[1]-p[0] > maxPatch {
			return false
		}
		differ += p[1] - p[0]
	}
	return differ <= all/patchedShare
}

// elsewhere is compare as if a kernel's variables, too, might be elsewhere than its file
// has them: nothing that is read of one that differs but for that can be believed.
func (c *Component) elsewhere(space *memory.Space, view *memory.View) deviation {
	defer func(p proof) { c.proof = p }(c.proof)
	c.proof.done, c.proof.same = map[pageKey]struct{}{}, map[uint64]struct{}{}
	c.proof.data = slices.Concat(c.proof.data, c.variables())
	return c.compare(taskKey{}, space, view)
}

// variables are what the file loads without a value of theirs in it.
func (c *Component) variables() (out []elffile.Range) {
	for _, s := range c.File.Segments() {
		out = append(out, elffile.Range{Start: s.VAddr + s.FileSize, End: s.VAddr + s.MemSize})
	}
	return out
}

// table says whether a named place in the text is no function, and of no source line.
func (c *Component) table(addr uint64) bool {
	s, _, named := c.File.SymbolAt(addr)
	_, _, line := c.File.LineAt(addr)
	return named && !s.Func && !line
}

// Checked says whether the running kernel was compared with its file.
func (cs *Set) Checked() bool { return cs.checked }
