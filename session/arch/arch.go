// Package arch is what a session must know of a processor: what its registers are
// called in GDB's target descriptions, how privilege shows in them, and what its
// simplest instructions do.
//
// It must not know kernels, or how a machine is reached.
package arch

import (
	"debug/elf"
	"fmt"
	"iter"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/target"
)

// Arch is what a session must know of a processor: names from GDB's target
// descriptions, and how privilege shows in them.
type Arch struct {
	machine       elf.Machine
	IP, SP, Flags string
	UserFlags     uint64   // bits of the flags that a program may set by itself
	General       []string // registers that a thread state holds, besides ip and sp
	array         string   // member of Genode's thread states that has them all, "" where each has one of its name
	reading
	WatchFirst bool     // a watchpoint stops before its instruction is executed
	UserEnd    uint64   // last address that user mode may map
	volatile   []string // what the system-call instruction itself overwrites

	// ExceptionReturn is the instruction that returns from an exception by a frame
	// on the stack, nil where there is none of that kind.
	ExceptionReturn []byte
	RootRegister    string   // page-table root, as far as a debugger can change it
	FaultAddress    string   // address of the last page fault
	LazyFPU         string   // register with the bit that makes the next use of the FPU fault,
	LazyFPUBit      uint64   // by which kernels find out who needs it
	SystemCalls     [][]byte // what instructions that enter the kernel on purpose begin with
}

// reading is what registers say.
type reading struct {
	user   func(r target.Registers) bool                       // runs in user mode
	root   func(r target.Registers) (value uint64, ok bool)    // page-table root
	noted  func(r target.Registers) *kernel.Noted              // see kernel.CPU, nil where none is
	paging func(r target.Registers) (p memory.Paging, ok bool) // what they say of the page tables' form, nil where that is nothing
}

// Value is a register's, 0 if the target has none of that name.
func Value(r target.Registers, name string) uint64 {
	v, _ := r.Uint64(name)
	return v
}

var arches = map[elf.Machine]Arch{
	elf.EM_X86_64: {
		machine: elf.EM_X86_64,
		IP:      "rip", SP: "rsp", Flags: "eflags", UserFlags: 0xcd5, // carry, parity, adjust, zero, sign, direction, overflow
		reading: reading{
			user: func(r target.Registers) bool { return Value(r, "cs")&3 == 3 },
			root: func(r target.Registers) (uint64, bool) { v, ok := r.Uint64("cr3"); return v &^ 0xfff, ok },
		},
		UserEnd:  1<<47 - 1,
		volatile: []string{"rcx", "r11"},

		ExceptionReturn: []byte{0x48, 0xcf}, // iretq
		RootRegister:    "cr3",
		FaultAddress:    "cr2",
		LazyFPU:         "cr0",
		LazyFPUBit:      1 << 3,                                       // task switched
		SystemCalls:     [][]byte{{0x0f, 0x05}, {0x0f, 0x34}, {0xcd}}, // syscall, sysenter, int
	},
	elf.EM_ARM: {
		machine: elf.EM_ARM,
		IP:      "pc", SP: "sp", Flags: "cpsr", UserFlags: 0xfe0f_fc20, // N Z C V Q, GE, the state of IT, Thumb
		reading: reading{
			user: func(r target.Registers) bool { return Value(r, "cpsr")&0x1f == 0x10 },
			root: func(r target.Registers) (uint64, bool) {
				for _, n := range []string{"TTBR0", "TTBR0_EL1", "TTBR0_S"} {
					if v, ok := r.Uint64(n); ok {
						return v &^ 0x3fff, true
					}
				}
				return 0, false
			},
		},
		WatchFirst: true,
		UserEnd:    0xbfff_ffff,
	},
	elf.EM_AARCH64: {
		machine: elf.EM_AARCH64,
		IP:      "pc", SP: "sp", Flags: "cpsr", UserFlags: 0xf000_0000, // N Z C V
		array: "r",
		reading: reading{
			user:  func(r target.Registers) bool { v, ok := r.Uint64("cpsr"); return ok && v&arm64Mode == 0 },
			root:  func(r target.Registers) (uint64, bool) { v, ok := r.Uint64("TTBR0_EL1"); return v & arm64Table, ok },
			noted: arm64Noted,
			paging: func(r target.Registers) (memory.Paging, bool) {
				p := memory.ARM64{TTBR1: Value(r, "TTBR1_EL1") & arm64Table, TCR: Value(r, "TCR_EL1")}
				return p, p.TTBR1 != 0
			},
		},
		WatchFirst: true,
		UserEnd:    1<<48 - 1,
	},
}

