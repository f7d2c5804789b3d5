package sel4

import (
	"fmt"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// field is a bit field of one of the structures that seL4 generates: debug info knows
// them as arrays of words.
type field struct {
	word, shift, bits int
	left              int  // zeros that are not stored
	addr              bool // canonical address of 48 bits: the sign goes on above
}

// in is the field's value in a structure's words.
func (f field) in(words []uint64) uint64 {
	v := words[f.word] >> f.shift
	if f.bits < 64 {
		v &= 1<<f.bits - 1
	}
	v <<= f.left
	if f.addr && v>>47&1 != 0 {
		v |= 0xffff << 48
	}
	return v
}

// What debug info does not describe, of the one configuration that is known: x86_64, 48
// bits of address, no scheduling contexts (MCS). It is what bitfield_gen.py makes of
// structures.bf of seL4 13; check refuses what does not look like that.
var (
	low48 = field{word: 0, bits: 48, addr: true}
	high  = field{word: 1, bits: 64}

	stateType   = field{word: 0, bits: 4} // thread_state
	stateObject = field{word: 0, shift: 4, bits: 44, left: 4, addr: true}
	stateIsCall = field{word: 1, shift: 1, bits: 1}
	faultType   = field{word: 0, bits: 4} // seL4_Fault
	capType     = field{word: 0, shift: 59, bits: 5}
	queueState  = field{word: 0, bits: 2} // endpoint and notification

	cnodeRadix     = field{word: 0, shift: 47, bits: 6}
	cnodeGuardSize = field{word: 0, shift: 53, bits: 6}
	cnodeGuard     = high
	blockSize      = field{word: 1, bits: 6} // of an untyped_cap
	frameSize      = field{word: 0, shift: 57, bits: 2}
)

// Kinds of objects, in seL4's words.
const (
	kindTCB          = "TCB"
	kindCNode        = "CNode"
	kindVSpace       = "VSpace"
	kindEndpoint     = "Endpoint"
	kindNotification = "Notification"
)

// shape is what a capability of a tag says.
type shape struct {
	kind   string   // of the object that it names; "" if that is none of the kernel's objects
	object field    // its address
	rights []string // from a bit of the first word on
	first  int
	badged bool
	number *field // that tells it apart, where it names no object
}

// shapes are by the tags' names in enum cap_tag.
var shapes = map[string]shape{
	"cap_endpoint_cap":     {kind: kindEndpoint, object: low48, first: 55, rights: []string{"send", "recv", "grant", "grantreply"}, badged: true},
	"cap_notification_cap": {kind: kindNotification, object: low48, first: 57, rights: []string{"send", "recv"}, badged: true},
	"cap_thread_cap":       {kind: kindTCB, object: low48},
	"cap_reply_cap":        {kind: kindTCB, object: high, rights: []string{"master", "grant"}},
	"cap_cnode_cap":        {kind: kindCNode, object: field{word: 0, bits: 47, left: 1, addr: true}},
	"cap_pml4_cap":         {kind: kindVSpace, object: high},
	"cap_irq_handler_cap":  {number: &high},
	"cap_untyped_cap":      {number: &low48},
	"cap_frame_cap":        {number: &field{word: 1, bits: 48, addr: true}},
}

// check refuses a kernel whose generated structures are not those of the table.
func (l *Layout) check(f *offsets.Finder) {
	if f.File.PtrSize() != 8 || kernel.FlagsRegister(f.File.Machine()) != "eflags" {
		f.Err = fmt.Errorf("it is built for %v: only x86_64 is known", f.File.Machine())
		return
	}
	if _, mcs := f.Maybe("tcb", "tcbSchedContext"); mcs {
		f.Err = fmt.Errorf("it is built with scheduling contexts (MCS), whose bit fields are not known")
		return
	}
	for typ, size := range map[string]uint64{"cap": 16, "thread_state": 24, "seL4_Fault": 16, "endpoint": 16, "notification": 32} {
		if n := f.Size(typ); f.Err == nil && n != size {
			f.Err = fmt.Errorf("struct %s has %d bytes, not the %d of the bit fields that are known", typ, n, size)
		}
	}
	for value, name := range l.tags {
		if value>>capType.bits != 0 {
			f.Err = fmt.Errorf("%s is %d, which the bit field of a capability's type does not hold", name, value)
		}
	}
	for tag := range shapes {
		known := false
		for _, name := range l.tags {
			known = known || name == tag
		}
		if f.Err == nil && !known {
			f.Err = fmt.Errorf("it has no %s: its capabilities are not those that are known", tag)
		}
	}
}
