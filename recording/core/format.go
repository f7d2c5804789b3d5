package core

import (
	"debug/elf"
	"encoding/binary"
	"math"
	"strings"
)

// format is a processor's form of core files, and what else must be known of
// it. The notes are laid out as in Linux's elfcore.h and the processor's
// user_regs_struct.
type format struct {
	ip, sp, flags string
	registers     []string                 // as pr_reg has them, under GDB's names
	status        func(s threadStatus) any // NT_PRSTATUS
	info          func(p process) any      // NT_PRPSINFO

	headerSize, segmentSize int // bytes
	header                  func(m elf.Machine, segments int) any
	program                 func(t elf.ProgType, s segment, align uint64) any

	ranges     [][2]uint64 // of virtual addresses, first and last
	firstLevel int         // of page tables, as memory.Fault counts
}

var formats = map[elf.Machine]format{
	elf.EM_X86_64: {
		ip: "rip", sp: "rsp", flags: "eflags",
		registers: strings.Fields("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"),
		status:    func(s threadStatus) any { return statusAMD64(s) },
		info:      func(p process) any { return info64(p) },

		headerSize: binary.Size(elf.Header64{}), segmentSize: binary.Size(elf.Prog64{}),
		header: func(m elf.Machine, n int) any { return header64(m, n) }, program: func(t elf.ProgType, s segment, a uint64) any { return program64(t, s, a) },

		ranges: [][2]uint64{{0, 1<<47 - 1}, {math.MaxUint64 - (1<<47 - 1), math.MaxUint64}}, firstLevel: 4,
	},
	elf.EM_ARM: {
		ip: "pc", sp: "sp", flags: "cpsr",
		registers: strings.Fields("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 sp lr pc cpsr orig_r0"),
		status:    func(s threadStatus) any { return status32(s) },
		info:      func(p process) any { return info32(p) },

		headerSize: binary.Size(elf.Header32{}), segmentSize: binary.Size(elf.Prog32{}),
		header: func(m elf.Machine, n int) any { return header32(m, n) }, program: func(t elf.ProgType, s segment, a uint64) any { return program32(t, s, a) },

		ranges: [][2]uint64{{0, math.MaxUint32}}, firstLevel: 2,
	},
	elf.EM_AARCH64: {
		ip: "pc", sp: "sp", flags: "cpsr",
		registers: strings.Fields("x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30 sp pc cpsr"),
		status:    func(s threadStatus) any { return statusARM64(s) },
		info:      func(p process) any { return info64(p) },

		headerSize: binary.Size(elf.Header64{}), segmentSize: binary.Size(elf.Prog64{}),
		header: func(m elf.Machine, n int) any { return header64(m, n) }, program: func(t elf.ProgType, s segment, a uint64) any { return program64(t, s, a) },

		ranges: [][2]uint64{{0, 1<<48 - 1}, {math.MaxUint64 - (1<<48 - 1), math.MaxUint64}}, // all map the kernel alike
	},
}

// ident is the beginning of an ELF file.
func ident(class elf.Class) (id [elf.EI_NIDENT]byte) {
	copy(id[:], elf.ELFMAG)
	id[elf.EI_CLASS] = byte(class)
	id[elf.EI_DATA] = byte(elf.ELFDATA2LSB)
	id[elf.EI_VERSION] = byte(elf.EV_CURRENT)
	id[elf.EI_OSABI] = byte(elf.ELFOSABI_LINUX)
	return id
}

func header64(m elf.Machine, segments int) elf.Header64 {
	return elf.Header64{Ident: ident(elf.ELFCLASS64), Type: uint16(elf.ET_CORE), Machine: uint16(m), Version: uint32(elf.EV_CURRENT),
		Phoff: uint64(binary.Size(elf.Header64{})), Ehsize: uint16(binary.Size(elf.Header64{})),
		Phentsize: uint16(binary.Size(elf.Prog64{})), Phnum: uint16(segments)}
}

func header32(m elf.Machine, segments int) elf.Header32 {
	return elf.Header32{Ident: ident(elf.ELFCLASS32), Type: uint16(elf.ET_CORE), Machine: uint16(m), Version: uint32(elf.EV_CURRENT),
		Phoff: uint32(binary.Size(elf.Header32{})), Ehsize: uint16(binary.Size(elf.Header32{})),
		Phentsize: uint16(binary.Size(elf.Prog32{})), Phnum: uint16(segments)}
}

func program64(t elf.ProgType, s segment, align uint64) elf.Prog64 {
	return elf.Prog64{Type: uint32(t), Flags: uint32(s.flags), Off: uint64(s.offset), Vaddr: s.virt, Paddr: s.phys,
		Filesz: s.size, Memsz: s.memory(t), Align: align}
}

func program32(t elf.ProgType, s segment, align uint64) elf.Prog32 {
	return elf.Prog32{Type: uint32(t), Flags: uint32(s.flags), Off: uint32(s.offset), Vaddr: uint32(s.virt), Paddr: uint32(s.phys),
		Filesz: uint32(s.size), Memsz: uint32(s.memory(t)), Align: uint32(align)}
}

// memory is how many bytes of memory a segment takes: notes take none.
func (s segment) memory(t elf.ProgType) uint64 {
	if t == elf.PT_NOTE {
		return 0
	}
	return s.size
}
