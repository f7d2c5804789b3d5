package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/scenario"
	"thaw/session/view"
)

// prepare sets the breakpoints of the scenario. Every function must be there,
// but for phases that are marked optional.
func (e *Engine) prepare(ctx context.Context) error {
	if err := e.findPlatform(); err != nil {
		return err
	}
	var missing error
	scenario.EachPhase(e.scn.Phases, 0, func(p *scenario.PhaseSpec, depth int) {
		n := len(e.phases)
		e.phases = append(e.phases, view.Phase{Name: p.Name, Function: p.Function, Depth: depth})
		err := e.watchFunction(ctx, p.Component, p.Function, view.PurposePhase, func(context.Context) (*event, error) { return e.enterPhase(n), nil })
		if err != nil && !p.Optional && missing == nil {
			missing = fmt.Errorf("phase %s: %w", p.Name, err)
		}
	})
	if missing != nil {
		return missing
	}
	for i := range e.plat.requests {
		r := &e.plat.requests[i]
		if err := e.oneFunction(r.Component, r.Function); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		err := e.watchFunction(ctx, r.Component, r.Function, "request", func(ctx context.Context) (*event, error) { return e.requested(ctx, r) })
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	for i := range e.plat.operations {
		o := &e.plat.operations[i]
		err := e.watchFunction(ctx, o.Component, o.Function, "operation", func(ctx context.Context) (*event, error) { return nil, e.operated(ctx, o) })
		if err != nil {
			return fmt.Errorf("operation %s: %w", o.Name, err)
		}
	}
	if s := e.scn.Stored; s != nil {
		err := e.watchFunction(ctx, s.Component, s.Function, "stored state", func(ctx context.Context) (*event, error) { return nil, e.readStored(ctx, s) })
		if err != nil {
			return fmt.Errorf("stored state: %w", err)
		}
	}
	if m := e.scn.Memory; m != nil {
		if err := e.watchFunction(ctx, m.Component, m.Function, "memory", e.takeMemory); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	return e.prepareComplete(ctx)
}

// oneFunction says whether a name means one function: an overload that reads a
// state must not be taken for the one that sets it.
func (e *Engine) oneFunction(comp, name string) error {
	fns, err := e.comps[comp].file.Functions(name)
	if err != nil {
		return err
	}
	var signatures []string
	for _, fn := range fns {
		if !slices.Contains(signatures, fn.Signature) && len(fn.Locations) > 0 {
			signatures = append(signatures, fn.Signature)
		}
	}
	if len(signatures) > 1 {
		return fmt.Errorf("%s means several functions: write one of %s", name, strings.Join(signatures, ", "))
	}
	return nil
}

func (e *Engine) prepareComplete(ctx context.Context) error {
	c := e.scn.Complete
	if c.Function == "" {
		return nil // a plain look around
	}
	reached := func(context.Context) (*event, error) {
		e.ev.Complete = true
		for i := range e.phases {
			if e.phases[i].State == view.PhaseCurrent {
				e.phases[i].State = view.PhaseDone
			}
		}
		return &event{reason: "restore complete", phase: true}, nil
	}
	hit := reached
	if c.At == "return" {
		hit = func(ctx context.Context) (*event, error) {
			return nil, e.onReturn(ctx, e.comps[c.Component], c.Function, view.PurposeComplete, reached)
		}
	}
	if err := e.watchFunction(ctx, c.Component, c.Function, view.PurposeComplete, hit); err != nil {
		return fmt.Errorf("restore-complete point: %w", err)
	}
	return nil
}

// enterPhase moves the phase line on.
func (e *Engine) enterPhase(n int) *event {
	p := &e.phases[n]
	if n == 0 && e.ev.Late != "" {
		e.notLate()
	}
	unseen := view.PhaseSkipped
	if e.ranBefore && !slices.ContainsFunc(e.phases, func(p view.Phase) bool { return p.Hits > 0 }) {
		unseen = view.PhaseMissed
	}
	p.Hits++
	if p.Stop == 0 {
		p.Stop = e.history.last() + 1
	}
	for i := range e.phases[:n] {
		o := &e.phases[i]
		switch {
		case o.State == view.PhaseCurrent && !encloses(e.phases, i, n), o.State == view.PhaseNext && o.Hits > 0:
			o.State = view.PhaseDone
		case o.State == view.PhaseNext:
			o.State = unseen
		}
	}
	for i := range e.phases[n+1:] {
		if e.phases[n+1+i].State == view.PhaseCurrent {
			e.phases[n+1+i].State = view.PhaseDone
		}
	}
	p.State = view.PhaseCurrent
	return &event{reason: "phase " + p.Name, phase: true}
}

// encloses says whether phase outer (an index) has phase inner inside it.
func encloses(phases []view.Phase, outer, inner int) bool {
	for i := outer + 1; i <= inner; i++ {
		if phases[i].Depth <= phases[outer].Depth {
			return false
		}
	}
	return inner > outer
}

// currentPhase is the innermost phase that runs.
func (e *Engine) currentPhase() string {
	name := ""
	for _, p := range e.phases {
		if p.State == view.PhaseCurrent {
			name = p.Name
		}
	}
	return name
}

// operated notes a kernel operation on a thread.
func (e *Engine) operated(ctx context.Context, o *kernel.Operation) error {
	scope := e.scope(e.comps[o.Component])
	object, err := evalUint(scope, o.Object)
	if err != nil {
		return e.missed(ctx, evidence.GapOperation, "the thread of an operation, "+o.Name+",", err)
	}
	op := evidence.Operation{At: e.now(), Name: o.Name}
	if err := e.operands(scope, o, &op); err != nil {
		if op.Problem, err = e.unread(ctx, "what it was called with", err); err != nil {
			return err
		}
	}
	sys, err := e.system(ctx)
	if err != nil {
		return err
	}
	if t := sys.At(object); t != nil && t.Thread != nil {
		op.State, op.Exception = t.Thread.StateNames, t.Thread.Exception
		e.ev.NoteOperation(t.Addr, op)
	}
	return nil
}

// operands reads what an operation was called with.
func (e *Engine) operands(scope debuginfo.Scope, o *kernel.Operation, op *evidence.Operation) error {
	var ip, sp, flags, cancel, trigger uint64
	for _, x := range []struct {
		expr string
		dst  *uint64
	}{{o.IP, &ip}, {o.SP, &sp}, {o.Flags, &flags}, {o.Cancel, &cancel}, {o.Trigger, &trigger}} {
		if x.expr == "" {
			continue
		}
		v, err := evalUint(scope, x.expr)
		if err != nil {
			return err
		}
		*x.dst = v
	}
	unset := uint64(o.Unset)
	if e.ptrSize() == 4 {
		unset &= 0xffff_ffff
	}
	op.IP, op.SP, op.SetsIP, op.SetsSP = ip, sp, ip != unset, sp != unset
	op.Cancel, op.Trigger = flags&cancel != 0, flags&trigger != 0
	return nil
}
