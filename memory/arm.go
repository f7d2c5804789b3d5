package memory

import (
	"encoding/binary"
	"fmt"
)

// ARM is the short-descriptor format of 32-bit ARM (ARM Architecture Reference
// Manual ARMv7-A, section B3.5): sections and supersections in the first level,
// large and small pages in the second. All addresses go through TTBR0
// (TTBCR.N = 0).
type ARM struct{}

// PageSize is 4 KiB.
func (ARM) PageSize() uint64 { return 4096 }

// Walk translates virt through the first-level table at root (the value of
// TTBR0; its attribute bits are ignored).
func (p ARM) Walk(phys Reader, root, virt uint64) (Mapping, error) {
	if virt>>32 != 0 {
		return Mapping{}, &Fault{Addr: virt, Level: 2, Why: "not a 32-bit address"}
	}
	l1 := root&^0x3fff + virt>>20*4
	entry, err := Uint(phys, l1, 4)
	if err != nil {
		return Mapping{}, fmt.Errorf("walking to %#x, level-2 table at %#x: %w", virt, root&^0x3fff, err)
	}
	if m, ok := armSection(entry, virt); ok {
		return m, nil
	}
	if entry&3 != 1 {
		return Mapping{}, &Fault{Addr: virt, Level: 2, Entry: entry, At: l1, Why: "not present"}
	}
	l2 := entry&^0x3ff + virt>>12&0xff*4
	entry, err = Uint(phys, l2, 4)
	if err != nil {
		return Mapping{}, fmt.Errorf("walking to %#x, level-1 table at %#x: %w", virt, l2&^0x3ff, err)
	}
	m, ok := armPage(entry, virt)
	if !ok {
		return Mapping{}, &Fault{Addr: virt, Level: 1, Entry: entry, At: l2, Why: "not present"}
	}
	return m, nil
}

// armSection is the mapping that a first-level entry makes by itself.
func armSection(entry, virt uint64) (Mapping, bool) {
	if entry&2 == 0 {
		return Mapping{}, false
	}
	size := uint64(1 << 20)
	if entry>>18&1 != 0 {
		size = 1 << 24 // supersection; extended base bits are not used here
	}
	ap := entry >> 10 & 3
	return Mapping{Virt: virt &^ (size - 1), Phys: entry & 0xffff_ffff &^ (size - 1), Size: size,
		Writable: entry>>15&1 == 0, User: ap >= 2, Accessed: true, Dirty: true}, true
}

// armPage is the mapping that a second-level entry makes.
func armPage(entry, virt uint64) (Mapping, bool) {
	var size uint64
	switch {
	case entry&2 != 0:
		size = 1 << 12
	case entry&3 == 1:
		size = 1 << 16
	default:
		return Mapping{}, false
	}
	ap := entry >> 4 & 3
	return Mapping{Virt: virt &^ (size - 1), Phys: entry & 0xffff_ffff &^ (size - 1), Size: size,
		Writable: entry>>9&1 == 0, User: ap >= 2, Accessed: true, Dirty: true}, true
}

// Each lists the mapped pages between start and last; a large page or
// supersection comes once, though the tables repeat it 16 times.
func (p ARM) Each(phys Reader, root, start, last uint64, fn func(Mapping) bool) error {
	if last < start || last>>32 != 0 {
		return fmt.Errorf("listing pages of %#x-%#x: not a range of 32-bit addresses", start, last)
	}
	for section := start >> 20; section <= last>>20; {
		entry, err := Uint(phys, root&^0x3fff+section*4, 4)
		if err != nil {
			return fmt.Errorf("listing pages, level-2 table at %#x: %w", root&^0x3fff, err)
		}
		virt := section << 20
		if m, ok := armSection(entry, virt); ok {
			if !fn(m) {
				return nil
			}
			section = (m.Virt + m.Size) >> 20
			continue
		}
		section++
		if entry&3 != 1 {
			continue
		}
		more, err := p.eachPage(phys, entry&^0x3ff, virt, max(start, virt), min(last, virt+0xfffff), fn)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// eachPage lists the pages of one second-level table, whose first address is
// base.
func (ARM) eachPage(phys Reader, table, base, start, last uint64, fn func(Mapping) bool) (more bool, err error) {
	var raw [1024]byte
	if err := phys.ReadMemory(table, raw[:]); err != nil {
		return false, fmt.Errorf("listing pages, level-1 table at %#x: %w", table, err)
	}
	for virt := start &^ 0xfff; virt <= last; {
		entry := uint64(binary.LittleEndian.Uint32(raw[(virt-base)>>12*4:]))
		m, ok := armPage(entry, virt)
		if !ok {
			virt += 4096
			continue
		}
		if !fn(m) {
			return false, nil
		}
		virt = m.Virt + m.Size
	}
	return true, nil
}
