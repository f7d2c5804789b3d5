// Package drive lets a guest go on, stops it where it is told to, and finds out what its
// stops mean: breakpoints by component, watchpoints on the saved states of threads, what
// is done at each, and that none of it does the guest harm.
//
// It knows the stopped machine, which program runs where, and of evidence a thread's
// places. It must not know phases, verdicts, or what is made of a hit.
package drive

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
)

// Reasons of other stops that no event of the scenario made.
const (
	ReasonInterrupted = "interrupted"
	ReasonRunEnds     = "the recorded run ends here"
)

// Driver lets the guest go on and finds out what its stops mean.
type Driver struct {
	target   Target
	owner    Owner
	m        *machine.Machine
	programs *components.Set
	fixed    func() bool // the guest's run is fixed: it replays a recorded one
	Breaks   *Breaks
	Guard    *Guard
	skipper  *skipper
	echoes   []echo // of the last stop

	Asked            atomic.Bool // the user wants a stop
	EveryInstruction bool        // QEMU records: every instruction must be executed
	Handling         bool        // what a stop means is being found out
}

// New drives a stopped target. fixed says whether the guest's run is fixed, since
// it replays a recorded one.
func New(t Target, m *machine.Machine, programs *components.Set, fixed func() bool, o Owner) *Driver {
	d := &Driver{target: t, owner: o, m: m, programs: programs, fixed: fixed, skipper: newSkipper(t)}
	d.Forget()
	return d
}

// Fixed says whether the guest's run is fixed, so that nothing may be changed.
func (d *Driver) Fixed() bool { return d.fixed() }

// Forget forgets what is set on the target, and what its last stop meant.
func (d *Driver) Forget() {
	d.Guard, d.Handling = newGuard(d.target, d.m), false
	d.Breaks = &Breaks{target: d.target, m: d.m, programs: d.programs, fixed: d.fixed, Probes: map[uint64][]*Probe{}, lifter: newLifter(),
		isWatched: func(addr uint64) bool { return d.Guard.Watched[addr] != 0 }}
	d.Asked.Store(false)
}

// SetAgain sets what was set on a target that has lost it.
func (d *Driver) SetAgain(ctx context.Context) error {
	if err := d.Breaks.setAgain(ctx); err != nil {
		return err
	}
	armed := d.Guard.Threads()
	d.Guard = newGuard(d.target, d.m)
	return d.Guard.armAll(ctx, armed)
}

// Owner is asked by a driver. All of it must be there.
type Owner struct {
	// GoesOn is called before the guest goes on. An event says that it does not.
	GoesOn func(ctx context.Context) (*Event, error)
	// Stopped is called as the guest has stopped, and done as it is known what for.
	Stopped func(ctx context.Context) (done func() error, err error)
	// WatchHit says what a watchpoint's hit means, and leaves the processor behind the access.
	WatchHit func(ctx context.Context, stop target.Stop) (*Event, error)
	// Words is what is watched for the user, on the target.
	Words func() []target.Break
	// Stores looks at what the stopped processor is about to write to that, and what it
	// returns tells of it behind the instruction.
	Stores func(ctx context.Context) func() (*Event, error)
	// Accessed is WatchHit for a processor that is behind the access, and had these registers
	// before; what it wrote to Words was told.
	Accessed func(ctx context.Context, stop target.Stop, before target.Registers) (*Event, error)
	// Others says what was done on other processors than the stopped one. Watched threads
	// have come back to user mode there, by processor.
	Others func(ctx context.Context, stop target.Stop, back map[int]*evidence.Track) (*Event, error)
	// RunEnds is called at the end of a recorded run.
	RunEnds func()
}

// Run lets the guest go on until something happens that is worth a stop. limit
// ends the waiting for it, and nothing else: a request to the target that was cut
// short would break the connection.
func (d *Driver) Run(ctx, limit context.Context) (*Event, error) {
	if ev, err := d.owner.GoesOn(ctx); ev != nil || err != nil {
		return ev, err
	}
	for {
		if err := d.Breaks.lift(ctx); err != nil {
			return nil, err
		}
		skipped, ev, err := d.stepOff(ctx)
		if ev != nil || err != nil {
			return ev, err
		}
		if !d.target.Running() { // else the step off a breakpoint led on
			if d.Asked.Swap(false) {
				return &Event{Reason: ReasonInterrupted, Idle: true}, d.Breaks.PutBack(ctx)
			}
			if err := d.resume(ctx, skipped); err != nil {
				return nil, err
			}
		}
		if d.Asked.Load() {
			if err := d.target.Interrupt(); err != nil {
				return nil, err
			}
		}
		stop, err := d.target.Wait(limit)
		if err != nil {
			return nil, err
		}
		if ev, err := d.Handle(ctx, stop); ev != nil || err != nil {
			return ev, err
		}
	}
}

// Handle finds out what a stop means; nil is one that nobody needs to see.
func (d *Driver) Handle(ctx context.Context, stop target.Stop) (*Event, error) {
	if stop.Ended {
		return nil, &target.Gone{Why: stop.Why}
	}
	d.Handling = true
	done, err := d.owner.Stopped(ctx)
	if err != nil {
		return nil, err
	}
	if err := d.m.Look(ctx, stop.CPU); err != nil {
		return nil, err
	}
	echo := d.isEcho(stop, d.echoes)
	d.echoes = nil
	ev, err := d.Settle(ctx, stop)
	if err != nil {
		return nil, err
	}
	got, err := d.meaning(ctx, stop, echo)
	if ev = Merge(ev, got); err == nil && ev != nil {
		err = d.Breaks.PutBack(ctx)
	}
	if err != nil {
		return nil, err
	}
	d.Handling = false
	return ev, done()
}

