package session

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
	"thaw/words"
)

// What a restored page may be equal to.
const (
	likeInitial = "the program's initial contents"
	likeZero    = "zeros"
)

// maxMemory bounds the pages of a child that are compared.
const maxMemory = 1 << 14

// childMemory is the user memory of a child at a stop.
type childMemory struct {
	task  kernel.ID
	stop  int
	pages map[uint64][]byte // by virtual address, each of the smallest page size
	cut   bool              // there were more
	lost  int               // pages that could not be read
	why   string            // it could not be read, "" if it was
	utcbs map[uint64]bool   // pages with UTCBs
}

// child is what the memory of both children is compared by.
type child struct {
	memory  *childMemory          // the original's, as it was checkpointed
	mapped  []attachment          // the original's, as the first phase began: detached dataspaces are not mapped later
	regions map[uint64]*regionMap // what is attached to a thread's task, by thread object, as far as requests told
}

func newChild() child { return child{regions: map[uint64]*regionMap{}} }

// clone copies what changes later.
func (c child) clone() child {
	c.regions = maps.Clone(c.regions)
	return c
}

// readMemory reads all user pages of a task. They do not go into recordings:
// what differs does.
func (e *Engine) readMemory(sys *kernel.System, task *kernel.Object) (*childMemory, error) {
	size := e.m.Paging.PageSize()
	m := &childMemory{task: task.ID, stop: e.history.last() + 1, pages: map[uint64][]byte{}, utcbs: map[uint64]bool{}}
	for _, t := range sys.ThreadsOf(task.ID) {
		m.utcbs[t.Thread.UTCB&^(size-1)] = true
	}
	space := memory.NewSpace(memory.NewView(e.target, memory.SharedBlock, nil), e.m.Paging, task.PD.Root)
	mapped, more, err := space.Mapped(0, e.arch.UserEnd, maxMemory)
	if err != nil {
		return nil, fmt.Errorf("listing the pages of task %s: %w", task.ID, err)
	}
	m.cut = more
	var reqs []memory.Request
	var addrs []uint64
	for _, p := range mapped {
		for off := uint64(0); p.User && off < p.Size; off += size {
			if m.utcbs[p.Virt+off] {
				continue
			}
			if len(reqs) == maxMemory {
				m.cut = true
				break
			}
			reqs = append(reqs, memory.Request{Addr: p.Phys + off, Buf: make([]byte, size)})
			addrs = append(addrs, p.Virt+off)
		}
	}
	if err := e.target.ReadPhysical(reqs); err != nil {
		return nil, err
	}
	for i, q := range reqs {
		if q.Err == nil {
			m.pages[addrs[i]] = q.Buf
		} else {
			m.lost++
		}
	}
	return m, nil
}

// takeChild is readMemory; memory that cannot be read says why.
func (e *Engine) takeChild(ctx context.Context, sys *kernel.System, task *kernel.Object) (*childMemory, error) {
	m, err := e.readMemory(sys, task)
	if err == nil {
		return m, nil
	}
	m = &childMemory{task: task.ID, stop: e.history.last() + 1}
	m.why, err = e.unread(ctx, fmt.Sprintf("the memory of task %s", task.ID), err)
	return m, err
}

// noteMapped takes what the original child maps, as the first phase begins. Where that
// is not known, nothing of it is mapped later.
func (e *Engine) noteMapped(ctx context.Context, s *view.Snapshot) error {
	task := s.System.Object(e.ev.Original)
	if s.Phase == "" || e.child.mapped != nil || task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil
	}
	mapped, _, err := memory.NewSpace(e.view, e.m.Paging, task.PD.Root).Mapped(0, e.arch.UserEnd, maxMemory)
	e.child.mapped = []attachment{}
	if err != nil {
		_, err = e.unread(ctx, "its pages", err)
		return err
	}
	for _, p := range mapped {
		if p.User {
			e.child.mapped = append(e.child.mapped, attachment{p.Virt, p.Size, p.Phys, p.Writable})
		}
	}
	return nil
}

