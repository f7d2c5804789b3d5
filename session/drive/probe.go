package drive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"thaw/session/components"
	"thaw/session/machine"
	"thaw/session/target"
	"thaw/session/view"
)

// Probe is something to do when a component reaches an address.
type Probe struct {
	Addr  uint64
	Comp  *components.Component
	Info  *view.BreakpointInfo
	Block uint64 // only in this thread, 0: in any
	SP    uint64 // only with this stack pointer, 0: with any
	Once  bool
	Hit   func(ctx context.Context) (*Event, error)
}

// Event is a reason to show a stop.
type Event struct {
	Reason string
	Phase  bool // a phase was entered
	Idle   bool // only a step, an interrupt, or the guest's way back
	By     view.StopBy
}

// Breaks are the breakpoints that are set, with what to do at each.
type Breaks struct {
	target    breaker
	m         *machine.Machine
	programs  *components.Set
	isWatched func(addr uint64) bool // whether a watchpoint is set there
	fixed     func() bool            // the guest's run is fixed: it replays a recorded one

	Probes  map[uint64][]*Probe
	Infos   []*view.BreakpointInfo
	own     []*Probe      // the user's, while they are off the target
	later   *[]*Probe     // set together, see Together; nil: each as it comes
	taken   machine.Visit // last hit that belonged to a probe
	faulted machine.Visit // taken, but its instruction faulted: it will come again
	lifter  lifter
}

// breaker is a target that can have breakpoints and watchpoints.
type breaker interface {
	// SetBreaks sets all, or none and says which could not be set.
	SetBreaks(ctx context.Context, list []target.Break) error
	ClearBreaks(ctx context.Context, list []target.Break) error
}

// TakeOff takes all breakpoints off the target, and what watches threads' saved states. The
// user's breakpoints are kept aside.
func (d *Driver) TakeOff(ctx context.Context) error {
	b := d.Breaks
	set := append(d.Guard.disarm(d.Guard.Threads()...), target.At(slices.Collect(maps.Keys(b.Probes))...)...)
	if err := d.target.ClearBreaks(ctx, set); err != nil {
		return err
	}
	for _, list := range b.Probes {
		for _, p := range list {
			if p.Info.Own() {
				b.own = append(b.own, p)
			}
		}
	}
	clear(b.Probes)
	return nil
}

// AddProbe sets a probe; probes at one address share the target's breakpoint.
func (b *Breaks) AddProbe(ctx context.Context, p *Probe) error { return b.AddProbes(ctx, []*Probe{p}) }

// AddProbes sets all of them, or none.
func (b *Breaks) AddProbes(ctx context.Context, list []*Probe) error {
	if b.later != nil {
		*b.later = append(*b.later, list...)
		return nil
	}
	var addrs []uint64
	for _, p := range list {
		if len(b.Probes[p.Addr]) == 0 && !slices.Contains(addrs, p.Addr) {
			addrs = append(addrs, p.Addr)
		}
	}
	if err := b.target.SetBreaks(ctx, target.At(addrs...)); err != nil {
		return fmt.Errorf("in %s: %w", list[0].Comp.Name, err)
	}
	for _, p := range list {
		b.Probes[p.Addr] = append(b.Probes[p.Addr], p)
	}
	return nil
}

// Together sets at once, when fn is done, the probes that it sets.
func (b *Breaks) Together(ctx context.Context, fn func() error) error {
	var list []*Probe
	b.later = &list
	err := fn()
	if b.later = nil; err != nil || len(list) == 0 {
		return err
	}
	return b.AddProbes(ctx, list)
}

// RemoveProbe takes a probe away; one that is gone already is no error.
func (b *Breaks) RemoveProbe(ctx context.Context, p *Probe) error {
	i := slices.Index(b.Probes[p.Addr], p)
	if i < 0 {
		return nil
	}
	b.Probes[p.Addr] = slices.Delete(b.Probes[p.Addr], i, i+1)
	if len(b.Probes[p.Addr]) > 0 {
		return nil
	}
	delete(b.Probes, p.Addr)
	return b.target.ClearBreaks(ctx, target.At(p.Addr))
}

