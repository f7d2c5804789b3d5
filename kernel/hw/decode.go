package hw

import (
	"errors"
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
	trees kept.Table[[]node] // by address
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
	old, now last
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

// KernelSpace is an address space that maps the kernel: that of a processor at the
// stop, since it is mapped into every protection domain. It has none before bootstrap
// has switched page tables and core has made its own protection domain, by which all
// objects are found.
func (l *Layout) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return kept.KernelSpace(m, "the kernel's "+l.gen.root+" in memory", func(s *memory.Space) error {
		_, err := l.moved(s)
		return err
	})
}

// moved is how far core's variables stand behind where its file says: core is linked
// again with its boot modules, before which the file is made, and they begin at a page.
func (l *Layout) moved(s memory.Reader) (uint64, error) {
	err := l.coreAt(s, 0)
	for off := uint64(page); err != nil && off <= mostMoved; off += page {
		if l.coreAt(s, off) == nil && l.isCore(s, off) {
			return off, nil
		}
	}
	return 0, err
}

const (
	page      = 1 << 12
	mostMoved = 2 * page
)

// coreAt says whether core's protection domain is there, with variables moved so far.
func (l *Layout) coreAt(s memory.Reader, moved uint64) error {
	made, err := l.root.made.Follow(s, l.ptr, moved)
	switch {
	case err != nil:
		return err
	case made == 0:
		return fmt.Errorf("%s is 0: the kernel has not begun so far", l.gen.root)
	}
	is, err := memory.Uint(s, made, 1)
	if err == nil && is == 0 {
		err = errors.New("core's protection domain does not exist so far")
	}
	return err
}

// isCore says whether it has core's name, too.
func (l *Layout) isCore(s memory.Reader, moved uint64) bool {
	pd, err := l.root.pd.Follow(s, l.ptr, moved)
	if err != nil || pd == 0 {
		return false
	}
	at, err := l.pd.name.Follow(s, l.ptr, pd)
	if err != nil || at == 0 {
		return false
	}
	name, err := memory.CString(s, at, maxName)
	return err == nil && name == "core"
}

// Slot is the index in a capability table that a selector names: the capid itself.
func (l *Layout) Slot(selector uint64) uint64 { return selector }

// findCore finds core's protection domain.
func (d *decoder) findCore() (err error) {
	moved, err := d.moved(d.space)
	if err != nil {
		return err
	}
	if d.core, err = d.Follow(d.root.pd, moved); err != nil {
		err = fmt.Errorf("reading %s: %w", d.gen.root, err)
	}
	return err
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
	capid, used   uint64
	identity, obj uint64
	object        uint64 // the Kernel::Object
	kind          string // its type
}

// readNode reads a node of a tree, where its children are, and what it leads to.
func (d *decoder) readNode(addr uint64) (n node, left, right uint64, err error) {
	l := &d.Layout.caps
	ref := addr - l.node
	err = d.Fields(ref, d.Pointer(l.node+l.left, &left), d.Pointer(l.node+l.right, &right),
		l.capid.Into(&n.capid), l.used.Into(&n.used), d.Pointer(l.identity, &n.identity))
	if err != nil || n.identity == 0 {
		return n, left, right, err
	}
	if n.object, err = d.Word(n.identity + l.object); err != nil {
		return n, left, right, fmt.Errorf("identity of capability %x: %w", n.capid, err)
	}
	if n.object == 0 {
		return n, left, right, nil
	}
	if !l.kind.Exists() {
		n.kind, n.obj = l.byPlace(n.identity, n.object)
		return n, left, right, nil
	}
	var kind uint64
	if err = d.Fields(n.object, l.kind.Into(&kind), d.Pointer(l.obj, &n.obj)); err != nil {
		return n, left, right, fmt.Errorf("object of capability %x: %w", n.capid, err)
	}
	if n.kind = l.kinds[kind]; n.kind == "" {
		n.kind = fmt.Sprintf("type %d", kind)
	}
	return n, left, right, nil
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
// pointer is the tree's own first child. One in which nothing has changed since the stop
// before is not walked again.
func (d *decoder) tree(base uint64) ([]node, error) {
	it, anew := d.now.trees.Take(d.space, d.old.trees, base, d.walk)
	if anew {
		d.anew++
	}
	d.nodes += len(it.Value)
	return it.Value, it.Err
}

// walk reads a tree. One that is damaged, or is being changed at this stop, is walked once
// through every node.
func (d *decoder) walk(base uint64) (out []node, err error) {
	root, err := d.Word(base + d.Layout.caps.left)
	if err != nil {
		return nil, fmt.Errorf("reading the root of its capability tree: %w", err)
	}
	var found []node
	var order []uint64 // capid and, in the lower half, which one of those found: quicker to sort than nodes
	err = kept.Tree(root, min(maxCaps, maxNodes-d.nodes), func(addr uint64) (left, right uint64, err error) {
		n, left, right, err := d.readNode(addr)
		if err == nil || n.capid != 0 {
			order = append(order, n.capid<<32|uint64(len(found)))
			if len(found) == cap(found) {
				found = slices.Grow(found, len(found)+1) // doubles it: append adds a quarter
			}
			found = append(found, n)
		}
		if err != nil {
			err = fmt.Errorf("capability at %#x: %w", addr, err)
		}
		return left, right, err
	})
	slices.Sort(order)
	out = make([]node, len(found))
	for i, key := range order {
		out[i] = found[uint32(key)]
	}
	return out, err
}

// sameNodes says whether capabilities are the same, mostly since it is the same list.
func sameNodes(a, b []node) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0] || slices.Equal(a, b))
}

// raw is what was read of an object, with kernel pointers where the model has ids.
type raw struct {
	thread *rawThread
	name   string // of a PD: its label
	root   uint64 // of its page tables

	// Of a signal context: its receiver; of a receiver: the thread that waits at it;
	// of an IRQ: its signal context.
	to              uint64
	number, submits uint64 // imprint, or vector
	ack             uint64
}

// built is an object of the model, and what it was made of.
type built struct {
	obj   *kernel.Object
	raw   *raw
	nodes []node // of a PD: its capabilities
}
