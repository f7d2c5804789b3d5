package memcompare

import (
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"thaw/session/observe"
	"thaw/session/view"
)

// Bounds of a walk through region maps: regions in all, and maps within maps
// (Genode's core stops at 5, too).
const (
	maxRegions = 4096
	maxNested  = 5
)

// NoteRegions takes the region map of a request's thread.
func (c *Comparer) NoteRegions(t *evidence.Track, scope debuginfo.Scope, r *kernel.Request) {
	if r.RegionMap != "" {
		c.State.regions[t.Block] = c.regionMapAt(scope, r)
	}
}

// regionMapAt finds the region map of a request's thread, nil if the component
// keeps none that the expression fits.
func (c *Comparer) regionMapAt(scope debuginfo.Scope, r *kernel.Request) *regionMap {
	v, err := scope.Eval(r.RegionMap)
	if err != nil {
		return nil
	}
	addr, err := v.Uint64()
	class := v.Type.Target()
	if err != nil || addr == 0 || class == nil {
		return nil
	}
	return &regionMap{c.programs.ByName[r.Component], c.m.CPU().Root, class.String(), addr}
}

// AttachedPage finds the page of memory that is attached at an address, by its physical
// address.
func AttachedPage(all []Attachment, page, size uint64) (phys uint64, writable, ok bool) {
	for _, a := range all {
		if page >= a.virt && page-a.virt < a.size && a.size-(page-a.virt) >= size {
			return a.phys + (page - a.virt), a.writable, true
		}
	}
	return 0, false, false
}

// attachments lists what is attached to an address space. A map that cannot be
// walked to its end gives what was found before, and the error.
func (c *Comparer) attachments(m *regionMap) ([]Attachment, error) {
	space := c.m.Walked(m.root)
	w := &regionWalk{spec: c.obs.Platform.Attached, left: maxRegions,
		scope: debuginfo.Scope{File: m.comp.File, Mem: space}, class: m.class}
	err := w.walk(m.addr, 0, ^uint64(0), 0, maxNested)
	return w.found, err
}

// regionWalk goes through region maps.
type regionWalk struct {
	spec  *kernel.Attached
	scope debuginfo.Scope
	class string // of region maps
	left  int    // regions that may still be visited
	found []Attachment
}

// walk visits the regions of a map, of which the window that begins at offset
// from, of so many bytes, is seen at virt.
func (w *regionWalk) walk(addr, from, size, virt uint64, levels int) error {
	if levels == 0 {
		return fmt.Errorf("region maps lie in each other %d times", maxNested)
	}
	rm, err := w.scope.Eval(fmt.Sprintf("*(%s *)%#x", w.class, addr))
	if err != nil {
		return err
	}
	all, walked := w.regions(rm)
	if len(all) == 0 {
		return walked
	}
	own, err := rm.Path(w.spec.Nested)
	if err != nil {
		return err
	}
	self := own.Addr - rm.Addr
	w.left -= len(all)
	for _, region := range all {
		if err := w.region(region, self, from, size, virt, levels); err != nil {
			return fmt.Errorf("region of the map at %#x: %w", addr, err)
		}
	}
	return walked
}

// regions lists those of a map.
func (w *regionWalk) regions(rm debuginfo.Value) (out []debuginfo.Value, err error) {
	if w.spec.Tree != "" {
		elem, err := w.scope.File.Type(w.spec.Element)
		if err != nil {
			return nil, err
		}
		root, err := rm.Path(w.spec.Tree + "._child[0]")
		if err != nil {
			return nil, err
		}
		all, err := debuginfo.WalkTree(root, elem, "_child[0]", "_child[1]", w.left)
		for _, region := range all {
			var used uint64
			if err := observe.Numbers(region, map[string]*uint64{w.spec.Used: &used}); err != nil {
				return out, err
			}
			if used != 0 {
				out = append(out, region)
			}
		}
		return out, err
	}
	list, err := rm.Path(w.spec.List)
	if err != nil {
		return nil, err
	}
	refs, walked := debuginfo.WalkList(list, "_first", "_next", w.left)
	for _, ref := range refs {
		region, err := deref(ref, w.spec.Region)
		if err != nil {
			return out, err
		}
		out = append(out, region)
	}
	return out, walked
}

