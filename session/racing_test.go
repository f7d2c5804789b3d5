package session

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/observe"
	"thaw/session/target"
	"thaw/session/view"
)

// racing is an ARM with processors that all count a word up, each in a loop of its own (code)
// and through a mapping of its own. It stops as QEMU 7.2 does: before a store to a watched
// word, and before one that is not aligned and lies behind it in its page. Of several
// processors that come to one it tells of the last, or of an interrupt; those it has not told
// of execute the store as they go on, and stop at the end of the loop, or behind it when they
// are stepped; and if the watchpoint is taken off meanwhile, QEMU uses it all the same.
type racing struct {
	Target
	racer
	word     uint64 // its value
	cpus     []counting
	watched  []uint64
	breaks   []uint64
	running  bool
	turn     int
	writes   []view.Origin // that were done: Place, Old and New
	echoed   bool          // the last run was the echo of a step
	idle     bool          // the next step does nothing
	echoes   int           // stops that were nothing else
	dangling int           // watchpoints that were taken off while a processor was at one, untold
	executed [5]int        // of its code by the first processor
}

// racer is a kind of ARM.
type racer struct {
	machine elf.Machine
	size    int       // of a word
	high    uint64    // where the kernel maps all memory a second time
	code    [5]uint32 // load r1 from where r0 leads, add 1, store it there, store it behind there, go back
	regs    map[string]uint64
	r       string // what registers are called
}

type counting struct {
	pc, r1  uint64
	pending bool // QEMU has stopped it before a store, and not told
	echo    bool // QEMU stops it once more as it goes on, and does not say why
}

const countAt, codeAt = 0x3000, 0x8000

var racers = []racer{
	{elf.EM_AARCH64, 8, 0xffffff8000000000, [5]uint32{0xf9400001, 0x91000421, 0xf9000001, 0xf8009001, 0x17fffffc}, map[string]uint64{"cpsr": 4, "TTBR0_EL1": 0x9000}, "x"},
	{elf.EM_ARM, 4, 0xf0000000, [5]uint32{0xe5901000, 0xe2811001, 0xe5801000, 0xe5801005, 0xeafffffa}, map[string]uint64{"cpsr": 0x13, "TTBR0": 0x10000}, "r"},
}

func newRacing(of racer, cpus int) *racing {
	f := &racing{racer: of, word: 7}
	for n := range cpus {
		f.cpus = append(f.cpus, counting{pc: codeAt + uint64(0x1000*n)})
	}
	return f
}

// base is the address that a processor counts at.
func (f *racing) base(cpu int) uint64 {
	if cpu%2 == 0 {
		return f.high + countAt
	}
	return countAt
}

func (f *racing) Machine() elf.Machine                                            { return f.machine }
func (f *racing) BlockSize() uint64                                               { return 4096 }
func (f *racing) KernelStack(context.Context, int, memory.Reader) (uint64, error) { return 0, nil }
func (f *racing) Trace(*memory.View)                                              {}
func (f *racing) Read(*memory.View)                                               {}
func (f *racing) Asked(*memory.View)                                              {}
func (f *racing) PageSize() uint64                                                { return 0x1000 }
func (f *racing) CurrentThread(kernel.Machine, int) uint64                        { return 0 }
func (f *racing) Slot(n uint64) uint64                                            { return n }
func (f *racing) Platform() *kernel.Platform                                      { return &kernel.Platform{} }
func (f *racing) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return memory.NewSpace(m.Phys, f, 0), nil
}

// Decode finds a thread on each processor.
func (f *racing) Decode(kernel.Machine) (*kernel.System, error) {
	var all []*kernel.Object
	for n := range f.cpus {
		all = append(all, &kernel.Object{ID: kernel.ID(n + 1), Name: "counter", Thread: &kernel.Thread{Running: true, CPU: n}})
	}
	return kernel.NewSystem(all, nil), nil
}

func (f *racing) Walk(_ memory.Reader, _, virt uint64) (memory.Mapping, error) {
	base := virt &^ 0xfff
	if base >= f.high {
		return memory.Mapping{Virt: base, Phys: base - f.high, Size: 0x1000}, nil
	}
	return memory.Mapping{Virt: base, Phys: base, Size: 0x1000}, nil
}

func (f *racing) Each(_ memory.Reader, _, first, last uint64, fn func(memory.Mapping) bool) error {
	if f.size == 4 && last>>32 != 0 || last < first {
		return fmt.Errorf("%#x-%#x is no range", first, last)
	}
	for _, virt := range []uint64{countAt, f.high + countAt} {
		if m, _ := f.Walk(nil, 0, virt); virt >= first && virt <= last && !fn(m) {
			break
		}
	}
	return nil
}

func (f *racing) ReadPhysical(reqs []memory.Request) error {
	var mem [0x10000]byte
	binary.LittleEndian.PutUint64(mem[countAt:], f.word)
	for n := range f.cpus {
		for i, word := range f.code {
			binary.LittleEndian.PutUint32(mem[codeAt+0x1000*n+4*i:], word)
		}
	}
	for i := range reqs {
		clear(reqs[i].Buf)
		if at := reqs[i].Addr; at < uint64(len(mem)) {
			copy(reqs[i].Buf, mem[at:])
		}
	}
	return nil
}

// registered are a processor's registers.
type registered map[string]uint64

