package nova

import (
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/memory"
)

// CurrentThread is the address of the Ec that a processor runs, 0 where that cannot be
// told.
func (l *Layout) CurrentThread(m kernel.Machine, cpu int) uint64 {
	ec, err := memory.Uint(m.Space(cpu), l.vars.ec, l.ptr)
	if err != nil {
		return 0
	}
	return ec
}

// markRunning finds the context on each processor and what is its user state then: what
// it goes on with counts only for one that does not run.
func (d *decoder) markRunning(sys *kernel.System) {
	for n, cpu := range d.m.CPUs {
		o := sys.Own(d.CurrentThread(d.m, n))
		if o == nil {
			continue
		}
		t, k := o.Thread, d.objects[d.kobject(o.Addr, typeEC)]
		t.Running, t.CPU = true, n
		t.Wait, t.Ready = kernel.Wait{}, true
		if d.m.Running {
			sys.Runs(o.Addr, n)
			continue
		}
		if len(t.Places) == 0 {
			continue
		}
		r := k.raw.ec
		if cpu.User {
			t.IP, t.SP, t.Flags, t.Source, t.Registers = cpu.IP, cpu.SP, cpu.Flags, kernel.SourceCPU, cpu.Registers
			continue
		}
		inside := d.saving(cpu, o.Addr)
		began := d.began(d.m, n, o.Addr)
		switch by := wayOf(began); {
		case began == entry: // nothing of the user's is saved so far
			d.entered(t, cpu, inside)
		case by == nowhere:
			d.take(t, r, nowhere)
			d.probs.Note("EC %s %s is in the kernel at %#x, and what brought it there is not known", o.ID, o.Name, cpu.IP)
		default:
			d.take(t, r, by)
			if inside && by == byIret && cpu.SP > r.regs { // general registers are not saved so far, or loaded again
				t.Registers = cpu.Registers
			}
		}
	}
}

// saving says whether a processor pushes what it saves of a context, or pops it.
func (l *Layout) saving(cpu kernel.CPU, ec uint64) bool {
	return cpu.SP-(ec+l.ec.regs) <= l.ec.frame
}

// KeptIn is the place that holds the user state of a context now.
func (l *Layout) KeptIn(m kernel.Machine, ec uint64) kernel.Source {
	for n, cpu := range m.CPUs {
		if l.CurrentThread(m, n) != ec {
			continue
		}
		began := l.began(m, n, ec)
		if cpu.User || began == entry {
			return kernel.SourceCPU
		}
		return sources[wayOf(began)]
	}
	space, err := l.KernelSpace(m)
	if err != nil {
		return kernel.SourceNone
	}
	cont, err := memory.Uint(space, ec+l.ec.cont, l.ptr)
	if err != nil {
		return kernel.SourceNone
	}
	return sources[l.returns(cont)]
}

// sources are the places from which ways lead.
var sources = map[way]kernel.Source{nowhere: kernel.SourceNone, byIret: inIret, bySysexit: inSyscall}

// entry is where system calls enter the kernel.
const entry = "entry_sysenter"

// entered takes the state of a context that has just made a system call from the
// processor: ip is in the register where that leaves it, sp in its own until the kernel
// has taken its stack.
func (d *decoder) entered(t *kernel.Thread, cpu kernel.CPU, inside bool) {
	t.IP, _ = kernel.RegisterIn(cpu.Registers, argIP)
	t.SP, t.Flags, t.Source, t.Registers = cpu.SP, 0, kernel.SourceCPU, nil
	if inside {
		t.SP, _ = kernel.RegisterIn(cpu.Registers, argSP)
	}
	for _, r := range cpu.Registers {
		if r.Name != argIP && r.Name != argSP {
			t.Registers = append(t.Registers, r)
		}
	}
}

// began is the function with which a processor began in the kernel: what it executes
// where it enters or leaves, else the outermost on its kernel stack, which is one page.
func (l *Layout) began(m kernel.Machine, n int, ec uint64) string {
	cpu := m.CPUs[n]
	here, _ := l.function(cpu.IP)
	if l.saving(cpu, ec) || here == entry || strings.HasPrefix(here, "ret_user_") {
		return here
	}
	page := m.Paging.PageSize()
	stack := make([]byte, -cpu.SP&(page-1))
	if m.Space(n).ReadMemory(cpu.SP, stack) == nil {
		for at := len(stack) - l.ptr; at >= 0; at -= l.ptr {
			// What a call returns to stands behind the start of a function.
			if name, off := l.function(memory.LittleEndian(stack[at:][:l.ptr])); off > 0 && wayOf(name) != nowhere {
				return name
			}
		}
	}
	return here
}

// SpaceSwitch is the address of Pd::current, which Pd::make_current writes before other
// page tables come into use. Only with one processor, and while it names those in use.
func (l *Layout) SpaceSwitch(m kernel.Machine) (uint64, error) {
	if len(m.CPUs) != 1 {
		return 0, fmt.Errorf("there are several processors")
	}
	space := m.Space(0)
	pd, err := memory.Uint(space, l.vars.pd, l.ptr)
	if err != nil {
		return 0, fmt.Errorf("reading Pd::current: %w", err)
	}
	tables, err := memory.Uint(space, pd+l.pd.tables, l.ptr)
	if err != nil {
		return 0, fmt.Errorf("reading the page tables of Pd::current: %w", err)
	}
	if root := tables &^ (m.Paging.PageSize() - 1); root != m.CPUs[0].Root {
		return 0, fmt.Errorf("the kernel's Pd::current has page tables at %#x, the processor at %#x", root, m.CPUs[0].Root)
	}
	return l.vars.pd, nil
}
