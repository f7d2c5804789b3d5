package nova

import (
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/kernel/offsets"
	"thaw/memory"
)

func newCoreLayout(core kernel.Symbols) (*coreLayout, error) {
	f := offsets.Finder{File: core}
	const pager, thread = "Core::Pager_object", "Core::Platform_thread"
	l := &coreLayout{
		badge: f.At(pager, "_badge"), ec: f.At(pager, "_state.sel_client_ec"),
		pd: f.At(thread, "_pd"), id: f.At(thread, "_id_base"), utcb: f.At("Genode::Stack", "_utcb"), portals: map[uint64]string{},
	}
	l.name, l.nameLen = f.Text(thread, "_name._buf", maxName)
	l.pdName, l.labelLen = f.Text("Core::Platform_pd", "name._buf", maxName)
	l.stackName, l.stackLen = f.Text("Genode::Stack", "_name._buf", maxName)
	for name, word := range map[string]string{"Nova::PT_SEL_STARTUP": startup, "Nova::PT_SEL_RECALL": recall, "Nova::PT_SEL_PAGE_FAULT": ""} {
		if n := f.Enumerator(name); word == "" {
			l.fault = n
		} else {
			l.portals[n] = word
		}
	}
	if f.Err != nil {
		return nil, fmt.Errorf("%s does not describe how core names threads (give core of this system, with debug info): %w", core.Path(), f.Err)
	}
	return l, nil
}

// maxName bounds names.
const maxName = 160

// findNames finds the names of all contexts, and by them those of protection domains.
// The names of core's own threads stand in their stacks; the others' core knows by the
// pager object to which their portals lead.
func (d *decoder) findNames() {
	d.named[d.kobject(d.vars.kern, typePD)] = name{pd: "kernel"}
	if d.unnamed != nil {
		d.probs.Note("threads and protection domains have no names: %v", d.unnamed)
	}
	root := d.objects[d.kobject(d.vars.root, typePD)]
	if d.core == nil || root == nil || root.err != nil {
		return
	}
	d.named[root.addr] = name{pd: "core"}
	i := slices.IndexFunc(root.raw.tables, func(table uint64) bool { return table != 0 })
	if i < 0 {
		return
	}
	core := offsets.Words{Space: memory.NewSpace(d.m.Phys, d.m.Paging, root.raw.tables[i]), Ptr: d.ptr}
	for _, k := range d.order {
		if k.err != nil || k.raw.kind != typeEC || k.raw.ec.user == 0 {
			continue
		}
		n, err := d.readName(&core, k)
		if err != nil {
			continue // core itself has none for its first
		}
		d.named[k.addr] = n
		if k.raw.ec.other != 0 { // it calls on another processor for this one
			d.named[d.kobject(k.raw.ec.other, typeEC)] = name{n.thread + " (xcpu)", n.pd}
		}
		if pd := d.kobject(k.raw.ec.pd, typePD); d.named[pd].pd == "" {
			d.named[pd] = name{pd: n.pd}
		}
	}
}

// readName reads how core calls a context.
func (d *decoder) readName(w *offsets.Words, k *known) (n name, err error) {
	r, core := k.raw.ec, d.Layout.core
	if r.pd == d.vars.root {
		n.thread, err = memory.CString(w.Space, r.user-core.utcb+core.stackName, core.stackLen)
		return n, err
	}
	pt := d.slot(r.pd, r.evt+core.fault)
	if pt == nil || pt.err != nil || pt.raw.kind != typePT {
		return n, errors.New("it has no portal for page faults")
	}
	var thread, selector, pd, id uint64
	if err = w.Fields(pt.raw.number, w.Pointer(core.badge, &thread), w.Pointer(core.ec, &selector)); err != nil {
		return n, err
	}
	if err = w.Fields(thread, w.Pointer(core.pd, &pd), w.Pointer(core.id, &id)); err != nil {
		return n, err
	}
	if selector != id || d.slot(d.vars.root, id) != k {
		return n, errors.New("its pager object is another one's")
	}
	if n.thread, err = memory.CString(w.Space, thread+core.name, core.nameLen); err == nil {
		n.pd, err = memory.CString(w.Space, pd+core.pdName, core.labelLen)
	}
	return n, err
}

// nameOf is an object's name: a context's as core gives it, a scheduling context's the
// same, and a protection domain's as core labels it.
func (d *decoder) nameOf(k *known) string {
	switch k.raw.kind {
	case typePD:
		return d.named[k.addr].pd
	case typeEC:
		return d.named[k.addr].thread
	case typeSC:
		return d.named[d.kobject(k.raw.to, typeEC)].thread
	}
	return ""
}
