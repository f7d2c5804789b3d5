package nova

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// Bounds on what a walk may follow. What lies beyond is reported as a problem.
const (
	maxCaps    = 1 << 16 // of a protection domain
	maxNodes   = 1 << 18 // of all
	maxObjects = 1 << 17
	maxCPUs    = 64
)

// last is a decoding that is kept for the next stop.
type last struct {
	nodes kept.Table[node]
	raws  kept.Table[raw]
	built map[uint64]*built
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
	nodes    int // of all trees so far

	objects map[uint64]*known // by address
	order   []*known
	tables  map[uint64]table  // by protection domain
	queued  map[uint64]uint64 // semaphore by the context that waits at it
	timed   map[uint64]bool   // contexts whose timeout is the first of a processor
	named   map[uint64]name   // of contexts and protection domains
}

// known is a kernel object.
type known struct {
	addr uint64
	raw  *raw
	err  error
}

// KernelSpace is an address space that maps the kernel: that of a processor at the
// stop, since it is mapped into every protection domain. It has none before the kernel
// has made its first objects.
func (l *Layout) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return kept.KernelSpace(m, "the kernel's Pd::root in memory", func(s *memory.Space) error {
		root := l.kobject(l.vars.root, typePD)
		made, err := memory.Uint(s, root+l.object.node+l.node.phys.Off, l.node.phys.Size)
		if err == nil && made != root {
			err = errors.New("it is no object: the kernel has not begun so far")
		}
		return err
	})
}

// Slot is the index in a capability table that a selector names: the selector itself.
func (l *Layout) Slot(selector uint64) uint64 { return selector }

// findObjects finds all kernel objects: what the trees of capabilities name, from the
// first two protection domains on, and what those refer to.
func (d *decoder) findObjects() {
	d.refer(d.vars.root, typePD)
	d.refer(d.vars.kern, typePD)
	for n := range d.m.CPUs {
		for _, at := range []uint64{d.vars.ec, d.vars.idle} {
			ec, err := memory.Uint(d.m.Space(n), at, d.ptr)
			if err != nil {
				d.probs.Note("who runs on processor %d: %v", n, err)
			}
			d.refer(ec, typeEC)
		}
		if first, err := memory.Uint(d.m.Space(n), d.vars.timers, d.ptr); err == nil && first != 0 {
			d.timed[d.kobject(first-d.ec.timer, typeEC)] = true
		}
	}
	for i := 0; i < len(d.order); i++ { // it grows meanwhile
		k := d.order[i]
		if k.err != nil {
			continue
		}
		switch r := k.raw; r.kind {
		case typePD:
			d.walk(k)
		case typeEC:
			d.refer(r.ec.pd, typePD)
			for _, ec := range []uint64{r.ec.partner, r.ec.rcap, r.ec.other} {
				d.refer(ec, typeEC)
			}
			d.refer(r.ec.signal, typeSM)
		case typePT, typeSC:
			d.refer(r.to, typeEC)
		case typeSM:
			d.refer(r.head, typeEC)
			d.refer(r.to, typeSM)
		}
	}
}

// kobject is the address of the Kobject in an object of a kind.
func (l *Layout) kobject(addr uint64, kind string) uint64 { return addr + l.object.bases[kind] }

// walk takes up what a protection domain has capabilities for.
func (d *decoder) walk(k *known) {
	nodes, err := d.tree(k.addr + d.Layout.pd.tree)
	d.tables[k.addr] = table{nodes, err}
	for _, n := range nodes {
		d.add(n.phys)
	}
}

// table are a protection domain's capabilities by selector, and why they are incomplete.
type table struct {
	nodes []node
	err   error
}

// refer takes up an object that another one refers to, if it is one of a kind.
func (d *decoder) refer(addr uint64, kind string) {
	if addr == 0 {
		return
	}
	if k := d.add(d.kobject(addr, kind)); k != nil && k.err == nil && k.raw.kind != kind {
		d.probs.Note("the object at %#x is taken for %s, and is %s", addr, kind, k.raw.kind)
	}
}

// add takes up the object at an address, and reads it.
func (d *decoder) add(addr uint64) *known {
	if k := d.objects[addr]; k != nil {
		return k
	}
	if len(d.order) >= maxObjects {
		d.probs.Note("there are more than %d kernel objects", maxObjects)
		return nil
	}
	it, anew := d.now.raws.Take(d.space, d.old.raws, addr, d.read)
	if anew {
		d.anew++
	}
	k := &known{addr, &it.Value, it.Err}
	d.objects[addr] = k
	d.order = append(d.order, k)
	return k
}

// node is a capability.
type node struct {
	left, right       uint64
	phys, base, order uint64
	attr              uint64
}

// readNode reads a node of a tree of mappings.
func (d *decoder) readNode(addr uint64) (n node, err error) {
	l := &d.Layout.node
	return n, d.Fields(addr-l.avl, d.Pointer(l.avl+l.left, &n.left), d.Pointer(l.avl+l.right, &n.right),
		l.phys.Into(&n.phys), l.base.Into(&n.base), l.order.Into(&n.order), l.attr.Into(&n.attr))
}

