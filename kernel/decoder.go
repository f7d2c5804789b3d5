package kernel

import (
	"debug/elf"
	"errors"
	"fmt"

	"thaw/debuginfo"
	"thaw/memory"
)

// Decoder reads a kernel's objects from a stopped machine.
type Decoder interface {
	Decode(m Machine) (*System, error)
	// KernelSpace maps the kernel's own addresses.
	KernelSpace(m Machine) (*memory.Space, error)
	// CurrentThread is the address of the thread object that a processor runs, 0
	// if that cannot be told. It may read memory for that, but little.
	CurrentThread(m Machine, cpu int) uint64
	// Slot is the index in a capability table that a selector names.
	Slot(selector uint64) uint64
	// Platform is what else is true of the kernel.
	Platform() *Platform
}

// SpaceSwitcher is a decoder that knows where the kernel notes the address space
// it changes to.
type SpaceSwitcher interface {
	// SpaceSwitch is the address of that note, a pointer in kernel memory that is
	// written at every change on the machine's only processor. The error says why
	// it cannot be relied on.
	SpaceSwitch(m Machine) (addr uint64, err error)
}

// Keeper is a decoder of a kernel that keeps a user state in one of several places, where
// what stands there does not tell in which.
type Keeper interface {
	// KeptIn is the place that holds the user state of a thread object now: SourceCPU
	// while a processor does, SourceNone if that cannot be told. It may read memory for
	// that, but little.
	KeptIn(m Machine, thread uint64) Source
}

// SlotFinder is a decoder of a kernel whose capability tables are arrays in the address
// spaces of their tasks.
type SlotFinder interface {
	// SlotAddr is the address of the word that holds a slot, in its task's address space.
	SlotAddr(slot uint64) uint64
}

// Core is the name of Genode's core among components.
const Core = "core"

// Symbols is a kernel's debug info: a file's, or what a recording took along of
// it.
type Symbols interface {
	Path() string
	Machine() elf.Machine
	PtrSize() int
	Type(name string) (*debuginfo.Type, error)
	Variable(name string) (debuginfo.Variable, error)
	Enumerator(name string) (int64, error)
	VTableAt(vptr uint64) (class string, off uint64, ok bool)
	FunctionAt(pc uint64) (name string, off uint64, ok bool)
}

// Known is a kernel that thaw knows: a row of the table in kernel/kernels.
type Known struct {
	Give      string   // what to give for it: "X's kernel ELF with debug info"
	Files     []string // names that its file has in a build directory
	Folders   []string // folders of a build directory that may hold it, as patterns
	Causes    Causes   // its platform's
	Describes func(f Symbols) bool
	// New makes its decoder, of its own debug info and that of Genode's core, nil where
	// that is not there: some kernels know no names.
	New func(f, core Symbols) (Decoder, error)
}

// ErrNoCore is why there are no names where only core knows them.
var ErrNoCore = errors.New("core knows them, and its debug info is not there: give --build DIRECTORY or --symbols core=FILE")

// Paging is the page-table format of an architecture; where the processor says more about
// it, each stop has its own.
func Paging(m elf.Machine) (memory.Paging, error) {
	switch m {
	case elf.EM_X86_64:
		return memory.AMD64{}, nil
	case elf.EM_ARM:
		return memory.ARM{}, nil
	case elf.EM_AARCH64:
		return memory.ARM64{}, nil
	}
	return nil, fmt.Errorf("page tables of %v are not supported (x86_64 and ARM are)", m)
}

// Problems are sentences about what could not be read, up to a bound.
type Problems []string

// Note adds a sentence.
func (p *Problems) Note(format string, args ...any) {
	const most = 100
	if len(*p) < most {
		*p = append(*p, fmt.Sprintf(format, args...))
	} else if len(*p) == most {
		*p = append(*p, "more problems are not listed")
	}
}
