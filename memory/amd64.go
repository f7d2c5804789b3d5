package memory

import (
	"encoding/binary"
	"fmt"
)

// AMD64 is the page-table format of x86_64 with four levels and pages of
// 4 KiB, 2 MiB and 1 GiB (AMD64 Architecture Programmer's Manual, volume 2,
// chapter 5).
type AMD64 struct{}

const (
	amd64Present  = 1 << 0
	amd64Write    = 1 << 1
	amd64User     = 1 << 2
	amd64Accessed = 1 << 5
	amd64Dirty    = 1 << 6
	amd64Large    = 1 << 7
	amd64AddrMask = 0x000f_ffff_ffff_f000
)

// PageSize is 4 KiB.
func (AMD64) PageSize() uint64 { return 4096 }

// amd64Shift is the number of address bits below the index of a level (4 = the
// root's, 1 = the last).
func amd64Shift(level int) uint { return uint(12 + 9*(level-1)) }

// canonical extends bit 47 into the upper bits, as the processor demands.
func canonical(virt uint64) uint64 { return uint64(int64(virt<<16) >> 16) }

// Walk translates virt through the tables at root (the value of CR3; its flag
// bits are ignored).
func (p AMD64) Walk(phys Reader, root, virt uint64) (Mapping, error) {
	if canonical(virt) != virt {
		return Mapping{}, &Fault{Addr: virt, Level: 4, Why: "not a canonical address"}
	}
	m := Mapping{Writable: true, User: true, Accessed: true}
	table := root & amd64AddrMask
	for level := 4; level >= 1; level-- {
		index := virt >> amd64Shift(level) & 511
		entry, err := Uint(phys, table+index*8, 8)
		if err != nil {
			return Mapping{}, fmt.Errorf("walking to %#x, level-%d table at %#x: %w", virt, level, table, err)
		}
		if entry&amd64Present == 0 {
			return Mapping{}, &Fault{Addr: virt, Level: level, Entry: entry, At: table + index*8, Why: "not present"}
		}
		if p.leaf(entry, level, &m) {
			m.Virt = virt &^ (m.Size - 1)
			return m, nil
		}
		table = entry & amd64AddrMask
	}
	panic("unreachable: level 1 is always a leaf")
}

// Entry is the last level's entry for a page of user memory, which the processor
// need not mark any more.
func (AMD64) Entry(phys uint64, writable bool) uint64 {
	const accessed, dirty = 1 << 5, 1 << 6
	e := phys&amd64AddrMask | amd64Present | amd64User | accessed | dirty
	if writable {
		e |= amd64Write
	}
	return e
}

// leaf folds an entry's rights into m and, where the entry maps a page, fills
// in its address and size and says true.
func (AMD64) leaf(entry uint64, level int, m *Mapping) bool {
	m.Writable = m.Writable && entry&amd64Write != 0
	m.User = m.User && entry&amd64User != 0
	m.Accessed = m.Accessed && entry&amd64Accessed != 0
	if level != 1 && (level > 3 || entry&amd64Large == 0) {
		return false
	}
	m.Dirty = entry&amd64Dirty != 0
	m.Size = 1 << amd64Shift(level)
	m.Phys = entry & amd64AddrMask &^ (m.Size - 1)
	return true
}

// Each lists the mapped pages between start and last. At most four tables are
// read per mapped page, and a table is read in one piece.
func (p AMD64) Each(phys Reader, root, start, last uint64, fn func(Mapping) bool) error {
	if canonical(start) != start || canonical(last) != last || last < start || int64(start^last) < 0 {
		return fmt.Errorf("listing pages of %#x-%#x: not a range in one half of the address space", start, last)
	}
	left := maxTables
	_, err := p.each(phys, root&amd64AddrMask, 4, 0, start, last, Mapping{Writable: true, User: true, Accessed: true}, &left, fn)
	return err
}

// maxTables bounds how many tables a listing reads: tables that run into
// themselves may lead through 512³ of them without a single page.
const maxTables = 1 << 16

// each lists the pages under one table. base is the first virtual address that
// the table covers (without sign extension).
func (p AMD64) each(phys Reader, table uint64, level int, base, start, last uint64, rights Mapping, left *int, fn func(Mapping) bool) (more bool, err error) {
	if *left--; *left < 0 {
		return false, fmt.Errorf("listing pages: the tables run into themselves, or are more than %d", maxTables)
	}
	shift := amd64Shift(level)
	const low48 = 1<<48 - 1
	first, end := uint64(0), uint64(511)
	if s := start & low48; s > base {
		first = (s - base) >> shift
	}
	if l := last & low48; l < base+(512<<shift)-1 {
		end = (l - base) >> shift
	}
	raw := make([]byte, 8*(end-first+1))
	if err := phys.ReadMemory(table+first*8, raw); err != nil {
		return false, fmt.Errorf("listing pages, level-%d table at %#x: %w", level, table, err)
	}
	for i := first; i <= end; i++ {
		entry := binary.LittleEndian.Uint64(raw[8*(i-first):])
		if entry&amd64Present == 0 {
			continue
		}
		virt := base + i<<shift
		m := rights
		if p.leaf(entry, level, &m) {
			m.Virt = canonical(virt)
			if !fn(m) {
				return false, nil
			}
			continue
		}
		more, err := p.each(phys, entry&amd64AddrMask, level-1, virt, start, last, m, left, fn)
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}
