package memory

import "fmt"

// ARM64 is the page-table format of 64-bit ARM with a granule of 4 KiB and addresses of
// up to 48 bits (Arm Architecture Reference Manual for A-profile, section D8). A root is
// a value of TTBR0_EL1, for the addresses from 0 on; those at the other end go through
// the tables at TTBR1, whatever the root is. The zero value is of a processor that has
// none so far.
type ARM64 struct {
	TTBR1 uint64 // where the upper part's tables are (TTBR1_EL1)
	TCR   uint64 // how large both parts are (TCR_EL1)
}

const (
	arm64Present  = 1 << 0
	arm64Table    = 1 << 1 // or, in the last level, a page
	arm64User     = 1 << 6
	arm64ReadOnly = 1 << 7
	arm64Accessed = 1 << 10
	arm64AddrMask = 0x0000_ffff_ffff_f000

	// In entries that lead to a table.
	arm64NoUser  = 1 << 61
	arm64NoWrite = 1 << 62
)

// arm64All are the rights that entries take away. Where the processor may write is no
// matter of an entry that it has to mark.
var arm64All = Mapping{Writable: true, User: true, Accessed: true, Dirty: true}

// PageSize is 4 KiB.
func (ARM64) PageSize() uint64 { return radixPage }

// part is one of the two parts of the address space: its tables, with their root, and
// how many bits its addresses have. why says why there is none.
func (p ARM64) part(root, virt uint64) (t radix, table uint64, bits uint, why string) {
	size, off, granule := p.TCR&63, p.TCR>>7&1, p.TCR>>14&3
	upper := virt>>63 != 0
	if upper {
		root = p.TTBR1
		size, off = p.TCR>>16&63, p.TCR>>23&1
		granule = p.TCR >> 30 & 1 // another encoding: 2, or with QEMU 0, are 4 KiB
	}
	bits = uint(64 - size)
	switch {
	case off != 0 || size == 0 || root&arm64AddrMask == 0:
		return t, 0, 0, "the processor has no tables for it"
	case granule != 0:
		return t, 0, 0, "the granule of its tables is not 4 KiB, which is not supported"
	case bits > 48 || bits < 25:
		return t, 0, 0, fmt.Sprintf("addresses of %d bits are not supported", bits)
	}
	t = radix{means: arm64Means, addr: arm64AddrMask, top: 1 + int(bits-13)/9}
	if upper {
		t.high = ^uint64(0) << bits
	}
	if virt&(^uint64(0)<<bits) != t.high {
		why = "not an address of either part"
	}
	return t, root & arm64AddrMask, bits, why
}

// Walk translates virt through the tables at root (a value of TTBR0_EL1; all but the
// address in it is ignored), or those of the upper part.
func (p ARM64) Walk(phys Reader, root, virt uint64) (Mapping, error) {
	t, table, _, why := p.part(root, virt)
	if why != "" {
		return Mapping{}, &Fault{Addr: virt, Level: max(t.top, 1), Why: why}
	}
	return t.walk(phys, table, virt&^t.high, arm64All)
}

// arm64Means is what an entry is, see radix.
func arm64Means(entry uint64, level int, m *Mapping) meaning {
	switch {
	case entry&arm64Present == 0, level == 1 && entry&arm64Table == 0, level > 3 && entry&arm64Table == 0:
		return nothing
	case level > 1 && entry&arm64Table != 0:
		m.Writable = m.Writable && entry&arm64NoWrite == 0
		m.User = m.User && entry&arm64NoUser == 0
		return table
	}
	m.Writable = m.Writable && entry&arm64ReadOnly == 0
	m.User = m.User && entry&arm64User != 0
	m.Accessed = entry&arm64Accessed != 0
	m.Size = 1 << radixShift(level)
	m.Phys = entry & arm64AddrMask &^ (m.Size - 1)
	return page
}

// Each lists the mapped pages between start and last, as far as the processor has tables
// for them.
func (p ARM64) Each(phys Reader, root, start, last uint64, fn func(Mapping) bool) error {
	if last < start || int64(start^last) < 0 {
		return fmt.Errorf("listing pages of %#x-%#x: not a range in one half of the address space", start, last)
	}
	edge := uint64(0)
	if start>>63 != 0 {
		edge = ^uint64(0)
	}
	t, table, bits, why := p.part(root, edge)
	if why != "" {
		return nil // nothing is mapped there
	}
	first, end := t.high, t.high|^(^uint64(0)<<bits)
	if start, last = max(start, first), min(last, end); last < start {
		return nil
	}
	left := maxTables
	_, err := t.each(phys, table, t.top, 0, start&^t.high, last&^t.high, arm64All, &left, fn)
	return err
}
