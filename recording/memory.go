package recording

import (
	"bytes"
	"slices"

	"thaw/memory"
	"thaw/session"
)

// pageRef is a page as a stop has it: its contents, 0 for zeros, and what is known
// of them, 0 for all; both are numbers in the file, from 1.
type pageRef struct{ page, mask uint64 }

// Memory is physical memory at a record: what was not recorded is an error.
func (r *Recording) Memory(record int) memory.Source {
	return &pageSource{rec: r, pages: r.maps[record], known: r.known}
}

// Modelled is Memory for a model, which reads what was read for the recording and
// nothing else. Files of format 1.0 have zeros for what was not read and do not
// tell which: here they are taken for read.
func (r *Recording) Modelled(record int) memory.Source {
	s := &pageSource{rec: r, pages: r.maps[record], known: r.known}
	if r.vague {
		s.known = func(pageRef) *memory.Mask { return nil }
	}
	return s
}

// SamePage says whether a page, by its physical address, is recorded alike at two records.
func (r *Recording) SamePage(a, b int, addr uint64) bool {
	n := addr / session.PageSize
	x, in := r.maps[a][n]
	y, too := r.maps[b][n]
	return in == too && x == y
}

// Pages lists the recorded pages of a record by physical address.
func (r *Recording) Pages(record int) []session.Page {
	out := make([]session.Page, 0, len(r.maps[record]))
	for n, ref := range r.maps[record] {
		out = append(out, session.Page{Addr: n * session.PageSize, Data: r.page(ref), Known: r.known(ref)})
	}
	slices.SortFunc(out, func(a, b session.Page) int {
		if a.Addr < b.Addr {
			return -1
		}
		return 1
	})
	return out
}

var zeros [session.PageSize]byte

// page is a page's contents.
func (r *Recording) page(ref pageRef) []byte {
	if ref.page == 0 {
		return zeros[:]
	}
	return r.pages[ref.page-1]
}

// known says which bytes of a page were recorded. In a file that does not tell, a
// word of zeros may stand for one that was not.
func (r *Recording) known(ref pageRef) *memory.Mask {
	switch {
	case r.vague:
		if r.guessed[ref.page] == nil {
			r.guessed[ref.page] = notZero(r.page(ref))
		}
		return r.guessed[ref.page]
	case ref.mask == 0:
		return nil
	}
	return r.masks[ref.mask-1]
}

// notZero is the mask of the words that are not 0.
func notZero(page []byte) *memory.Mask {
	var m memory.Mask
	for off := 0; off < len(page); off += memory.Granule {
		if !bytes.Equal(page[off:off+memory.Granule], zeros[:memory.Granule]) {
			m.Set(off, off+memory.Granule)
		}
	}
	return &m
}

// pageSource reads recorded pages.
type pageSource struct {
	rec   *Recording
	pages map[uint64]pageRef
	known func(pageRef) *memory.Mask
}

// ReadPhysical fills in what was recorded; the rest is memory.ErrNotRecorded.
func (s *pageSource) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		s.fill(&reqs[i])
	}
	return nil
}

func (s *pageSource) fill(q *memory.Request) {
	for done := 0; done < len(q.Buf); {
		addr := q.Addr + uint64(done)
		off := int(addr % session.PageSize)
		ref, ok := s.pages[addr/session.PageSize]
		if !ok {
			q.Err = memory.NotRecorded(addr)
			return
		}
		n := copy(q.Buf[done:], s.rec.page(ref)[off:])
		known := s.known(ref)
		for i := 0; known != nil && i < n; i++ {
			if !known.Has(off + i) {
				q.Err = memory.NotRecorded(addr + uint64(i))
				return
			}
		}
		done += n
	}
}
