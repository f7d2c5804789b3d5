package sel4

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// rawTCB is what was read of a TCB.
type rawTCB struct {
	next          uint64 // in the debug chain
	name          string // that the kernel gave it
	slots         map[string]capability
	state         []uint64 // thread_state
	fault         string
	bound, ipc    uint64
	affinity      uint64
	goOn, restart uint64 // NextIP, FaultIP
	sp, flags     uint64
	byError       uint64
	general       []kernel.Register
}

// readTCB reads a TCB and its block.
func (d *decoder) readTCB(addr uint64) (*rawTCB, error) {
	l := &d.Layout.tcb
	if addr&(l.half-1) != 0 {
		return nil, fmt.Errorf("%#x is no place of a TCB", addr)
	}
	block := addr - l.half
	t := &rawTCB{slots: map[string]capability{}, general: make([]kernel.Register, len(l.general))}
	for name, off := range l.slots {
		w, err := words(d.space, block+off+l.cap, 2)
		if err != nil {
			return nil, err
		}
		t.slots[name] = d.capabilityIn(w)
	}
	var err error
	if t.next, err = d.Word(block + l.next); err != nil {
		return nil, err
	}
	if t.name, err = memory.CString(d.space, block+l.name, l.nameLen); err != nil {
		t.name = ""
	}
	if t.state, err = words(d.space, addr+l.state, 3); err != nil {
		return nil, err
	}
	fault, err := words(d.space, addr+l.fault, 2)
	if err != nil {
		return nil, err
	}
	t.fault = strings.TrimPrefix(d.faults[faultType.in(fault)], "seL4_Fault_")
	if err := d.Fields(addr, d.Pointer(l.bound, &t.bound), d.Pointer(l.ipc, &t.ipc), l.affinity.Into(&t.affinity)); err != nil {
		return nil, err
	}
	all := []offsets.Field{d.Pointer(l.index[nextIP], &t.goOn), d.Pointer(l.index[faultIP], &t.restart), d.Pointer(l.index[rsp], &t.sp),
		d.Pointer(l.index[flags], &t.flags), d.Pointer(l.index[byError], &t.byError)}
	for i, r := range l.general {
		t.general[i].Name = r.name
		all = append(all, d.Pointer(r.off, &t.general[i].Value))
	}
	return t, d.Fields(addr, all...)
}

// noFault is the fault of a thread that has none.
const noFault = "NullFault"

// restarts says whether a thread in a state goes on with the instruction that it stood at.
func restarts(state, fault string) bool {
	return state == "Inactive" || state == "Restart" || strings.HasPrefix(state, "BlockedOn") && fault != noFault
}

// blockedAt is the object at which a thread is blocked; kind is "" if there is none.
func (d *decoder) blockedAt(t *rawTCB) (addr uint64, kind string) {
	switch d.states[stateType.in(t.state)] {
	case "BlockedOnReceive", "BlockedOnSend":
		return stateObject.in(t.state), kindEndpoint
	case "BlockedOnNotification":
		return stateObject.in(t.state), kindNotification
	}
	return 0, ""
}

// threadOf is a TCB as a thread of the model, as it stands while it does not run.
func (d *decoder) threadOf(k *known) *kernel.Thread {
	r, l := k.raw.tcb, &d.Layout.tcb
	state := stateType.in(r.state)
	word := d.states[state]
	if word == "" {
		word = fmt.Sprintf("state %d", state)
	}
	t := &kernel.Thread{PD: d.pdOf(k.addr), State: state, StateNames: []string{word}, StateWords: []string{word},
		UTCB: r.ipc, CPU: int(r.affinity & (maxNodes - 1)), Source: kernel.SourceNone, Wait: d.waitOf(k, word)}
	if r.fault != noFault {
		t.StateWords = append(t.StateWords, r.fault)
		t.Exception = word == "BlockedOnReply" || word == "BlockedOnSend"
	}
	t.Ready = word == "Running" || word == "Restart" || word == "RunningVM"
	if word == idleState || d.spaces[k.addr] == 0 {
		return t
	}
	kinds := d.platform.Places
	t.Places = []kernel.Place{
		{PlaceKind: kinds[0], IP: r.goOn, SP: r.sp, IPAddr: k.addr + l.index[nextIP], SPAddr: k.addr + l.index[rsp]},
		{PlaceKind: kinds[1], IP: r.restart, SP: r.sp, IPAddr: k.addr + l.index[faultIP], SPAddr: k.addr + l.index[rsp]},
	}
	if restarts(word, r.fault) { // the one that counts is the usual one
		t.Places[0], t.Places[1] = t.Places[1], t.Places[0]
	}
	if t.Places[0].IP == 0 && r.sp == 0 {
		return t // it was not started so far
	}
	t.IP, t.SP, t.Flags, t.Source = t.Places[0].IP, r.sp, r.flags, t.Places[0].Name
	for _, g := range r.general {
		if r.byError != ^uint64(0) || g.Name != clobbered[0] && g.Name != clobbered[1] {
			t.Registers = append(t.Registers, g)
		}
	}
	return t
}