// tree lists the capabilities of a protection domain by selector. A tree that is damaged,
// or is being changed at this stop, is walked once through every node.
func (d *decoder) tree(at uint64) (out []node, err error) {
	root, err := d.Word(at)
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
		switch {
		case it.Err != nil:
			return 0, 0, fmt.Errorf("capability at %#x: %w", addr, it.Err)
		case n.order != 0:
			err = fmt.Errorf("capability %x stands for more than one object", n.base)
		case n.attr != 0: // else it is revoked
			out = append(out, n)
		}
		return n.left, n.right, err
	})
	slices.SortStableFunc(out, func(a, b node) int { return cmp.Compare(a.base, b.base) })
	return out, err
}

// slot is the object that a Pd has in a slot, nil if it has none.
func (d *decoder) slot(pd, selector uint64) *known {
	nodes := d.tables[d.kobject(pd, typePD)].nodes
	i, ok := slices.BinarySearchFunc(nodes, selector, func(n node, s uint64) int { return cmp.Compare(n.base, s) })
	if !ok {
		return nil
	}
	return d.objects[nodes[i].phys]
}

// findQueues notes who waits at which semaphore: nothing in a context tells.
func (d *decoder) findQueues() {
	for _, k := range d.order {
		if k.err != nil || k.raw.kind != typeSM || k.raw.head == 0 {
			continue
		}
		for at := k.raw.head; ; {
			ec := d.objects[d.kobject(at, typeEC)]
			if ec == nil || ec.err != nil || ec.raw.kind != typeEC {
				d.probs.Note("the queue of semaphore %s leads to %#x, where no context is", idOf(k.addr), at)
				break
			}
			if d.queued[ec.addr] != 0 {
				break
			}
			d.queued[ec.addr] = k.addr
			if at = ec.raw.ec.next; at == k.raw.head {
				break
			}
		}
	}
}

// idOf is an object's id: NOVA counts none, and prints addresses. All of them lie in the
// last 4 GiB, where the kernel is linked.
func idOf(addr uint64) kernel.ID {
	if addr>>32 == 1<<32-1 {
		addr &= 1<<32 - 1
	}
	return kernel.ID(addr)
}

// raw is what was read of an object, with kernel pointers where the model has ids.
type raw struct {
	kind   string // of enum Kobject::Type
	space  uint64 // of the protection domain that made it
	ec     *rawEC
	tables []uint64 // of a PD: page tables by processor

	to     uint64 // of a PT or SC: its context; of an SM: what it is chained to
	number uint64 // of a PT: its id; of an SC: its priority; of an SM: its counter
	more   uint64 // of a PT: where it enters; of an SC: its processor
	mtd    uint64 // of a PT
	head   uint64 // of an SM: who waits first
}

// read reads the object at an address.
func (d *decoder) read(addr uint64) (r raw, err error) {
	l := &d.object
	var self, kind uint64
	if err = d.Fields(addr, d.Pointer(l.node+d.Layout.node.phys.Off, &self), l.kind.Into(&kind), d.Pointer(l.space, &r.space)); err != nil {
		return r, fmt.Errorf("reading it: %w", err)
	}
	r.kind = l.kinds[kind]
	if _, ok := classes[r.kind]; !ok || self != addr {
		return r, fmt.Errorf("it is no kernel object (type %d, mapping of %#x)", kind, self)
	}
	addr -= l.bases[r.kind]
	switch r.kind {
	case typePD:
		r.tables, err = d.readTables(addr)
	case typeEC:
		r.ec, err = d.readEC(addr)
	case typePT:
		err = d.Fields(addr, d.Pointer(d.pt.ec, &r.to), d.Pointer(d.pt.id, &r.number), d.Pointer(d.pt.ip, &r.more), d.Pointer(d.pt.mtd, &r.mtd))
	case typeSC:
		err = d.Fields(addr, d.Pointer(d.sc.ec, &r.to), d.sc.prio.Into(&r.number), d.sc.cpu.Into(&r.more))
	case typeSM:
		err = d.Fields(addr, d.Pointer(d.sm.chained, &r.to), d.Pointer(d.sm.counter, &r.number), d.Pointer(d.sm.queue, &r.head))
	}
	if err != nil {
		return r, fmt.Errorf("reading it: %w", err)
	}
	return r, nil
}

// readTables reads the page tables that a protection domain has on each processor.
func (d *decoder) readTables(addr uint64) ([]uint64, error) {
	n := d.Layout.pd.count
	if !d.m.Running { // then not even how many processors there are is known
		n = min(len(d.m.CPUs), n)
	}
	out := make([]uint64, n)
	for i := range out {
		v, err := d.Word(addr + d.Layout.pd.tables + uint64(i)*d.Layout.pd.stride)
		if err != nil {
			return nil, err
		}
		out[i] = v &^ (d.m.Paging.PageSize() - 1)
	}
	return out, nil
}

// built is an object of the model, and what it was made of.
type built struct {
	obj   *kernel.Object
	raw   *raw
	nodes []node // of a PD: its capabilities
	name  string
}

// id is that of the object that a pointer to its class leads to, 0 if none is known.
func (d *decoder) id(addr uint64, kind string) kernel.ID {
	if addr == 0 {
		return 0
	}
	if k := d.objects[d.kobject(addr, kind)]; k != nil && k.err == nil {
		return idOf(k.addr)
	}
	return 0
}

// name is how core calls a thread, and its protection domain.
type name struct{ thread, pd string }
