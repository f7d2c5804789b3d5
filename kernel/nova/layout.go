// Package nova decodes the kernel objects of the NOVA microhypervisor from memory into
// the model of package kernel.
//
// It knows the names of the kernel's classes and members, and of those of Genode's core
// that know how threads are called; where they lie comes from the debug info of the very
// kernel and core that run. It must not know phases, scenarios or components.
package nova

import (
	"thaw/kernel"
	"thaw/kernel/kept"
	"thaw/kernel/offsets"
)

// Layout is where a kernel keeps what the decoder reads. It is made once per kernel.
type Layout struct {
	file kernel.Symbols
	ptr  int // bytes of a pointer

	vars     variables
	node     nodeLayout
	object   objectLayout
	pd       pdLayout
	ec       ecLayout
	pt       ptLayout
	sc       scLayout
	sm       smLayout
	core     *coreLayout // nil where core's debug info is not there or does not tell:
	unnamed  error       // why
	status   map[uint64]string
	platform kernel.Platform

	functions map[uint64]function // by address
	last      kept.Turns[last]    // decoding of the stop before, empty if there was none
}

// variables are addresses of the kernel's. The processors' have the same address on each.
type variables struct {
	root, kern           uint64 // Pd::root, Pd::kern
	pd, ec, idle, timers uint64 // Pd::current, Ec::current, Ec::ec_idle, Timeout::list of a processor
}

// nodeLayout is Mdb, a node of a space's tree of mappings: for a space of objects, a
// capability.
type nodeLayout struct {
	avl               uint64 // base Avl
	left, right       uint64
	phys, order, attr offsets.Member
	base              offsets.Member
}

// objectLayout is Kobject.
type objectLayout struct {
	node  uint64 // base Mdb
	kind  offsets.Member
	space uint64            // Space in which it was made
	kinds map[uint64]string // enum Kobject::Type
	sizes map[string]uint64 // by kind
	bases map[string]uint64 // of Kobject in the class
}

// pdLayout is Pd.
type pdLayout struct {
	objects uint64 // base Space_obj
	tree    uint64 // root of its tree
	tables  uint64 // page tables by processor, physical addresses with flags
	stride  uint64
	count   int
}

// ecLayout is Ec.
type ecLayout struct {
	cont, utcb, pd uint64
	callLayout
	cpu, global, evt offsets.Member
	user             uint64 // user address of the UTCB
	timer, later     uint64 // its timeout, and in that the one before it
	regsLayout
}

// callLayout is with whom a context is in a call.
type callLayout struct {
	rcap, partner, next, other, signal uint64 // other, signal: what calls on another processor, and what it waits at meanwhile
}

// regsLayout is where the user state of a context is saved, its Cpu_regs.
type regsLayout struct {
	regs, frame     uint64 // Cpu_regs; bytes of what a kernel entry pushes
	hazards, portal offsets.Member
	iret, syscall   placeLayout
	arg, flags      uint64 // first argument of a system call; flags, in Cpu_regs
	general         []slot
}

// placeLayout is where ip and sp stand in Cpu_regs.
type placeLayout struct{ ip, sp uint64 }

// slot is a register in Cpu_regs.
type slot struct {
	name string // GDB's
	off  uint64
}

// ptLayout is Pt.
type ptLayout struct{ ec, id, ip, mtd uint64 }

// scLayout is Sc.
type scLayout struct {
	ec        uint64
	cpu, prio offsets.Member
}

// smLayout is Sm.
type smLayout struct{ counter, queue, chained uint64 }

func (l *Layout) findVariables(f *offsets.Finder) {
	for _, v := range []struct {
		name string
		at   *uint64
	}{
		{"Pd::root", &l.vars.root}, {"Pd::kern", &l.vars.kern}, {"Pd::current", &l.vars.pd},
		{"Ec::current", &l.vars.ec}, {"Ec::ec_idle", &l.vars.idle}, {"Timeout::list", &l.vars.timers},
	} {
		*v.at = f.Variable(v.name)
	}
}

func (l *Layout) findNode(f *offsets.Finder) {
	l.node = nodeLayout{
		avl: f.Base("Mdb", "Avl"), left: f.At("Avl", "lnk[0]"), right: f.At("Avl", "lnk[1]"),
		phys: f.Number("Mdb", "node_phys"), base: f.Number("Mdb", "node_base"), order: f.Number("Mdb", "node_order"), attr: f.Number("Mdb", "node_attr"),
	}
}

// Words of enum Kobject::Type; the classes of such objects are named alike.
const (
	typePD = "PD"
	typeEC = "EC"
	typeSC = "SC"
	typePT = "PT"
	typeSM = "SM"
)

var classes = map[string]string{typePD: "Pd", typeEC: "Ec", typeSC: "Sc", typePT: "Pt", typeSM: "Sm"}

