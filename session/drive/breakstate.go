package drive

import (
	"context"
	"maps"
	"slices"

	"thaw/session/machine"
	"thaw/session/target"
	"thaw/session/view"
)

// BreaksState is what breaks know at a moment of the guest's run. It shares nothing
// that changes with them.
type BreaksState struct {
	probes         map[uint64][]*Probe
	infos          []*view.BreakpointInfo
	counts         []view.BreakpointInfo // of infos
	taken, faulted machine.Visit
}

// State copies what is known.
func (b *Breaks) State() BreaksState {
	s := BreaksState{probes: make(map[uint64][]*Probe, len(b.Probes)), infos: slices.Clone(b.Infos), taken: b.taken, faulted: b.faulted}
	for addr, list := range b.Probes {
		s.probes[addr] = slices.Clone(list)
	}
	for _, i := range s.infos {
		s.counts = append(s.counts, *i)
	}
	return s
}

// TakeUp sets the breakpoints of a state on a target that has none. The user's come and
// go when the user says so, whatever was then.
func (b *Breaks) TakeUp(ctx context.Context, s BreaksState) error {
	b.takeUpInfos(s)
	b.taken, b.faulted = s.taken, s.faulted
	set := b.own
	b.own = nil
	for _, list := range s.probes {
		for _, p := range list {
			if !p.Info.Own() {
				set = append(set, p)
			}
		}
	}
	if len(set) == 0 {
		return nil
	}
	return b.AddProbes(ctx, set)
}

// takeUpInfos takes the accounts of breakpoints up. Those that the user has set
// since had no hits then.
func (b *Breaks) takeUpInfos(s BreaksState) {
	own := slices.DeleteFunc(b.Infos, func(i *view.BreakpointInfo) bool { return !i.Own() })
	for _, i := range own {
		i.Hits, i.Foreign, i.Lifted = 0, 0, 0
	}
	b.Infos = nil
	for i, info := range s.infos {
		if !info.Own() {
			b.Infos = append(b.Infos, info)
		}
		if !info.Own() || slices.Contains(own, info) {
			*info = s.counts[i]
		}
	}
	b.Infos = append(b.Infos, own...)
}

// setAgain sets all breakpoints on a target that has lost them.
func (b *Breaks) setAgain(ctx context.Context) error {
	b.lifter = newLifter()
	return b.target.SetBreaks(ctx, target.At(slices.Collect(maps.Keys(b.Probes))...))
}

// KeepOnly takes all other breakpoints off the target, and forgets them.
func (b *Breaks) KeepOnly(ctx context.Context, these func(*view.BreakpointInfo) bool) error {
	var others []uint64
	for addr, list := range b.Probes {
		if !slices.ContainsFunc(list, func(p *Probe) bool { return these(p.Info) }) {
			others = append(others, addr)
		}
	}
	if err := b.target.ClearBreaks(ctx, target.At(others...)); err != nil {
		return err
	}
	for _, addr := range others {
		delete(b.Probes, addr)
	}
	return nil
}

// at says whether a breakpoint is set at an address, be it lifted.
func (b *Breaks) at(pc uint64) bool { return len(b.Probes[pc]) > 0 }

// IsHere says whether one is set where the stopped processor is.
func (b *Breaks) IsHere() bool { return b.at(b.m.CPU().IP) }
