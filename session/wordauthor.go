package session

import (
	"context"

	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/origin"
	"thaw/session/view"
)

// maxOriginFrames bounds the backtrace of a write.
const maxOriginFrames = 16

// author tells what gave memory its value between two neighbouring positions; seen says
// that a watchpoint told of a write there, which may have left it as it was.
func (s *wordSearch) author(ctx context.Context, p physical, lo, hi uint64, seen bool) (*arrival, error) {
	if err := s.moveTo(ctx, lo); err != nil {
		return nil, err
	}
	if err := s.m.Look(ctx, s.m.Stopped); err != nil {
		return nil, err
	}
	c := &arrival{from: lo, to: hi}
	had, old, err := s.has(p)
	switch {
	case err != nil:
		return nil, err
	case had && !seen:
		return nil, unfound("physical memory at %#x has its value before instruction %d already: it changes too often to tell what wrote it", p.addr, lo)
	}
	c.old = old
	step := s.step()
	c.ordered = step.Orders()
	prog, thread, frames, _ := s.writer(ctx) // not booted so far: the kernel
	c.by, c.thread, c.frames = prog.Place(step.IP), thread, frames
	user := s.m.CPU().User
	virt, known := s.hits(step.Writes(), p)
	if err := s.stepTo(ctx, hi); err != nil {
		return nil, err
	}
	same, _, err := s.has(p)
	if err != nil {
		return nil, err
	}
	if err := s.m.Look(ctx, s.m.Stopped); err != nil {
		return nil, err
	}
	c.virt = virt
	switch {
	case !same && !seen: // the step took no interrupt, which came behind it: running on takes it
		if err := s.moveTo(ctx, lo); err != nil {
			return nil, err
		}
		if err := s.moveTo(ctx, hi); err != nil {
			return nil, err
		}
		if err := s.m.Look(ctx, s.m.Stopped); err != nil {
			return nil, err
		}
		here := s.m.Here()
		c.entry = &here
		c.pushed = s.onStack(p)
		c.device = !c.pushed
	case virt != 0 || seen:
	case user && !s.m.CPU().User && s.m.Arch.Pushes(), s.onStack(p):
		c.pushed = true
	case known:
		c.device = true
	default:
		c.unsure = "the instruction there is not understood, and a device may have written at the same time"
	}
	return c, nil
}

// writer is what the stopped processor runs: the program, with the thread and the backtrace
// where the kernel's objects can be read; else the kernel, and why they cannot.
func (ps *parts) writer(ctx context.Context) (prog *components.Component, thread *kernel.Object, frames []view.Frame, err error) {
	sys, err := ps.m.System(ctx)
	if err != nil {
		return ps.programs.Kernel(), nil, nil, err
	}
	prog = ps.programs.Here(sys)
	frames = ps.programs.Backtrace(sys, prog)
	return prog, sys.Running(ps.m.Stopped), frames[:min(len(frames), maxOriginFrames)], nil
}

// onStack says whether memory is what an exception pushes, as the processor stands behind
// it.
func (s *wordSearch) onStack(p physical) bool {
	if !s.m.Arch.Pushes() {
		return false
	}
	const words = 6 // and an error code
	sp := s.m.CPU().SP
	for i := range uint64(words) {
		if _, phys, err := s.m.Space().Translate(sp + 8*i); err == nil && phys&^7 == p.addr&^7 {
			return true
		}
	}
	return false
}

// step is the instruction that is executed next.
func (s *wordSearch) step() origin.Step { return s.m.StepAt(s.m.CPU().IP) }

// hits is the address through which a write reaches memory, 0 if it does not; known is
// false where that is not certain.
func (s *wordSearch) hits(w origin.Write, p physical) (virt uint64, known bool) {
	for off := uint64(0); off < w.Size; off++ {
		_, phys, err := s.m.Space().Translate(w.Addr + off)
		if err != nil {
			return 0, false // a fault, or a page that is mapped just then
		}
		if phys >= p.addr && phys-p.addr < uint64(len(p.value)) {
			return w.Addr + off - (phys - p.addr), w.Known
		}
	}
	return 0, w.Known
}
