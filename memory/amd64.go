package memory

import "fmt"

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
func (AMD64) PageSize() uint64 { return radixPage }

// canonical extends bit 47 into the upper bits, as the processor demands.
func canonical(virt uint64) uint64 { return uint64(int64(virt<<16) >> 16) }

// tables are those for one half of the address space.
func (AMD64) tables(virt uint64) radix {
	const low48 = 1<<48 - 1
	return radix{means: amd64Means, addr: amd64AddrMask, top: 4, high: canonical(virt) &^ low48}
}

// amd64All are the rights that entries take away.
var amd64All = Mapping{Writable: true, User: true, Accessed: true}

// Walk translates virt through the tables at root (the value of CR3; its flag
// bits are ignored).
func (p AMD64) Walk(phys Reader, root, virt uint64) (Mapping, error) {
	if canonical(virt) != virt {
		return Mapping{}, &Fault{Addr: virt, Level: 4, Why: "not a canonical address"}
	}
	t := p.tables(virt)
	return t.walk(phys, root, virt&^t.high, amd64All)
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

// amd64Means is what an entry is, see radix.
func amd64Means(entry uint64, level int, m *Mapping) meaning {
	if entry&amd64Present == 0 {
		return nothing
	}
	m.Writable = m.Writable && entry&amd64Write != 0
	m.User = m.User && entry&amd64User != 0
	m.Accessed = m.Accessed && entry&amd64Accessed != 0
	if level != 1 && (level > 3 || entry&amd64Large == 0) {
		return table
	}
	m.Dirty = entry&amd64Dirty != 0
	m.Size = 1 << radixShift(level)
	m.Phys = entry & amd64AddrMask &^ (m.Size - 1)
	return page
}

// Each lists the mapped pages between start and last. At most four tables are
// read per mapped page, and a table is read in one piece.
func (p AMD64) Each(phys Reader, root, start, last uint64, fn func(Mapping) bool) error {
	if canonical(start) != start || canonical(last) != last || last < start || int64(start^last) < 0 {
		return fmt.Errorf("listing pages of %#x-%#x: not a range in one half of the address space", start, last)
	}
	t, left := p.tables(start), maxTables
	_, err := t.each(phys, root&amd64AddrMask, t.top, 0, start&^t.high, last&^t.high, amd64All, &left, fn)
	return err
}
