package live_test

import (
	"context"
	"testing"
	"time"

	"thaw/memory"
	"thaw/session"
	"thaw/session/live"
)

// counted counts how a target is made to go on.
type counted struct {
	*live.Target
	steps, advances int
	enough          func()
}

func (c *counted) Step(ctx context.Context, cpu int) (session.TargetStop, error) {
	c.steps++
	return c.Target.Step(ctx, cpu)
}

func (c *counted) Advance(ctx context.Context, cpu int, regs []session.RegisterValue, addr uint64, data []byte) error {
	if c.advances++; c.advances == 300 {
		c.enough()
	}
	return c.Target.Advance(ctx, cpu, regs, addr, data)
}

// A breakpoint that another program hits over and over is passed by without a
// step of the processor each time, and the program does not notice: the loop at
// it pushes a register and pops it again.
func TestForeignHitsAreSkipped(t *testing.T) {
	for _, shared := range []bool{false, true} {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		const function = "Rtcr::Target_child::has"
		r := newRefresh(t, "", 64)
		at, _ := r.loop(t, function)
		var o live.Options
		if shared {
			o.RAM = r.vm.RAMPath()
		}
		target, err := live.Attach(ctx, r.vm.GDB(), o)
		if err != nil {
			t.Fatal(err)
		}
		c := &counted{Target: target}
		e := r.foreign(t, c, function)
		c.enough = func() { e.Interrupt() }
		if err := e.Begin(ctx); err != nil {
			t.Fatal(err)
		}
		if err := e.Continue(ctx); err != nil {
			t.Fatal(err)
		}
		foreign := e.View().Breakpoints[0].Foreign
		if c.advances < 300 || c.steps > c.advances/4 || foreign < c.advances {
			t.Errorf("shared %v: %d hits: %d were skipped and %d stepped over", shared, foreign, c.advances, c.steps)
		}
		// At the breakpoint each time with the same stack pointer, and what was
		// pushed below it.
		var sps []uint64
		for len(sps) < 3 {
			cpus, err := c.CPUs(ctx)
			if err != nil {
				t.Fatal(err)
			}
			reg := func(name string) uint64 { v, _ := cpus[0].Uint64(name); return v }
			if reg("rip") == at && reg("cs")&3 == 3 {
				space := memory.NewSpace(memory.NewView(c, memory.StubBlock, nil), memory.AMD64{}, reg("cr3")&^0xfff)
				if pushed, err := memory.Uint(space, reg("rsp")-8, 8); err != nil || pushed != reg("rbp") {
					t.Errorf("shared %v: %#x was pushed, rbp is %#x (%v)", shared, pushed, reg("rbp"), err)
				}
				sps = append(sps, reg("rsp"))
			}
			if _, err := c.Target.Step(ctx, 0); err != nil {
				t.Fatal(err)
			}
		}
		if sps[0] != sps[1] || sps[1] != sps[2] {
			t.Errorf("shared %v: stack pointers %x", shared, sps)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
