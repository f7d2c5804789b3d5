package foc

import (
	"cmp"
	"fmt"
	"iter"
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
	raw   []byte              // what was read of it, until it is decoded; nil where there was no room
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
	table := &capTable{pages: make([]capPage, 0, len(pages))}
	d.now.table = table
	all := 0
	d.raw = slices.Grow(d.raw[:0], min(len(pages)*int(d.m.Paging.PageSize()), maxRaw))
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
		page, n, err := d.capPage(p)
		if err != nil {
			t.Problem = err.Error()
			continue
		}
		table.pages, all = append(table.pages, page), all+n
	}
	if err := d.putTogether(table, all); err != nil {
		t.Problem = err.Error()
	}
}

// maxRaw bounds what is kept of a table's pages until they are decoded: what there is no room
// for is read again, which costs less than memory that was not in use before.
const maxRaw = 128 << 10

// capPage reads one page of a capability table, if it is not what it was at the last stop,
// and counts its capabilities.
func (d *decoder) capPage(p memory.Mapping) (page capPage, n int, err error) {
	if old := d.before.page(p); old != nil && !old.reads.Changed() {
		return *old, len(old.caps), nil
	}
	page.at = p
	outer := d.kspace.Collect(&page.reads)
	raw, err := d.pageAt(p)
	d.kspace.Collect(outer)
	if err != nil {
		return page, 0, err
	}
	for range d.slots(raw) {
		n++
	}
	if end := len(d.raw) + len(raw); end <= cap(d.raw) {
		page.raw, d.raw = raw, d.raw[:end]
	}
	return page, n, nil
}

// pageAt reads a page of a capability table, into d.raw's room where that is enough.
func (d *decoder) pageAt(p memory.Mapping) ([]byte, error) {
	raw := d.raw[len(d.raw):cap(d.raw)]
	if p.Size > uint64(len(raw)) {
		d.page = slices.Grow(d.page[:0], int(p.Size))
		raw = d.page[:p.Size]
	}
	raw = raw[:p.Size]
	if err := d.m.Phys.ReadMemory(p.Phys, raw); err != nil {
		return nil, fmt.Errorf("reading the capability page at %#x: %w", p.Virt, err)
	}
	return raw, nil
}

// slots are those of a page that are in use, by their number in it.
func (d *decoder) slots(raw []byte) iter.Seq2[uint64, []byte] {
	size := d.caps.entry
	return func(yield func(uint64, []byte) bool) {
		for n := uint64(0); uint64(len(raw)) >= size; n, raw = n+1, raw[size:] {
			if memory.LittleEndian(raw[:d.ptr])&^3 != 0 && !yield(n, raw[:size]) {
				return
			}
		}
	}
}

// putTogether has the capabilities of all pages, so many, in one piece: there may be very
// many. Those of pages that have not changed are taken over.
func (d *decoder) putTogether(c *capTable, all int) error {
	c.caps = make([]kernel.Capability, 0, all)
	for i := range c.pages {
		p, first := &c.pages[i], len(c.caps)
		raw := p.raw
		if raw == nil && p.caps == nil {
			var err error
			if raw, err = d.pageAt(p.at); err != nil {
				return err
			}
		}
		c.caps = append(c.caps, p.caps...)
		start := (p.at.Virt - d.caps.start) / d.caps.entry
		for n, slot := range d.slots(raw) {
			word := memory.LittleEndian(slot[:d.ptr])
			c.caps = append(c.caps, kernel.Capability{
				Slot:    start + n,
				Pointer: word &^ 3,
				Rights:  rights[word&3],
				More:    flagWords[slot[d.caps.flags]>>3],
			})
		}
		p.caps, p.raw = c.caps[first:], nil
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
