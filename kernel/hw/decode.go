package hw

import (
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// Bounds on what a walk may follow. Capids have 16 bits; what lies beyond is reported
// as a problem.
const (
	maxCaps   = 1 << 16 // of a protection domain
	maxNodes  = 1 << 18 // of all
	maxCPUs   = 64
	maxHelped = 256 // threads that help each other
	maxLabel  = 64
	maxName   = 160 // of a protection domain
)

// last is a decoding that is kept for the next stop.
type last struct {
	space *kept.Space
	nodes kept.Table[node]
	raws  kept.Table[raw]
	held  []node            // core's capabilities
	built map[uint64]*built // by address of the object or, of an RPC object, its identity
	sys   *kernel.System    // without what runs on the processors
}

// decoder is one decoding of one stop.
type decoder struct {
	*Layout
	m kernel.Machine
	offsets.Words
	space    *kept.Space
	old, now *last
	probs    kernel.Problems
	anew     int
	nodes    int // of all trees so far

	core    uint64               // address of core's Kernel::Pd
	held    []node               // core's capabilities
	ids     map[uint64]kernel.ID // by identity
	objects map[uint64]*known    // by address
	order   []*known
}

// known is a kernel object that a capability of core's names, or a processor's idle
// thread.
type known struct {
	id    kernel.ID
	addr  uint64
	class class  // of a thread
	kind  string // of enum Kernel::Object::Type
	raw   *raw
	err   error
}

// Decode reads all kernel objects. It fails only where there is nothing to show;
// what is damaged is told in the model's Problems and in the objects.
//
// Over a memory.Mirror that was refreshed since the last call, what did not change in
// memory is not decoded again.
func (l *Layout) Decode(m kernel.Machine) (*kernel.System, error) {
	d := &decoder{Layout: l, m: m, old: &last{}, now: &last{nodes: kept.Table[node]{}, raws: kept.Table[raw]{}, built: map[uint64]*built{}},
		ids: map[uint64]kernel.ID{}, objects: map[uint64]*known{}}
	var before *kept.Space
	if l.last != nil {
		before = l.last.space
	}
	space, same, err := kept.Open(m, before, l.KernelSpace)
	if err != nil {
		l.last = nil
		return nil, err
	}
	d.Words = offsets.Words{Space: space, Ptr: l.ptr}
	if d.space, d.now.space = space, space; same {
		d.old = l.last
	}
	if err := d.findCore(); err != nil {
		l.last = nil
		return nil, err
	}
	d.findObjects()
	d.findIdle()
	sys := d.system()
	sys.Anew = d.anew
	l.last = d.now
	return sys, nil
}

// KernelSpace is an address space that maps the kernel: that of a processor at the
// stop, since it is mapped into every protection domain. It has none before bootstrap
// has switched page tables.
func (l *Layout) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return kept.KernelSpace(m, "the kernel's "+l.gen.root+" in memory (not booted so far, or another core)", func(s *memory.Space) error {
		made, err := l.root.made.Follow(s, l.ptr, 0)
		switch {
		case err != nil:
			return err
		case made == 0:
			return fmt.Errorf("%s is 0: the kernel has not begun so far", l.gen.root)
		}
		_, err = memory.Uint(s, made, 1)
		return err
	})
}

// Slot is the index in a capability table that a selector names: the capid itself.
func (l *Layout) Slot(selector uint64) uint64 { return selector }

// findCore finds core's protection domain.
func (d *decoder) findCore() error {
	at, err := d.Follow(d.root.made, 0)
	if err != nil {
		return fmt.Errorf("reading %s: %w", d.gen.root, err)
	}
	made, err := memory.Uint(d.space, at, 1)
	if err != nil {
		return fmt.Errorf("reading the kernel's root objects at %#x: %w", at, err)
	}
	if made == 0 {
		return fmt.Errorf("core's protection domain does not exist so far: let the kernel boot")
	}
	d.core, err = d.Follow(d.root.pd, 0)
	return err
}

// findObjects finds all kernel objects: core has a capability for each that it made.
func (d *decoder) findObjects() {
	var err error
	if d.held, err = d.tree(d.core + d.pd.tree); err != nil {
		d.probs.Note("core's capabilities: %v", err)
	}
	for _, n := range d.held {
		if n.identity == 0 || n.obj == 0 {
			continue // dead
		}
		k := d.objects[n.obj]
		if k == nil {
			k = &known{addr: n.obj, kind: n.kind, class: d.thread.classes[0]}
			d.add(k)
		}
		if d.ids[n.identity] == 0 {
			d.ids[n.identity] = kernel.ID(n.capid)
		}
		if k.id == 0 && d.owns(k, n.identity) {
			k.id = kernel.ID(n.capid)
		}
	}
	if d.objects[d.core] == nil { // in 18.02 there is no capability for core's own
		d.add(&known{addr: d.core, kind: typePD})
	}
	for _, k := range d.order {
		if k.id == 0 {
			k.id = kernel.ID(k.addr) // core has no capability for it itself, only for what it serves
		}
	}
}

