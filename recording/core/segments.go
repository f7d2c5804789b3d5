package core

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"
	"sort"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
)

// Bounds on what page tables may lead to; tables are a guest's, and may run
// into themselves.
const (
	maxTableReads = 1 << 17
	maxMapped     = 1 << 19 // recorded pages, counted as often as they are mapped
	maxSegments   = 0xffff - 2
)

// mapped is a recorded page where an address space maps it.
type mapped struct {
	virt  uint64
	page  int // index of the recorded page
	flags elf.ProgFlag
	user  bool
}

// tables reads page tables. What was not recorded of them maps nothing.
type tables struct {
	phys  memory.Reader
	reads int
}

// ReadMemory fills in zeros for what was not recorded.
func (t *tables) ReadMemory(addr uint64, buf []byte) error {
	if t.reads++; t.reads > maxTableReads {
		return fmt.Errorf("the page tables run into themselves, or are too many (%d reads)", maxTableReads)
	}
	_, err := memory.ReadKnown(t.phys, addr, buf)
	if errors.Is(err, memory.ErrNotRecorded) {
		return nil // nothing of it was, and buf holds zeros
	}
	return err
}

// segments lists what of the recorded pages the tables at root map, and the
// kernel's addresses of the tables at kernelRoot; pages are those that a segment
// refers to.
func segments(m kernel.Machine, f format, root, kernelRoot uint64, recorded []session.Page) (segs []segment, pages [][]byte, err error) {
	found, err := mappings(m, f, root, recorded)
	if err != nil {
		return nil, nil, err
	}
	if kernelRoot != root {
		if err := addKernel(m, f, root, kernelRoot, recorded, found); err != nil {
			return nil, nil, err
		}
	}
	all := make([]mapped, 0, len(found))
	for _, p := range found {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b mapped) int {
		if a.virt < b.virt {
			return -1
		}
		return 1 // no two are equal
	})
	index, pages := used(all, recorded)
	for _, p := range all {
		known := recorded[p.page].Known
		for from, to := known.Run(0); from < to; from, to = known.Run(to) {
			off := uint64(from)
			s := segment{virt: p.virt + off, phys: recorded[p.page].Addr + off, size: uint64(to - from), flags: p.flags, at: index[p.page]*session.PageSize + from}
			if n := len(segs); n > 0 && segs[n-1].extends(s) {
				segs[n-1].size += s.size
				continue
			}
			segs = append(segs, s)
		}
	}
	if len(segs) > maxSegments {
		return nil, nil, fmt.Errorf("memory lies in %d pieces, and a core file holds %d", len(segs), maxSegments)
	}
	return segs, pages, nil
}

// extends says whether a segment follows another: in memory, and in the file.
func (s segment) extends(next segment) bool {
	return s.virt+s.size == next.virt && s.phys+s.size == next.phys && s.flags == next.flags && s.at+int(s.size) == next.at
}

// used picks the recorded pages that are mapped, and tells where each comes in
// the file.
func used(all []mapped, recorded []session.Page) (index map[int]int, pages [][]byte) {
	index = map[int]int{}
	for _, p := range all {
		index[p.page] = 0
	}
	for i := range recorded {
		if _, ok := index[i]; ok {
			index[i] = len(pages)
			pages = append(pages, recorded[i].Data)
		}
	}
	return index, pages
}

// mappings lists where the tables at root map recorded pages, by virtual
// address.
func mappings(m kernel.Machine, f format, root uint64, recorded []session.Page) (map[uint64]mapped, error) {
	found := map[uint64]mapped{}
	reader := &tables{phys: m.Phys}
	for _, r := range f.ranges {
		err := m.Paging.Each(reader, root, r[0], r[1], func(page memory.Mapping) bool {
			first := sort.Search(len(recorded), func(i int) bool { return recorded[i].Addr >= page.Phys })
			for i := first; i < len(recorded) && recorded[i].Addr-page.Phys < page.Size; i++ {
				virt := page.Virt + (recorded[i].Addr - page.Phys)
				found[virt] = mapped{virt, i, flags(page), page.User}
			}
			return len(found) <= maxMapped
		})
		if err != nil {
			return nil, fmt.Errorf("walking the page tables at %#x: %w", root, err)
		}
		if len(found) > maxMapped {
			return nil, fmt.Errorf("the page tables at %#x map more than %d recorded pages", root, maxMapped)
		}
	}
	return found, nil
}

// flags are a mapping's rights. Whether code may run there is not known.
func flags(m memory.Mapping) elf.ProgFlag {
	if m.Writable {
		return elf.PF_R | elf.PF_W
	}
	return elf.PF_R
}

// addKernel adds the kernel's addresses that another task's tables map, where
// the tables at root have nothing: kernels fill in what a task shares with all
// others as it needs it, by entries of the first table. A hole deeper down is
// the task's own, and stays one: what lies there in another task, such as its
// capabilities, is not this task's.
func addKernel(m kernel.Machine, f format, root, kernelRoot uint64, recorded []session.Page, found map[uint64]mapped) error {
	others, err := mappings(m, f, kernelRoot, recorded)
	if err != nil {
		return err
	}
	for virt, p := range others {
		if _, ok := found[virt]; ok || p.user {
			continue
		}
		var fault *memory.Fault
		_, err := m.Paging.Walk(&tables{phys: m.Phys}, root, virt)
		if errors.As(err, &fault) && fault.Level == f.firstLevel {
			found[virt] = p
		}
	}
	return nil
}
