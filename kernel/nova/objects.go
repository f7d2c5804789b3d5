package nova

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"thaw/kernel"
)

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

// system makes the model. What is as it was at the stop before is taken over: it was
// given out and must not be changed.
func (d *decoder) system() *kernel.System {
	objects := make([]*kernel.Object, 0, len(d.order))
	for _, k := range d.order {
		objects = append(objects, d.build(k))
	}
	sys := kernel.NewSystem(objects, nil)
	d.markRunning(sys)
	sys.Problems = d.probs
	return sys
}

func (d *decoder) build(k *known) *kernel.Object {
	r, name := k.raw, ""
	if k.err == nil {
		name = d.nameOf(k)
	}
	nodes, incomplete := d.tables[k.addr].nodes, d.tables[k.addr].err
	if b := d.old.built[k.addr]; b != nil && b.raw == r && k.err == nil && r.kind != typeEC && incomplete == nil && b.name == name && slices.Equal(b.nodes, nodes) {
		d.now.built[k.addr] = b
		return b.obj
	}
	o := &kernel.Object{ID: idOf(k.addr), Addr: k.addr, Kind: kernel.KindOther, Class: "Kobject", Name: name}
	d.now.built[k.addr] = &built{o, r, nodes, name}
	if class, ok := classes[r.kind]; ok {
		o.Kind, o.Class, o.Addr, o.Size = kernel.Kind(r.kind), class, k.addr-d.object.bases[r.kind], d.object.sizes[r.kind]
	}
	if k.err != nil {
		o.Problem = k.err.Error()
		d.probs.Note("%s %s at %#x: %v", o.Class, o.ID, o.Addr, k.err)
		return o
	}
	switch r.kind {
	case typePD:
		o.PD = &kernel.PD{Kernel: o.Addr == d.vars.kern, Caps: d.capabilities(nodes)}
		if incomplete != nil {
			o.PD.Problem = incomplete.Error()
		}
		for _, root := range r.tables {
			if o.PD.Root == 0 {
				o.PD.Root = root
			} else if root != 0 {
				o.PD.Roots = append(o.PD.Roots, root)
			}
		}
	case typeEC:
		o.Thread = d.threadOf(k)
	case typePT:
		o.Links = []kernel.Link{{Name: "EC", To: d.id(r.to, typeEC), None: "no EC"}}
		o.Values = []kernel.Value{{Name: "id", Number: r.number}, {Name: "entry", Number: r.more}, {Name: "mtd", Number: r.mtd}}
	case typeSC:
		o.Links = []kernel.Link{{Name: "EC", To: d.id(r.to, typeEC), None: "no EC"}}
		o.Values = []kernel.Value{{Name: "priority", Number: r.number}, {Name: "processor", Number: r.more}}
	case typeSM:
		o.Event = r.space == d.vars.kern+d.Layout.pd.objects // the kernel's own: it is raised by an interrupt
		o.Values = []kernel.Value{{Name: "counter", Number: r.number}}
		o.Links = []kernel.Link{{Name: "signals to", To: d.id(r.to, typeSM), None: "no other SM"}}
	}
	return o
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

// permissions are the words of NOVA's interface for the bits of a capability's
// permissions, from the lowest on: what they permit is another matter for each type.
var permissions = map[string][]string{
	typePD: {"pd", "ec", "sc", "pt", "sm"}, // to create such
	typeEC: {"ctrl", "1", "sc", "pt", "4"}, // ctrl: to recall it; to bind such
	typeSC: {"ctrl", "1", "2", "3", "4"},
	typePT: {"ctrl", "call", "2", "3", "xcpu"},
	typeSM: {"up", "dn", "2", "3", "4"},
}

// capabilities are those of a protection domain.
func (d *decoder) capabilities(nodes []node) []kernel.Capability {
	out := make([]kernel.Capability, 0, len(nodes))
	for _, n := range nodes {
		c := kernel.Capability{Slot: n.base, Pointer: n.phys}
		if k := d.objects[n.phys]; k != nil && k.err == nil {
			c.Object, c.Rights = idOf(k.addr), rights(k.raw.kind, n.attr)
		}
		out = append(out, c)
	}
	return out
}

// rights are permissions in words.
func rights(kind string, attr uint64) string {
	var words []string
	for a := attr; a != 0; a &= a - 1 {
		bit := bits.TrailingZeros64(a)
		if of := permissions[kind]; bit < len(of) {
			words = append(words, of[bit])
		} else {
			words = append(words, fmt.Sprint(bit))
		}
	}
	return strings.Join(words, ",")
}
