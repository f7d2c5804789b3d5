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
	if g.Armed[t.Block] != nil {
		return nil
	}
	all := g.WatchesOf(t)
	set := slices.DeleteFunc(slices.Clone(all), func(w target.Break) bool { return g.pushed(t, w) })
	if err := g.target.SetBreaks(ctx, set); err != nil {
		return fmt.Errorf("watching the saved state of thread %s %s: %w", t.ID, t.Name, err)
	}
	g.Armed[t.Block], g.set[t.Block] = t, set
	for _, w := range all {
		g.Watched[w.Addr] = t.Block
	}
	if words := g.pushedWords(t); len(words) > 0 {
		g.hold(t, words...)
	}
	return nil
}

// Disarm ends what Arm began.
func (g *Guard) Disarm(ctx context.Context, threads ...*evidence.Track) error {
	var set []target.Break
	for _, t := range threads {
		if g.Armed[t.Block] == nil {
			continue
		}
		// What was set, not what would be now: a copy that cannot be read any more, since
		// the user leaves, is none to be watched.
		set = append(append(set, g.set[t.Block]...), g.release(t)...)
		delete(g.Armed, t.Block)
		delete(g.set, t.Block)
		maps.DeleteFunc(g.Watched, func(_, block uint64) bool { return block == t.Block })
	}
	if err := g.target.ClearBreaks(ctx, set); err != nil {
		return fmt.Errorf("no longer watching the saved state of threads: %w", err)
	}
	return nil
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
func (g *Guard) DisarmAll(ctx context.Context) error { return g.Disarm(ctx, g.threads()...) }

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

// threads are those that are armed, in a fixed order.
func (g *Guard) threads() []*evidence.Track {
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