func (r registered) Uint64(name string) (uint64, bool) { v, ok := r[name]; return v, ok }
func (r registered) Names() (out []string) {
	for name := range r {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (f *racing) CPUs(context.Context) (all []target.Registers, err error) {
	for n, c := range f.cpus {
		r := registered{"pc": c.pc, "sp": 0, f.r + "0": f.base(n), f.r + "1": c.r1}
		maps.Copy(r, f.regs)
		all = append(all, r)
	}
	return all, nil
}

func (f *racing) SetBreaks(_ context.Context, list []target.Break) error {
	for _, b := range list {
		if b.Kind == target.Execute {
			f.breaks = append(f.breaks, b.Addr)
		} else {
			f.watched = append(f.watched, b.Addr)
		}
	}
	return nil
}

func (f *racing) ClearBreaks(_ context.Context, list []target.Break) error {
	for _, b := range list {
		all := &f.watched
		if b.Kind == target.Execute {
			all = &f.breaks
		} else if slices.ContainsFunc(f.cpus, func(c counting) bool { return c.pending }) {
			f.dangling++
		}
		i := slices.Index(*all, b.Addr)
		if i < 0 {
			return fmt.Errorf("nothing is set at %#x", b.Addr)
		}
		*all = slices.Delete(*all, i, i+1)
	}
	return nil
}

func (f *racing) Resume(context.Context) error { f.running = true; return nil }
func (f *racing) Running() bool                { return f.running }
func (f *racing) Interrupt() error             { return nil }

// place is which of its instructions a processor is at.
func (f *racing) place(cpu int) uint64 { return f.cpus[cpu].pc % 0x1000 / 4 }

// run lets a processor execute so many instructions, and says whether it stopped before.
func (f *racing) run(cpu, most int) bool {
	c, late := &f.cpus[cpu], false
	if c.echo {
		c.echo, f.echoed = false, true
		return true
	}
	f.echoed = false
	for range most {
		if slices.Contains(f.breaks, c.pc) || late && f.place(cpu) == 0 {
			return true
		}
		if at := f.place(cpu); (at == 2 || at == 3) && slices.Contains(f.watched, f.base(cpu)) {
			if c.pending = !c.pending; c.pending {
				return true
			}
			late = true
		}
		f.execute(cpu)
	}
	return false
}

func (f *racing) execute(cpu int) {
	c := &f.cpus[cpu]
	at := f.place(cpu)
	if cpu == 0 {
		f.executed[at]++
	}
	switch at {
	case 0:
		c.r1 = f.word
	case 1:
		c.r1++
	case 2:
		f.writes = append(f.writes, view.Origin{Place: view.Place{Addr: c.pc}, Old: f.word, New: c.r1})
		f.word = c.r1
	case 4:
		c.pc -= 5 * 4
	}
	c.pc += 4
}

// Wait lets the processors run, each further than the one before, until one stops; the others
// go on for a moment.
func (f *racing) Wait(context.Context) (target.Stop, error) {
	f.turn++
	last, stopped, echo := 0, false, false
	for n := f.turn; !stopped || n%len(f.cpus) != f.turn%len(f.cpus); n++ {
		if cpu := n % len(f.cpus); f.run(cpu, 2+f.turn%5) {
			last, stopped, echo = cpu, true, f.echoed
		}
	}
	f.running = false
	if c := f.cpus[last]; slices.Contains(f.breaks, c.pc) && !c.pending {
		return target.Stop{CPU: last, Signal: 5}, nil
	}
	if f.turn%7 == 0 {
		return target.Stop{CPU: 0, Signal: 2}, nil // an interrupt
	}
	if echo {
		f.echoes++
		return target.Stop{CPU: last, Signal: 5}, nil
	}
	return f.tell(last), nil
}

// tell is a processor's stop at a watchpoint, which QEMU has told then.
func (f *racing) tell(cpu int) target.Stop {
	f.cpus[cpu].pending = false
	return target.Stop{CPU: cpu, Watch: true, WatchAddr: f.base(cpu)}
}

func (f *racing) Step(_ context.Context, cpu int) (target.Stop, error) {
	c := &f.cpus[cpu]
	if at := f.place(cpu); (at == 2 || at == 3) && slices.Contains(f.watched, f.base(cpu)) {
		if c.pending {
			f.execute(cpu)
			c.echo = true
		}
		return f.tell(cpu), nil
	}
	if f.idle = !f.idle; !f.idle {
		f.execute(cpu)
	}
	return target.Stop{CPU: cpu}, nil
}

// newWatcher is a session's watcher on it.
func newWatcher(t *testing.T, f *racing) *watcher {
	t.Helper()
	a, err := arch.Of(f.machine)
	if err != nil {
		t.Fatal(err)
	}
	ps := &parts{target: f, programs: &components.Set{}, history: &moments{most: 10}, questions: &questionBook{}}
	wt := &watcher{&traveller{parts: ps}}
	ps.m = machine.Of(f, f, f, a, f.size, f)
	ps.programs.On(ps.m)
	ps.drive = drive.New(f, ps.m, ps.programs, func() bool { return false }, drive.Owner{
		GoesOn: wt.ready, WatchHit: wt.watchHit, Words: ps.words, Stores: wt.stores,
		Accessed: func(ctx context.Context, stop target.Stop, before target.Registers) (*drive.Event, error) {
			return ps.obs.WatchHit(ctx, stop, before)
		},
		Stopped: func(context.Context) (func() error, error) { return func() error { return nil }, nil },
	})
	none := func(context.Context, *evidence.Track) error { return nil }
	ps.obs = observe.New(ps.m, ps.programs, ps.drive, observe.Hooks{Next: func() int { return 1 }, Enters: none, Entered: none})
	if err := ps.m.Look(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	sys, err := ps.m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ps.history.add(&moment{snap: &view.Snapshot{Number: 1, System: sys}})
	return wt
}