// meaning takes what a stop has to tell: one that is left over from another, nothing.
func (d *Driver) meaning(ctx context.Context, stop target.Stop, echo bool) (*Event, error) {
	ev, err := d.others(ctx, stop)
	if err != nil {
		return nil, err
	}
	pc := d.m.CPU().IP
	if stop.Watch {
		if err := d.Breaks.PutBack(ctx); err != nil { // what follows may change the address space
			return nil, err
		}
		got, err := d.owner.WatchHit(ctx, stop)
		if err != nil {
			return nil, err
		}
		ev, pc = Merge(ev, got), d.m.CPU().IP
	}
	if d.Breaks.at(pc) {
		got, err := d.Breaks.BreakHit(ctx)
		if err != nil {
			return nil, err
		}
		ev = Merge(ev, got)
	} else if stop.RunEnds && !stop.Watch {
		d.owner.RunEnds()
		return &Event{Reason: ReasonRunEnds, Idle: true}, nil
	} else if !stop.Watch && !echo {
		d.Asked.Store(false)
		return &Event{Reason: ReasonInterrupted, Idle: true}, nil
	}
	return ev, nil
}

// others takes what was done on other processors than the stopped one.
func (d *Driver) others(ctx context.Context, stop target.Stop) (ev *Event, err error) {
	if !d.Guard.several() {
		return nil, nil
	}
	back, err := d.Guard.returned(ctx, stop.CPU)
	if err != nil {
		return nil, err
	}
	return d.owner.Others(ctx, stop, back)
}

// resume lets the guest run, behind the instruction at which it stands where that
// was skipped.
func (d *Driver) resume(ctx context.Context, skipped *skip) error {
	if skipped != nil {
		return skipped.take(ctx, d)
	}
	return d.Guard.resume(ctx)
}

// stepOff executes the instruction under a breakpoint that the processor
// stands at, so that the guest can go on, or finds that it can be skipped. An
// instruction that faults instead comes again later, and must not count twice.
// Where nothing but that is to be learned of the step, the guest runs on at once: a
// breakpoint that the step has led to stops it again.
func (d *Driver) stepOff(ctx context.Context) (*skip, *Event, error) {
	before := d.m.Here()
	if !d.Breaks.at(before.PC) || d.Breaks.lifter.off[before.PC] {
		return nil, nil, nil
	}
	user, regs := d.m.CPU().User, d.m.Registers()
	s := d.skippable(ctx)
	if s != nil && s.trust {
		return s, nil, nil
	}
	stop, err := d.Guard.Step(ctx, d.m.Stopped)
	if err != nil {
		return nil, nil, fmt.Errorf("stepping over the breakpoint at %#x: %w", before.PC, err)
	}
	addr, n := s.stores()
	if !stop.Watch && !d.Asked.Load() {
		on, err := d.Guard.resumeTelling(ctx, stop.CPU, user, addr, n, func(r target.Registers, stored []byte) {
			s.compare(d, regs, r, stored)
			d.Breaks.noteFault(before, user, d.m.Arch.CPU(r))
		})
		if on || err != nil {
			return nil, nil, err
		}
	}
	if err := d.m.Look(ctx, stop.CPU); err != nil {
		return nil, nil, err
	}
	stored := make([]byte, n)
	if n > 0 && d.m.View.ReadMemory(addr, stored) != nil {
		stored = nil
	}
	s.compare(d, regs, d.m.Registers(), stored)
	d.Breaks.NoteFault(before, user)
	if stop.Watch || d.Breaks.IsHere() && d.m.Here() != before {
		ev, err := d.Handle(ctx, stop)
		return nil, ev, err
	}
	return nil, nil, nil
}

// NoteFault recognises, after a step, that the instruction faulted instead of
// being executed, or that QEMU returned from the step without executing it,
// which it does now and then on a page that was just mapped.
func (b *Breaks) NoteFault(before machine.Visit, user bool) { b.noteFault(before, user, b.m.CPU()) }

func (b *Breaks) noteFault(before machine.Visit, user bool, now kernel.CPU) {
	entered := user && !now.User
	if b.taken == before && (entered || machine.VisitOf(now) == before) {
		b.faulted = before
	}
}

// RunFor is Run for no longer than so, and then Halt for that reason.
func (d *Driver) RunFor(ctx context.Context, so time.Duration, reason string) (*Event, error) {
	limited, cancel := context.WithTimeout(ctx, so)
	defer cancel()
	ev, err := d.Run(ctx, limited)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return d.Halt(ctx, reason)
	}
	return ev, err
}

// Until runs what lets the guest go on, and interrupts it when ctx ends. An interrupt may
// come too late: it is not meant for the next run.
func (d *Driver) Until(ctx context.Context, interrupt func(), run func() error) error {
	asked := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(asked)
		interrupt()
	})
	err := run()
	if !stop() {
		<-asked
		d.Asked.Store(false)
	}
	return err
}

// Halt stops a guest that still runs.
func (d *Driver) Halt(ctx context.Context, reason string) (*Event, error) {
	if err := d.target.Interrupt(); err != nil {
		return nil, err
	}
	stop, err := d.target.Wait(ctx)
	if err != nil {
		return nil, err
	}
	asked := d.Asked.Load()
	ev, err := d.Handle(ctx, stop)
	if err == nil {
		err = d.Breaks.PutBack(ctx)
	}
	if asked {
		reason = ReasonInterrupted
	}
	if ev == nil || ev.Reason == ReasonInterrupted {
		ev = &Event{Reason: reason, Idle: true}
	}
	return ev, err
}
