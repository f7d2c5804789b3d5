package sel4

import (
	"fmt"
	"maps"
	"strings"

	"thaw/kernel"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// idOf is an object's id: seL4 counts none, and prints addresses. All of them lie in the
// last 512 GiB.
func idOf(addr uint64) kernel.ID {
	if addr>>39 == 1<<25-1 {
		addr &= 1<<39 - 1
	}
	return kernel.ID(addr)
}

// structs are the kernel's names of what kinds are.
var structs = map[string]string{kindTCB: "tcb", kindCNode: "cte", kindVSpace: "pml4e", kindEndpoint: "endpoint", kindNotification: "notification"}

// pdOf is the address space of a TCB; that of the kernel's own threads is the kernel's.
func (d *decoder) pdOf(tcb uint64) kernel.ID {
	if at := d.spaces[tcb]; at != 0 {
		return idOf(at)
	}
	return idOf(d.tables)
}

// system makes the model.
func (d *decoder) system() *kernel.System {
	objects := []*kernel.Object{{ID: idOf(d.tables), Addr: d.tables, Size: d.m.Paging.PageSize(), Kind: kindVSpace, Class: structs[kindVSpace],
		Name: "kernel", PD: &kernel.PD{Kernel: true, Root: d.space.Root()}}}
	cspaces, of := map[uint64]capability{}, map[uint64]uint64{} // CSpace root of the lowest thread by address space
	for _, k := range d.order {
		if at := d.spaces[k.addr]; at != 0 && k.raw.tcb != nil && (of[at] == 0 || k.addr < of[at]) {
			cspaces[at], of[at] = k.raw.tcb.slots[slotCSpace], k.addr
		}
	}
	for _, k := range d.order {
		if k.addr != d.tables {
			objects = append(objects, d.build(k, cspaces[k.addr]))
		}
	}
	sys := kernel.NewSystem(objects, nil)
	d.markRunning(sys)
	sys.Problems = d.probs
	return sys
}

func (d *decoder) build(k *known, cspace capability) *kernel.Object {
	o := &kernel.Object{ID: idOf(k.addr), Addr: k.addr, Size: 1, Kind: kernel.Kind(k.kind), Class: structs[k.kind]}
	if k.err != nil {
		o.Problem = k.err.Error()
		d.probs.Note("%s %s at %#x: %v", o.Class, o.ID, o.Addr, k.err)
		return o
	}
	switch k.kind {
	case kindTCB:
		o.Size, o.Name, o.Thread = d.Layout.tcb.size, d.named[k.addr].thread, d.threadOf(k)
		if own := k.raw.tcb.name; o.Name == "" && !strings.HasPrefix(own, "child of: ") { // so goes by its maker what nobody named
			o.Name = own
		}
	case kindVSpace:
		o.Size, o.Name, o.PD = d.m.Paging.PageSize(), d.named[k.addr].pd, &kernel.PD{}
		_, root, err := d.space.Translate(k.addr)
		if err != nil {
			o.PD.Problem = fmt.Sprintf("its page tables are not mapped: %v", err)
		}
		o.PD.Root = root
		slots, less := d.table(cspace)
		if o.PD.Caps = d.capabilities(slots); less {
			o.Values = append(o.Values, kernel.Value{Name: "listed", Number: uint64(len(slots)), Text: fmt.Sprintf("of larger CNodes the first %d slots", maxSlots)})
		}
	case kindCNode:
		o.Size = d.Layout.tcb.cte << min(k.radix, 40)
		o.Values = []kernel.Value{{Name: "radix", Number: k.radix}, {Name: "used", Number: uint64(len(k.raw.slots))}}
		if k.radix > 14 {
			o.Values[1].Text = fmt.Sprintf("%d of the first %d slots", len(k.raw.slots), maxSlots)
		}
	case kindEndpoint:
		o.Size = 16
		o.Values = []kernel.Value{{Name: "state", Number: queueState.in(k.raw.words), Text: [4]string{"idle", "send", "recv", "?"}[queueState.in(k.raw.words)]}}
		to := kernel.ID(0)
		if head := high.in(k.raw.words); queueState.in(k.raw.words) == 2 && d.objects[head] != nil {
			to = idOf(head)
		}
		o.Links = []kernel.Link{{Name: "receiver", To: to, None: "nobody receives"}}
	case kindNotification:
		o.Size, o.Event = 32, d.events[k.addr]
		o.Values = []kernel.Value{{Name: "state", Number: queueState.in(k.raw.words), Text: [4]string{"idle", "waiting", "active", "?"}[queueState.in(k.raw.words)]},
			{Name: "badge", Number: k.raw.words[2]}}
	}
	return o
}

// capabilities are those of a CSpace.
func (d *decoder) capabilities(slots []slot) []kernel.Capability {
	out := make([]kernel.Capability, 0, len(slots))
	for _, s := range slots {
		shape := shapes[s.tag]
		c := kernel.Capability{Slot: s.index, More: strings.TrimSuffix(strings.TrimPrefix(s.tag, "cap_"), "_cap")}
		if addr, kind := s.names(); kind != "" {
			c.Pointer = addr
			if k := d.objects[addr]; k != nil {
				c.Object = idOf(addr)
			}
			if s.tag != "cap_reply_cap" {
				c.More = ""
			}
		}
		var rights []string
		for i, word := range shape.rights {
			if s.words[0]>>(shape.first+i)&1 != 0 {
				rights = append(rights, word)
			}
		}
		c.Rights = strings.Join(rights, ",")
		switch {
		case shape.badged && s.words[1] != 0:
			c.More = fmt.Sprintf("badge %x", s.words[1])
		case shape.number != nil:
			c.More += fmt.Sprintf(" %x", shape.number.in(s.words[:]))
		}
		switch s.tag {
		case "cap_untyped_cap":
			c.More += fmt.Sprintf(" of 2^%d bytes", blockSize.in(s.words[:]))
		case "cap_frame_cap":
			c.More += fmt.Sprintf(" of %s", [4]string{"4 KiB", "2 MiB", "1 GiB", "?"}[frameSize.in(s.words[:])])
		}
		out = append(out, c)
	}
	return out
}

// name is how core calls a thread, and its protection domain.
type name struct{ thread, pd string }

// maxNames bounds core's list of threads.
const maxNames = maxTCBs

// findNames finds how core calls threads and their address spaces: it has a list of its
// clients' threads, and its own have their names in their stacks.
func (d *decoder) findNames() {
	if d.unnamed != nil {
		d.probs.Note("threads and protection domains have no names: %v", d.unnamed)
	}
	if d.core == nil {
		return
	}
	root := d.rootServer()
	if root == nil {
		return
	}
	coreAt := d.spaces[root.addr]
	_, tables, err := d.space.Translate(coreAt)
	if err != nil {
		d.probs.Note("core's page tables: %v", err)
		return
	}
	d.named[coreAt] = name{pd: "core"}
	space := memory.NewSpace(d.m.Phys, d.m.Paging, tables)
	for _, k := range d.order {
		if k.kind == kindTCB && k.err == nil && k.raw.tcb.ipc > d.core.utcb {
			d.nameByStack(k)
		}
	}
	cspace := root.raw.tcb.slots[slotCSpace]
	names, err := d.listedAt(space, d.core.threads, cspace)
	for off := uint64(d.ptr); len(names) == 0 && off <= mostMoved; off += uint64(d.ptr) {
		for _, at := range []uint64{d.core.threads + off, d.core.threads - off} {
			if moved, merr := d.listedAt(space, at, cspace); merr == nil && d.certain(moved) {
				names, err = moved, nil
			}
		}
	}
	if err != nil {
		d.probs.Note("address spaces have no names: core's list of threads does not stand where its file says, nor near there, as if core was linked again with its boot modules and its variables moved (%v)", err)
		return
	}
	maps.Copy(d.named, names)
}

// mostMoved is how far core's variables are looked for: it is linked again with its boot
// modules, before which its file is made.
const mostMoved = 1 << 13

// listedAt takes the names of core's list of threads, if it begins at an address.
func (d *decoder) listedAt(space *memory.Space, at uint64, cspace capability) (map[uint64]name, error) {
	names, seen := map[uint64]name{}, map[uint64]bool{}
	at, err := memory.Uint(space, at, d.ptr)
	for ; err == nil && at != 0 && !seen[at] && len(seen) < maxNames; at, err = memory.Uint(space, at+d.core.next, d.ptr) {
		seen[at] = true
		if err = d.nameOf(names, space, at-d.core.element, cspace); err != nil {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	return names, nil
}

// certain says of names that were looked for that they are those of core's threads: more
// than one has the name that stands in its own stack, and none another one.
func (d *decoder) certain(names map[uint64]name) bool {
	same := 0
	for tcb, n := range names {
		switch own := d.named[tcb].thread; {
		case own == n.thread && own != "":
			same++
		case own != "":
			return false
		}
	}
	return same > 1
}

// nameByStack takes the name that stands in a thread's own stack; main threads have none.
func (d *decoder) nameByStack(k *known) {
	_, tables, err := d.space.Translate(d.spaces[k.addr])
	if err != nil {
		return
	}
	space := memory.NewSpace(d.m.Phys, d.m.Paging, tables)
	if text, err := memory.CString(space, k.raw.tcb.ipc-d.core.utcb+d.core.stackName, d.core.stackLen); err == nil && text != "" {
		d.named[k.addr] = name{thread: text}
	}
}

// nameOf takes the names of one of core's threads, whose selector must name a TCB.
func (d *decoder) nameOf(names map[uint64]name, space *memory.Space, thread uint64, cspace capability) error {
	w := offsets.Words{Space: space, Ptr: d.ptr}
	var selector, pd uint64
	if err := w.Fields(thread, d.core.tcb.Into(&selector), w.Pointer(d.core.pd, &pd)); err != nil {
		return err
	}
	c, ok := d.lookup(cspace, selector)
	addr, kind := c.names()
	if !ok || kind != kindTCB || d.objects[addr] == nil {
		return fmt.Errorf("selector %x at %#x names no TCB", selector, thread)
	}
	text, err := memory.CString(space, thread+d.core.name, d.core.nameLen)
	if err != nil {
		return err
	}
	names[addr] = name{thread: text}
	label, err := memory.CString(space, pd+d.core.label, d.core.labelLen)
	if at := d.spaces[addr]; err == nil && at != 0 {
		names[at] = name{pd: label}
	}
	return err
}

// rootServer is the first thread, which the kernel itself made: core's.
func (d *decoder) rootServer() *known {
	for _, k := range d.order {
		if k.kind == kindTCB && k.err == nil && k.raw.tcb.name == "rootserver" {
			return k
		}
	}
	return nil
}
