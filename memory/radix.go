package memory

import (
	"encoding/binary"
	"fmt"
)

// radix is what the page tables of 64-bit processors have in common: tables of 512
// entries of 8 bytes, and pages of 4 KiB, 2 MiB and 1 GiB. Levels count down to the last
// one's 1. Addresses are those in the part of the address space that a root is for,
// without the bits above it.
type radix struct {
	// means says what an entry is, and folds its rights into m; of a page, it fills in
	// address and size.
	means func(entry uint64, level int, m *Mapping) meaning
	addr  uint64 // bits of an entry that are an address
	top   int    // level of the root's table
	high  uint64 // what stands above the addresses of that part
}

// meaning is what an entry of a table is.
type meaning uint8

const (
	nothing meaning = iota
	table           // leads to another one; never in the last level
	page
)

// radixPage is the size of the smallest page.
const radixPage = 4096

// radixShift is the number of address bits below the index of a level.
func radixShift(level int) uint { return uint(12 + 9*(level-1)) }

// walk translates an address through the table at root. m holds the rights that the
// root's entries can take away.
func (r radix) walk(phys Reader, root, virt uint64, m Mapping) (Mapping, error) {
	in := root & r.addr
	for level := r.top; ; level-- {
		at := in + virt>>radixShift(level)&511*8
		entry, err := Uint(phys, at, 8)
		if err != nil {
			return Mapping{}, fmt.Errorf("walking to %#x, level-%d table at %#x: %w", virt|r.high, level, in, err)
		}
		switch r.means(entry, level, &m) {
		case nothing:
			return Mapping{}, &Fault{Addr: virt | r.high, Level: level, Entry: entry, At: at, Why: "not present"}
		case page:
			m.Virt = (virt | r.high) &^ (m.Size - 1)
			return m, nil
		}
		in = entry & r.addr
	}
}

// maxTables bounds how many tables a listing reads: tables that run into
// themselves may lead through 512³ of them without a single page.
const maxTables = 1 << 16

// each lists the pages between start and last under one table, which is for the addresses
// from base on. left is how many tables may be read.
func (r radix) each(phys Reader, in uint64, level int, base, start, last uint64, rights Mapping, left *int, fn func(Mapping) bool) (more bool, err error) {
	if *left--; *left < 0 {
		return false, fmt.Errorf("listing pages: the tables run into themselves, or are more than %d", maxTables)
	}
	shift := radixShift(level)
	first, end := uint64(0), uint64(511)
	if start > base {
		first = (start - base) >> shift
	}
	if last < base+(512<<shift)-1 {
		end = (last - base) >> shift
	}
	raw := make([]byte, 8*(end-first+1))
	if err := phys.ReadMemory(in+first*8, raw); err != nil {
		return false, fmt.Errorf("listing pages, level-%d table at %#x: %w", level, in, err)
	}
	var m Mapping // one for all entries, most of which are empty
	for i := first; i <= end; i++ {
		entry := binary.LittleEndian.Uint64(raw[8*(i-first):])
		if entry == 0 {
			continue
		}
		virt := base + i<<shift
		m = rights
		switch r.means(entry, level, &m) {
		case nothing:
			continue
		case page:
			m.Virt = virt | r.high
			if !fn(m) {
				return false, nil
			}
			continue
		}
		more, err := r.each(phys, entry&r.addr, level-1, virt, start, last, m, left, fn)
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
