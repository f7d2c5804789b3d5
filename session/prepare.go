package session

import (
	"context"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/drive"
	"thaw/session/observe"
	"thaw/session/scenario"
	"thaw/session/servers"
	"thaw/session/view"
)

// prepare sets the breakpoints of the scenario. Every function must be there,
// but for phases that are marked optional.
func (e *Engine) prepare(ctx context.Context) error {
	var err error
	if e.obs.Platform, err = observe.PlatformOf(e.scn, e.m.Decoder.Platform(), e.programs.File); err != nil {
		return err
	}
	if e.scn.Phases, err = scenario.Expanded(e.scn.Phases, e.matching); err != nil {
		return err
	}
	var missing error
	scenario.EachPhase(e.scn.Phases, 0, func(p *scenario.PhaseSpec, depth int) {
		n := len(e.phases.list)
		e.phases.list = append(e.phases.list, view.Phase{Name: p.Name, Function: p.Place(), Depth: depth, Group: p.Group, Once: p.Once})
		err := e.watchPhase(ctx, p, func(ctx context.Context) (*drive.Event, error) { return e.entered(ctx, n) })
		if err != nil && !p.Optional && missing == nil {
			missing = fmt.Errorf("phase %s: %w", p.Name, err)
		}
	})
	if missing != nil {
		return missing
	}
	if err := e.obs.WatchRequests(ctx); err != nil {
		return err
	}
	if s := e.scn.Stored; s != nil {
		err := e.drive.Breaks.WatchFunction(ctx, s.Component, s.Function, "stored state", func(ctx context.Context) (*drive.Event, error) { return nil, e.checkpointed(ctx, s) })
		if err != nil {
			return fmt.Errorf("stored state: %w", err)
		}
	}
	if m := e.scn.Memory; m != nil {
		if err := e.drive.Breaks.WatchFunction(ctx, m.Component, m.Function, "memory", e.memory.Take); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	return e.prepareComplete(ctx)
}

func (e *Engine) prepareComplete(ctx context.Context) error {
	c := e.scn.Complete
	if c.Function == "" {
		return nil // a plain look around
	}
	reached := func(context.Context) (*drive.Event, error) {
		e.obs.Ev.Complete = true
		for i := range e.phases.list {
			if e.phases.list[i].State == view.PhaseCurrent {
				e.phases.list[i].State = view.PhaseDone
			}
		}
		return &drive.Event{Reason: "restore complete", Phase: true}, nil
	}
	hit := reached
	if c.At == "return" {
		hit = func(ctx context.Context) (*drive.Event, error) {
			return nil, e.drive.Breaks.OnReturn(ctx, e.programs.ByName[c.Component], c.Function, view.PurposeComplete, reached)
		}
	}
	if err := e.drive.Breaks.WatchFunction(ctx, c.Component, c.Function, view.PurposeComplete, hit); err != nil {
		return fmt.Errorf("restore-complete point: %w", err)
	}
	return nil
}

// checkpointed reads the checkpointed states, and takes the original child's as the
// checkpoint left it.
func (e *Engine) checkpointed(ctx context.Context, s *scenario.StoredSpec) error {
	if err := e.obs.ReadStored(ctx, s); err != nil {
		return err
	}
	snap, err := e.snapshot(ctx, "stored state")
	if err != nil {
		return err
	}
	e.obs.Ev.Before, e.obs.Ev.StoredAt = snap, e.history.last()+1
	e.judge().FindOriginal(snap)
	noteBehind(e.parts, snap, e.obs.Ev.Original)
	e.rec.keep(snap, nil)
	return nil
}

// noteBehind notes what stands behind the gates of a child's table, and which of its slots
// the child itself does not use.
func noteBehind(ps *parts, s *view.Snapshot, task kernel.ID) {
	read := func(phys memory.Reader) map[kernel.ID]view.Behind {
		return servers.Behind(ps.programs, ps.m.Decoder.Platform(), s, phys, task)
	}
	ps.m.View.Gather(func(phys memory.Reader) { read(phys) }) // servers have nothing to do with each other
	for gate, behind := range read(ps.m.View) {
		if ps.obs.Ev.Behind == nil {
			ps.obs.Ev.Behind = map[kernel.ID]view.Behind{}
		}
		ps.obs.Ev.Behind[gate] = behind
	}
	program, o, notes := ps.programs.Of(s, task), s.System.Object(task), ps.m.Decoder.Platform().Slots
	if program == nil {
		program = ps.programs.ByName[s.TaskName(task)]
	}
	if program == nil || notes == nil || o == nil || o.PD == nil {
		return
	}
	gates := slices.DeleteFunc(slices.Clone(o.PD.Caps), func(c kernel.Capability) bool {
		g := s.System.Named(c)
		return g == nil || g.Label() == 0
	})
	if slots := servers.Unused(debuginfo.Scope{File: program.File, Mem: ps.memory.Reader(o)}, notes, gates); len(slots) > 0 {
		if ps.obs.Ev.Unused == nil {
			ps.obs.Ev.Unused = map[kernel.ID][]uint64{}
		}
		ps.obs.Ev.Unused[task] = slots
	}
}

// prove compares files with what runs. What differs is known of every stop, wherever
// the guest goes back to.
func (ps *parts) prove(sys *kernel.System) {
	ps.programs.Prove(sys)
	ps.obs.Ev.Mismatches, ps.obs.Ev.Unproved = ps.programs.Mismatches(), ps.programs.Unproved()
}
