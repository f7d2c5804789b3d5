package components

import (
	"debug/elf"
	"slices"

	"thaw/debuginfo/elffile"
	"thaw/memory"
)

// operandAt says how many bytes from an address on belong to an operand that leads to
// data of the program.
func (p *proof) operandAt(part textPart, addr uint64, machine elf.Machine) int {
	switch machine {
	case elf.EM_ARM:
		return p.wordARM(part, addr)
	case elf.EM_AARCH64:
		return p.wordAArch64(part, addr)
	}
	return p.fieldAMD64(part, addr)
}

func (p *proof) isData(addr uint64) bool {
	return slices.ContainsFunc(p.data, func(r elffile.Range) bool { return addr >= r.Start && addr <= r.End })
}

// fieldAMD64 finds an address of 8 or 4 bytes, or a distance from behind the
// instruction, which may end with an immediate operand.
func (p *proof) fieldAMD64(part textPart, addr uint64) int {
	for _, size := range []uint64{4, 8} {
		for q := max(addr-size+1, part.Start); q <= addr && q+size <= part.End; q++ {
			v := memory.LittleEndian(part.code[q-part.Start:][:size])
			is := p.isData(v) || size == 8 && p.byTable(part, q, v)
			if size == 4 {
				far := uint64(int64(int32(v)))
				is = is || p.isData(far)
				for _, immediate := range []uint64{0, 1, 2, 4} {
					is = is || p.isData(q+4+far+immediate)
				}
			}
			if is {
				return int(q + size - addr)
			}
		}
	}
	return 0
}

// byTable says whether a value that movabs loads is a distance from or to the global
// offset table: code that may lie anywhere (-mcmodel=large) reaches all by it, and the
// table is data.
func (p *proof) byTable(part textPart, at, v uint64) bool {
	if p.got == 0 || at < part.Start+2 {
		return false
	}
	rex, op := part.code[at-2-part.Start], part.code[at-1-part.Start]
	return (rex == 0x48 || rex == 0x49) && op&0xf8 == 0xb8 && (p.inImage(p.got+v) || p.inImage(p.got-v))
}

func (p *proof) inImage(addr uint64) bool {
	return p.isData(addr) || slices.ContainsFunc(p.parts, func(t textPart) bool { return t.Contains(addr) })
}

// wordARM finds an address, or a distance from nearby code, in a word behind a
// function; or the halves of an address that movw and movt load.
func (p *proof) wordARM(part textPart, addr uint64) int {
	const near = 4096 // that a load reaches
	q := addr &^ 3
	if q < part.Start || q+4 > part.End {
		return 0
	}
	v := memory.LittleEndian(part.code[q-part.Start:][:4])
	if p.isData(v) || p.isData(uint64(uint32(v+q))) || p.isData(uint64(uint32(v+q-near))) {
		return int(q + 4 - addr)
	}
	if m := v & 0x0ff0_0000; m == 0x0300_0000 || m == 0x0340_0000 { // movw, movt
		return int(q + 4 - addr)
	}
	return 0
}

// wordAArch64 finds an address, or an instruction that makes one: of a page, or
// within it.
func (p *proof) wordAArch64(part textPart, addr uint64) int {
	q := addr &^ 3
	if q < part.Start || q+4 > part.End {
		return 0
	}
	v := memory.LittleEndian(part.code[q-part.Start:][:4])
	left := int(q + 4 - addr)
	if v&0x9f00_0000 == 0x9000_0000 { // adrp
		pages := int64(int32(v<<8)>>11)&^3 | int64(v>>29&3)
		if target := q&^0xfff + uint64(pages<<12); p.isData(target) || p.isData(target+0xfff) {
			return left
		}
	}
	add, access := v&0xff80_0000 == 0x9100_0000, v&0x3b00_0000 == 0x3900_0000
	if (add || access) && p.madeByADRP(part, q, v>>5&31) {
		return left
	}
	if q8 := addr &^ 7; q8 >= part.Start && q8+8 <= part.End && p.isData(memory.LittleEndian(part.code[q8-part.Start:][:8])) {
		return int(q8 + 8 - addr)
	}
	return 0
}

// madeByADRP says whether a register before an instruction holds a page that adrp
// made.
func (p *proof) madeByADRP(part textPart, addr, reg uint64) bool {
	const most = 64 // instructions
	for q := addr - 4; q >= part.Start && addr-q <= 4*most; q -= 4 {
		v := memory.LittleEndian(part.code[q-part.Start:][:4])
		if v&31 == reg && v&0x9f00_0000 == 0x9000_0000 {
			return true
		}
		if q < 4 {
			break
		}
	}
	return false
}
