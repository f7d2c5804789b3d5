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