// waitOf is what a thread waits for.
func (d *decoder) waitOf(k *known, state string) kernel.Wait {
	r := k.raw.tcb
	at, _ := d.blockedAt(r)
	object := kernel.ID(0)
	if d.objects[at] != nil {
		object = idOf(at)
	}
	switch state {
	case "BlockedOnReceive":
		return kernel.Wait{Verb: "receives from", For: object, What: "an endpoint that is not known"}
	case "BlockedOnSend":
		w := kernel.Wait{Verb: "sends to", For: object, What: "an endpoint that is not known"}
		if r.fault != noFault {
			w.Blocked = "in a fault"
		} else if stateIsCall.in(r.state) != 0 {
			w.Blocked = "waiting to call"
		}
		return w
	case "BlockedOnReply":
		w := kernel.Wait{Verb: "calls", What: "a thread that keeps its reply capability in a CNode"}
		if to := d.replier[k.addr]; to != 0 {
			w.For = idOf(to)
		}
		if r.fault != noFault {
			w.Blocked = "in a fault"
		}
		return w
	case "BlockedOnNotification":
		return kernel.Wait{Blocked: "at a notification", Verb: "waits at", For: object, What: "a notification that is not known"}
	case "Inactive":
		return kernel.Wait{Blocked: "suspended", Verb: "waits for", What: "its resume"}
	}
	return kernel.Wait{}
}

// KeptIn is the place that holds the user state of a thread now.
func (l *Layout) KeptIn(m kernel.Machine, thread uint64) kernel.Source {
	for n, cpu := range m.CPUs {
		if l.CurrentThread(m, n) == thread && (cpu.User || l.entering(cpu.IP)) {
			return kernel.SourceCPU
		}
	}
	s, err := l.KernelSpace(m)
	if err != nil {
		return kernel.SourceNone
	}
	state, err := words(s, thread+l.tcb.state, 1)
	if err != nil {
		return kernel.SourceNone
	}
	fault, err := words(s, thread+l.tcb.fault, 1)
	if err != nil {
		return kernel.SourceNone
	}
	if restarts(l.states[stateType.in(state)], strings.TrimPrefix(l.faults[faultType.in(fault)], "seL4_Fault_")) {
		return inFault
	}
	return inNext
}

// entering says whether a processor executes what saves the state of the thread that
// comes into the kernel.
func (l *Layout) entering(ip uint64) bool {
	name, _, ok := l.file.FunctionAt(ip)
	return ok && (name == "handle_fastsyscall" || name == "handle_syscall" || name == "handle_interrupt" || name == "c_x64_handle_interrupt" || strings.HasPrefix(name, "int_"))
}

// markRunning finds the thread on each processor, and what is its user state then.
func (d *decoder) markRunning(sys *kernel.System) {
	for n, cpu := range d.m.CPUs {
		if n >= d.nodes.count {
			break
		}
		at, err := d.Word(d.nodes.at(n, d.nodes.current))
		if err != nil {
			continue
		}
		o := sys.Own(at)
		if o == nil {
			continue
		}
		t := o.Thread
		t.Running, t.CPU, t.Wait, t.Ready = true, n, kernel.Wait{}, true
		switch {
		case d.m.Running:
			sys.Runs(o.Addr, n)
		case len(t.Places) == 0:
		case cpu.User:
			t.IP, t.SP, t.Flags, t.Source, t.Registers = cpu.IP, cpu.SP, cpu.Flags, kernel.SourceCPU, cpu.Registers
		case d.entering(cpu.IP):
			t.IP, t.SP, t.Flags, t.Source, t.Registers = 0, 0, 0, kernel.SourceNone, nil
			d.probs.Note("TCB %s %s is just being saved at %#x: what is its user state is not known", o.ID, o.Name, cpu.IP)
		}
	}
}
