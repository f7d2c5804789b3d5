package drive

import (
	"context"
	"fmt"

	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/target"
)

// A breakpoint that other programs hit all the time costs a single step for every
// hit: two more stops of the whole machine. skipper executes the instruction
// under it itself instead, if it is one of the simple ones that functions begin
// with, once they do so in a row: to find out costs more than a step. It does so only after it has seen the processor come to the same result
// with the same instruction in the same address space; whatever is not as it
// should be (a page that is not mapped, a watchpoint that may be hit) is left to
// the processor.
type skipper struct {
	known  map[codeAt]bool // the processor agreed, or not
	mirror *memory.Mirror  // code and page tables that decide
}

// maxLength is that of the longest instruction.
const maxLength = 15

// codeAt is an instruction at a place in an address space.
type codeAt struct {
	root, pc uint64
	code     [maxLength]byte
}

// fewInRow is how many hits in a row are nobody's business before one is skipped.
const fewInRow = 2

// Bounds of what a skipper keeps.
const (
	maxKnown = 1 << 12
	maxSkim  = 1 << 12 // granules
)

func newSkipper(src memory.Source) *skipper {
	return &skipper{known: map[codeAt]bool{}, mirror: memory.NewMirror(src)}
}

// skip is an instruction that may be skipped, with its effect.
type skip struct {
	codeAt
	arch.Instruction
	phys  uint64 // of the store
	trust bool
}

// skippable looks at the instruction that the stopped processor is about to
// execute; nil if it has to execute it itself.
func (d *Driver) skippable(ctx context.Context) *skip {
	cpu := d.m.CPU()
	to, can := d.target.(Advancer)
	if !can || d.Breaks.lifter.row < fewInRow || !cpu.User || len(d.Guard.Armed) > 0 || d.EveryInstruction || d.Watching || d.Breaks.fixed() || !to.Advances(ctx) {
		return nil
	}
	k := d.skipper
	if k.mirror.Size() > maxSkim {
		k.mirror.Reset()
	} else if k.mirror.Refresh() != nil {
		return nil
	}
	s := &skip{codeAt: codeAt{root: cpu.Root, pc: cpu.IP}}
	space := memory.NewSpace(k.mirror, d.m.Paging, cpu.Root)
	page, _, err := space.Translate(cpu.IP)
	if err != nil || !page.User || !page.Accessed {
		return nil
	}
	n := min(maxLength, page.Virt+page.Size-cpu.IP)
	if space.ReadMemory(cpu.IP, s.code[:n]) != nil {
		return nil
	}
	trust, known := k.known[s.codeAt]
	if known && !trust || len(k.known) >= maxKnown && !known {
		return nil
	}
	s.trust = trust
	var ok bool
	if s.Instruction, ok = d.m.Arch.EffectOf(s.code[:n], d.m.Registers()); !ok || d.Breaks.at(s.next()) {
		k.known[s.codeAt] = false
		return nil
	}
	if s.Store {
		page, phys, err := space.Translate(s.Addr)
		if err != nil || !page.User || !page.Writable || !page.Accessed || !page.Dirty || s.Addr%uint64(d.m.PtrSize()) != 0 {
			return nil
		}
		s.phys = phys
	}
	return s
}

// next is where the instruction after it is.
func (s *skip) next() uint64 { return s.Regs[len(s.Regs)-1].Value }

// take resumes the target behind the instruction.
func (s *skip) take(ctx context.Context, d *Driver) error {
	var data []byte
	if s.Store {
		data = d.m.Word(s.Value)
	}
	if err := d.Guard.advance(ctx, d.m.Stopped, s.Regs, s.phys, data); err != nil {
		return fmt.Errorf("resuming the guest behind the breakpoint at %#x: %w", s.pc, err)
	}
	return nil
}

// compare notes whether a processor, which has executed the instruction by now,
// came to the same result; before are its registers from before.
func (s *skip) compare(d *Driver, before, after target.Registers) {
	if ip, _ := after.Uint64(d.m.Arch.IP); ip == s.pc {
		return // not executed; see NoteFault
	}
	same := true
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
	if s.Store && same {
		v, err := memory.Uint(d.m.View, s.phys, d.m.PtrSize())
		same = err == nil && v == s.Value
	}
	d.skipper.known[s.codeAt] = same
}