const (
	arm64Mode   = 0xf              // of cpsr: exception level, and whose stack pointer is in use
	arm64Table  = 0xffff_ffff_f000 // of TTBRn_EL1: the rest is the address space's number
	arm64Kernel = 5                // mode: EL1 with its own stack pointer
)

// arm64Noted is what the processor keeps at EL1, by which it came there. Threads may be
// there, too, with the stack pointer of user mode.
func arm64Noted(r target.Registers) *kernel.Noted {
	if Value(r, "cpsr")&arm64Mode != arm64Kernel {
		return nil
	}
	base, ok := r.Uint64("VBAR")
	if !ok {
		base, ok = r.Uint64("VBAR_EL1")
	}
	const vectors = 0x800
	return &kernel.Noted{IP: Value(r, "ELR_EL1"), SP: Value(r, "SP_EL0"), Flags: Value(r, "SPSR_EL1"), Vector: ok && Value(r, "pc")-base < vectors}
}

// Of is what is known of a processor, an error if that is nothing.
func Of(m elf.Machine) (Arch, error) {
	a, ok := arches[m]
	if !ok {
		return a, fmt.Errorf("processor %v is not supported (x86_64 and ARM are)", m)
	}
	a.General = kernel.GeneralRegisters(m)
	return a, nil
}

// Machine is its name in ELF files.
func (a Arch) Machine() elf.Machine { return a.machine }

// Pushes says whether the processor itself writes to memory as it enters the kernel.
func (a Arch) Pushes() bool { return a.ExceptionReturn != nil }

// KernelPart is from where to where addresses are the kernel's alone.
func (a Arch) KernelPart() (first, last uint64) {
	if a.UserEnd>>32 == 0 {
		return a.UserEnd + 1, 1<<32 - 1
	}
	return ^a.UserEnd, ^uint64(0)
}

// CPU is what a decoder must know of a processor.
func (a Arch) CPU(r target.Registers) kernel.CPU {
	root, _ := a.root(r)
	cpu := kernel.CPU{IP: Value(r, a.IP), SP: Value(r, a.SP), Flags: Value(r, a.Flags), Registers: a.registers(r), User: a.user(r), Root: root}
	if a.noted != nil {
		cpu.Noted = a.noted(r)
	}
	return cpu
}

// Paging is the form of the page tables in use: as the first processor says that has begun
// to use them, or what is known without that.
func (a Arch) Paging(known memory.Paging, cpus iter.Seq[target.Registers]) memory.Paging {
	if a.paging == nil {
		return known
	}
	for r := range cpus {
		if p, ok := a.paging(r); ok {
			return p
		}
	}
	return known
}

// Member is where a thread state of Genode's has a register, by number in General.
func (a Arch) Member(n int) string {
	if a.array != "" {
		return fmt.Sprintf("%s[%d]", a.array, n)
	}
	return a.General[n]
}

// pageTables are registers of which only that is known which page tables are in use.
type pageTables uint64

// PageTables are the registers of a processor of which only its page tables are known.
func PageTables(root uint64) target.Registers { return pageTables(root) }

// arm64Parts is TCR_EL1 for two parts of 39 bits, as Genode's kernel has them. That stands
// nowhere in memory; by others nothing would be found.
const arm64Parts = 25 | 25<<16

func (p pageTables) Uint64(name string) (uint64, bool) {
	if name == "TCR_EL1" {
		return arm64Parts, true
	}
	return uint64(p), slices.Contains(p.Names(), name)
}

func (pageTables) Names() []string {
	return []string{"cr3", "TTBR0", "TTBR0_EL1", "TTBR1_EL1", "TCR_EL1"}
}

// registers lists a processor's general registers.
func (a Arch) registers(r target.Registers) []kernel.Register {
	var out []kernel.Register
	for _, n := range a.General {
		if v, ok := r.Uint64(n); ok {
			out = append(out, kernel.Register{Name: n, Value: v})
		}
	}
	return out
}

// All lists every register that fits 64 bits, as the target names them.
func (a Arch) All(r target.Registers) []kernel.Register {
	var out []kernel.Register
	for _, n := range r.Names() {
		if v, ok := r.Uint64(n); ok {
			out = append(out, kernel.Register{Name: n, Value: v})
		}
	}
	return out
}

// Differing lists the registers that both hold with different values, leaving
// out those that a system call overwrites by itself.
func (a Arch) Differing(want, got []kernel.Register) []string {
	var out []string
	for _, w := range want {
		if slices.Contains(a.volatile, w.Name) {
			continue
		}
		for _, g := range got {
			if g.Name == w.Name && g.Value != w.Value {
				out = append(out, w.Name)
			}
		}
	}
	return out
}
