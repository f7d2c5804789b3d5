package nova

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// rawEC is what was read of an execution context.
type rawEC struct {
	cont, utcb, pd, user uint64
	rawCalls
	cpu, global, evt uint64
	later            uint64 // timeout before its own
	rawRegs
}

// rawCalls are the addresses of those with whom a context is in a call.
type rawCalls struct {
	rcap, partner, next uint64
	other, signal       uint64 // Ec and Sm of its call on another processor
}

// rawRegs is what was read of its Cpu_regs.
type rawRegs struct {
	regs                        uint64 // address of its Cpu_regs
	hazards, portal, arg, flags uint64
	iret, syscall               struct{ ip, sp uint64 }
	general                     []kernel.Register
}

// readEC reads a context and its saved user state.
func (d *decoder) readEC(addr uint64) (*rawEC, error) {
	l := &d.ec
	t := &rawEC{rawRegs: rawRegs{regs: addr + l.regs, general: make([]kernel.Register, len(l.general))}}
	err := d.Fields(addr, d.Pointer(l.cont, &t.cont), d.Pointer(l.rcap, &t.rcap), d.Pointer(l.utcb, &t.utcb), d.Pointer(l.pd, &t.pd),
		d.Pointer(l.partner, &t.partner), d.Pointer(l.next, &t.next), d.Pointer(l.other, &t.other), d.Pointer(l.signal, &t.signal),
		l.cpu.Into(&t.cpu), l.global.Into(&t.global), l.evt.Into(&t.evt), d.Pointer(l.user, &t.user), d.Pointer(l.timer+l.later, &t.later))
	if err != nil {
		return nil, err
	}
	all := []offsets.Field{l.hazards.Into(&t.hazards), l.portal.Into(&t.portal), d.Pointer(l.arg, &t.arg), d.Pointer(l.flags, &t.flags),
		d.Pointer(l.iret.ip, &t.iret.ip), d.Pointer(l.iret.sp, &t.iret.sp), d.Pointer(l.syscall.ip, &t.syscall.ip), d.Pointer(l.syscall.sp, &t.syscall.sp)}
	for i, r := range l.general {
		t.general[i].Name = r.name
		all = append(all, d.Pointer(r.off, &t.general[i].Value))
	}
	return t, d.Fields(t.regs, all...)
}

// function is the kernel's function at an address, in the words of the source, and how
// far behind its start that is; "" where none is known.
func (l *Layout) function(pc uint64) (name string, off uint64) {
	if f, ok := l.functions[pc]; ok {
		return f.name, f.off
	}
	name, off, ok := l.file.FunctionAt(pc)
	if !ok {
		name = ""
	}
	name = strings.ReplaceAll(name, "Ec::", "")
	if at := strings.Index(name, "(Sys_regs::Status)"); at >= 0 { // "sys_finish<(Sys_regs::Status)0, true>"
		number, rest := strings.TrimPrefix(name[at:], "(Sys_regs::Status)"), ""
		if end := strings.IndexAny(number, ",>"); end >= 0 {
			number, rest = number[:end], number[end:]
		}
		for value, word := range l.status {
			if fmt.Sprint(value) == number {
				name = name[:at] + word + rest
			}
		}
	}
	if len(l.functions) < 1<<12 { // memory may say anything
		l.functions[pc] = function{name, off}
	}
	return name, off
}

// cont is the name of a continuation, "" if there is none such.
func (l *Layout) cont(pc uint64) string {
	if name, off := l.function(pc); off == 0 {
		return name
	}
	return ""
}

// way is how a function of the kernel lets a context return to user mode, and so where
// its user state stands.
type way uint8

const (
	nowhere   way = iota // it never returns there, or that is not known
	byIret               // from the frame that the processor pushed
	bySysexit            // from the registers of a system call
)

// ways are those of functions: of continuations, and of what the kernel is entered by.
// The first that matches counts; a star stands for anything.
var ways = []struct {
	name string
	way  way
}{
	{"ret_user_iret", byIret}, {"send_msg<ret_user_iret>", byIret},
	{"entry_sysenter", bySysexit}, {"entry_vmx", nowhere}, {"entry_*", byIret}, {"ret_from_interrupt", byIret},
	{"ret_user_sysexit", bySysexit}, {"send_msg<ret_user_sysexit>", bySysexit}, {"sys_*", bySysexit}, {"recv_*", bySysexit},
	{"reply", bySysexit}, {"xcpu_return", bySysexit}, {"ret_xcpu_reply*", bySysexit}, {"oom_*", bySysexit}, {"root_invoke", bySysexit},
}

func wayOf(function string) way {
	for _, w := range ways {
		prefix, any := strings.CutSuffix(w.name, "*")
		if function == w.name || any && strings.HasPrefix(function, prefix) {
			return w.way
		}
	}
	return nowhere
}

// Bits of a context's hazards: macros of the kernel's source, which debug info does not
// tell.
const (
	hazardStep   = 0x40000000
	hazardRecall = 0x80000000
)

// words are a context's state: what it goes on with, and what holds it back.
func (d *decoder) words(r *rawEC) (words []string) {
	cont := d.cont(r.cont)
	if cont == "" && r.cont != 0 {
		cont = fmt.Sprintf("cont %#x", r.cont)
	}
	if cont != "" {
		words = append(words, cont)
	}
	if r.next != 0 || r.cont == 0 {
		words = append(words, "blocked")
	}
	if r.hazards&hazardRecall != 0 {
		words = append(words, "recall")
	}
	if r.hazards&hazardStep != 0 {
		words = append(words, "step")
	}
	return words
}

