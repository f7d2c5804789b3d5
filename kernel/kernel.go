// Package kernel is the vocabulary in which a capability kernel is described to
// the debugger: objects with their names and links, threads with the places where
// their user state is kept, protection domains with their capability tables, as
// one immutable model per stop; and what else a kernel brings along (Platform).
//
// Nothing in it is true of one kernel only: words such as kinds, states, rights
// and names of places are those of the decoder that fills the model in (such as
// kernel/foc). It knows nothing of checkpoints, phases or screens.
package kernel

import (
	"cmp"
	"debug/elf"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// ID is the number by which the kernel, or its debugger, knows an object.
type ID uint64

// String prints an id in hex without a prefix.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 16) }

// Kind says what sort of object something is, in the kernel's own word.
type Kind string

// KindOther is the kind of objects that a decoder has no word for: the class
// says what they are.
const KindOther Kind = "Other"

// Word is the kind within a sentence: in small letters, but for abbreviations.
func (k Kind) Word() string {
	if s := string(k); s != strings.ToUpper(s) {
		return strings.ToLower(s)
	}
	return string(k)
}

// Object is one kernel object.
type Object struct {
	ID    ID
	Addr  uint64 // first byte of the whole object, kernel-virtual
	Size  uint64 // bytes; a thread's may include its kernel stack
	Class string // dynamic class
	Kind  Kind
	Name  string // "" if it has none

	Links  []Link  // objects that it refers to; the first tells where a capability for it leads
	Values []Value // numbers that belong to it; the first tells it apart ("label")
	Event  bool    // what waits at it is woken by an event (an interrupt, a signal), not by a thread

	// What any kernel has. Both are nil for other objects, and where the object
	// could not be read: then Problem says why.
	Thread *Thread
	PD     *PD

	Problem string
}

// Link is another object that an object refers to.
type Link struct {
	Name string // what that is to it: "receiver", "thread", "server", "PD"
	To   ID     // 0: none
	None string // what that means, in words: "not attached"
}

// Value is a number that belongs to an object.
type Value struct {
	Name   string // "label", "imprint", "vector"
	Number uint64
	Text   string // the number in words, "" if hex says it
}

// Contains says whether a kernel pointer points into the object: capability
// pointers may point to any base class in it.
func (o *Object) Contains(addr uint64) bool { return addr >= o.Addr && addr-o.Addr < o.Size }

// Title is the object's name, or its class where it has none.
func (o *Object) Title() string {
	if o.Name != "" {
		return o.Name
	}
	return o.Class
}

// Type is the object's kind, or its class where the decoder has no word for it.
func (o *Object) Type() string {
	if o.Kind == KindOther || o.Kind == "" {
		return o.Class
	}
	return string(o.Kind)
}

// Link is the object with a name that this one refers to, 0 if there is none.
func (o *Object) Link(name string) ID {
	for _, l := range o.Links {
		if l.Name == name {
			return l.To
		}
	}
	return 0
}

// Lead is where a capability for the object leads: its first link. ok says
// whether it has any.
func (o *Object) Lead() (l Link, ok bool) {
	if len(o.Links) == 0 {
		return Link{}, false
	}
	return o.Links[0], true
}

// Label is the number that tells the object apart: its first value, 0 if it has
// none.
func (o *Object) Label() uint64 {
	if len(o.Values) == 0 {
		return 0
	}
	return o.Values[0].Number
}

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

// PD is a protection domain: an address space with a capability table.
type PD struct {
	Kernel  bool     // the kernel's own: its threads never are in user mode
	Root    uint64   // physical address of its page tables, 0 if it has none
	Roots   []uint64 `json:",omitempty"` // where processors have page tables of their own of it: those of the others
	Caps    []Capability
	Problem string // why the capability table is incomplete
}

// Cap returns the capability in a slot.
func (t *PD) Cap(slot uint64) (Capability, bool) {
	i := sort.Search(len(t.Caps), func(i int) bool { return t.Caps[i].Slot >= slot })
	if i < len(t.Caps) && t.Caps[i].Slot == slot {
		return t.Caps[i], true
	}
	return Capability{}, false
}

// Capability is one used slot of a capability table.
type Capability struct {
	Slot    uint64 // index in the table
	Object  ID     // object it names, 0 if the pointer hits no known object
	Pointer uint64 // raw object pointer
	Rights  string // in the kernel's words
	More    string // what else the slot holds, in its words
}

// System is the model of all kernel objects at one stop. It is never changed
// after it was built.
type System struct {
	Objects  []*Object // by id
	Problems []string  // what could not be read, one sentence each
	Anew     int       // objects that were decoded at this stop; the others' memory is as at the stop before

	byID   map[ID]int // indices in Objects
	byAddr []int
}

// Runs notes that a thread is on a processor of a machine that is read while it runs:
// its user state is the processor's, which is not known.
func (s *System) Runs(thread uint64, cpu int) {
	o := s.Own(thread)
	if o == nil {
		return
	}
	t := o.Thread
	t.Running, t.CPU = true, cpu
	t.IP, t.SP, t.Flags, t.Source, t.Registers = 0, 0, 0, SourceCPU, nil
}

// NewSystem indexes objects. Of two objects with one id the first counts.
func NewSystem(objects []*Object, problems []string) *System {
	s := &System{Objects: objects, Problems: problems, byID: make(map[ID]int, len(objects)), byAddr: make([]int, len(objects))}
	slices.SortStableFunc(s.Objects, func(a, b *Object) int { return cmp.Compare(a.ID, b.ID) })
	for i, o := range s.Objects {
		s.byAddr[i] = i
		if _, ok := s.byID[o.ID]; !ok {
			s.byID[o.ID] = i
		}
	}
	slices.SortStableFunc(s.byAddr, func(i, j int) int { return cmp.Compare(s.Objects[i].Addr, s.Objects[j].Addr) })
	return s
}

// Again is the system at a stop at which the same objects exist, each with its
// id, address and class: they come in the order of s.Objects.
func (s *System) Again(objects []*Object, problems []string) *System {
	return &System{Objects: objects, Problems: problems, byID: s.byID, byAddr: s.byAddr}
}

// AllProblems tells everything that could not be read, one sentence each: what
// belongs to no object, then what is wrong with one.
func (s *System) AllProblems() []string {
	out := slices.Clone(s.Problems)
	for _, o := range s.Objects {
		if o.Problem != "" {
			text := fmt.Sprintf("%s %s at %#x: %s", o.Class, o.ID, o.Addr, o.Problem)
			if !slices.Contains(s.Problems, text) {
				out = append(out, text)
			}
		}
		if o.PD != nil && o.PD.Problem != "" {
			out = append(out, fmt.Sprintf("capability table of %s %s: %s", o.Kind.Word(), o.ID, o.PD.Problem))
		}
	}
	return out
}

// Object returns the object with an id, or nil.
func (s *System) Object(id ID) *Object {
	if i, ok := s.byID[id]; ok {
		return s.Objects[i]
	}
	return nil
}

// At returns the object that a kernel pointer points into, or nil.
func (s *System) At(addr uint64) *Object {
	i := sort.Search(len(s.byAddr), func(i int) bool { return s.Objects[s.byAddr[i]].Addr > addr })
	if i == 0 {
		return nil
	}
	if o := s.Objects[s.byAddr[i-1]]; o.Contains(addr) {
		return o
	}
	return nil
}

// Own puts a copy of the thread object at an address into the model, for what a decoder
// adds at this stop; nil if there is none. The object itself may be given out already.
func (s *System) Own(addr uint64) *Object {
	n := sort.Search(len(s.byAddr), func(i int) bool { return s.Objects[s.byAddr[i]].Addr >= addr })
	for ; n < len(s.byAddr) && s.Objects[s.byAddr[n]].Addr == addr; n++ {
		if i := s.byAddr[n]; s.Objects[i].Thread != nil {
			o, t := *s.Objects[i], *s.Objects[i].Thread
			o.Thread, s.Objects[i] = &t, &o
			return &o
		}
	}
	return nil
}

// Named is the object that a capability names, or nil. Its id alone would not
// tell: the kernel's first object has the id 0, as has an unknown one.
func (s *System) Named(c Capability) *Object {
	if c.Object != 0 {
		return s.Object(c.Object)
	}
	return s.At(c.Pointer)
}

// Threads lists the thread objects by id.
func (s *System) Threads() []*Object {
	return s.filter(func(o *Object) bool { return o.Thread != nil })
}

// PDs lists the protection domains by id.
func (s *System) PDs() []*Object { return s.filter(func(o *Object) bool { return o.PD != nil }) }

// ThreadsOf lists a protection domain's threads by id.
func (s *System) ThreadsOf(pd ID) []*Object {
	return s.filter(func(o *Object) bool { return o.Thread != nil && o.Thread.PD == pd })
}

// MainThread is the thread with the lowest id of a protection domain, or nil: the
// one that was made first, which Genode names after the component's ROM.
func (s *System) MainThread(pd ID) *Object {
	for _, o := range s.Objects {
		if o.Thread != nil && o.Thread.PD == pd {
			return o
		}
	}
	return nil
}

// PDByRoot is the protection domain of which page tables are at the physical address
// root, or nil.
func (s *System) PDByRoot(root uint64) *Object {
	for _, o := range s.Objects {
		if o.PD != nil && root != 0 && (o.PD.Root == root || slices.Contains(o.PD.Roots, root)) {
			return o
		}
	}
	return nil
}

// RunningPD is the protection domain of the thread that is on a CPU, else the one whose
// page tables that uses: a kernel may let its own threads use anybody's. It is nil if
// neither is known.
func (s *System) RunningPD(cpu int, root uint64) *Object {
	if o := s.Running(cpu); o != nil {
		if pd := s.Object(o.Thread.PD); pd != nil && pd.PD != nil {
			return pd
		}
	}
	return s.PDByRoot(root)
}

// Running is the thread that was on a CPU at the stop, or nil.
func (s *System) Running(cpu int) *Object {
	for _, o := range s.Objects {
		if o.Thread != nil && o.Thread.Running && o.Thread.CPU == cpu {
			return o
		}
	}
	return nil
}

// Wait is the object that a thread waits for, in short: its id, with "*" behind
// one where an event ends the wait, and "?" behind anything else that is no
// thread; "-" for a wait for no object that is known.
func (s *System) Wait(t *Thread) string {
	if !t.Waits() {
		return ""
	}
	o := s.Object(t.Wait.For)
	switch {
	case t.Wait.For != 0 && o != nil && o.Thread != nil:
		return o.ID.String()
	case t.Wait.For != 0 && o != nil && o.Event:
		return o.ID.String() + "*"
	case t.Wait.For != 0 && o != nil:
		return o.ID.String() + "?"
	case t.Wait.What == "":
		return ""
	}
	return "-"
}

// WaitedFor is the object that a thread waits for, nil if it waits for none.
func (s *System) WaitedFor(t *Thread) *Object {
	if !t.Waits() || t.Wait.For == 0 {
		return nil
	}
	return s.Object(t.Wait.For)
}

// Capabilities counts the used slots of all protection domains.
func (s *System) Capabilities() int {
	n := 0
	for _, o := range s.Objects {
		if o.PD != nil {
			n += len(o.PD.Caps)
		}
	}
	return n
}

func (s *System) filter(keep func(*Object) bool) []*Object {
	var out []*Object
	for _, o := range s.Objects {
		if keep(o) {
			out = append(out, o)
		}
	}
	return out
}
