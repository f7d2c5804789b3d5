package drive

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/target"
)

// A breakpoint that other programs hit all the time costs a single step for every
// hit: two more stops of the whole machine; and over a slow link every hit does. skipper
// executes the instruction under it itself instead, if it is one of the simple ones that
// functions begin with, where that pays. It does so only after it has seen the processor
// come to the same result with the same instruction; whatever is not as it should be (a
// page that is not mapped, a watchpoint that may be hit) is left to the processor.
type skipper struct {
	known  map[string]bool // instructions: the processor agreed, or not
	mirror *memory.Mirror  // code and page tables that decide
}

// maxLength is that of the longest instruction.
const maxLength = 15

// fewInRow is how many hits in a row are nobody's business before one is skipped: to find
// out costs more than a step.
const fewInRow = 2

// Bounds of what a skipper keeps.
const (
	maxKnown = 1 << 12
	maxSkim  = 1 << 12 // granules
)

func newSkipper(src memory.Source) *skipper {
	return &skipper{known: map[string]bool{}, mirror: memory.NewMirror(src)}
}

// skip is an instruction that may be skipped, with its effect.
type skip struct {
	arch.Instruction
	pc    uint64
	code  string
	phys  uint64 // of the store
	trust bool
}

// skippable looks at the instruction that the stopped processor is about to
// execute; nil if it has to execute it itself.
func (d *Driver) skippable(ctx context.Context) *skip {
	cpu := d.m.CPU()
	to, can := d.target.(Advancer)
	if !can || d.Breaks.lifter.row < fewInRow && !to.Far() || len(d.Guard.Armed) > 0 || d.EveryInstruction || len(d.owner.Words()) > 0 || d.Breaks.fixed() || !to.Advances(ctx) {
		return nil
	}
	k := d.skipper
	if k.mirror.Size() > maxSkim {
		k.mirror.Reset()
	} else if k.mirror.Refresh() != nil {
		return nil
	}
	space := memory.NewSpace(k.mirror, d.m.Paging, cpu.Root)
	page, _, err := space.Translate(cpu.IP)
	if err != nil || page.User != cpu.User || !page.Accessed {
		return nil
	}
	code := make([]byte, min(maxLength, page.Virt+page.Size-cpu.IP))
	if space.ReadMemory(cpu.IP, code) != nil {
		return nil
	}
	// Of user mode's memory: what the kernel reads may be a device's.
	load := func(addr uint64, size int) (uint64, bool) {
		page, phys, err := space.Translate(addr)
		if err != nil || !cpu.User || !page.User || !page.Accessed || !to.IsRAM(phys, size) {
			return 0, false
		}
		v, err := memory.Uint(k.mirror, phys, size)
		return v, err == nil
	}
	s := &skip{pc: cpu.IP}
	var ok bool
	if s.Instruction, ok = d.m.Arch.EffectOf(code, d.m.Registers(), load); !ok || d.Breaks.at(s.next()) {
		return nil
	}
	s.code = string(code[:s.Length])
	trust, known := k.known[s.code]
	if known && !trust || len(k.known) >= maxKnown && !known {
		return nil
	}
	s.trust = trust
	if s.Store > 0 {
		page, phys, err := space.Translate(s.Addr)
		if err != nil || page.User != cpu.User || !page.Writable || !page.Accessed || !page.Dirty || s.Addr%uint64(s.Store) != 0 {
			return nil
		}
		s.phys = phys
	}
	return s
}

// next is where the processor goes on after it.
func (s *skip) next() uint64 { return s.Regs[len(s.Regs)-1].Value }

// take resumes the target behind the instruction.
func (s *skip) take(ctx context.Context, d *Driver) error {
	if err := d.Guard.advance(ctx, d.m.Stopped, s.Regs, s.phys, s.written()); err != nil {
		return fmt.Errorf("resuming the guest behind the breakpoint at %#x: %w", s.pc, err)
	}
	return nil
}

// written is what it writes, empty if it does not.
func (s *skip) written() []byte { return binary.LittleEndian.AppendUint64(nil, s.Value)[:s.Store] }

// stores is where it writes, physical, and how many bytes.
func (s *skip) stores() (addr uint64, n int) {
	if s == nil {
		return 0, 0
	}
	return s.phys, s.Store
}

// compare notes whether a processor, which has executed the instruction by now,
// came to the same result; before are its registers from before, and stored is what lies
// where it writes now.
func (s *skip) compare(d *Driver, before, after target.Registers, stored []byte) {
	if s == nil {
		return
	}
	if ip, _ := after.Uint64(d.m.Arch.IP); ip == s.pc {
		return // not executed; see NoteFault
	}
	same := bytes.Equal(stored, s.written())
	for _, name := range append([]string{d.m.Arch.IP, d.m.Arch.SP, d.m.Arch.Flags}, d.m.Arch.General...) {
		want, ok := before.Uint64(name)
		for _, r := range s.Regs {
			if r.Name == name {
				want = r.Value
			}
		}
		got, okToo := after.Uint64(name)
		same = same && ok && okToo && got == want
	}
	d.skipper.known[s.code] = same
}
