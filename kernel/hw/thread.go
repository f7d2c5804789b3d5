package hw

import (
	"fmt"
	"strconv"

	"thaw/kernel"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// rawThread is what was read of a thread.
type rawThread struct {
	name                     string
	pd, utcb                 uint64
	state, paused, exception uint64
	fault                    uint64
	regs                     uint64 // address of its Cpu_state
	saved                    cpuState
	out                      uint64
	server                   uint64 // thread that it asks
	receiver, killed         uint64
	executed                 kernel.Value
}

// cpuState is a Genode::Cpu_state.
type cpuState struct {
	ip, sp, cs, flags uint64
	trap              uint64 // only where the layout has it
	general           []kernel.Register
}

// readThread reads a thread and its saved user state.
func (d *decoder) readThread(addr uint64) (*rawThread, error) {
	l := &d.Layout.thread
	t := &rawThread{}
	var label uint64
	all := []offsets.Field{d.Pointer(l.label, &label), d.Pointer(l.pd, &t.pd), d.Pointer(l.utcb, &t.utcb),
		l.state.Into(&t.state), l.paused.Into(&t.paused), d.Pointer(l.fault, &t.fault),
		l.out.Into(&t.out), d.Pointer(l.receiver, &t.receiver), d.Pointer(l.killed, &t.killed)}
	if l.exception.Exists() {
		all = append(all, l.exception.Into(&t.exception))
	}
	err := d.Fields(addr, all...)
	if err != nil {
		return nil, err
	}
	if t.pd == 0 && len(l.joined) > 0 { // one that was not started so far has it only in core
		if t.pd, err = d.Follow(l.joined, addr); err != nil {
			return nil, fmt.Errorf("core's object of it: %w", err)
		}
	}
	if l.executed.Exists() {
		// A recording has what was read as it was made: of an older one it is not known.
		if n, err := d.Number(addr, l.executed); err == nil {
			t.executed = kernel.Value{Name: "execution time", Number: n, Text: strconv.FormatUint(n, 10) + " ticks of the kernel's timer"}
		}
	}
	if t.name, err = memory.CString(d.space, label, maxLabel); err != nil {
		return nil, fmt.Errorf("its label at %#x: %w", label, err)
	}
	if l.asks(t.out) {
		if t.server, err = d.Follow(l.server, addr); err != nil {
			return nil, fmt.Errorf("whom it asks: %w", err)
		}
	}
	if t.regs, err = d.Word(addr + l.regs); err != nil {
		return nil, err
	}
	if t.saved, err = d.cpuState(t.regs); err != nil {
		return nil, fmt.Errorf("its registers at %#x: %w", t.regs, err)
	}
	return t, nil
}

// asks says whether a thread waits for an answer of another one, by its IPC node.
func (l *threadLayout) asks(out uint64) bool {
	switch l.outStates[out] {
	case "READY", "INACTIVE", "AWAIT_REQUEST":
		return false
	}
	return true
}

// cpuState reads a Cpu_state.
func (d *decoder) cpuState(addr uint64) (s cpuState, err error) {
	l := &d.Layout.thread
	s.general = make([]kernel.Register, len(l.general))
	all := []offsets.Field{d.Pointer(l.ip, &s.ip), d.Pointer(l.sp, &s.sp), d.Pointer(l.cs, &s.cs), d.Pointer(l.flags, &s.flags), d.Pointer(l.trap, &s.trap)}
	for i, r := range l.general {
		s.general[i].Name = r.name
		all = append(all, d.Pointer(r.off, &s.general[i].Value))
	}
	return s, d.Fields(addr, all...)
}

// words are a thread's state by the kernel's names.
func (l *Layout) words(t *rawThread) []string {
	key := stateKey{t.state, min(t.paused, 1), t.exception}
	if w := l.states[key]; w != nil {
		return w.names
	}
	w := &stateWords{}
	name, ok := l.thread.states[t.state]
	if !ok {
		name = fmt.Sprintf("state %d", t.state)
	}
	w.names = append(w.names, name)
	if t.paused != 0 {
		w.names = append(w.names, "paused")
	}
	if e := l.thread.exceptions[t.exception]; e != noException && l.thread.exception.Exists() {
		w.names = append(w.names, e)
	}
	if len(l.states) < 1<<10 { // memory may say anything
		l.states[key] = w
	}
	return w.names
}

// Words of the enums Kernel::Thread::State, Exception_state and Ipc_node's.
const (
	noException = "NO_EXCEPTION"
	mmuFault    = "MMU_FAULT"
)

// why is what a thread is handled for: its exception state. A kernel that has none of
// it stops a thread for a page fault as it does at a blockade; by what it came into
// the kernel tells.
func (l *threadLayout) why(r *rawThread) string {
	switch {
	case l.exception.Exists():
		return l.exceptions[r.exception]
	case l.states[r.state] == "AWAITS_RESTART" && r.saved.trap == uint64(l.pageFault):
		return mmuFault
	}
	return noException
}

// threadOf is a thread of the model.
func (d *decoder) threadOf(r *rawThread) *kernel.Thread {
	words := d.Layout.words(r)
	l := &d.Layout.thread
	t := &kernel.Thread{PD: d.id(r.pd), State: r.state, StateNames: words, StateWords: words,
		Ready: words[0] == "ACTIVE" && r.paused == 0, Dead: words[0] == "DEAD",
		Exception: l.why(r) != noException,
		Wait:      d.waitOf(r, words[0]),
		UTCB:      r.utcb, Executed: r.executed, Source: kernel.SourceNone,
		Places: []kernel.Place{{PlaceKind: d.platform.Places[0], IP: r.saved.ip, SP: r.saved.sp, IPAddr: r.regs + l.ip, SPAddr: r.regs + l.sp}},
	}
	if r.saved.ip != 0 || r.saved.sp != 0 {
		t.IP, t.SP, t.Flags, t.Source, t.Registers = r.saved.ip, r.saved.sp, r.saved.flags, inRegs, r.saved.general
	}
	return t
}

// waitOf is what a thread waits for, in a state.
func (d *decoder) waitOf(r *rawThread, state string) kernel.Wait {
	l := &d.Layout.thread
	switch state {
	case "AWAITS_IPC":
		if l.asks(r.out) {
			return kernel.Wait{Verb: "calls", For: d.id(r.server), What: "a thread that is not known"}
		}
		return kernel.Wait{Verb: "receives from", What: "anybody"}
	case "AWAITS_SIGNAL":
		return kernel.Wait{Blocked: "waiting for a signal", Verb: "waits for signals at", For: d.id(r.receiver), What: "a receiver that is not known"}
	case "AWAITS_SIGNAL_CONTEXT_KILL":
		return kernel.Wait{Blocked: "waiting for a signal context to end", Verb: "waits for the end of", For: d.id(r.killed), What: "a signal context that is not known"}
	case "AWAITS_START":
		return kernel.Wait{Blocked: "not started", Verb: "waits for", What: "its start"}
	case "AWAITS_RESTART":
		switch l.why(r) {
		case noException:
			return kernel.Wait{Blocked: "at a blockade", Verb: "waits for", What: "a wakeup, at a blockade"}
		case mmuFault:
			return kernel.Wait{Blocked: "in a page fault", Verb: "waits for", What: fmt.Sprintf("its page fault at %#x to be resolved", r.fault)}
		}
		return kernel.Wait{Verb: "waits for", What: "its exception to be handled"}
	}
	return kernel.Wait{}
}
