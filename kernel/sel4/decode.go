package sel4

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// Bounds on what a walk may follow. What lies beyond is reported as a problem.
const (
	maxTCBs    = 1 << 12
	maxObjects = 1 << 15
	maxSlots   = 1 << 14 // of a CNode that are read
	maxCaps    = 1 << 15 // of an address space
)

// last is a decoding that is kept for the next stop.
type last struct {
	raws kept.Table[raw]
}

// decoder is one decoding of one stop.
type decoder struct {
	*Layout
	offsets.Words
	m        kernel.Machine
	space    *kept.Space
	old, now last
	probs    kernel.Problems
	anew     int

	objects map[uint64]*known // by address
	order   []*known
	spaces  map[uint64]uint64 // address space by TCB: page tables
	replier map[uint64]uint64 // TCB that has the reply capability, by that of the caller
	events  map[uint64]bool   // notifications of interrupts
	named   map[uint64]name   // of TCBs and address spaces
}

// known is a kernel object.
type known struct {
	addr  uint64
	kind  string
	radix uint64 // of a CNode
	raw   *raw
	err   error
}

// raw is what was read of an object, with kernel pointers where the model has ids.
type raw struct {
	tcb   *rawTCB
	slots []slot   // of a CNode: those that are used
	words []uint64 // of an endpoint or notification
}

// slot is a used slot of a CNode.
type slot struct {
	index uint64
	capability
}

// capability is one, with its tag in words.
type capability struct {
	tag   string
	words [2]uint64
}

// names is the object that a capability names; kind is "" if it names none.
func (c capability) names() (addr uint64, kind string) {
	s := shapes[c.tag]
	if s.kind == "" {
		return 0, ""
	}
	return s.object.in(c.words[:]), s.kind
}

const nullCap = "cap_null_cap"

// capabilityIn is what stands in the words of a cap_t.
func (l *Layout) capabilityIn(w []uint64) capability {
	c := capability{words: [2]uint64{w[0], w[1]}}
	tag := capType.in(w)
	if c.tag = l.tags[tag]; c.tag == "" {
		c.tag = fmt.Sprintf("type %d", tag)
	}
	return c
}

// words reads words of memory.
func words(space memory.Reader, addr uint64, n int) ([]uint64, error) {
	raw := make([]byte, 8*n)
	if err := space.ReadMemory(addr, raw); err != nil {
		return nil, err
	}
	out := make([]uint64, n)
	for i := range out {
		out[i] = memory.LittleEndian(raw[8*i:][:8])
	}
	return out, nil
}

// findObjects finds all kernel objects: the TCBs of the processors' debug chains, and
// what capabilities and waits lead to from there.
func (d *decoder) findObjects() {
	nodes, err := d.Word(d.nodes.known)
	if err != nil || nodes == 0 || nodes > uint64(d.nodes.count) {
		d.probs.Note("the kernel has %d processors (%v): only the first is looked at", nodes, err)
		nodes = 1
	}
	for n := range int(nodes) {
		for _, member := range []uint64{d.nodes.current, d.nodes.idle, d.nodes.chain} {
			at, err := d.Word(d.nodes.at(n, member))
			if err != nil {
				d.probs.Note("reading the TCBs of processor %d: %v", n, err)
				continue
			}
			d.walk(at)
		}
	}
	for i := range d.irqs.count {
		w, err := words(d.space, d.irqs.base+uint64(i)*d.tcb.cte+d.tcb.cap, 2)
		if err != nil {
			d.probs.Note("reading the slots of interrupts: %v", err)
			break
		}
		c := d.capabilityIn(w)
		if addr, kind := c.names(); kind == kindNotification {
			d.events[addr] = true
			d.refer(c)
		}
	}
	for i := 0; i < len(d.order); i++ { // it grows meanwhile
		k := d.order[i]
		switch {
		case k.err != nil:
		case k.kind == kindTCB:
			d.follow(k)
		case k.kind == kindCNode:
			for _, s := range k.raw.slots {
				d.refer(s.capability)
			}
		case k.kind == kindNotification:
			d.add(ntfnBound.in(k.raw.words), kindTCB, 0)
		}
	}
}

// ntfnBound is the TCB that a notification is bound to.
var ntfnBound = field{word: 3, bits: 48, addr: true}

// walk takes up a debug chain of TCBs.
func (d *decoder) walk(at uint64) {
	for n := 0; at != 0; n++ {
		if n >= maxTCBs {
			d.probs.Note("the chain of TCBs has more than %d", maxTCBs)
			return
		}
		if d.objects[at] != nil && n > 0 {
			return // it leads into what is known
		}
		k := d.add(at, kindTCB, 0)
		if k == nil || k.err != nil || k.kind != kindTCB {
			return
		}
		at = k.raw.tcb.next
	}
}

