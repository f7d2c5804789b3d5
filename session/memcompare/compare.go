package memcompare

import (
	"bytes"
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/view"
	"thaw/words"
)

// Compare compares the restored child's memory with what was taken.
func (c *Comparer) Compare(ctx context.Context, s *view.Snapshot, restored kernel.ID) error {
	before := c.taken(c.obs.Ev.Original)
	task := s.System.Object(restored)
	if before == nil || task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil
	}
	after, err := c.takeChild(ctx, s.System, task)
	if err != nil {
		return err
	}
	d := &view.MemoryDiff{Original: before.task, Restored: task.ID, Checkpoint: before.stop, After: s.Number}
	if d.Problem = cmp.Or(before.why, after.why); d.Problem != "" {
		c.obs.Ev.Memory = d
		return nil
	}
	if before.cut || after.cut {
		d.Problem = fmt.Sprintf("only the first %d pages of the child are compared", MaxMemory)
	}
	if before.lost > 0 {
		addProblem(d, words.Count(before.lost, "page")+" of the original's could not be read")
	}
	if d.Attached, err = c.readAttached(before, after, d); err != nil {
		why, err := c.obs.Unread(ctx, "what is attached to the restored child", err)
		if err != nil {
			return err
		}
		addProblem(d, why)
	}
	c.differences(d, before, after, c.regionsOf(s, before.program))
	c.obs.Ev.Memory = d
	return nil
}

// differences notes the pages that differ, and the code where threads were to go on.
func (c *Comparer) differences(d *view.MemoryDiff, before, after *childMemory, regions regions) {
	elsewhere := before.places()
	for virt, old := range before.pages {
		now, ok := after.pages[virt]
		switch {
		case !ok:
			d.Unmapped++
		case bytes.Equal(old, now):
			d.Same++
		default:
			d.Pages = append(d.Pages, pageDiff(virt, old, now, before.program.File, elsewhere, regions.of(virt)))
		}
	}
	for _, t := range c.obs.Ev.Threads {
		if q := t.Request(); t.Task == d.Restored && q.Problem == "" && otherCode(before, after, q.IP, regions.size) {
			d.Code = append(d.Code, view.CodeDiff{IP: q.IP, Page: q.IP &^ (regions.size - 1)})
		}
	}
	slices.SortFunc(d.Pages, func(a, b view.PageDiff) int { return cmp.Compare(a.Virt, b.Virt) })
	for i, code := range d.Code {
		for _, p := range d.Pages {
			if p.Virt == code.Page {
				d.Code[i].Like = p.Like
			}
		}
	}
}

// addProblem adds a sentence to what stands against a comparison.
func addProblem(d *view.MemoryDiff, text string) {
	d.Problem = strings.TrimPrefix(d.Problem+"; "+text, "; ")
}

// places tells where pages stand, by content. One that stands in several places tells
// nothing.
func (m *childMemory) places() map[string]uint64 {
	out := make(map[string]uint64, len(m.pages))
	for virt, page := range m.pages {
		if _, twice := out[string(page)]; twice {
			virt = noPlace
		}
		out[string(page)] = virt
	}
	return out
}

// otherCode says whether other instructions stand at an address than did: a few bytes
// from there tell.
func otherCode(before, after *childMemory, ip, size uint64) bool {
	old, now := before.pages[ip&^(size-1)], after.pages[ip&^(size-1)]
	if old == nil || now == nil {
		return false
	}
	at := int(ip & (size - 1))
	end := min(at+16, len(old))
	return !bytes.Equal(old[at:end], now[at:end])
}

// pageDiff tells how two contents of a page differ.
func pageDiff(virt uint64, old, now []byte, program *debuginfo.File, elsewhere map[string]uint64, region string) view.PageDiff {
	d := view.PageDiff{Virt: virt, First: -1, Region: region}
	for i := range old {
		if old[i] != now[i] {
			if d.First < 0 {
				d.First = i
			}
			d.Bytes++
		}
	}
	if end := min(d.First+8, len(old)); !strings.HasPrefix(region, regionText) { // a program's code is nothing to look at, or to record
		d.Before, d.After = old[d.First:end:end], now[d.First:end:end]
	}
	initial := make([]byte, len(now))
	switch {
	case !slices.ContainsFunc(now, func(b byte) bool { return b != 0 }):
		d.Like = likeZero
	case program.ReadFile(virt, initial) == nil && bytes.Equal(initial, now):
		d.Like = likeInitial
	default:
		if at, ok := elsewhere[string(now)]; ok && at != noPlace {
			d.Like = fmt.Sprintf("the original's page at %x", at)
		}
	}
	return d
}

// regions names parts of a child's address space.
type regions struct {
	segments []segment         // of its program, then of libraries
	stacks   map[uint64]string // by page: threads whose sp points there
	size     uint64
}

// regionsOf collects the stacks of the child's threads, both children's: a
// restored thread may not stand on its stack.
func (c *Comparer) regionsOf(s *view.Snapshot, child *components.Component) regions {
	r := regions{stacks: map[uint64]string{}, size: c.m.Paging.PageSize()}
	for _, s := range child.File.Segments() {
		r.segments = append(r.segments, segment{s, ""})
	}
	for _, name := range c.programs.Names {
		if lib := c.programs.ByName[name]; lib.Library() {
			for _, s := range lib.File.Segments() {
				r.segments = append(r.segments, segment{s, " of " + name})
			}
		}
	}
	for _, snap := range []*view.Snapshot{s, c.obs.Ev.Before} {
		if snap == nil {
			continue
		}
		for _, o := range snap.System.Threads() {
			if snap.Tasks[o.Thread.PD] == child.Name && o.Thread.SP != 0 {
				r.stacks[o.Thread.SP&^(r.size-1)] = o.Name
			}
		}
	}
	return r
}

// segment is one of a program, and of which: "" for the child's own.
type segment struct {
	elffile.Segment
	of string
}

func (r regions) of(virt uint64) string {
	for _, s := range r.segments {
		if virt-s.VAddr >= s.MemSize && (virt+r.size <= s.VAddr || virt >= s.VAddr+s.MemSize) {
			continue
		}
		switch {
		case s.Flags&elf.PF_X != 0:
			return regionText + s.of
		case s.Flags&elf.PF_W == 0:
			return "read-only data" + s.of
		case virt >= s.VAddr+s.FileSize:
			return "bss" + s.of
		}
		return "data" + s.of
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
