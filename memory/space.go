package memory

import (
	"fmt"
)

// Mapping is one page that an address space maps.
type Mapping struct {
	Virt     uint64 // first virtual address of the page
	Phys     uint64 // first physical address of the page
	Size     uint64 // bytes
	Writable bool
	User     bool // user mode may touch it
	// Accessed and Dirty say that reading and writing the page would change no
	// entry of its tables; on ARM they always do.
	Accessed, Dirty bool
}

// Maps says whether two mappings are the same but for how they were used.
func (m Mapping) Maps(o Mapping) bool {
	o.Accessed, o.Dirty = m.Accessed, m.Dirty
	return m == o
}

// Paging is an architecture's page-table format.
type Paging interface {
	// Walk translates one virtual address; the error is a *Fault where the
	// tables say no.
	Walk(phys Reader, root, virt uint64) (Mapping, error)
	// Each calls fn for the pages mapped between start and last (inclusive),
	// in order, skipping holes by whole tables, until fn says false.
	Each(phys Reader, root, start, last uint64, fn func(Mapping) bool) error
	// PageSize is the smallest page, in bytes.
	PageSize() uint64
}

// Space is a virtual address space: page tables at a root, over a view of
// physical memory. It is good for one stop, like its view, and not for use by
// several goroutines.
type Space struct {
	phys   Reader
	data   Reader // where contents are read; tables are read from phys
	paging Paging
	root   uint64
	tlb    map[uint64]Mapping // by smallest page
	last   Mapping            // that was asked for last
	word                      // see scratch
}

// NewSpace returns the address space whose page tables start at the physical
// address root.
func NewSpace(phys Reader, paging Paging, root uint64) *Space {
	return &Space{phys: phys, data: phys, paging: paging, root: root, tlb: make(map[uint64]Mapping)}
}

// WithData returns the same address space, contents of which are read through
// another view of physical memory than its page tables.
func (s *Space) WithData(data Reader) *Space {
	return &Space{phys: s.phys, data: data, paging: s.paging, root: s.root, tlb: s.tlb}
}

// Root is the physical address of the page tables.
func (s *Space) Root() uint64 { return s.root }

// Translate returns the page that holds virt and virt's physical address.
func (s *Space) Translate(virt uint64) (Mapping, uint64, error) {
	if virt-s.last.Virt < s.last.Size {
		return s.last, s.last.Phys + (virt - s.last.Virt), nil
	}
	key := virt &^ (s.paging.PageSize() - 1)
	m, ok := s.tlb[key]
	if !ok {
		var err error
		if m, err = s.paging.Walk(s.phys, s.root, virt); err != nil {
			return Mapping{}, 0, err
		}
		s.tlb[key] = m
	}
	s.last = m
	return m, m.Phys + (virt - m.Virt), nil
}

// ReadMemory reads virtual memory. A range that is mapped only in part is an
// error as a whole, as with the stub.
func (s *Space) ReadMemory(addr uint64, buf []byte) error {
	for done := 0; done < len(buf); {
		m, phys, err := s.Translate(addr + uint64(done))
		if err != nil {
			return fmt.Errorf("reading %d bytes at %#x: %w", len(buf), addr, err)
		}
		n := min(uint64(len(buf)-done), m.Phys+m.Size-phys)
		if err := s.data.ReadMemory(phys, buf[done:done+int(n)]); err != nil {
			return fmt.Errorf("reading %d bytes at %#x: %w", len(buf), addr, err)
		}
		done += int(n)
	}
	return nil
}

// Holds says whether all that another space has translated so far, at an earlier
// stop or through other tables, is mapped to the same places here.
func (s *Space) Holds(o *Space) bool {
	seen := make(map[Mapping]bool)
	for virt, m := range o.tlb {
		if seen[m] {
			continue
		}
		seen[m] = true
		if now, err := s.paging.Walk(s.phys, s.root, virt); err != nil || !now.Maps(m) {
			return false
		}
	}
	return true
}

// Adopt takes over what another space, which Holds, has translated.
func (s *Space) Adopt(o *Space) { s.tlb = o.tlb }

// Mapped lists the pages mapped between start and last (inclusive), at most
// max of them; more says that there were more.
func (s *Space) Mapped(start, last uint64, max int) (pages []Mapping, more bool, err error) {
	err = s.paging.Each(s.phys, s.root, start, last, func(m Mapping) bool {
		if len(pages) == max {
			more = true
			return false
		}
		pages = append(pages, m)
		return true
	})
	return pages, more, err
}
