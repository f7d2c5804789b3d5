package session

import (
	"context"
	"fmt"
	"thaw/session/target"
)

// run lets the guest go on until something happens that is worth a stop. limit
// ends the waiting for it, and nothing else: a request to the target that was cut
// short would break the connection.
func (e *Engine) run(ctx, limit context.Context) (*event, error) {
	e.forgetUndo()
	if err := e.endWaits(ctx); err != nil {
		return nil, err
	}
	if ev, err := e.leave(ctx); ev != nil || err != nil {
		return ev, err
	}
	for {
		if err := e.lift(ctx); err != nil {
			return nil, err
		}
		skipped, ev, err := e.stepOff(ctx)
		if ev != nil || err != nil {
			return ev, err
		}
		if e.asked.Swap(false) {
			return &event{reason: reasonInterrupted, idle: true}, e.putBack(ctx)
		}
		if err := e.resume(ctx, skipped); err != nil {
			return nil, err
		}
		if e.asked.Load() {
			if err := e.target.Interrupt(); err != nil {
				return nil, err
			}
		}
		stop, err := e.target.Wait(limit)
		if err != nil {
			return nil, err
		}
		if ev, err := e.handle(ctx, stop); ev != nil || err != nil {
			return ev, err
		}
	}
}

// handle finds out what a stop means; nil is one that nobody needs to see.
func (e *Engine) handle(ctx context.Context, stop target.Stop) (*event, error) {
	if stop.Ended {
		return nil, fmt.Errorf("the guest is gone: %s", stop.Why)
	}
	e.handling = true
	from, err := e.position(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.look(ctx, stop.CPU); err != nil {
		return nil, err
	}
	ev, err := e.meaning(ctx, stop)
	if err == nil && ev != nil {
		err = e.putBack(ctx)
	}
	if err != nil {
		return nil, err
	}
	followed := e.followed
	e.followed, e.handling = 0, false
	return ev, e.noteMark(ctx, from, followed)
}

// meaning takes what a stop has to tell.
func (e *Engine) meaning(ctx context.Context, stop target.Stop) (*event, error) {
	var ev *event
	var err error
	pc := e.m.CPUs[e.cpu].IP
	if stop.Watch {
		if err := e.putBack(ctx); err != nil { // what follows may change the address space
			return nil, err
		}
		if ev, err = e.watchHit(ctx, stop); err != nil {
			return nil, err
		}
		pc = e.m.CPUs[e.cpu].IP
	}
	if len(e.probes[pc]) > 0 {
		got, err := e.breakHit(ctx)
		if err != nil {
			return nil, err
		}
		ev = merge(ev, got)
	} else if stop.RunEnds && !stop.Watch {
		e.ev.Finished = e.ev.Complete // nothing more comes
		return &event{reason: reasonRunEnds, idle: true}, nil
	} else if !stop.Watch {
		e.asked.Store(false)
		return &event{reason: reasonInterrupted, idle: true}, nil
	}
	return ev, nil
}

// resume lets the guest run, behind the instruction at which it stands where that
// was skipped.
func (e *Engine) resume(ctx context.Context, skipped *skip) error {
	if skipped != nil {
		return skipped.take(ctx, e)
	}
	return e.guard.resume(ctx)
}

// stepOff executes the instruction under a breakpoint that the processor
// stands at, so that the guest can go on, or finds that it can be skipped. An
// instruction that faults instead comes again later, and must not count twice.
func (e *Engine) stepOff(ctx context.Context) (*skip, *event, error) {
	before := e.here()
	if len(e.probes[before.pc]) == 0 || e.lifter.off[before.pc] {
		return nil, nil, nil
	}
	user, regs := e.m.CPUs[e.cpu].User, e.regs[e.cpu]
	s := e.skippable(ctx)
	if s != nil && s.trust {
		return s, nil, nil
	}
	stop, err := e.guard.step(ctx, e.cpu)
	if err != nil {
		return nil, nil, fmt.Errorf("stepping over the breakpoint at %#x: %w", before.pc, err)
	}
	if err := e.look(ctx, stop.CPU); err != nil {
		return nil, nil, err
	}
	if s != nil {
		s.compare(e, regs, e.regs[e.cpu])
	}
	e.noteFault(before, user)
	if stop.Watch || len(e.probes[e.m.CPUs[e.cpu].IP]) > 0 && e.here() != before {
		ev, err := e.handle(ctx, stop)
		return nil, ev, err
	}
	return nil, nil, nil
}

// noteFault recognises, after a step, that the instruction faulted instead of
// being executed, or that QEMU returned from the step without executing it,
// which it does now and then on a page that was just mapped.
func (e *Engine) noteFault(before visit, user bool) {
	entered := user && !e.m.CPUs[e.cpu].User
	if e.taken == before && (entered || e.here() == before) {
		e.faulted = before
	}
}
