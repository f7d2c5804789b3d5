package kernel

import "thaw/memory"

// CPU is what a decoder must know of a processor at the stop.
type CPU struct {
	IP, SP, Flags uint64
	Registers     []Register // general registers other than ip and sp, under GDB's names
	User          bool       // stopped in user mode
	Root          uint64     // physical address of the page tables in use
	KernelSP      uint64     // kernel stack that the next entry from user mode takes (x86_64: rsp0 of the TSS), 0 if unknown
	Noted         *Noted     // of a processor that keeps the state itself in which it came into the kernel, while it is there; else nil
}

// Noted is the state that a processor came into the kernel with, as it keeps it itself
// (64-bit ARM: SP_EL0, ELR_EL1 and SPSR_EL1).
type Noted struct {
	IP, SP, Flags uint64
	Vector        bool // it still executes the vector, where the kernel saves registers
}

// Machine is a stopped machine: physical memory, its page-table format and the
// processors.
type Machine struct {
	Phys   memory.Reader
	Paging memory.Paging
	CPUs   []CPU
	// Running says that it is none: it is read while it runs. Of its processors only page
	// tables that the kernel keeps are known. Who runs is told by the kernel's own words,
	// and the state of who does is not known.
	Running bool
}

// Space is the address space that a processor uses.
func (m Machine) Space(cpu int) *memory.Space {
	return memory.NewSpace(m.Phys, m.Paging, m.CPUs[cpu].Root)
}
