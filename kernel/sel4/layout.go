package sel4

import (
	"math/bits"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/kernel/offsets"
)

// nodeLayout are the processors' states (ksSMP).
type nodeLayout struct {
	base, stride         uint64
	count                int
	current, idle, chain uint64 // ksCurThread, ksIdleThread, ksDebugTCBs
	known                uint64 // ksNumCPUs: how many there are
}

func (n *nodeLayout) at(node int, member uint64) uint64 {
	return n.base + uint64(node)*n.stride + member
}

// tcbLayout is a TCB's block: its CNode, what the debug build keeps of it, and behind the
// half of it struct tcb.
type tcbLayout struct {
	size, half, cte     uint64
	cap                 uint64 // in a slot
	slots               map[string]uint64
	next, name          uint64 // in the block: the next in the chain; characters
	nameLen             int
	registers           uint64
	state, fault, bound uint64
	ipc                 uint64
	affinity            offsets.Member
	general             []register
	index               map[string]uint64 // of the other registers, in bytes
}

// register is a user register in struct tcb.
type register struct {
	name string // GDB's
	off  uint64
}

// irqLayout are the slots of interrupts (intStateIRQNode).
type irqLayout struct {
	base  uint64
	count int
}

const idleState = "IdleThreadState"

func (l *Layout) findEnums(f *offsets.Finder) {
	l.states, l.tags, l.faults = map[uint64]string{}, f.Enum("cap_tag"), f.Enum("seL4_Fault_tag")
	for value, name := range f.Enum("_thread_state") {
		l.states[value] = strings.TrimPrefix(name, "ThreadState_")
	}
}

// maxNodes bounds processors.
const maxNodes = 64

func (l *Layout) findNodes(f *offsets.Finder) {
	l.tables, l.skim = f.Variable("x64KSKernelPML4"), f.Variable("x64KSIRQStack")
	n := &l.nodes
	n.base, n.known, n.stride = f.Variable("ksSMP"), f.Variable("ksNumCPUs"), f.Size("smpStatedata")
	n.current, n.idle, n.chain = f.At("smpStatedata", "system.ksCurThread"), f.At("smpStatedata", "system.ksIdleThread"), f.At("smpStatedata", "system.ksDebugTCBs")
	l.irqs.base = f.Variable("intStateIRQNode")
	if f.Err != nil {
		return
	}
	count := func(name string) int {
		v, err := f.File.Variable(name)
		if err != nil || v.Type == nil {
			return 1
		}
		return int(min(max(v.Type.Underlying().Count, 1), 1<<10))
	}
	n.count, l.irqs.count = min(count("ksSMP"), maxNodes), count("intStateIRQNode")
}

// Registers of enum _register that are no general ones.
const (
	nextIP  = "NextIP"
	faultIP = "FaultIP"
	rsp     = "RSP"
	flags   = "FLAGS"
	byError = "Error"
)

func (l *Layout) findTCB(f *offsets.Finder) {
	t := &l.tcb
	t.size, t.cte = f.Size("tcb"), f.Size("cte")
	t.half = 1 << bits.Len64(t.size-1) // TCB_OFFSET
	t.cap = f.At("cte", "cap")
	t.slots = map[string]uint64{}
	for _, name := range []string{slotCSpace, slotVSpace, slotCaller} {
		t.slots[name] = f.Enumerator(name) * t.cte
	}
	debug := f.Enumerator("tcbArchCNodeEntries") * t.cte
	t.next, t.name = debug+f.At("debug_tcb", "tcbDebugNext"), debug+f.At("debug_tcb", "tcbName")
	t.nameLen = int(min(max(t.half, t.name)-t.name, maxName))
	t.registers, t.state, t.fault = f.At("tcb", "tcbArch.tcbContext.registers"), f.At("tcb", "tcbState"), f.At("tcb", "tcbFault")
	t.bound, t.ipc, t.affinity = f.At("tcb", "tcbBoundNotification"), f.At("tcb", "tcbIPCBuffer"), f.Number("tcb", "tcbAffinity")
	word := uint64(l.ptr)
	t.index = map[string]uint64{}
	for _, name := range []string{nextIP, faultIP, rsp, flags, byError} {
		t.index[name] = t.registers + f.Enumerator(name)*word
	}
	for _, name := range kernel.GeneralRegisters(l.file.Machine()) {
		t.general = append(t.general, register{name, t.registers + f.Enumerator(strings.ToUpper(name))*word})
	}
	for _, p := range l.platform.Places {
		ip := t.index[string(p.Name)]
		p.Beside = append(p.Beside, kernel.Beside{Name: kernel.FlagsRegister(l.file.Machine()), Off: int64(t.index[flags] - ip)})
		for _, r := range t.general {
			if !slices.Contains(clobbered, r.name) {
				p.Beside = append(p.Beside, kernel.Beside{Name: r.name, Off: int64(r.off - ip)})
			}
		}
	}
}

// Slots of a TCB's own CNode, in enum tcb_cnode_index.
const (
	slotCSpace = "tcbCTable"
	slotVSpace = "tcbVTable"
	slotCaller = "tcbCaller"
)

// clobbered are registers that a system call does not keep.
var clobbered = []string{"rcx", "r11"}

// maxName bounds names.
const maxName = 160
