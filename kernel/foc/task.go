package foc

import (
	"cmp"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
)

// capTable is a task's capability table, page by page.
type capTable struct {
	pages []capPage
	bytes uint64
}

// capPage is what was decoded of one page of it.
type capPage struct {
	at    memory.Mapping
	reads memory.Reads
	caps  []kernel.Capability
	under *ids // that their objects were found with
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
	table := &capTable{pages: make([]capPage, 0, len(pages))}
	d.now.table = table
	for _, p := range pages {
		if p.User || p.Size > 1<<22 {
			t.Problem = fmt.Sprintf("page %#x is in the range of the capability table but is none", p.Virt)
			continue
		}
		if d.tables += p.Size; d.tables > maxCapBytes {
			t.Problem = fmt.Sprintf("its capability table is cut short: those of all tasks have more than %d bytes", maxCapBytes)
			break
		}
		table.bytes += p.Size
		page, err := d.capPage(p)
		if err != nil {
			t.Problem = err.Error()
			continue
		}
		table.pages = append(table.pages, page)
	}
}

// fill gives a task the capabilities of its table, with their objects.
func (c *capTable) fill(t *kernel.PD, ids *ids) {
	n := 0
	for i := range c.pages {
		p := &c.pages[i]
		n += len(p.caps)
		if p.under == ids {
			continue
		}
		for k := range p.caps {
			p.caps[k].Object = ids.id(p.caps[k].Pointer)
		}
		p.under = ids
	}
	if n == 0 {
		return
	}
	t.Caps = make([]kernel.Capability, 0, n)
	for i := range c.pages {
		t.Caps = append(t.Caps, c.pages[i].caps...)
	}
}

// capPage reads the entries of one page of a capability table.
func (d *decoder) capPage(p memory.Mapping) (capPage, error) {
	if old := d.before.page(p); old != nil && !old.reads.Changed() {
		return *old, nil
	}
	page := capPage{at: p}
	raw := make([]byte, p.Size)
	outer := d.kspace.Collect(&page.reads)
	err := d.m.Phys.ReadMemory(p.Phys, raw)
	d.kspace.Collect(outer)
	if err != nil {
		return page, fmt.Errorf("reading the capability page at %#x: %w", p.Virt, err)
	}
	used := 0
	for off := uint64(0); off+d.caps.entry <= p.Size; off += d.caps.entry {
		if memory.LittleEndian(raw[off:off+uint64(d.ptr)])&^3 != 0 {
			used++
		}
	}
	page.caps = make([]kernel.Capability, 0, used)
	for off := uint64(0); off+d.caps.entry <= p.Size; off += d.caps.entry {
		word := memory.LittleEndian(raw[off : off+uint64(d.ptr)])
		if word&^3 == 0 {
			continue
		}
		page.caps = append(page.caps, kernel.Capability{
			Slot:    (p.Virt + off - d.caps.start) / d.caps.entry,
			Pointer: word &^ 3,
			Rights:  rights[word&3],
			More:    flagWords[raw[off+d.caps.flags]>>3],
		})
	}
	return page, nil
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
