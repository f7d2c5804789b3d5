package observe

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
)

// busy is a machine of two processors. The first executes the kernel for another thread;
// the second runs the thread at 0x1000 at some ip in user mode, whose saved ip and sp are
// at 0x1010.
type busy struct {
	drive.Target
	ip, saved uint64
	user      bool // of the second
	regs      [16]byte
}

const root, object = 0x9000, 0x1000

func (b *busy) ReadPhysical(reqs []memory.Request) error {
	binary.LittleEndian.PutUint64(b.regs[:], b.saved)
	binary.LittleEndian.PutUint64(b.regs[8:], 0x2000)
	for i := range reqs {
		for n := range reqs[i].Buf {
			reqs[i].Buf[n] = 0
			if at := reqs[i].Addr + uint64(n); at >= object+0x10 && at < object+0x20 {
				reqs[i].Buf[n] = b.regs[at-object-0x10]
			}
		}
	}
	return nil
}

func (b *busy) BlockSize() uint64 { return 4096 }
func (b *busy) CPUs(context.Context) ([]target.Registers, error) {
	return []target.Registers{some{"rip": 0xffff0000, "cs": 8, "cr3": root}, some{"rip": b.ip, "rsp": 0x2000, "cs": map[bool]uint64{false: 8, true: 0x23}[b.user], "cr3": root}}, nil
}
func (b *busy) KernelStack(context.Context, int, memory.Reader) (uint64, error) { return 0, nil }
func (b *busy) Trace(*memory.View)                                              {}
func (b *busy) Read(*memory.View)                                               {}
func (b *busy) Asked(*memory.View)                                              {}
func (b *busy) SetBreaks(context.Context, []target.Break) error                 { return nil }
func (b *busy) ClearBreaks(context.Context, []target.Break) error               { return nil }

// flat page tables map each page to itself.
type flat struct{ memory.Paging }

func (flat) PageSize() uint64 { return 0x1000 }
func (flat) Walk(_ memory.Reader, _, virt uint64) (memory.Mapping, error) {
	return memory.Mapping{Virt: virt &^ 0xfff, Phys: virt &^ 0xfff, Size: 0x1000}, nil
}

// some are registers.
type some map[string]uint64

func (r some) Uint64(name string) (uint64, bool) { v, ok := r[name]; return v, ok }
func (r some) Names() (out []string) {
	for name := range r {
		out = append(out, name)
	}
	return out
}

// KernelSpace, and what else of a decoder is asked for.
func (b *busy) KernelSpace(m kernel.Machine) (*memory.Space, error) {
	return memory.NewSpace(m.Phys, flat{}, 0), nil
}
func (b *busy) CurrentThread(_ kernel.Machine, cpu int) uint64 {
	return [...]uint64{0x5000, object}[cpu]
}
func (b *busy) Decode(kernel.Machine) (*kernel.System, error) { return kernel.NewSystem(nil, nil), nil }
func (b *busy) Slot(n uint64) uint64                          { return n }
func (b *busy) Platform() *kernel.Platform {
	return &kernel.Platform{Places: []*kernel.PlaceKind{{Name: "regs"}}}
}

func newBusy(t *testing.T, b *busy, owner drive.Owner) (*machine.Machine, *drive.Driver, *Observer) {
	t.Helper()
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	m := machine.Of(b, b, flat{}, x86, 8, b)
	programs := &components.Set{}
	d := drive.New(b, m, programs, func() bool { return false }, owner)
	none := func(context.Context, *evidence.Track) error { return nil }
	return m, d, New(m, programs, d, Hooks{Next: func() int { return 1 }, Enters: none, Entered: none})
}

// A thread that is more urgent than core, or runs on another processor, comes back to
// user mode while the function that takes the request is still at work. That is no answer.
func TestReturnBeforeTheRequestWasTaken(t *testing.T) {
	const before, asked = 0x100, 0x280
	for _, c := range []struct {
		what           string
		open, written  bool
		ip, saved      uint64
		entered, early bool
		outside        bool
	}{
		{what: "while the function is at work", open: true, ip: before, saved: before, early: true},
		{what: "after it returned", ip: before, saved: before, entered: true},
		{what: "at the requested ip", open: true, ip: asked, saved: asked, entered: true},
		{what: "elsewhere after it was written", open: true, written: true, ip: before, saved: asked, entered: true},
		{what: "as the other processor has just written it, untold", open: true, ip: before, saved: asked, early: true, outside: true},
	} {
		b := &busy{ip: c.ip, saved: c.saved, user: true}
		m, d, ob := newBusy(t, b, drive.Owner{})
		if err := m.Look(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		tr := &evidence.Track{ID: 7, Block: object, TaskRoot: root, Places: []evidence.Kept{{Name: "regs", IPAddr: object + 0x10, SPAddr: object + 0x18, Saved: evidence.Saved{IP: before, SP: 0x2000}}}}
		tr.Requests = []evidence.Request{{At: ob.Now(), IP: asked, SP: 0x2000, Open: c.open}}
		if c.written {
			tr.Writes = []evidence.Write{{At: ob.Now(), Saved: evidence.Saved{IP: asked, SP: 0x2000}}}
		}
		if err := d.Guard.Arm(t.Context(), tr); err != nil {
			t.Fatal(err)
		}
		_, done, err := ob.Observe(t.Context(), tr, Hit{})
		if err != nil || !done {
			t.Fatalf("%s: %v, %v", c.what, done, err)
		}
		watched := d.Guard.Armed[tr.Block] != nil
		if (tr.Entered != nil) != c.entered || (tr.Requests[0].Early != nil) != c.early || watched != c.early {
			t.Errorf("%s: entered %+v, early %+v, watched %v", c.what, tr.Entered, tr.Requests[0].Early, watched)
		}
		if got := len(tr.Writes) == 1 && tr.Writes[0].Outside && tr.Writes[0].CPU == 0; got != c.outside {
			t.Errorf("%s: writes %+v", c.what, tr.Writes)
		}
		if m.Stopped != 1 {
			t.Errorf("%s: processor %d stopped", c.what, m.Stopped)
		}
	}
}
