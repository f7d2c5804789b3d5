package drive

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"thaw/session/evidence"
	"thaw/session/target"
)

// Arm watches a thread's saved user ip. A write shows who changes it; a read
// by the thread's own way out of the kernel is its return to user mode, caught
// before any interrupt can overwrite the frame again.
func (g *Guard) Arm(ctx context.Context, t *evidence.Track) error {
	watches, armed, err := g.arming(ctx, t)
	if err == nil && armed != nil {
		err = g.target.SetBreaks(ctx, watches)
	}
	if err != nil {
		return fmt.Errorf("watching the saved state of thread %s %s: %w", t.ID, t.Name, err)
	}
	if armed != nil {
		armed()
	}
	return nil
}

// ArmUntil is Guard.Arm, and sets a probe that ends what begins with it, in one request;
// nil for none. Where that is refused each is set by itself, which tells what it is that
// cannot be.
func (d *Driver) ArmUntil(ctx context.Context, t *evidence.Track, p *Probe) (armed, probed error) {
	if p != nil && !d.Breaks.at(p.Addr) {
		watches, done, err := d.Guard.arming(ctx, t)
		if err == nil && done != nil && d.target.SetBreaks(ctx, append(watches, target.At(p.Addr)...)) == nil {
			done()
			d.Breaks.Probes[p.Addr] = []*Probe{p}
			return nil, nil
		}
	}
	if err := d.Guard.Arm(ctx, t); err != nil || p == nil {
		return err, nil
	}
	return nil, d.Breaks.AddProbe(ctx, p)
}

// arming tells what Arm sets on the target, and what is to be done once it is set; nothing
// for a thread that is armed.
func (g *Guard) arming(ctx context.Context, t *evidence.Track) (watches []target.Break, done func(), err error) {
	if g.Armed[t.Block] != nil {
		return nil, nil, nil
	}
	all := g.WatchesOf(t)
	set := slices.DeleteFunc(slices.Clone(all), func(w target.Break) bool { return g.pushed(t, w) })
	watches = slices.Clone(set)
	var p *pushed
	if words := g.pushedWords(t); len(words) > 0 {
		cpus, err := g.at(ctx)
		if err != nil {
			return nil, nil, err
		}
		p = &pushed{words: words}
		if p.look(cpus, t); p.inside {
			watches, p.set = append(watches, g.writes(p)...), true
		}
	}
	return watches, func() {
		g.Armed[t.Block], g.set[t.Block] = t, set
		for _, w := range all {
			g.Watched[w.Addr] = t.Block
		}
		if p != nil {
			g.held[t] = p
		}
	}, nil
}

// Disarm ends what Arm began.
func (g *Guard) Disarm(ctx context.Context, threads ...*evidence.Track) error {
	if err := g.target.ClearBreaks(ctx, g.disarm(threads...)); err != nil {
		return fmt.Errorf("no longer watching the saved state of threads: %w", err)
	}
	return nil
}

// disarm forgets threads, and tells what is to be taken off the target: what was set, not
// what would be now. A copy that cannot be read any more, since the user leaves, is none to
// be watched.
func (g *Guard) disarm(threads ...*evidence.Track) (set []target.Break) {
	for _, t := range threads {
		if g.Armed[t.Block] == nil {
			continue
		}
		set = append(append(set, g.set[t.Block]...), g.release(t)...)
		delete(g.Armed, t.Block)
		delete(g.set, t.Block)
		maps.DeleteFunc(g.Watched, func(_, block uint64) bool { return block == t.Block })
	}
	return set
}

// watches are those on the target, but for words that a processor pushes: one that does so
// stops behind each access.
func (g *Guard) watches() (all []target.Break) {
	for _, t := range g.Threads() {
		all = append(all, g.set[t.Block]...)
	}
	return all
}

// pushed says whether a watch is the guard's business.
func (g *Guard) pushed(t *evidence.Track, w target.Break) bool {
	return w.Kind == target.WatchWrite && slices.Contains(g.pushedWords(t), w.Addr)
}

// pushedWords are the words of a thread that the processor itself writes as it enters
// the kernel.
func (g *Guard) pushedWords(t *evidence.Track) (words []uint64) {
	for _, p := range t.Places {
		if g.platform.Place(p.Name).Pushed {
			words = append(words, p.IPAddr, p.SPAddr)
		}
	}
	return words
}

// DisarmAll disarms all threads.
func (g *Guard) DisarmAll(ctx context.Context) error { return g.Disarm(ctx, g.Threads()...) }

// WatchesOf are the watchpoints that show what becomes of a thread's saved state.
func (g *Guard) WatchesOf(t *evidence.Track) []target.Break {
	var w []target.Break
	add := func(kind target.BreakKind, addr uint64) {
		w = append(w, target.Break{Kind: kind, Addr: addr, Length: g.size})
	}
	for i, p := range t.Places {
		add(target.WatchWrite, p.IPAddr)
		if !g.platform.Place(p.Name).Aside { // the processor leaves from here
			add(target.WatchRead, p.IPAddr)
		}
		if i == 0 || p.SPAddr != t.Places[0].SPAddr { // two places may share one
			add(target.WatchWrite, p.SPAddr)
		}
	}
	if c := t.WatchedCopy(); c != nil {
		add(target.WatchWrite, c.IPAddr)
	}
	return w
}

// Threads are those that are armed, in a fixed order.
func (g *Guard) Threads() []*evidence.Track {
	out := slices.Collect(maps.Values(g.Armed))
	slices.SortFunc(out, func(a, b *evidence.Track) int { return cmp.Compare(a.Block, b.Block) })
	return out
}

// armAll arms threads.
func (g *Guard) armAll(ctx context.Context, threads []*evidence.Track) error {
	for _, t := range threads {
		if err := g.Arm(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
