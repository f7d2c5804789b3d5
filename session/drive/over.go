package drive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/session/machine"
	"thaw/session/target"
)

// MaxIdle is how often a step may leave the processor where it was: QEMU returns
// now and then without having executed an instruction whose page was just mapped.
const MaxIdle = 4

// StepOnce executes one instruction; where nothing at all has changed since QEMU has
// not done so, again. An instruction that jumps to itself is not told from that, and
// does no more by being executed again.
func (d *Driver) StepOnce(ctx context.Context) (stop target.Stop, err error) {
	return d.stepOnce(ctx, func(s target.Stop) bool { return s.Watch || s.RunEnds })
}

// stepOnce is StepOnce up to a step that ends it in any case.
func (d *Driver) stepOnce(ctx context.Context, ends func(target.Stop) bool) (stop target.Stop, err error) {
	before := d.m.Arch.All(d.m.Registers())
	for range MaxIdle {
		if stop, err = d.Guard.Step(ctx, d.m.Stopped); err != nil {
			return stop, err
		}
		if err := d.m.Look(ctx, stop.CPU); err != nil {
			return stop, err
		}
		if ends(stop) || !slices.Equal(before, d.m.Arch.All(d.m.Registers())) {
			break
		}
	}
	return stop, nil
}

// Settle has processors execute what QEMU has stopped them before and not told: where
// watchpoints stop first it tells of one processor, or of an interrupt, while others have come
// to watchpoints, too. A step of such a one executes the access and tells (QEMU 7.2). Let go,
// it would execute that, and stop some instructions behind; and taken off before, the watchpoint
// leaves QEMU with a pointer to freed memory, after which it may take the next stop for one
// that the guest has asked for, and raise an exception there. A processor that merely stands
// at such an access goes on by an instruction, or stops before it and is told of when the guest
// goes on. One that has executed it QEMU stops there once more, see isEcho.
func (d *Driver) Settle(ctx context.Context, stop target.Stop) (ev *Event, err error) {
	type hit struct {
		target.Stop
		before target.Registers
	}
	var hits []hit
	cpus := d.owed(stop)
	for _, cpu := range cpus {
		d.m.Stopped = cpu
		at, before := d.m.Here(), d.m.Registers()
		wrote := d.owner.Stores(ctx)
		told, err := d.target.Step(ctx, cpu)
		if err == nil && told.Ended {
			err = &target.Gone{Why: told.Why}
		}
		if err == nil {
			err = d.m.Look(ctx, cpu)
		}
		if err != nil {
			return nil, fmt.Errorf("executing what processor %d was stopped before: %w", cpu, err)
		}
		if d.m.Here() == at {
			continue
		}
		got, err := wrote()
		if err != nil {
			return nil, err
		}
		if ev = Merge(ev, got); told.Watch {
			hits = append(hits, hit{told, before})
			d.echoes = append(d.echoes, echo{cpu, d.m.CPU().IP})
		}
	}
	for _, h := range hits { // not before all have come off their watchpoints: this may take some away
		d.m.Stopped = h.CPU
		got, err := d.owner.Accessed(ctx, h.Stop, h.before)
		if err != nil {
			return nil, err
		}
		ev = Merge(ev, got)
	}
	if d.m.Stopped = stop.CPU; len(cpus) > 0 {
		err = d.m.Look(ctx, stop.CPU)
	}
	return ev, err
}

// echo is where a processor has come to by Settle.
type echo struct {
	cpu int
	pc  uint64
}

// isEcho says whether a stop is one that QEMU has left over from there: as the guest goes on
// it says of such a processor that it stops, and not why.
func (d *Driver) isEcho(stop target.Stop, before []echo) bool {
	return !stop.Watch && !stop.RunEnds && stop.Signal == trap && slices.Contains(before, echo{stop.CPU, d.m.CPU().IP})
}

// wordOfARM is how long an instruction is.
const wordOfARM = 4

// trap is GDB's number of what stops a processor at break- and watchpoints, and by steps.
const trap = 5

// owed are the processors that may be at a watchpoint of which a stop does not tell: those
// that are about to access memory in a page that is watched. One at a breakpoint has not come
// past that, and a step of one that sleeps, or was not started so far, would not end.
func (d *Driver) owed(stop target.Stop) (cpus []int) {
	if !d.m.Arch.WatchFirst || stop.Stepped || d.fixed() {
		return nil
	}
	watched := append(d.Guard.watches(), d.owner.Words()...)
	if l := &d.Breaks.lifter; len(l.off) > 0 {
		watched = append(watched, d.Breaks.switchWatch(l.watch)...)
	}
	if len(watched) == 0 {
		return nil
	}
	defer func(stopped int) { d.m.Stopped = stopped }(d.m.Stopped)
	for cpu := range d.m.CPUs() {
		d.m.Stopped = cpu
		if cpu == stop.CPU && stop.Watch || d.Breaks.IsHere() {
			continue
		}
		ip, page := d.m.CPU().IP, d.m.Paging.PageSize()
		step, last := d.m.StepAt(ip), d.m.StepAt(ip-wordOfARM)
		if len(step.Code) == 0 || last.Sleeps() {
			continue
		}
		if slices.ContainsFunc(watched, func(b target.Break) bool {
			return step.MayAccess(b.Addr&^(page-1), (b.Addr+uint64(b.Length)-1)|(page-1))
		}) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// StepOver executes the instruction before which a watchpoint has stopped the processor:
// while nothing is watched, or it would stop there for ever. Nothing else runs meanwhile, and
// QEMU steps without interrupts, so that nobody can write unseen.
func (d *Driver) StepOver(ctx context.Context) error {
	before, user := d.m.Here(), d.m.CPU().User
	off := append(d.Guard.watches(), d.owner.Words()...)
	if err := d.target.ClearBreaks(ctx, off); err != nil {
		return fmt.Errorf("no longer watching while the access at %#x is executed: %w", before.PC, err)
	}
	// What it says of watchpoints is of before.
	_, err := d.stepOnce(ctx, func(s target.Stop) bool { return s.RunEnds })
	if again := d.target.SetBreaks(ctx, off); again != nil {
		err = errors.Join(err, fmt.Errorf("watching again: %w", again))
	}
	if d.Breaks.faulted == before { // a step off the breakpoint there ended at the watchpoint, and was none
		d.Breaks.faulted = machine.Visit{}
	}
	d.Breaks.NoteFault(before, user)
	return err
}

// StepThrough executes one instruction, be it one before which a watchpoint stops: nobody is
// told of what it accesses.
func (d *Driver) StepThrough(ctx context.Context) error {
	stop, err := d.Guard.Step(ctx, d.m.Stopped)
	if err != nil {
		return err
	}
	if err := d.m.Look(ctx, stop.CPU); err != nil || !stop.Watch || !d.m.Arch.WatchFirst {
		return err
	}
	return d.StepOver(ctx)
}
