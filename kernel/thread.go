package kernel

import (
	"debug/elf"
	"fmt"
	"slices"
	"strings"
)

// Source tells where a thread's user state was read: the name of a Place, or one
// of these.
type Source string

// Sources that are no place in the kernel's memory.
const (
	SourceCPU  Source = "cpu"  // runs in user mode at the stop: live registers
	SourceNone Source = "none" // never ran, or a kernel thread
)

// Thread is a kernel thread object's state at a stop.
type Thread struct {
	PD         ID // the protection domain that it runs in
	State      uint64
	StateNames []string // set flags or the state, as the kernel's source has them, without a prefix
	StateWords []string // the same in the words of the kernel's debugger, lowest bit first

	// What the state means to a debugger.
	Ready     bool // it may run
	Dead      bool // it never runs again
	Exception bool // an exception or a page fault of it is being handled
	Wait      Wait

	IP, SP    uint64 // user ip and sp, from Source
	Flags     uint64 // user flags register, from the same place
	Source    Source
	Registers []Register // further user registers that the place (or CPU) holds
	Places    []Place    `json:"-"` // where the kernel keeps its user state, whatever Source says

	UTCB     uint64 // user address of its UTCB
	Running  bool   // on a CPU at the stop
	CPU      int    // that CPU
	Executed Value  `json:",omitzero"` // for how long it has executed, as its kernel counts; without a name: not known
}

// Wait is what a thread waits for.
type Wait struct {
	Blocked string `json:",omitempty"` // what it is to the thread: "waiting for a signal"; "": blocked in IPC
	Verb    string // "receives from", "sends to", …; "" if it does not wait
	For     ID     // the object, 0 if it is none that is known
	What    string // then: what it waits for in words ("anybody"); "" if nothing is known about that
	Ending  bool   // the wait is over: it gets its message right now
	Ends    bool   // ends by itself, such as by a timeout
}

// Place is where the kernel keeps the user ip and sp of a thread, or kept them.
type Place struct {
	*PlaceKind
	IP, SP         uint64 // raw, whether the place counts or not
	IPAddr, SPAddr uint64 // kernel-virtual; two places may share one
}

// PlaceKind is what is true of a place in every thread.
type PlaceKind struct {
	Name    Source // the kernel's word
	Text    string // the same in a sentence
	Why     string // what it means that it counts, "" of the usual place
	Aside   bool   // holds the state while the usual place has the kernel's own, and goes back there
	Unused  uint64 // ip that says that a place of Aside holds nothing
	Pushed  bool   // the processor itself writes here as it enters the kernel from user mode
	Passing bool   // stands there at this stop only

	Beside []Beside // registers that it holds besides ip and sp
}

// Beside is a register that stands with a place's ip.
type Beside struct {
	Name string // GDB's
	Off  int64  // from the ip's address, in bytes
}

// GeneralRegisters are GDB's names of a processor's general registers, without ip and sp.
func GeneralRegisters(m elf.Machine) []string { return slices.Clone(general[m]) }

var general = map[elf.Machine][]string{
	elf.EM_X86_64:  strings.Fields("rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12 r13 r14 r15"),
	elf.EM_386:     strings.Fields("eax ebx ecx edx esi edi ebp"),
	elf.EM_ARM:     strings.Fields("r0 r1 r2 r3 r4 r5 r6 r7 r8 r9 r10 r11 r12 lr"),
	elf.EM_AARCH64: strings.Fields("x0 x1 x2 x3 x4 x5 x6 x7 x8 x9 x10 x11 x12 x13 x14 x15 x16 x17 x18 x19 x20 x21 x22 x23 x24 x25 x26 x27 x28 x29 x30"),
}

// FlagsRegister is GDB's name of a processor's flags.
func FlagsRegister(m elf.Machine) string {
	if m == elf.EM_X86_64 || m == elf.EM_386 {
		return "eflags"
	}
	return "cpsr"
}

// Counts says whether the place with an ip holds the user state, as far as that
// can be told from there.
func (k *PlaceKind) Counts(ip uint64) bool { return !k.Aside || ip != k.Unused }

// Kept is the place that holds the thread's user state, nil if that is the
// processor, or nowhere.
func (t *Thread) Kept() *Place { return t.Place(t.Source) }

// Place is a place by its name, nil if the thread has none such.
func (t *Thread) Place(name Source) *Place {
	for i := range t.Places {
		if t.Places[i].Name == name {
			return &t.Places[i]
		}
	}
	return nil
}

// Usual is the place where the kernel usually keeps the user state; the zero
// value if the thread has none: it never runs in user mode.
func (t *Thread) Usual() Place {
	if len(t.Places) == 0 {
		return Place{}
	}
	return t.Places[0]
}

// Waits says whether the thread waits for something.
func (t *Thread) Waits() bool { return t.Wait.Verb != "" && !t.Wait.Ending }

// Register is one user register of a thread. Names are GDB's.
type Register struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

// RegisterIn finds a register in a list by its name.
func RegisterIn(list []Register, name string) (uint64, bool) {
	for _, r := range list {
		if r.Name == name {
			return r.Value, true
		}
	}
	return 0, false
}

// Register returns the named user register.
func (t *Thread) Register(name string) (uint64, bool) { return RegisterIn(t.Registers, name) }

// Has says whether a state flag is set, by its name without prefix.
func (t *Thread) Has(flag string) bool { return slices.Contains(t.StateNames, flag) }

// StateString joins the state's words; a state without a named flag is printed
// in hex.
func (t *Thread) StateString() string {
	if len(t.StateWords) == 0 {
		return fmt.Sprintf("%#x", t.State)
	}
	return strings.Join(t.StateWords, ",")
}