// threadOf is a context as a thread of the model, as it stands while it does not run.
func (d *decoder) threadOf(k *known) *kernel.Thread {
	r := k.raw.ec
	words := d.words(r)
	t := &kernel.Thread{PD: d.id(r.pd, typePD), State: r.cont, StateNames: words, StateWords: words,
		Dead: slices.Contains(words, "dead"), UTCB: r.user, Source: kernel.SourceNone, Wait: d.waitOf(k)}
	t.Ready = !t.Dead && t.Wait.Verb == ""
	t.Exception = r.partner != 0 && d.cont(r.cont) == "ret_user_iret" && d.portalWord(r.portal) == "" && r.portal < exceptions
	l := &d.ec
	if r.user == 0 { // the kernel's own, one for a call on another processor, or a virtual machine's
		return t
	}
	t.Places = []kernel.Place{
		{PlaceKind: d.platform.Places[0], IP: r.iret.ip, SP: r.iret.sp, IPAddr: r.regs + l.iret.ip, SPAddr: r.regs + l.iret.sp},
		{PlaceKind: d.platform.Places[1], IP: r.syscall.ip, SP: r.syscall.sp, IPAddr: r.regs + l.syscall.ip, SPAddr: r.regs + l.syscall.sp},
	}
	by := d.returns(r.cont)
	if by == bySysexit { // the one that counts is the usual one
		slices.Reverse(t.Places)
	}
	d.take(t, r, by)
	return t
}

// returns is the way that a continuation leads. Without one the context serves portals:
// its reply did not return so far.
func (l *Layout) returns(cont uint64) way {
	if cont == 0 {
		return bySysexit
	}
	return wayOf(l.cont(cont))
}

// take takes a thread's user state from where a way leads.
func (d *decoder) take(t *kernel.Thread, r *rawEC, by way) {
	t.IP, t.SP, t.Flags, t.Source, t.Registers = 0, 0, 0, kernel.SourceNone, nil
	switch {
	case by == byIret && r.iret.ip != 0:
		t.IP, t.SP, t.Flags, t.Source = r.iret.ip, r.iret.sp, r.flags, inIret
	case by == bySysexit && r.syscall.ip != 0:
		t.IP, t.SP, t.Source = r.syscall.ip, r.syscall.sp, inSyscall
	default:
		return
	}
	place := t.Kept().PlaceKind
	for i, g := range r.general {
		if d.ec.general[i].kept(place) {
			t.Registers = append(t.Registers, g)
		}
	}
}

// waitOf is what a context waits for.
func (d *decoder) waitOf(k *known) kernel.Wait {
	r := k.raw.ec
	cont := d.cont(r.cont)
	switch {
	case cont == "dead" || cont == "idle":
		return kernel.Wait{}
	case r.other != 0 && r.signal != 0:
		return kernel.Wait{Verb: "calls", For: d.id(r.other, typeEC), What: "a portal on another processor"}
	case r.partner != 0:
		w := kernel.Wait{Verb: "calls", For: d.id(r.partner, typeEC), What: "an EC that is not known"}
		if wayOf(cont) == byIret {
			w.Blocked = d.inPortal(r.portal)
		}
		return w
	case r.next != 0:
		w := kernel.Wait{Blocked: "at a semaphore", Verb: "waits at", What: "an SM that is not known", Ends: r.later != 0 || d.timed[k.addr]}
		if sm := d.queued[k.addr]; sm != 0 {
			w.For = idOf(sm)
		}
		if wayOf(cont) == byIret { // core's reply to what it was stopped for holds it there
			w.Blocked = "held after " + strings.TrimPrefix(d.inPortal(r.portal), "in ")
			if d.portalWord(r.portal) == recall {
				w.Blocked = "paused"
			}
		}
		return w
	case r.cont == 0:
		return kernel.Wait{Verb: "receives from", What: "anybody"}
	case r.global != 0 && r.user != 0 && r.iret.ip == 0 && r.syscall.ip == 0:
		return kernel.Wait{Blocked: "not started", Verb: "waits for", What: "its start"}
	}
	return d.helps(k, cont)
}

// helps is the wait of a context whose portal's context serves another one: it lends that
// its time, and tries again.
func (d *decoder) helps(k *known, cont string) kernel.Wait {
	r := k.raw.ec
	var selector uint64
	switch {
	case strings.HasPrefix(cont, "send_msg<"):
		selector = r.evt + r.portal
	case cont == "sys_call":
		selector = r.arg >> 8 // Sys_call::pt()
	default:
		return kernel.Wait{}
	}
	pt := d.slot(r.pd, selector)
	if pt == nil || pt.err != nil || pt.raw.kind != typePT {
		return kernel.Wait{}
	}
	ec := d.objects[d.kobject(pt.raw.to, typeEC)]
	if ec == nil || ec.err != nil || ec.raw.ec.cont == 0 {
		return kernel.Wait{}
	}
	return kernel.Wait{Blocked: "waiting to call", Verb: "calls", For: idOf(ec.addr)}
}

// Words for the portals of a context that are none of an exception, by names of enum
// entries of Genode's core.
const (
	startup = "startup"
	recall  = "recall"
)

// portalWord is what a context's portal is for beside exceptions, "" if it is for one.
func (d *decoder) portalWord(portal uint64) string {
	if d.core == nil {
		return ""
	}
	return d.core.portals[portal]
}

// inPortal is what a context is in while it calls a portal of its own.
func (d *decoder) inPortal(portal uint64) string {
	switch {
	case d.portalWord(portal) != "":
		return "in its " + d.portalWord(portal)
	case portal == pageFault:
		return "in a page fault"
	}
	return fmt.Sprintf("in exception %d", portal)
}

// Of the processor's exceptions: how many it has, and the number of a page fault.
const (
	exceptions = 20
	pageFault  = 14
)
