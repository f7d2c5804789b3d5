package recording

import (
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/memory"
	"thaw/session"
)

// Name is the file's base name.
func (r *Recording) Name() string { return r.name }

// Target is what was recorded, in words.
func (r *Recording) Target() string { return r.meta.Target }

// Guest is what the target was said to be, "" if nothing was.
func (r *Recording) Guest() string { return r.meta.Guest }

// Made is when and by what the recording was made.
func (r *Recording) Made() (at, by string) { return r.meta.Made, r.meta.By }

// Variant is the expectation of the scenario that the recording is held
// against.
func (r *Recording) Variant() string { return r.meta.Variant }

// Sparse says that bytes that the model did not read are zero.
func (r *Recording) Sparse() bool { return r.meta.Sparse }

// Scenario is the scenario that was walked.
func (r *Recording) Scenario() *session.Scenario { return r.scenario }

// Damage says what is missing of the recording, "" for nothing.
func (r *Recording) Damage() string { return r.damage }

// Records are the stops, and what they refer to aside.
func (r *Recording) Records() []*session.StopRecord { return r.records }

// Notes are the user's.
func (r *Recording) Notes() []session.Note { return r.notes }

// Log is what the guest wrote after the last record.
func (r *Recording) Log() []string { return r.log }

// Components are those with debug info.
func (r *Recording) Components() []string {
	names := make([]string, 0, len(r.programs))
	for name := range r.programs {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Program is a component's debug info as far as it was taken along, nil if none
// was.
func (r *Recording) Program(component string) session.Program {
	if p := r.programs[component]; p != nil {
		return p
	}
	return nil
}

// Symbols is Program for a kernel's decoder.
func (r *Recording) Symbols(component string) (*debuginfo.Program, error) {
	p := r.programs[component]
	if p == nil {
		return nil, fmt.Errorf("%s holds no debug info of %s", r.name, component)
	}
	return p, nil
}

// Memory is physical memory at a record.
func (r *Recording) Memory(record int) memory.Source {
	return &pageSource{rec: r, pages: r.maps[record]}
}

// Pages lists the recorded pages of a record by physical address.
func (r *Recording) Pages(record int) []session.Page {
	out := make([]session.Page, 0, len(r.maps[record]))
	for n := range r.maps[record] {
		out = append(out, session.Page{Addr: n * session.PageSize, Data: r.page(r.maps[record][n])})
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

// page is the contents with a number.
func (r *Recording) page(ref uint64) []byte {
	if ref == 0 {
		return zeros[:]
	}
	return r.pages[ref-1]
}

// pageSource reads recorded pages.
type pageSource struct {
	rec   *Recording
	pages map[uint64]uint64
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
		ref, ok := s.pages[addr/session.PageSize]
		if !ok {
			q.Err = fmt.Errorf("physical %#x was %w", addr, memory.ErrNotRecorded)
			return
		}
		done += copy(q.Buf[done:], s.rec.page(ref)[addr%session.PageSize:])
	}
}
