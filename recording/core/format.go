package core

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"math"
	"strings"

	"thaw/kernel"
	"thaw/session"
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

// notes makes the note segment: the stopped processor, the process, the other
// processors, and all threads.
func (f format) notes(sys *kernel.System, stop *session.StopRecord, stopped int, p process) []byte {
	var b bytes.Buffer
	cpu := func(n int) { note(&b, elf.NT_PRSTATUS, f.status(f.processor(n, stop.CPUs[n].Registers))) }
	cpu(stopped)
	note(&b, elf.NT_PRPSINFO, f.info(p))
	for n := range stop.CPUs {
		if n != stopped {
			cpu(n)
		}
	}
	written := map[kernel.ID]bool{}
	for _, o := range sys.Threads() {
		// Two threads of one number are one thread to gdb; the kernel gives
		// no number twice, and what it gives out is small.
		if o.ID != 0 && o.ID < FirstProcessor && !written[o.ID] {
			written[o.ID] = true
			note(&b, elf.NT_PRSTATUS, f.status(f.thread(o)))
		}
	}
	return b.Bytes()
}

// processor is a processor's state at the stop.
func (f format) processor(n int, regs []kernel.Register) threadStatus {
	value := make(map[string]uint64, len(regs))
	for _, r := range regs {
		value[r.Name] = r.Value
	}
	return threadStatus{pid: int32(FirstProcessor + n), regs: f.order(value)}
}

// thread is the user state of a kernel's thread.
func (f format) thread(o *kernel.Object) threadStatus {
	t := o.Thread
	value := map[string]uint64{}
	for _, r := range t.Registers {
		value[r.Name] = r.Value
	}
	value[f.ip], value[f.sp], value[f.flags] = t.IP, t.SP, t.Flags
	return threadStatus{pid: int32(o.ID), regs: f.order(value)}
}

// order lists registers as the format has them.
func (f format) order(value map[string]uint64) []uint64 {
	out := make([]uint64, len(f.registers))
	for i, name := range f.registers {
		out[i] = value[name]
		if strings.HasPrefix(name, "orig_") {
			out[i] = math.MaxUint64 // no system call that gdb should restart
		}
	}
	return out
}

// FirstProcessor is the number under which the first processor is among the
// threads of a core file: far above the ids of kernel objects.
const FirstProcessor = 1 << 30

// alignUp is the next multiple of align (a power of two).
func alignUp(n, align int) int { return (n + align - 1) &^ (align - 1) }

// segment is a run of memory in the file: of what was not recorded, not even to
// the byte, there is none.
type segment struct {
	virt, phys uint64
	size       uint64 // bytes
	flags      elf.ProgFlag
	at         int // of its first byte among the pages in the file
	offset     int // in the file, in bytes
}
