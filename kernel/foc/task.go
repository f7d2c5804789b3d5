package foc

import (
	"cmp"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
)

// capTable is a task's capability table.
type capTable struct {
	pages []capPage
	caps  []kernel.Capability // of all pages, as the task has them
	bytes uint64
}

// capPage is what was decoded of one page of it.
type capPage struct {
	at    memory.Mapping
	reads memory.Reads
	caps  []kernel.Capability // a part of the table's; nil: not decoded so far
	under *ids                // that their objects were found with
}

// taskObject decodes a task and its capability table.
func (d *decoder) taskObject(o *kernel.Object) error {
	t := &kernel.PD{Kernel: o.Class == "Kernel_task"}
	dir, err := d.word(o.Addr + d.Layout.task.dir)
	if err != nil {
		return fmt.Errorf("reading its page directory: %w", err)
	}
	o.PD = t
	if dir == 0 {
		return nil
	}
	_, root, err := d.kspace.Translate(dir)
	if err != nil {
		t.Problem = fmt.Sprintf("page directory at %#x: %v", dir, err)
		return nil
	}
	t.Root = root
	d.capabilities(t)
	return nil
}

// SlotAddr implements kernel.SlotFinder.
func (l *Layout) SlotAddr(slot uint64) uint64 { return l.caps.start + slot*l.caps.entry }

// capabilities reads the pages of a task's capability table, as far as they
// are mapped in its own address space. A page that is what it was at the last
// stop keeps what was decoded of it.
func (d *decoder) capabilities(t *kernel.PD) {
	space := memory.NewSpace(d.m.Phys, d.m.Paging, t.Root)
	pages, more, err := space.Mapped(d.caps.start, d.caps.end-1, maxCapPages)
	switch {
	case err != nil:
		t.Problem = err.Error()
	case more:
		t.Problem = fmt.Sprintf("only the first %d pages of its capability table are read", maxCapPages)
	}
	d.now.table = &capTable{pages: make([]capPage, 0, len(pages))}
	all := 0
	for _, p := range pages {
		if p.User || p.Size > 1<<22 {
			t.Problem = fmt.Sprintf("page %#x is in the range of the capability table but is none", p.Virt)
			continue
		}
		if d.tables += p.Size; d.tables > maxCapBytes {
			t.Problem = fmt.Sprintf("its capability table is cut short: those of all tasks have more than %d bytes", maxCapBytes)
			break
		}
		d.now.table.bytes += p.Size
		page, n, err := d.capPage(p)
		if err != nil {
			t.Problem = err.Error()
			continue
		}
		d.now.table.pages, all = append(d.now.table.pages, page), all+n
	}
	if err := d.putTogether(d.now.table, all); err != nil {
		t.Problem = err.Error()
	}
}

// capPage looks at one page of a capability table, and counts its capabilities.
func (d *decoder) capPage(p memory.Mapping) (page capPage, n int, err error) {
	if old := d.before.page(p); old != nil && !old.reads.Changed() {
		return *old, len(old.caps), nil
	}
	page.at = p
	outer := d.kspace.Collect(&page.reads)
	err = d.eachSlot(p, func(uint64, []byte) { n++ })
	d.kspace.Collect(outer)
	return page, n, err
}

// eachSlot calls fn for the slots of a page that are in use: their offset, and what they hold.
func (d *decoder) eachSlot(p memory.Mapping, fn func(off uint64, slot []byte)) error {
	d.raw = slices.Grow(d.raw[:0], int(p.Size))[:p.Size]
	if err := d.m.Phys.ReadMemory(p.Phys, d.raw); err != nil {
		return fmt.Errorf("reading the capability page at %#x: %w", p.Virt, err)
	}
	for off := uint64(0); off+d.caps.entry <= p.Size; off += d.caps.entry {
		if slot := d.raw[off:][:d.caps.entry]; memory.LittleEndian(slot[:d.ptr])&^3 != 0 {
			fn(off, slot)
		}
	}
	return nil
}

// putTogether has the capabilities of all pages, so many, in one piece: there may be very
// many. Those of pages that have not changed are taken over.
func (d *decoder) putTogether(c *capTable, all int) error {
	c.caps = make([]kernel.Capability, 0, all)
	for i := range c.pages {
		p, first := &c.pages[i], len(c.caps)
		if p.caps != nil {
			c.caps = append(c.caps, p.caps...)
		} else if err := d.eachSlot(p.at, func(off uint64, slot []byte) {
			word := memory.LittleEndian(slot[:d.ptr])
			c.caps = append(c.caps, kernel.Capability{
				Slot:    (p.at.Virt + off - d.caps.start) / d.caps.entry,
				Pointer: word &^ 3,
				Rights:  rights[word&3],
				More:    flagWords[slot[d.caps.flags]>>3],
			})
		}); err != nil {
			return err
		}
		p.caps = c.caps[first:]
	}
	return nil
}

// fill gives a task the capabilities of its table, with their objects. Both keep them.
func (c *capTable) fill(t *kernel.PD, ids *ids) {
	for i := range c.pages {
		p := &c.pages[i]
		if p.under == ids {
			continue
		}
		for k := range p.caps {
			p.caps[k].Object = ids.id(p.caps[k].Pointer)
		}
		p.under = ids
	}
	t.Caps = c.caps
}

// page is what was decoded of a page at the last stop, nil if nothing was.
func (it *item) page(p memory.Mapping) *capPage {
	if it == nil || it.table == nil {
		return nil
	}
	i, ok := slices.BinarySearchFunc(it.table.pages, p.Virt, func(c capPage, virt uint64) int { return cmp.Compare(c.at.Virt, virt) })
	if !ok || !it.table.pages[i].at.Maps(p) {
		return nil
	}
	return &it.table.pages[i]
}
