package observe

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"maps"
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

// storing is an ARM in the kernel, about to execute one instruction at 0x8000. A thread's
// saved ip is at 0x1010, its sp at 0x1014.
type storing struct {
	busy
	code uint32
	pc   uint64
	regs map[string]uint64 // before it
}

func (s *storing) ReadPhysical(reqs []memory.Request) error {
	var mem [0x9000]byte
	binary.LittleEndian.PutUint32(mem[0x1010:], 0x280)
	binary.LittleEndian.PutUint32(mem[0x1014:], 0x2000)
	binary.LittleEndian.PutUint32(mem[0x8000:], s.code)
	for i := range reqs {
		clear(reqs[i].Buf)
		if at := reqs[i].Addr; at < uint64(len(mem)) {
			copy(reqs[i].Buf, mem[at:])
		}
	}
	return nil
}

func (s *storing) CPUs(context.Context) ([]target.Registers, error) {
	r := some{"pc": s.pc, "cpsr": 0x13, "TTBR0": 0x4000}
	maps.Copy(r, s.regs)
	return []target.Registers{r}, nil
}

// Step executes the instruction: what it does to registers is not looked at, but that the
// base has moved.
func (s *storing) Step(context.Context, int) (target.Stop, error) {
	s.pc += 4
	s.regs["r1"] += 4
	return target.Stop{}, nil
}

// QEMU tells of every store that is not aligned behind the watched word in its page. Whether
// it was one to the word tells the instruction, with the registers before it: a base that is
// moved has moved behind it.
func TestStoresToOtherMemoryOnARM(t *testing.T) {
	a, err := arch.Of(elf.EM_ARM)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what   string
		code   uint32
		r1     uint64
		writes int
	}{
		{"str r0, [r1]: the word", 0xe5810000, 0x1010, 1},
		{"str r0, [r1, #3]: some of it", 0xe5810003, 0x1010, 1},
		{"str r0, [r1, #5]: what follows", 0xe5810005, 0x1010, 0},
		{"str r0, [r1], #4: the word, and the base has moved", 0xe4810004, 0x1010, 1},
		{"str r0, [r1], #4: what follows", 0xe4810004, 0x1017, 0},
		{"str r0, [r1, #4]!: the word", 0xe5a10004, 0x100c, 1},
		{"stmia r1!, {r0, r2, r3}: the word is the last", 0xe8a1000d, 0x1008, 1},
		{"stmia r1!, {r0, r2, r3}: behind it", 0xe8a1000d, 0x1018, 0},
		{"stmia r1, {sp, lr}^", 0xe8c16000, 0x100c, 1},
		{"swp r0, r2, [r1]: not understood", 0xe1010092, 0x1101, 1},
		{"str r0, [r5, #5]: r5 is not known", 0xe5850005, 0x1010, 1},
	} {
		s := &storing{code: c.code, pc: 0x8000, regs: map[string]uint64{"r1": c.r1}}
		m := machine.Of(s, s, flat{}, a, 4, s)
		programs := &components.Set{}
		d := drive.New(s, m, programs, func() bool { return false }, drive.Owner{Words: func() []target.Break { return nil }})
		none := func(context.Context, *evidence.Track) error { return nil }
		ob := New(m, programs, d, Hooks{Next: func() int { return 1 }, Enters: none, Entered: none})
		if err := m.Look(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		tr := &evidence.Track{ID: 7, Block: object, TaskRoot: root, Places: []evidence.Kept{{Name: "regs", IPAddr: object + 0x10, SPAddr: object + 0x14, Saved: evidence.Saved{IP: 0x280, SP: 0x2000}}}}
		tr.Requests = []evidence.Request{{At: ob.Now(), IP: 0x280, SP: 0x2000}}
		ob.Ev.Tracks[object] = tr
		if err := d.Guard.Arm(t.Context(), tr); err != nil {
			t.Fatal(err)
		}
		before := m.Registers()
		if err := d.StepOver(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := ob.WatchHit(t.Context(), target.Stop{Watch: true, WatchKind: target.WatchWrite, WatchAddr: object + 0x10}, before); err != nil {
			t.Fatal(err)
		}
		if len(tr.Writes) != c.writes {
			t.Errorf("%s: %d writes: %+v", c.what, len(tr.Writes), tr.Writes)
		}
	}
}

// CurrentThread is another one.
func (s *storing) CurrentThread(kernel.Machine, int) uint64 { return 0x5000 }
