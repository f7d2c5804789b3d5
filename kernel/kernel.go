// Package kernel says what a capability kernel's objects are to the debugger:
// threads, tasks, capabilities and what they point to, as one immutable model
// per stop.
//
// It knows no particular kernel (decoders such as kernel/foc fill the model in)
// and nothing of checkpoints, phases or screens.
package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// ID is the number under which the kernel's own debugger shows an object.
type ID uint64

// String prints an id as Fiasco.OC's JDB does, in hex without a prefix.
func (id ID) String() string { return strconv.FormatUint(uint64(id), 16) }

// Kind says what sort of object something is, in the words of the kernel
// debugger.
type Kind string

// The kinds that the model looks into; every other kernel class is KindOther.
const (
	KindThread Kind = "Thread"
	KindTask   Kind = "Task"
	KindGate   Kind = "Gate"
	KindIRQ    Kind = "IRQ"
	KindOther  Kind = "Other"
)

// Object is one kernel object.
type Object struct {
	ID    ID
	Addr  uint64 // first byte of the whole object, kernel-virtual
	Size  uint64 // bytes; a thread's includes its kernel stack
	Class string // dynamic class, from its vtable ("Thread_object")
	Kind  Kind
	Name  string // name given to the kernel debugger, "" if none

	// Just one of these is set, by Kind; none where the object could not be
	// read, and then Problem says why.
	Thread *Thread
	Task   *Task
	Gate   *Gate
	IRQ    *IRQ

	Problem string
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

// Source tells where a thread's user state was read.
type Source string

// The places where the kernel keeps the user ip and sp of a thread.
const (
	SourceFrame        Source = "frame"     // entry frame on its kernel stack
	SourceContinuation Source = "_exc_cont" // an exception was triggered: the frame holds a kernel ip
	SourceCPU          Source = "cpu"       // runs in user mode at the stop: live registers
	SourceNone         Source = "none"      // never ran, or a kernel thread
)

// Thread is a kernel thread object's state at a stop.
type Thread struct {
	Task       ID // the task it runs in
	State      uint64
	StateNames []string // set flags by name, without the kernel's prefix ("receive_wait")
	StateWords []string // the same in the words of the kernel's debugger ("rcv_wait"), lowest bit first
	IP, SP     uint64   // user ip and sp, from Source
	Flags      uint64   // user flags register, from the same place
	Source     Source
	Registers  []Register // further user registers that the frame (or CPU) holds

	// Raw values of the saved frame, whatever Source says, and where they
	// stand (kernel-virtual).
	FrameIP, FrameSP         uint64
	FrameIPAddr, FrameSPAddr uint64
	ContIP, ContSP           uint64 // of the continuation; ContValid says whether it counts
	ContIPAddr, ContSPAddr   uint64
	ContValid                bool
	UTCB                     uint64 // user address of its UTCB
	Partner                  ID     // object it waits for in IPC, 0 if none
	Running                  bool   // on a CPU at the stop
	CPU                      int    // that CPU
}

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

// Task is a protection domain.
type Task struct {
	Kernel  bool   // the kernel's own: its threads never are in user mode
	Root    uint64 // physical address of its page tables, 0 if it has none
	Caps    []Capability
	Problem string // why the capability table is incomplete
}

// Cap returns the capability in a slot.
func (t *Task) Cap(slot uint64) (Capability, bool) {
	i := sort.Search(len(t.Caps), func(i int) bool { return t.Caps[i].Slot >= slot })
	if i < len(t.Caps) && t.Caps[i].Slot == slot {
		return t.Caps[i], true
	}
	return Capability{}, false
}

// Capability is one used slot of a task's capability table.
type Capability struct {
	Slot    uint64 // index in the table
	Object  ID     // object it names, 0 if the pointer hits no known object
	Pointer uint64 // raw object pointer, rights removed
	Rights  uint8  // right bits of the pointer word (Fiasco.OC: bit 0 W, bit 1 S)
	Flags   uint8  // further right bits of the entry
}

// RightsString prints the right bits of a capability as the kernel debugger does:
// S and W.
func RightsString(r uint8) string {
	out := []byte("--")
	if r&2 != 0 {
		out[0] = 'S'
	}
	if r&1 != 0 {
		out[1] = 'W'
	}
	return string(out)
}

// Gate is an IPC gate.
type Gate struct {
	Thread ID     // receiver, 0 if none is bound
	Label  uint64 // protected label, low permission bits removed
}

// IRQ is an interrupt object.
type IRQ struct {
	Thread ID // attached thread, 0 if none
	Label  uint64
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
		if o.Task != nil && o.Task.Problem != "" {
			out = append(out, fmt.Sprintf("capability table of task %s: %s", o.ID, o.Task.Problem))
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

// Tasks lists the task objects by id.
func (s *System) Tasks() []*Object { return s.filter(func(o *Object) bool { return o.Task != nil }) }

// ThreadsOf lists a task's threads by id.
func (s *System) ThreadsOf(task ID) []*Object {
	return s.filter(func(o *Object) bool { return o.Thread != nil && o.Thread.Task == task })
}

// MainThread is the thread with the lowest id of a task, or nil: the one that
// was made first, which Genode names after the component's ROM.
func (s *System) MainThread(task ID) *Object {
	for _, o := range s.Objects {
		if o.Thread != nil && o.Thread.Task == task {
			return o
		}
	}
	return nil
}

// TaskByRoot is the task whose page tables are at the physical address root, or
// nil.
func (s *System) TaskByRoot(root uint64) *Object {
	for _, o := range s.Objects {
		if o.Task != nil && o.Task.Root == root && root != 0 {
			return o
		}
	}
	return nil
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

// Wait is the object that a thread waits for in IPC, as the kernel debugger
// prints it: "-" for a wait for anybody, "*" behind an IRQ, "?" behind anything
// else that is no thread. A receiver that gets its message right now waits no
// more.
func (s *System) Wait(t *Thread) string {
	send := t.Has("send_wait")
	if !send && (!t.Has("receive_wait") || t.Has("receive_in_progress")) {
		return ""
	}
	o := s.Object(t.Partner)
	switch {
	case send && (o == nil || t.Partner == 0):
		return ""
	case o == nil || t.Partner == 0:
		return "-"
	case send || o.Kind == KindThread:
		return o.ID.String()
	case o.Kind == KindIRQ:
		return o.ID.String() + "*"
	}
	return o.ID.String() + "?"
}

// Capabilities counts the used slots of all tasks.
func (s *System) Capabilities() int {
	n := 0
	for _, o := range s.Objects {
		if o.Task != nil {
			n += len(o.Task.Caps)
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
