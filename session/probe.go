package session

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"thaw/session/view"
)

// probe is something to do when a component reaches an address.
type probe struct {
	addr  uint64
	comp  *component
	info  *view.BreakpointInfo
	block uint64 // only in this thread, 0: in any
	sp    uint64 // only with this stack pointer, 0: with any
	once  bool
	hit   func(ctx context.Context) (*event, error)
}

// event is a reason to show a stop.
type event struct {
	reason string
	phase  bool // a phase was entered
	idle   bool // only a step, an interrupt, or the guest's way back
}

// addProbe sets a probe; probes at one address share the target's breakpoint.
func (e *Engine) addProbe(ctx context.Context, p *probe) error {
	if len(e.probes[p.addr]) == 0 {
		if err := e.target.SetBreakpoint(ctx, p.addr); err != nil {
			return fmt.Errorf("setting a breakpoint at %#x in %s: %w", p.addr, p.comp.name, err)
		}
	}
	e.probes[p.addr] = append(e.probes[p.addr], p)
	return nil
}

// removeProbe takes a probe away; one that is gone already is no error.
func (e *Engine) removeProbe(ctx context.Context, p *probe) error {
	i := slices.Index(e.probes[p.addr], p)
	if i < 0 {
		return nil
	}
	e.probes[p.addr] = slices.Delete(e.probes[p.addr], i, i+1)
	if len(e.probes[p.addr]) > 0 {
		return nil
	}
	delete(e.probes, p.addr)
	if err := e.target.ClearBreakpoint(ctx, p.addr); err != nil {
		return fmt.Errorf("removing the breakpoint at %#x: %w", p.addr, err)
	}
	return nil
}

// watchFunction sets a probe at every place where a function is entered: out of
// line, in compiler clones, and where it was inlined.
func (e *Engine) watchFunction(ctx context.Context, comp, function, purpose string, hit func(ctx context.Context) (*event, error)) error {
	c := e.comps[comp]
	fns, err := c.file.Functions(function)
	if err != nil {
		return err
	}
	info := &view.BreakpointInfo{Component: comp, Function: function, Purpose: purpose}
	for _, fn := range fns {
		for _, loc := range fn.Locations {
			if slices.Contains(info.Addrs, loc.Addr) {
				continue
			}
			info.Addrs = append(info.Addrs, loc.Addr)
			if err := e.addProbe(ctx, &probe{addr: loc.Addr, comp: c, info: info, hit: hit}); err != nil {
				return err
			}
		}
	}
	if len(info.Addrs) == 0 {
		return fmt.Errorf("function %s has no code in %s: it was optimised away", function, c.file.Path())
	}
	e.infos = append(e.infos, info)
	return nil
}

// onReturn runs hit when the function that was just entered returns in the
// same thread.
func (e *Engine) onReturn(ctx context.Context, c *component, function, purpose string, hit func(ctx context.Context) (*event, error)) error {
	scope := e.scope(c)
	addr, sp, err := scope.ReturnAddress()
	if err != nil {
		return fmt.Errorf("finding where %s returns to: %w", function, err)
	}
	block, err := e.currentBlock(ctx)
	if err != nil {
		return err
	}
	info := &view.BreakpointInfo{Component: c.name, Function: function, Purpose: purpose, Addrs: []uint64{addr}}
	e.infos = append(e.infos, info)
	return e.addProbe(ctx, &probe{addr: addr, comp: c, info: info, block: block, sp: sp, once: true, hit: hit})
}

// visit identifies a probe hit, to recognise the same instruction that comes
// again because it faulted on its page.
type visit struct {
	pc, root, sp uint64
}

func (e *Engine) here() visit {
	cpu := e.m.CPUs[e.cpu]
	return visit{cpu.IP, cpu.Root, cpu.SP}
}

// breakHit runs the probes at the processor's place. It reports whether a
// probe of the running component was among them; where none was, the hit
// belongs to another address space and nobody is told.
func (e *Engine) breakHit(ctx context.Context) (*event, error) {
	at := e.here()
	again := e.faulted == at
	if again {
		e.faulted = visit{}
	}
	var ev *event
	mine := slices.DeleteFunc(slices.Clone(e.probes[at.pc]), func(p *probe) bool {
		foreign := !e.runs(p.comp, at.root, at.pc)
		if foreign {
			p.info.Foreign++
		}
		return foreign
	})
	if len(mine) == 0 {
		e.lifter.foreign(at.root)
		return nil, nil
	}
	if err := e.putBack(ctx); err != nil {
		return nil, err
	}
	for _, p := range mine {
		if again {
			e.taken = at // it may fault once more, on its operand
			continue
		}
		if p.sp != 0 && p.sp != at.sp {
			continue
		}
		if p.block != 0 {
			if block, err := e.currentBlock(ctx); err != nil {
				return nil, err
			} else if block != 0 && block != p.block {
				continue
			}
		}
		e.taken = at
		p.info.Hits++
		if p.once {
			if err := e.removeProbe(ctx, p); err != nil {
				return nil, err
			}
		}
		// Where a function was inlined, others may begin at the same address.
		e.function, _, _ = strings.Cut(p.info.Function, "(")
		got, err := p.hit(ctx)
		e.function = ""
		if err != nil {
			return nil, fmt.Errorf("at %s in %s: %w", p.info.Function, p.comp.name, err)
		}
		ev = merge(ev, got)
	}
	return ev, nil
}

// merge joins two events of one stop.
func merge(a, b *event) *event {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &event{reason: a.reason + "; " + b.reason, phase: a.phase || b.phase, idle: a.idle && b.idle}
}
