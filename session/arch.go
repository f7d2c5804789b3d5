package session

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
)

// arch is what a session must know of a processor: names from GDB's target
// descriptions, and how privilege shows in them.
type arch struct {
	machine       elf.Machine
	ip, sp, flags string
	general       []string                                  // registers that a thread state holds, besides ip and sp
	user          func(r Registers) bool                    // runs in user mode
	root          func(r Registers) (value uint64, ok bool) // page-table root
	watchFirst    bool                                      // a watchpoint stops before its instruction is executed
	userEnd       uint64                                    // last address that user mode may map
	volatile      []string                                  // what the system-call instruction itself overwrites

	// exceptionReturn is the instruction that returns from an exception by a frame
	// on the stack, nil where there is none of that kind.
	exceptionReturn []byte
	rootRegister    string   // page-table root, as far as a debugger can change it
	faultAddress    string   // address of the last page fault
	lazyFPU         string   // register with the bit that makes the next use of the FPU fault,
	lazyFPUBit      uint64   // by which kernels find out who needs it
	systemCalls     [][]byte // what instructions that enter the kernel on purpose begin with
}

func value(r Registers, name string) uint64 {
	v, _ := r.Uint64(name)
	return v
}

var arches = map[elf.Machine]arch{
	elf.EM_X86_64: {
		machine: elf.EM_X86_64,
		ip:      "rip", sp: "rsp", flags: "eflags",
		general:  strings.Fields("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15"),
		user:     func(r Registers) bool { return value(r, "cs")&3 == 3 },
		root:     func(r Registers) (uint64, bool) { v, ok := r.Uint64("cr3"); return v &^ 0xfff, ok },
		userEnd:  1<<47 - 1,
		volatile: []string{"rcx", "r11"},

		exceptionReturn: []byte{0x48, 0xcf}, // iretq
		rootRegister:    "cr3",
		faultAddress:    "cr2",
		lazyFPU:         "cr0",
		lazyFPUBit:      1 << 3,                                       // task switched
		systemCalls:     [][]byte{{0x0f, 0x05}, {0x0f, 0x34}, {0xcd}}, // syscall, sysenter, int
	},
	elf.EM_ARM: {
		machine: elf.EM_ARM,
		ip:      "pc", sp: "sp", flags: "cpsr",
		general:    strings.Fields("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 lr"),
		user:       func(r Registers) bool { return value(r, "cpsr")&0x1f == 0x10 },
		watchFirst: true,
		userEnd:    0xbfff_ffff,
		root: func(r Registers) (uint64, bool) {
			for _, n := range []string{"TTBR0", "TTBR0_EL1", "TTBR0_S"} {
				if v, ok := r.Uint64(n); ok {
					return v &^ 0x3fff, true
				}
			}
			return 0, false
		},
	},
}

func archOf(m elf.Machine) (arch, error) {
	a, ok := arches[m]
	if !ok {
		return a, fmt.Errorf("processor %v is not supported (x86_64 and 32-bit ARM are)", m)
	}
	return a, nil
}

// cpu is what a decoder must know of a processor.
func (a arch) cpu(r Registers) kernel.CPU {
	root, _ := a.root(r)
	return kernel.CPU{IP: value(r, a.ip), SP: value(r, a.sp), Flags: value(r, a.flags), Registers: a.registers(r), User: a.user(r), Root: root}
}

// registers lists a processor's general registers.
func (a arch) registers(r Registers) []kernel.Register {
	var out []kernel.Register
	for _, n := range a.general {
		if v, ok := r.Uint64(n); ok {
			out = append(out, kernel.Register{Name: n, Value: v})
		}
	}
	return out
}

// all lists every register that fits 64 bits, as the target names them.
func (a arch) all(r Registers) []kernel.Register {
	var out []kernel.Register
	for _, n := range r.Names() {
		if v, ok := r.Uint64(n); ok {
			out = append(out, kernel.Register{Name: n, Value: v})
		}
	}
	return out
}

// differing lists the registers that both hold with different values, leaving
// out those that a system call overwrites by itself.
func (a arch) differing(want, got []kernel.Register) []string {
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
