package debuginfo

import (
	"debug/elf"
	"fmt"
	"strings"

	"github.com/go-delve/delve/pkg/dwarf/regnum"
)

// arch is what a processor's ABI says about DWARF register numbers and calls.
// Register names are GDB's.
type arch struct {
	name       func(num uint64) string // "" for a number without name
	pc, sp     string
	link       string   // register with the return address, "" where it is on the stack
	args       []string // integer arguments, in order
	calleeSave []uint64 // numbers that calls preserve
}

// Registers are the registers of a stopped processor or an unwound frame,
// under GDB's names ("rip", "rdi", "r15", "pc", "lr").
type Registers interface {
	// Uint64 returns a register, or false where it is not known.
	Uint64(name string) (uint64, bool)
}

func lower(fn func(uint64) string, limit uint64) func(uint64) string {
	return func(n uint64) string {
		if n > limit {
			return ""
		}
		return strings.ToLower(fn(n))
	}
}

func armName(n uint64) string {
	switch {
	case n < 13:
		return fmt.Sprintf("r%d", n)
	case n < 16:
		return []string{"sp", "lr", "pc"}[n-13]
	case n >= 256 && n < 288:
		return fmt.Sprintf("d%d", n-256)
	}
	return ""
}

var arches = map[elf.Machine]*arch{
	elf.EM_X86_64: {
		name: lower(regnum.AMD64ToName, regnum.AMD64MaxRegNum()), pc: "rip", sp: "rsp",
		args:       []string{"rdi", "rsi", "rdx", "rcx", "r8", "r9"},
		calleeSave: []uint64{regnum.AMD64_Rbx, regnum.AMD64_Rbp, regnum.AMD64_R12, regnum.AMD64_R13, regnum.AMD64_R14, regnum.AMD64_R15},
	},
	elf.EM_386: {
		name: lower(regnum.I386ToName, uint64(regnum.I386MaxRegNum())), pc: "eip", sp: "esp",
		calleeSave: []uint64{regnum.I386_Ebx, regnum.I386_Ebp, regnum.I386_Esi, regnum.I386_Edi},
	},
	elf.EM_ARM: {
		name: armName, pc: "pc", sp: "sp", link: "lr",
		args:       []string{"r0", "r1", "r2", "r3"},
		calleeSave: []uint64{4, 5, 6, 7, 8, 9, 10, 11},
	},
	elf.EM_AARCH64: {
		name: lower(regnum.ARM64ToName, regnum.ARM64MaxRegNum()), pc: "pc", sp: "sp", link: "x30",
		args:       []string{"x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"},
		calleeSave: []uint64{19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29},
	},
}

// archOf returns the ABI of a machine. A machine without one still has types
// and symbols; its registers have no names.
func archOf(m elf.Machine) *arch {
	if a := arches[m]; a != nil {
		return a
	}
	return &arch{name: func(uint64) string { return "" }}
}
