package session

import (
	"context"
	"fmt"
	"slices"
	"thaw/session/evidence"
	"thaw/session/target"
)

// watchList is what is watched of the threads whose state was requested.
type watchList struct {
	at    map[uint64]uint64 // thread object by watched address
	armed map[uint64]bool   // by thread object
}

func newWatchList() watchList {
	return watchList{at: map[uint64]uint64{}, armed: map[uint64]bool{}}
}

// armAgain arms those that were armed, by thread object.
func (e *Engine) armAgain(ctx context.Context, armed map[uint64]bool) error {
	for _, t := range e.ev.Threads {
		if armed[t.Block] {
			if err := e.arm(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// arm watches a thread's saved user ip. A write shows who changes it; a read
// by the thread's own way out of the kernel is its return to user mode, caught
// before any interrupt can overwrite the frame again.
func (e *Engine) arm(ctx context.Context, t *evidence.Track) error {
	if e.watching.armed[t.Block] {
		return nil
	}
	for _, w := range e.watchesOf(t) {
		e.watching.at[w.addr] = t.Block
		if e.pushed(t, w) {
			continue
		}
		if err := e.target.SetWatch(ctx, w.kind, w.addr, e.ptrSize()); err != nil {
			return fmt.Errorf("watching the saved state of thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	if words := e.pushedWords(t); len(words) > 0 {
		e.guard.hold(t, words...)
	}
	e.watching.armed[t.Block] = true
	return nil
}

func (e *Engine) disarm(ctx context.Context, t *evidence.Track) error {
	if !e.watching.armed[t.Block] {
		return nil
	}
	delete(e.watching.armed, t.Block)
	for _, w := range e.watchesOf(t) {
		delete(e.watching.at, w.addr)
		if e.pushed(t, w) {
			continue
		}
		if err := e.target.ClearWatch(ctx, w.kind, w.addr, e.ptrSize()); err != nil {
			return fmt.Errorf("no longer watching thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	return e.guard.release(ctx, t)
}

// pushed says whether a watch is the guard's business.
func (e *Engine) pushed(t *evidence.Track, w watch) bool {
	return w.kind == target.WatchWrite && slices.Contains(e.pushedWords(t), w.addr)
}

// pushedWords are the words of a thread that the processor itself writes as it enters
// the kernel.
func (e *Engine) pushedWords(t *evidence.Track) (words []uint64) {
	for _, p := range t.Places {
		if e.dec.Platform().Place(p.Name).Pushed {
			words = append(words, p.IPAddr, p.SPAddr)
		}
	}
	return words
}

func (e *Engine) disarmAll(ctx context.Context) error {
	for _, t := range e.ev.Threads {
		if err := e.disarm(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

type watch struct {
	kind target.WatchKind
	addr uint64
}

func (e *Engine) watchesOf(t *evidence.Track) []watch {
	var w []watch
	for i, p := range t.Places {
		w = append(w, watch{target.WatchWrite, p.IPAddr})
		if i == 0 {
			w = append(w, watch{target.WatchRead, p.IPAddr})
		}
		if i == 0 || p.SPAddr != t.Places[0].SPAddr { // two places may share one
			w = append(w, watch{target.WatchWrite, p.SPAddr})
		}
	}
	if c := t.WatchedCopy(); c != nil {
		w = append(w, watch{target.WatchWrite, c.IPAddr})
	}
	return w
}

// maxExit is how many instructions a kernel may take from reading the saved ip
// to user mode.
const maxExit = 64

// watchHit looks at an access to a thread's saved state.
func (e *Engine) watchHit(ctx context.Context, stop target.Stop) (*event, error) {
	t := e.ev.Tracks[e.watching.at[stop.WatchAddr]]
	if t == nil {
		return nil, nil // the kernel changes address spaces, or left over from a watch that is gone
	}
	if e.arch.WatchFirst {
		// Executed under its own watchpoint, the instruction would stop for ever.
		if err := e.disarm(ctx, t); err != nil {
			return nil, err
		}
		if err := e.stepKernel(ctx, t); err != nil {
			return nil, err
		}
	}
	if c := t.WatchedCopy(); c != nil && stop.WatchAddr == c.IPAddr {
		if err := e.copyWritten(t, c); err != nil {
			return nil, err
		}
		return nil, e.arm(ctx, t)
	}
	var written uint64
	if stop.WatchKind == target.WatchWrite {
		written = stop.WatchAddr
	}
	ev, entered, err := e.observe(ctx, t, written)
	if !entered && err == nil {
		ev, entered, err = e.followOut(ctx, t, stop)
	}
	if !entered && err == nil {
		err = e.arm(ctx, t)
	}
	return ev, err
}

// followOut goes with a thread that reads its own saved ip: most likely it is
// on its way out of the kernel. Single steps take no interrupts, so the frame
// stays as it is until user mode.
func (e *Engine) followOut(ctx context.Context, t *evidence.Track, stop target.Stop) (*event, bool, error) {
	if stop.WatchKind != target.WatchRead {
		return nil, false, nil
	}
	block, err := e.currentBlock(ctx)
	if err != nil {
		return nil, false, err
	}
	if block == t.Block || block == 0 {
		e.guard.leaves(t)
	}
	if block != t.Block {
		return nil, false, nil
	}
	if err := e.disarm(ctx, t); err != nil {
		return nil, false, err
	}
	e.followed = t.Block
	return e.stepOut(ctx, t)
}

// stepOut steps with a thread to user mode.
func (e *Engine) stepOut(ctx context.Context, t *evidence.Track) (*event, bool, error) {
	for range maxExit {
		if err := e.stepKernel(ctx, t); err != nil {
			return nil, false, err
		}
		if ev, entered, err := e.observe(ctx, t, 0); entered || err != nil {
			return ev, entered, err
		}
		if len(e.probes[e.m.CPUs[e.cpu].IP]) > 0 {
			break // the caller handles it as a breakpoint
		}
	}
	return nil, false, nil
}

// stepKernel executes one instruction on a thread's way through the kernel.
func (e *Engine) stepKernel(ctx context.Context, t *evidence.Track) error {
	s, err := e.guard.step(ctx, e.cpu)
	if err != nil {
		return fmt.Errorf("following thread %s %s through the kernel: %w", t.ID, t.Name, err)
	}
	return e.look(ctx, s.CPU)
}