func (l *Layout) findObject(f *offsets.Finder) {
	l.object = objectLayout{
		node: f.Base("Kobject", "Mdb"), kind: f.Number("Kobject", "objtype"), space: f.Base("Kobject", "Mdb") + f.At("Mdb", "space"),
		kinds: f.Enum("Kobject::Type"), sizes: map[string]uint64{}, bases: map[string]uint64{},
	}
	for kind, class := range classes {
		l.object.sizes[kind], l.object.bases[kind] = f.Size(class), f.Base(class, "Kobject")
	}
	l.status = f.Enum("Sys_regs::Status")
}

func (l *Layout) findPD(f *offsets.Finder) {
	objects := f.Base("Pd", "Space_obj")
	l.pd = pdLayout{objects: objects, tree: objects + f.Base("Space_obj", "Space") + f.At("Space", "tree")}
	mem := f.Base("Pd", "Space_mem")
	tables := f.Path("Space_mem", "loc")
	l.pd.tables = mem + f.At("Space_mem", "loc[0].val")
	if f.Err == nil {
		all := tables.Type.Underlying()
		l.pd.count = int(min(max(all.Count, 1), maxCPUs))
		l.pd.stride = uint64(l.ptr)
		if all.Elem != nil {
			l.pd.stride = uint64(max(all.Elem.Underlying().Size, 1))
		}
	}
}

func (l *Layout) findEC(f *offsets.Finder) {
	l.ec = ecLayout{
		cont: f.At("Ec", "cont"), utcb: f.At("Ec", "utcb"), pd: f.At("Ec", "pd.ptr"),
		callLayout: callLayout{f.At("Ec", "rcap"), f.At("Ec", "partner"), f.At("Ec", "next"), f.At("Ec", "ec_xcpu"), f.At("Ec", "xcpu_sm")},
		cpu:        f.Number("Ec", "cpu"), global: f.Number("Ec", "glb"), evt: f.Number("Ec", "evt"), user: f.At("Ec", "user_utcb"),
		timer: f.At("Ec", "timeout") + f.Base("Timeout_hypercall", "Timeout"), later: f.At("Timeout", "prev"),
		regsLayout: regsLayout{regs: f.At("Ec", "regs"), frame: f.Size("Exc_regs"), hazards: f.Number("Cpu_regs", "hzd"), portal: f.Number("Cpu_regs", "dst_portal")},
	}
}

// Registers of the calling convention of system calls (ARG_IP, ARG_SP and ARG_1 of the
// kernel's source), by their members' names, which are GDB's, too.
const (
	argIP = "rcx"
	argSP = "r11"
	arg1  = "rdi"
)

func (l *Layout) findRegisters(f *offsets.Finder) {
	e := &l.ec
	e.iret = placeLayout{f.At("Cpu_regs", "rip"), f.At("Cpu_regs", "rsp")}
	e.syscall = placeLayout{f.At("Cpu_regs", argIP), f.At("Cpu_regs", argSP)}
	e.arg, e.flags = f.At("Cpu_regs", arg1), f.At("Cpu_regs", "rfl")
	for _, name := range kernel.GeneralRegisters(l.file.Machine()) {
		e.general = append(e.general, slot{name, f.At("Cpu_regs", name)})
	}
	iret, syscall := l.platform.Places[0], l.platform.Places[1]
	iret.Beside = append(iret.Beside, kernel.Beside{Name: kernel.FlagsRegister(l.file.Machine()), Off: int64(e.flags - e.iret.ip)})
	for _, r := range e.general {
		iret.Beside = append(iret.Beside, kernel.Beside{Name: r.name, Off: int64(r.off - e.iret.ip)})
		if r.kept(syscall) {
			syscall.Beside = append(syscall.Beside, kernel.Beside{Name: r.name, Off: int64(r.off - e.syscall.ip)})
		}
	}
}

// kept says whether a place keeps the user's value of a register.
func (r slot) kept(in *kernel.PlaceKind) bool {
	return in.Name != inSyscall || r.name != argIP && r.name != argSP
}

func (l *Layout) findOthers(f *offsets.Finder) {
	l.pt = ptLayout{ec: f.At("Pt", "ec.ptr"), id: f.At("Pt", "id"), ip: f.At("Pt", "ip"), mtd: f.At("Pt", "mtd.val")}
	l.sc = scLayout{ec: f.At("Sc", "ec.ptr"), cpu: f.Number("Sc", "cpu"), prio: f.Number("Sc", "prio")}
	l.sm = smLayout{
		counter: f.At("Sm", "counter"), queue: f.Base("Sm", "Queue<Ec>") + f.At("Queue<Ec>", "headptr"),
		chained: f.Base("Sm", "Si") + f.At("Si", "sm"),
	}
}

// coreLayout is where Genode's core knows how threads are called. The kernel gives no
// names.
type coreLayout struct {
	badge, ec         uint64 // in a Pager_object: its Platform_thread; selector of the context
	pd, id, name      uint64 // in a Platform_thread: Platform_pd; selector of the context; characters
	pdName            uint64 // in a Platform_pd
	nameLen, labelLen int
	stackName, utcb   uint64 // in a Stack: characters; the UTCB, which the kernel knows
	stackLen          int
	portals           map[uint64]string // words for those of a context that are none of an exception
	fault             uint64            // selector of the one for page faults
}

// function is where an address stands.
type function struct {
	name string
	off  uint64
}
