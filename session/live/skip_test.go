package live_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/target"
)

// counted counts how a target is made to go on.
type counted struct {
	*live.Target
	steps, advances int
	enough          func()
}

func (c *counted) Step(ctx context.Context, cpu int) (target.Stop, error) {
	c.steps++
	return c.Target.Step(ctx, cpu)
}

func (c *counted) Advance(ctx context.Context, cpu int, regs []kernel.Register, addr uint64, data []byte) error {
	if c.advances++; c.advances == 300 {
		c.enough()
	}
	return c.Target.Advance(ctx, cpu, regs, addr, data)
}

// noSwitch is a decoder that does not know where the kernel changes between
// address spaces.
type noSwitch struct{ session.Decoder }

// A breakpoint that another program hits over and over is passed by without a
// step of the processor each time, and the program does not notice: the loop at
// it pushes a register and pops it again.
func TestForeignHitsAreSkipped(t *testing.T) {
	for _, way := range []string{"stub", "process", "shared"} {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		const function = "Rtcr::Target_child::has"
		r := newRefresh(t, "", 64)
		at, _ := r.loop(t, function)
		target, err := live.Attach(ctx, r.vm.GDB(), r.options(way))
		if err != nil {
			t.Fatal(err)
		}
		c := &counted{Target: target}
		e := r.foreign(t, c, noSwitch{r.layout}, function)
		c.enough = func() { e.Interrupt() }
		if err := e.Begin(ctx); err != nil {
			t.Fatal(err)
		}
		if err := e.Continue(ctx); err != nil {
			t.Fatal(err)
		}
		foreign := e.View().Breakpoints[0].Foreign
		if c.advances < 300 || c.steps > c.advances/4 || foreign < c.advances {
			t.Errorf("%s: %d hits: %d were skipped and %d stepped over", way, foreign, c.advances, c.steps)
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
					t.Errorf("%s: %#x was pushed, rbp is %#x (%v)", way, pushed, reg("rbp"), err)
				}
				sps = append(sps, reg("rsp"))
			}
			if _, err := c.Target.Step(ctx, 0); err != nil {
				t.Fatal(err)
			}
		}
		if sps[0] != sps[1] || sps[1] != sps[2] {
			t.Errorf("%s: stack pointers %x", way, sps)
		}
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// watched keeps account of what is set on a target.
type watched struct {
	*live.Target
	breaks, watches map[uint64]bool
	watching        func() // called once
}

func (w *watched) SetBreaks(ctx context.Context, list []target.Break) error {
	for _, b := range list {
		if b.Kind == target.Execute {
			w.breaks[b.Addr] = true
			continue
		}
		w.watches[b.Addr] = true
		if w.watching != nil {
			w.watching()
			w.watching = nil
		}
	}
	return w.Target.SetBreaks(ctx, list)
}

func (w *watched) ClearBreaks(ctx context.Context, list []target.Break) error {
	for _, b := range list {
		if b.Kind == target.Execute {
			delete(w.breaks, b.Addr)
		} else {
			delete(w.watches, b.Addr)
		}
	}
	return w.Target.ClearBreaks(ctx, list)
}

// A breakpoint that another program hits over and over is off the target while
// that program runs, which goes on without stops: the child before the checkpoint.
// It is there again for its own program, which restores the child, and at every
// stop; a watchpoint is not.
func TestForeignHitsAreLifted(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	const function = "Rtcr::Target_child::has"
	r := refreshAt(t, fiasco, "", 64, counting)
	at, _ := r.loop(t, function)
	target, err := live.Attach(ctx, r.vm.GDB(), live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{Target: target, breaks: map[uint64]bool{}, watches: map[uint64]bool{}}
	e := r.foreign(t, w, r.layout, function)
	if err := e.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	for _, stop := range []struct {
		why   string
		hits  int
		after time.Duration
	}{{"interrupted", 0, 20 * time.Millisecond}, {"interrupted", 0, 0}, {"never", 1, 0}} {
		if stop.hits == 0 {
			w.watching = func() { e.Interrupt() } // as the breakpoint is being lifted
			if stop.after > 0 {
				w.watching = func() { time.AfterFunc(stop.after, func() { e.Interrupt() }) }
			}
		}
		if err := e.Continue(ctx); err != nil {
			t.Fatal(err)
		}
		v := e.View()
		b := v.Breakpoints[0]
		if b.Hits != stop.hits || !strings.Contains(v.Snapshot.Reason, stop.why) {
			t.Fatalf("stopped for %q, not %q: %+v", v.Snapshot.Reason, stop.why, b)
		}
		if b.Lifted == 0 {
			t.Errorf("%s: never lifted: %+v", stop.why, b)
		}
		if n := rounds(v.Snapshot.System, at); n < 100*uint64(b.Foreign) {
			t.Errorf("%s: the loop was stopped in %d of its %d rounds", stop.why, b.Foreign, n)
		}
		if !w.breaks[at] || len(w.watches) > 0 {
			t.Errorf("%s: breakpoints are set %v, watchpoints %v", stop.why, w.breaks, w.watches)
		}
	}
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
	if len(w.breaks) > 0 || len(w.watches) > 0 {
		t.Errorf("left behind: breakpoints %v, watchpoints %v", w.breaks, w.watches)
	}
}