// follow takes up what a TCB refers to.
func (d *decoder) follow(k *known) {
	t := k.raw.tcb
	for _, c := range t.slots {
		d.refer(c)
	}
	if addr, kind := t.slots[slotVSpace].names(); kind == kindVSpace {
		d.spaces[k.addr] = addr
	}
	if addr, kind := t.slots[slotCaller].names(); kind == kindTCB {
		d.replier[addr] = k.addr
	}
	if addr, kind := d.blockedAt(t); kind != "" {
		d.add(addr, kind, 0)
	}
	if t.bound != 0 {
		d.add(t.bound, kindNotification, 0)
	}
}

// refer takes up the object that a capability names.
func (d *decoder) refer(c capability) {
	if addr, kind := c.names(); kind != "" {
		d.add(addr, kind, cnodeRadix.in(c.words[:]))
	}
}

// add takes up the object at an address, and reads it; nil if there is none such.
func (d *decoder) add(addr uint64, kind string, radix uint64) *known {
	if addr == 0 {
		return nil
	}
	if k := d.objects[addr]; k != nil {
		if k.kind != kind {
			d.probs.Note("the object at %#x is taken for %s and for %s", addr, k.kind, kind)
		}
		return k
	}
	if len(d.order) >= maxObjects {
		d.probs.Note("there are more than %d kernel objects", maxObjects)
		return nil
	}
	k := &known{addr: addr, kind: kind, radix: radix}
	it, anew := d.now.raws.Take(d.space, d.old.raws, addr, func(uint64) (raw, error) { return d.read(k) })
	if anew {
		d.anew++
	}
	k.raw, k.err = &it.Value, it.Err
	d.objects[addr] = k
	d.order = append(d.order, k)
	return k
}

// read reads an object.
func (d *decoder) read(k *known) (r raw, err error) {
	switch k.kind {
	case kindTCB:
		r.tcb, err = d.readTCB(k.addr)
	case kindCNode:
		r.slots, err = d.readSlots(k.addr, k.radix)
	case kindEndpoint:
		r.words, err = words(d.space, k.addr, 2)
	case kindNotification:
		r.words, err = words(d.space, k.addr, 4)
	}
	if err != nil {
		return r, fmt.Errorf("reading it: %w", err)
	}
	return r, nil
}

// readAtMost is the number of slots of a CNode that are read.
func readAtMost(radix uint64) int {
	if radix >= 63 {
		return maxSlots
	}
	return int(min(uint64(1)<<radix, maxSlots))
}

// readSlots reads the used slots of a CNode, page by page.
func (d *decoder) readSlots(addr, radix uint64) (out []slot, err error) {
	step := int(d.m.Paging.PageSize() / d.tcb.cte)
	per := int(d.tcb.cte / 8)
	for first, n := 0, readAtMost(radix); first < n; first += step {
		w, err := words(d.space, addr+uint64(first)*d.tcb.cte, min(step, n-first)*per)
		if err != nil {
			return out, err
		}
		for i := 0; i < len(w); i += per {
			if c := d.capabilityIn(w[i+int(d.tcb.cap/8):]); c.tag != nullCap {
				out = append(out, slot{uint64(first + i/per), c})
			}
		}
	}
	return out, nil
}

// lookup is the capability that a selector names in a TCB's CSpace.
func (d *decoder) lookup(root capability, selector uint64) (capability, bool) {
	left := 64
	for c := root; c.tag == "cap_cnode_cap"; {
		radix, guard := int(cnodeRadix.in(c.words[:])), int(cnodeGuardSize.in(c.words[:]))
		if radix+guard > left || radix+guard == 0 {
			return capability{}, false
		}
		left -= guard + radix
		addr, _ := c.names()
		index := selector >> left & (1<<radix - 1)
		w, err := words(d.space, addr+index*d.tcb.cte+d.tcb.cap, 2)
		if err != nil {
			return capability{}, false
		}
		if c = d.capabilityIn(w); left == 0 || c.tag != "cap_cnode_cap" {
			return c, c.tag != nullCap
		}
	}
	return capability{}, false
}

// table is what a CSpace holds by selector: its tree of CNodes in one list. less says
// that some of it was not read.
func (d *decoder) table(root capability) (out []slot, less bool) {
	var walk func(c capability, prefix uint64, left int)
	walk = func(c capability, prefix uint64, left int) {
		guard, radix := int(cnodeGuardSize.in(c.words[:])), int(cnodeRadix.in(c.words[:]))
		addr, _ := c.names()
		k := d.objects[addr]
		if radix+guard > left || radix+guard == 0 || k == nil || k.err != nil || k.kind != kindCNode {
			less = true
			return
		}
		left -= guard + radix
		prefix = prefix<<guard | cnodeGuard.in(c.words[:])
		less = less || radix > 14
		for _, s := range k.raw.slots {
			at := prefix<<radix | s.index
			switch {
			case s.tag == "cap_cnode_cap" && left > 0:
				walk(s.capability, at, left)
			case len(out) >= maxCaps:
				less = true
				return
			default:
				out = append(out, slot{at << left, s.capability})
			}
		}
	}
	if root.tag == "cap_cnode_cap" {
		walk(root, 0, 64)
	}
	slices.SortStableFunc(out, func(a, b slot) int {
		if a.index < b.index {
			return -1
		} else if a.index > b.index {
			return 1
		}
		return 0
	})
	return out, less
}
