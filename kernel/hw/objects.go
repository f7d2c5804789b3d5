package hw

import (
	"cmp"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
)

// read reads an object by its kind.
func (d *decoder) read(kind string, addr uint64) (r raw, err error) {
	switch kind {
	case typeThread:
		r.thread, err = d.readThread(addr)
	case typePD:
		if r.root, err = d.Word(addr + d.pd.root); err == nil {
			var name uint64
			if name, err = d.Follow(d.pd.name, addr); err == nil && name != 0 {
				r.name, err = memory.CString(d.space, name, maxName)
			}
		}
	case typeContext:
		s := &d.signal
		err = d.Fields(addr, d.Pointer(s.receiver, &r.to), d.Pointer(s.imprint, &r.number), s.submits.Into(&r.submits), s.ack.Into(&r.ack))
	case typeReceiver:
		r.to, err = d.Follow(d.signal.handler, addr)
	case typeIRQ:
		err = d.Fields(addr, d.irq.id.Into(&r.number), d.Pointer(d.irq.context, &r.to))
	}
	if err != nil {
		return r, fmt.Errorf("reading it: %w", err)
	}
	return r, nil
}

// system makes the model. What is as it was at the stop before is taken over: it was
// given out and must not be changed.
func (d *decoder) system() *kernel.System {
	d.now.held = d.held
	same := d.old.sys != nil && sameNodes(d.old.held, d.held) && len(d.old.built) > 0
	objects := make([]*kernel.Object, 0, len(d.held)+len(d.order))
	for _, k := range d.order {
		objects = append(objects, d.object(k, same))
	}
	for _, n := range d.held {
		if k := d.objects[n.obj]; k != nil && d.ids[n.identity] == kernel.ID(n.capid) && k.id != kernel.ID(n.capid) {
			objects = append(objects, d.served(n, k, same))
		}
	}
	if same && len(objects) == len(d.old.sys.Objects) {
		slices.SortStableFunc(objects, func(a, b *kernel.Object) int { return cmp.Compare(a.ID, b.ID) })
		d.now.sys = d.old.sys.Again(objects, d.probs)
	} else {
		d.now.sys = kernel.NewSystem(objects, d.probs)
	}
	sys := d.now.sys.Again(slices.Clone(d.now.sys.Objects), d.probs)
	d.markRunning(sys)
	return sys
}

// object is an object of the model.
func (d *decoder) object(k *known, same bool) *kernel.Object {
	var nodes []node
	var problem error
	if k.kind == typePD && k.err == nil {
		if k.addr == d.core {
			nodes = d.held
		} else if nodes, problem = d.tree(k.addr + d.pd.tree); problem != nil {
			d.probs.Note("PD %s: %v", k.raw.name, problem)
		}
	}
	if b := d.old.built[k.addr]; same && problem == nil && k.err == nil && b != nil && b.raw == k.raw && b.obj.ID == k.id && sameNodes(b.nodes, nodes) {
		d.now.built[k.addr] = b
		return b.obj
	}
	o := &kernel.Object{ID: k.id, Addr: k.addr, Size: d.sizeOf(k), Kind: kernel.KindOther, Class: k.kind}
	d.now.built[k.addr] = &built{o, k.raw, nodes}
	switch k.kind {
	case typeThread:
		o.Kind, o.Class = kindThread, k.class.name
		if t := k.raw.thread; t != nil {
			o.Name = t.name
			o.Thread = d.threadOf(t)
		}
	case typePD:
		o.Kind, o.Class, o.Name = kindPD, "Kernel::Pd", k.raw.name
		o.PD = &kernel.PD{Root: k.raw.root, Caps: d.capabilities(nodes)}
		if problem != nil {
			o.PD.Problem = problem.Error()
		}
	case typeContext:
		o.Kind, o.Class, o.Event = kindContext, "Kernel::Signal_context", true
		o.Links = []kernel.Link{{Name: "receiver", To: d.id(k.raw.to), None: "no receiver"}}
		o.Values = []kernel.Value{{Name: "imprint", Number: k.raw.number}, {Name: "submits", Number: k.raw.submits}, {Name: "acknowledged", Number: k.raw.ack, Text: yesNo(k.raw.ack)}}
	case typeReceiver:
		o.Kind, o.Class, o.Event = kindReceiver, "Kernel::Signal_receiver", true
		o.Links = []kernel.Link{{Name: "handler", To: d.id(k.raw.to), None: "no thread waits at it"}}
	case typeIRQ:
		o.Kind, o.Class, o.Event = kindIRQ, "Kernel::User_irq", true
		o.Links = []kernel.Link{{Name: "signal context", To: d.id(k.raw.to), None: "not bound"}}
		o.Values = []kernel.Value{{Name: "vector", Number: k.raw.number}}
	case typeVCPU:
		o.Kind, o.Class = kindVCPU, "Kernel::Vcpu"
	}
	if k.err != nil {
		o.Problem = k.err.Error()
		d.probs.Note("%s %s at %#x: %v", o.Class, o.ID, o.Addr, k.err)
	}
	return o
}

func yesNo(n uint64) string {
	if n != 0 {
		return "yes"
	}
	return "no"
}

// served is what a thread serves under a capability of its own: an RPC object. To the
// kernel it is one more identity of the thread; the server tells its objects apart by
// their capids in its own protection domain.
func (d *decoder) served(n node, k *known, same bool) *kernel.Object {
	if b := d.old.built[n.identity]; same && b != nil && b.raw == k.raw {
		d.now.built[n.identity] = b
		return b.obj
	}
	o := &kernel.Object{ID: kernel.ID(n.capid), Addr: n.identity, Size: d.Layout.caps.identSize, Kind: kindRPC, Class: "Kernel::Object_identity",
		Links: []kernel.Link{{Name: "server", To: k.id, None: "no server"}}}
	d.now.built[n.identity] = &built{obj: o, raw: k.raw}
	return o
}

// capabilities are those of a protection domain.
func (d *decoder) capabilities(nodes []node) []kernel.Capability {
	out := make([]kernel.Capability, 0, len(nodes))
	for _, n := range nodes {
		c := kernel.Capability{Slot: n.capid, Pointer: n.identity, Object: d.idOf(n)}
		if n.used > 0 {
			c.More = fmt.Sprintf("in %d UTCBs", n.used)
		}
		out = append(out, c)
	}
	return out
}

// idOf is the object that a capability names: by its identity or, where core has no
// capability for that, by its address.
func (d *decoder) idOf(n node) kernel.ID {
	if id := d.ids[n.identity]; id != 0 {
		return id
	}
	return d.id(n.obj)
}

// id is that of the object at an address, 0 if none is known there.
func (d *decoder) id(addr uint64) kernel.ID {
	if k := d.objects[addr]; k != nil {
		return k.id
	}
	return 0
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