// region takes one region, or walks the map that is attached there: the one with
// the dataspace at offset self in it.
func (w *regionWalk) region(region debuginfo.Value, self, from, size, virt uint64, levels int) error {
	var base, length, writable, off, ds, phys, managed uint64
	if err := observe.Numbers(region, map[string]*uint64{w.spec.Base: &base, w.spec.Size: &length, w.spec.Writable: &writable, w.spec.Offset: &off, w.spec.Dataspace: &ds}); err != nil || ds == 0 {
		return err
	}
	// The part of the region that the window shows.
	start, end := max(base, from), min(base+length, from+min(size, ^uint64(0)-from))
	if start >= end {
		return nil
	}
	dsc, err := deref(region, w.spec.Dataspace)
	if err != nil {
		return err
	}
	if err := observe.Numbers(dsc, map[string]*uint64{w.spec.Physical: &phys, w.spec.Managed: &managed}); err != nil {
		return err
	}
	at, inside := virt+(start-from), off+(start-base)
	if managed != 0 {
		return w.walk(ds-self, inside, end-start, at, levels-1)
	}
	w.found = append(w.found, Attachment{at, end - start, phys + inside, writable != 0})
	return nil
}

// deref follows a pointer member.
func deref(v debuginfo.Value, member string) (debuginfo.Value, error) {
	p, err := v.Path(member)
	if err != nil {
		return p, err
	}
	return p.Deref()
}

// readAttached adds pages of the original that the restored child does not map so
// far to the latter's, as they are attached to it; it says how many.
func (c *Comparer) readAttached(before, after *childMemory, d *view.MemoryDiff) (int, error) {
	m := c.restoredRegions(after.task)
	if m == nil || c.obs.Platform.Attached == nil {
		return 0, nil
	}
	all, err := c.attachments(m)
	if err != nil {
		addProblem(d, fmt.Sprintf("what is attached to the restored child is not known in full: %v", err))
	}
	size := c.m.Paging.PageSize()
	var reqs []memory.Request
	var addrs []uint64
	for virt := range before.pages {
		if _, ok := after.pages[virt]; ok {
			continue
		}
		if phys, _, ok := AttachedPage(all, virt, size); ok {
			reqs = append(reqs, memory.Request{Addr: phys, Buf: make([]byte, size)})
			addrs = append(addrs, virt)
		}
	}
	if err := c.m.ReadPhysical(reqs); err != nil {
		return 0, err
	}
	n := 0
	for i, q := range reqs {
		if q.Err == nil {
			after.pages[addrs[i]] = q.Buf
			n++
		}
	}
	return n, nil
}

// Attached is the physical address of memory that is attached to a task, and may not be
// mapped so far; ok is false where that is not known.
func (c *Comparer) Attached(task kernel.ID, addr uint64) (phys uint64, ok bool) {
	m := c.restoredRegions(task)
	if m == nil || c.obs.Platform.Attached == nil {
		return 0, false
	}
	all, _ := c.attachments(m) // as far as the map can be walked
	size := c.m.Paging.PageSize()
	phys, _, ok = AttachedPage(all, addr&^(size-1), size)
	return phys + addr&(size-1), ok
}

// restoredRegions is the region map of a task, as its threads' requests named it.
func (c *Comparer) restoredRegions(task kernel.ID) *regionMap {
	for _, t := range c.obs.Ev.Threads {
		if m := c.State.regions[t.Block]; t.Task == task && m != nil {
			return m
		}
	}
	return nil
}

// AttachedTo is what is attached to a thread's task, as far as that is known.
func (c *Comparer) AttachedTo(t *evidence.Track) []Attachment {
	regions := c.State.regions[t.Block]
	if regions == nil || c.obs.Platform.Attached == nil {
		return nil
	}
	all, _ := c.attachments(regions) // what a broken map has beyond is not found: a fault ends the excursion there
	return all
}
