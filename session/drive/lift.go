package drive

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"thaw/session/target"
)

// A program that runs through another one's breakpoint over and over stops the
// whole machine each time. lifter takes such a breakpoint off the target until
// the kernel changes to another address space, which a watchpoint on the kernel's
// note tells: before that nothing can be hit that is the breakpoint's business.
// What the program does meanwhile costs nothing, and is not counted.
type lifter struct {
	off      map[uint64]bool // addresses whose breakpoints are off the target
	watch    uint64          // address of the kernel's note, watched while there are some
	since    time.Time       // that the first one is off
	root     uint64          // page tables of the last hits, all of them others' business
	row      int             // how many these were
	patience int             // how many have to come before a breakpoint is lifted
	never    bool            // the kernel's note cannot be watched
}

// Bounds of a lifter's patience. A change of the address space is a stop, too: if
// it comes soon, little was won, and more hits must come before the next try.
const (
	leastPatience = 4
	mostPatience  = 1 << 10
	longLifted    = 5 * time.Millisecond
)

func newLifter() lifter { return lifter{off: map[uint64]bool{}, patience: leastPatience} }

// foreign notes a hit that was nobody's business.
func (l *lifter) foreign(root uint64) {
	if l.root != root {
		l.root, l.row = root, 0
	}
	l.row++
}

// lift takes the breakpoint at which the processor stands off the target, if it
// is worth it. While some are off already it is: the address space is the same.
func (b *Breaks) lift(ctx context.Context) error {
	l, cpu := &b.lifter, b.m.CPU()
	switch {
	case l.never || l.off[cpu.IP] || len(b.Probes[cpu.IP]) == 0 || !cpu.User || cpu.Root != l.root:
		return nil
	case l.row < l.patience && len(l.off) == 0 || b.fixed():
		return nil
	}
	if len(l.off) == 0 {
		addr, err := b.m.SpaceSwitch()
		if err != nil || b.isWatched(addr) || b.target.SetBreaks(ctx, b.switchWatch(addr)) != nil {
			l.never = true // hits are passed by one at a time, as before
			return nil
		}
		l.watch, l.since = addr, time.Now()
	}
	if err := b.target.ClearBreaks(ctx, target.At(cpu.IP)); err != nil {
		return fmt.Errorf("lifting a breakpoint: %w", err)
	}
	l.off[cpu.IP] = true
	for _, p := range b.Probes[cpu.IP] {
		p.Info.Lifted++
	}
	return nil
}

// switchWatch is the watchpoint on the kernel's note of address spaces.
func (b *Breaks) switchWatch(addr uint64) []target.Break {
	return []target.Break{{Kind: target.WatchWrite, Addr: addr, Length: b.m.PtrSize()}}
}

// PutBack sets all lifted breakpoints again.
func (b *Breaks) PutBack(ctx context.Context) error {
	l := &b.lifter
	l.row = 0
	if len(l.off) == 0 {
		return nil
	}
	if err := b.target.SetBreaks(ctx, target.At(slices.Collect(maps.Keys(l.off))...)); err != nil {
		return fmt.Errorf("setting lifted breakpoints again: %w", err)
	}
	clear(l.off)
	if time.Since(l.since) < longLifted {
		l.patience = min(2*l.patience, mostPatience)
	} else {
		l.patience = leastPatience
	}
	if err := b.target.ClearBreaks(ctx, b.switchWatch(l.watch)); err != nil {
		return fmt.Errorf("no longer watching the kernel's change of address spaces: %w", err)
	}
	return nil
}