// WatchFunction sets a probe at every place where a function is entered: out of
// line, in compiler clones, and where it was inlined.
func (b *Breaks) WatchFunction(ctx context.Context, comp, function, purpose string, hit func(ctx context.Context) (*Event, error)) error {
	c := b.programs.ByName[comp]
	fns, err := c.File.Functions(function)
	if err != nil {
		return err
	}
	info := &view.BreakpointInfo{Component: comp, Function: function, Purpose: purpose}
	var probes []*Probe
	for _, fn := range fns {
		for _, loc := range fn.Locations {
			if slices.Contains(info.Addrs, loc.Addr) {
				continue
			}
			info.Addrs = append(info.Addrs, loc.Addr)
			probes = append(probes, &Probe{Addr: loc.Addr, Comp: c, Info: info, Hit: hit})
		}
	}
	if len(info.Addrs) == 0 {
		return fmt.Errorf("function %s has no code in %s: it was optimised away", function, c.File.Path())
	}
	if err := b.AddProbes(ctx, probes); err != nil {
		return err
	}
	b.Infos = append(b.Infos, info)
	return nil
}

// OnReturn runs hit when the function that was just entered returns in the
// same thread.
func (b *Breaks) OnReturn(ctx context.Context, c *components.Component, function, purpose string, hit func(ctx context.Context) (*Event, error)) error {
	p, err := b.ReturnOf(ctx, c, function, purpose, hit)
	if err != nil {
		return err
	}
	return b.AddProbe(ctx, p)
}

// ReturnOf is OnReturn for who sets the probe.
func (b *Breaks) ReturnOf(ctx context.Context, c *components.Component, function, purpose string, hit func(ctx context.Context) (*Event, error)) (*Probe, error) {
	scope := b.m.Scope(c.File)
	addr, sp, err := scope.ReturnAddress()
	if err != nil {
		return nil, fmt.Errorf("finding where %s returns to: %w", function, err)
	}
	block, err := b.m.CurrentBlock(ctx)
	if err != nil {
		return nil, err
	}
	info := &view.BreakpointInfo{Component: c.Name, Function: function, Purpose: purpose, Addrs: []uint64{addr}}
	b.Infos = append(b.Infos, info)
	return &Probe{Addr: addr, Comp: c, Info: info, Block: block, SP: sp, Once: true, Hit: hit}, nil
}

// BreakHit runs the probes at the processor's place. It reports whether a
// probe of the running component was among them; where none was, the hit
// belongs to another address space and nobody is told.
func (b *Breaks) BreakHit(ctx context.Context) (*Event, error) {
	at := b.m.Here()
	again := b.faulted == at
	if again {
		b.faulted = machine.Visit{}
	}
	var ev *Event
	mine := slices.DeleteFunc(slices.Clone(b.Probes[at.PC]), func(p *Probe) bool {
		foreign := !b.programs.Runs(p.Comp, at.Root, at.PC)
		if foreign {
			p.Info.Foreign++
		}
		return foreign
	})
	if len(mine) == 0 {
		b.lifter.foreign(at.Root)
		return nil, nil
	}
	if err := b.PutBack(ctx); err != nil {
		return nil, err
	}
	for _, p := range mine {
		if again {
			b.taken = at // it may fault once more, on its operand
			continue
		}
		if p.SP != 0 && p.SP != at.SP {
			continue
		}
		if p.Block != 0 {
			if block, err := b.m.CurrentBlock(ctx); err != nil {
				return nil, err
			} else if block != 0 && block != p.Block {
				continue
			}
		}
		b.taken = at
		p.Info.Hits++
		if p.Once {
			if err := b.RemoveProbe(ctx, p); err != nil {
				return nil, err
			}
		}
		// Where a function was inlined, others may begin at the same address.
		b.m.Function, _, _ = strings.Cut(p.Info.Function, "(")
		got, err := p.Hit(ctx)
		b.m.Function = ""
		if err != nil {
			return nil, fmt.Errorf("at %s in %s: %w", p.Info.Function, p.Comp.Name, err)
		}
		ev = Merge(ev, got)
	}
	return ev, nil
}

// Merge joins two events of one stop.
func Merge(a, b *Event) *Event {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &Event{Reason: a.Reason + "; " + b.Reason, Phase: a.Phase || b.Phase, Idle: a.Idle && b.Idle, By: cmp.Or(a.By, b.By)}
}
