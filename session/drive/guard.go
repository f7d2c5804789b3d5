package drive

import (
	"context"
	"fmt"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
)

// Guard is what everything passes through that lets a processor go: running,
// stepping, and what is made of both. It keeps write watches off words that the
// processor itself may push.
//
// An x86 processor that enters the kernel from user mode pushes the user's ip and
// sp where a thread's saved state is. QEMU acknowledges an interrupt first and
// pushes then: a watchpoint that is hit in the push ends the delivery half-way, and
// the interrupt is never tried again. It stays in service for ever, the guest's
// timer is dead. An exception, or an instruction that makes a system call, is tried
// again and ends QEMU.
//
// So such a word is watched only while its thread is inside the kernel: it is seen
// there when no processor runs it, and is on its way out from when it reads its
// saved ip, which another watchpoint tells. Reading does no harm.
type Guard struct {
	target Target
	// at tells what the processors run at this stop.
	at    func(ctx context.Context) ([]machine.Occupant, error)
	count func() int // of processors
	size  int        // of a word
	held  map[*evidence.Track]*pushed
	out   map[*evidence.Track]bool // in user mode as processors went on last, of several

	platform *kernel.Platform
	Watched  map[uint64]uint64          // thread object by watched address
	Armed    map[uint64]*evidence.Track // by thread object
	set      map[uint64][]target.Break  // on the target, by thread object
}

// pushed are the words of a thread that its next kernel entry pushes.
type pushed struct {
	words  []uint64
	set    bool // they are watched
	inside bool // the thread is in the kernel, and has not begun to leave
}

func newGuard(t Target, m *machine.Machine) *Guard {
	return &Guard{target: t, at: m.Occupants, count: func() int { return len(m.CPUs()) }, size: m.PtrSize(), platform: m.Decoder.Platform(),
		held: map[*evidence.Track]*pushed{}, out: map[*evidence.Track]bool{}, Watched: map[uint64]uint64{}, Armed: map[uint64]*evidence.Track{}, set: map[uint64][]target.Break{}}
}

// release ends that words of a thread are watched for writes whenever that does no harm,
// and tells what is to be taken off the target.
func (g *Guard) release(t *evidence.Track) []target.Break {
	p := g.held[t]
	delete(g.held, t)
	if p == nil || !p.set {
		return nil
	}
	return g.writes(p)
}

// Leaves notes that a thread has read its saved ip: it may be on its way out.
func (g *Guard) Leaves(t *evidence.Track) {
	if p := g.held[t]; p != nil {
		p.inside = false
	}
}

// ready makes watches what they may be as the processors go on from here.
func (g *Guard) ready(ctx context.Context) error {
	if len(g.held) == 0 && !g.several() {
		return nil
	}
	cpus, err := g.at(ctx)
	if err != nil {
		return err
	}
	clear(g.out)
	for _, t := range g.Armed {
		_, g.out[t] = mayRun(cpus, t)
	}
	for t, p := range g.held {
		p.look(cpus, t)
		if err := g.put(ctx, t, p, p.inside); err != nil {
			return err
		}
	}
	return nil
}

// look notes whether a thread is in the kernel, by what processors run.
func (p *pushed) look(cpus []machine.Occupant, t *evidence.Track) {
	runs, user := mayRun(cpus, t)
	p.inside = !user && (p.inside || !runs)
}

// several says whether threads are watched that several processors may run.
func (g *Guard) several() bool { return len(g.Armed) > 0 && g.count() > 1 }

// returned tells which watched threads have come to user mode on other processors than the
// stopped one, by processor: until QEMU has stopped them all, others go on, and it tells one
// stop only.
func (g *Guard) returned(ctx context.Context, stopped int) (map[int]*evidence.Track, error) {
	cpus, err := g.at(ctx)
	if err != nil {
		return nil, err
	}
	back := map[int]*evidence.Track{}
	for i, c := range cpus {
		if t := g.Armed[c.Block]; i != stopped && c.User && t != nil && !g.out[t] {
			back[i] = t
		}
	}
	return back, nil
}

// mayRun says whether a processor may run a thread, and whether in user mode.
func mayRun(cpus []machine.Occupant, t *evidence.Track) (runs, user bool) {
	for _, c := range cpus {
		if c.Block == t.Block || c.Block == 0 && (!c.User || c.Root == t.TaskRoot) {
			runs, user = true, user || c.User
		}
	}
	return runs, user
}

// put sets or removes a thread's watches.
func (g *Guard) put(ctx context.Context, t *evidence.Track, p *pushed, set bool) error {
	if p.set == set {
		return nil
	}
	change, doing := g.target.SetBreaks, "watching"
	if !set {
		change, doing = g.target.ClearBreaks, "no longer watching"
	}
	if err := change(ctx, g.writes(p)); err != nil {
		return fmt.Errorf("%s the saved state of thread %s %s: %w", doing, t.ID, t.Name, err)
	}
	p.set = set
	return nil
}

// writes are the watches of words for writes.
func (g *Guard) writes(p *pushed) (words []target.Break) {
	for _, addr := range p.words {
		words = append(words, target.Break{Kind: target.WatchWrite, Addr: addr, Length: g.size})
	}
	return words
}

// resume lets the target run.
func (g *Guard) resume(ctx context.Context) error {
	if err := g.ready(ctx); err != nil {
		return err
	}
	if err := g.target.Resume(ctx); err != nil {
		return fmt.Errorf("resuming the guest: %w", err)
	}
	return nil
}

// advance lets the target run with other registers, see Advancer.
func (g *Guard) advance(ctx context.Context, cpu int, regs []kernel.Register, addr uint64, data []byte) error {
	if err := g.ready(ctx); err != nil {
		return err
	}
	return g.target.(Advancer).Advance(ctx, cpu, regs, addr, data)
}

// resumeTelling lets the target run behind a step, which user says began in user mode; the
// target tells that processor's registers as of then. It is false if the target cannot, or
// if the guard has to look at the processors first. Behind a step in user mode that would
// show nothing new: the thread is still the same, and if it has entered the kernel, it is
// not known to stay there.
func (g *Guard) resumeTelling(ctx context.Context, cpu int, user bool, addr uint64, n int, tell func(target.Registers, []byte)) (bool, error) {
	to, can := g.target.(Teller)
	if !can || !to.Tells() || len(g.held) > 0 && !user {
		return false, nil
	}
	if err := to.ResumeTelling(ctx, cpu, addr, n, tell); err != nil {
		return true, fmt.Errorf("resuming the guest: %w", err)
	}
	return true, nil
}

// Step lets a processor execute one instruction.
func (g *Guard) Step(ctx context.Context, cpu int) (target.Stop, error) {
	if err := g.ready(ctx); err != nil {
		return target.Stop{}, err
	}
	stop, err := g.target.Step(ctx, cpu)
	if err != nil {
		return stop, fmt.Errorf("stepping processor %d: %w", cpu, err)
	}
	if stop.Ended {
		return stop, &target.Gone{Why: stop.Why}
	}
	stop.Stepped = true
	return stop, nil
}
