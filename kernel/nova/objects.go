package nova

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"thaw/kernel"
)

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