// add takes up an object, and reads it.
func (d *decoder) add(k *known) {
	d.objects[k.addr] = k
	d.order = append(d.order, k)
	it, anew := d.now.raws.Take(d.space, d.old.raws, k.addr, func(addr uint64) (raw, error) { return d.read(k.kind, addr) })
	if k.raw, k.err = &it.Value, it.Err; anew {
		d.anew++
	}
}

// owns says whether an identity is the object's own, and for a thread of which class it
// is then. Others are those of what a thread serves.
func (d *decoder) owns(k *known, identity uint64) bool {
	if k.kind != typeThread {
		return identity-k.addr < d.sizeOf(k)
	}
	for _, c := range d.thread.classes {
		if identity == k.addr+c.identity {
			k.class = c
			return true
		}
	}
	return false
}

// sizeOf is that of an object with its identity.
func (d *decoder) sizeOf(k *known) uint64 {
	switch k.kind {
	case typeThread:
		return k.class.size
	case typePD:
		return d.Layout.pd.size
	case typeContext:
		return d.signal.contextSize
	case typeReceiver:
		return d.signal.receiverSize
	case typeIRQ:
		return d.irq.size
	}
	return d.Layout.caps.identSize
}

// findIdle finds the processors' idle threads, which no capability names.
func (d *decoder) findIdle() {
	cpus, err := d.processors(d.space, nil)
	if err != nil {
		d.probs.Note("the list of processors: %v", err)
	}
	for _, cpu := range cpus {
		addr := cpu.addr + d.cpu.idle
		if d.objects[addr] == nil {
			d.add(&known{id: kernel.ID(addr), addr: addr, kind: typeThread, class: class{name: "Kernel::Idle_thread", size: d.thread.classes[0].identity}})
		}
	}
}

// words of enum Kernel::Object::Type.
const (
	typeThread   = "THREAD"
	typePD       = "PD"
	typeContext  = "SIGNAL_CONTEXT"
	typeReceiver = "SIGNAL_RECEIVER"
	typeIRQ      = "IRQ"
	typeVCPU     = "VCPU"
)

// Kinds of objects, as the user reads them.
const (
	kindThread   kernel.Kind = "Thread"
	kindRPC      kernel.Kind = "RPC object"
	kindPD       kernel.Kind = "PD"
	kindContext  kernel.Kind = "Signal context"
	kindReceiver kernel.Kind = "Signal receiver"
	kindIRQ      kernel.Kind = "IRQ"
	kindVCPU     kernel.Kind = "vCPU"
)

// node is a capability in a protection domain's tree, with what it names.
type node struct {
	left, right   uint64
	capid, used   uint64
	identity, obj uint64
	object        uint64 // the Kernel::Object
	kind          string // its type
}

// readNode reads a node of a tree and what it leads to.
func (d *decoder) readNode(addr uint64) (n node, err error) {
	l := &d.Layout.caps
	ref := addr - l.node
	err = d.Fields(ref, d.Pointer(l.node+l.left, &n.left), d.Pointer(l.node+l.right, &n.right),
		l.capid.Into(&n.capid), l.used.Into(&n.used), d.Pointer(l.identity, &n.identity))
	if err != nil || n.identity == 0 {
		return n, err
	}
	if n.object, err = d.Word(n.identity + l.object); err != nil {
		return n, fmt.Errorf("identity of capability %x: %w", n.capid, err)
	}
	if n.object == 0 {
		return n, nil
	}
	if !l.kind.Exists() {
		n.kind, n.obj = l.byPlace(n.identity, n.object)
		return n, nil
	}
	var kind uint64
	if err = d.Fields(n.object, l.kind.Into(&kind), d.Pointer(l.obj, &n.obj)); err != nil {
		return n, fmt.Errorf("object of capability %x: %w", n.capid, err)
	}
	if n.kind = l.kinds[kind]; n.kind == "" {
		n.kind = fmt.Sprintf("type %d", kind)
	}
	return n, nil
}

// byPlace is an object's kind and address where the kernel notes none: an identity of
// its own stands behind it, as far as the object is large. Any other identity is that
// of what a thread serves.
func (l *treeLayout) byPlace(identity, object uint64) (kind string, addr uint64) {
	for _, p := range l.places {
		if identity == object+p.identity {
			return p.kind, object - p.object
		}
	}
	return typeThread, object - l.places[0].object
}

// tree lists the capabilities of a protection domain by capid, whose root node's
// pointer is the tree's own first child. A tree that is damaged, or is being changed at
// this stop, is walked once through every node.
func (d *decoder) tree(base uint64) (out []node, err error) {
	root, err := d.Word(base + d.Layout.caps.left)
	if err != nil {
		return nil, fmt.Errorf("reading the root of its capability tree: %w", err)
	}
	err = kept.Tree(root, min(maxCaps, maxNodes-d.nodes), func(addr uint64) (left, right uint64, err error) {
		d.nodes++
		it, anew := d.now.nodes.Take(d.space, d.old.nodes, addr, d.readNode)
		if anew {
			d.anew++
		}
		n := it.Value
		if it.Err == nil || n.capid != 0 {
			out = append(out, n)
		}
		if err = it.Err; err != nil {
			err = fmt.Errorf("capability at %#x: %w", addr, err)
		}
		return n.left, n.right, err
	})
	slices.SortStableFunc(out, func(a, b node) int { return int(a.capid) - int(b.capid) })
	return out, err
}