// takeMemory reads the original child's memory as it is checkpointed.
func (e *Engine) takeMemory(ctx context.Context) (*event, error) {
	sys, err := e.system(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range sys.PDs() {
		if c := e.taskComponent(sys, o); c != nil && c.name == e.scn.Child {
			e.child.memory, err = e.takeChild(ctx, sys, o)
			return nil, err
		}
	}
	return nil, nil
}

// compareMemory compares the restored child's memory with what was taken.
func (e *Engine) compareMemory(ctx context.Context, s *view.Snapshot) error {
	before := e.child.memory
	task := s.System.Object(e.judge().Restored(s))
	if before == nil || task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil
	}
	after, err := e.takeChild(ctx, s.System, task)
	if err != nil {
		return err
	}
	d := &view.MemoryDiff{Original: before.task, Restored: task.ID, Checkpoint: before.stop, After: s.Number}
	if d.Problem = cmp.Or(before.why, after.why); d.Problem != "" {
		e.ev.Memory = d
		return nil
	}
	if before.cut || after.cut {
		d.Problem = fmt.Sprintf("only the first %d pages of the child are compared", maxMemory)
	}
	if before.lost > 0 {
		d.Problem = strings.TrimPrefix(fmt.Sprintf("%s; %s of the original's could not be read", d.Problem, words.Count(before.lost, "page")), "; ")
	}
	if d.Attached, err = e.readAttached(before, after, d); err != nil {
		why, err := e.unread(ctx, "what is attached to the restored child", err)
		if err != nil {
			return err
		}
		d.Problem = strings.TrimPrefix(d.Problem+"; "+why, "; ")
	}
	program := e.comps[e.scn.Child].file
	for virt, old := range before.pages {
		now, ok := after.pages[virt]
		switch {
		case !ok:
			d.Unmapped++
		case bytes.Equal(old, now):
			d.Same++
		default:
			d.Pages = append(d.Pages, pageDiff(virt, old, now, program))
		}
	}
	regions := e.regionsOf(s, program)
	for i := range d.Pages {
		d.Pages[i].Region = regions.of(d.Pages[i].Virt)
	}
	slices.SortFunc(d.Pages, func(a, b view.PageDiff) int {
		if a.Virt < b.Virt {
			return -1
		}
		return 1
	})
	e.ev.Memory = d
	return nil
}

// pageDiff tells how two contents of a page differ.
func pageDiff(virt uint64, old, now []byte, program *debuginfo.File) view.PageDiff {
	d := view.PageDiff{Virt: virt, First: -1}
	for i := range old {
		if old[i] != now[i] {
			if d.First < 0 {
				d.First = i
			}
			d.Bytes++
		}
	}
	end := min(d.First+8, len(old))
	d.Before, d.After = old[d.First:end:end], now[d.First:end:end]
	initial := make([]byte, len(now))
	switch {
	case !slices.ContainsFunc(now, func(b byte) bool { return b != 0 }):
		d.Like = likeZero
	case program.ReadFile(virt, initial) == nil && bytes.Equal(initial, now):
		d.Like = likeInitial
	}
	return d
}

// regions names parts of a child's address space.
type regions struct {
	segments []debuginfo.Segment
	stacks   map[uint64]string // by page: threads whose sp points there
	size     uint64
}

// regionsOf collects the stacks of the child's threads, both children's: a
// restored thread may not stand on its stack.
func (e *Engine) regionsOf(s *view.Snapshot, program *debuginfo.File) regions {
	r := regions{segments: program.Segments(), stacks: map[uint64]string{}, size: e.m.Paging.PageSize()}
	for _, snap := range []*view.Snapshot{s, e.ev.Before} {
		if snap == nil {
			continue
		}
		for _, o := range snap.System.Threads() {
			if snap.Tasks[o.Thread.PD] == e.scn.Child && o.Thread.SP != 0 {
				r.stacks[o.Thread.SP&^(r.size-1)] = o.Name
			}
		}
	}
	return r
}

// stackReach is how many pages around a thread's sp count as its stack: Genode's
// stacks lie in slots of 1 MiB, which are mapped at their upper end.
const stackReach = 16

func (r regions) of(virt uint64) string {
	for _, s := range r.segments {
		if virt-s.VAddr >= s.MemSize && (virt+r.size <= s.VAddr || virt >= s.VAddr+s.MemSize) {
			continue
		}
		switch {
		case s.Flags&elf.PF_X != 0:
			return "text"
		case s.Flags&elf.PF_W == 0:
			return "read-only data"
		case virt >= s.VAddr+s.FileSize:
			return "bss"
		}
		return "data"
	}
	for n := uint64(0); n <= stackReach; n++ {
		for _, page := range []uint64{virt + n*r.size, virt - n*r.size} {
			if name := r.stacks[page]; name != "" {
				return "stack of " + name
			}
		}
	}
	return "heap or other dataspace"
}
