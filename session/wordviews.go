package session

import (
	"context"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/target"
)

// Bounds of what is watched: addresses, and writes that are looked at.
const (
	maxViews = 16
	maxSeen  = 20_000
)

// views are the addresses at which page tables map a piece of memory as the guest stands,
// and those known besides; user says that user mode reaches it, and why tells why it must not
// be watched, "" if it may.
func (s *wordSearch) views(ctx context.Context, p physical, known []uint64) (views []uint64, user bool, why string, err error) {
	if s.m.Arch.WatchFirst && s.r != nil { // see locate: the stop is not behind the write there
		return nil, false, "in a replay watchpoints are used on x86_64 only", nil
	}
	if w, ok := s.target.(ReplayWatcher); ok && s.r != nil {
		if why := w.NoReplayWatch(); why != "" {
			return nil, false, why, nil
		}
	}
	if err := s.m.Look(ctx, s.m.Stopped); err != nil {
		return nil, false, "", err
	}
	views = slices.Clone(known)
	sys, err := s.m.System(ctx)
	if err != nil { // not booted so far: what is mapped then is known from later
		why := ""
		switch {
		case len(views) == 0:
			why = "before the kernel has booted no mapping is known"
		case s.m.Arch.Pushes() && slices.ContainsFunc(views, s.stackOnce):
			why = whyPushed
		}
		return views, false, why, nil
	}
	views, user, why, err = s.mappings(ctx, p, sys, views)
	if err != nil || why != "" {
		return nil, false, why, err
	}
	if s.m.Arch.Pushes() && slices.ContainsFunc(views, func(v uint64) bool { return s.stackAt(sys, v) || s.entryStack(v) }) {
		return nil, false, whyPushed, nil
	}
	return views, user, "", nil
}

// mappings adds to views the addresses at which any page tables map a piece of memory. user
// and why are those of views.
func (s *wordSearch) mappings(ctx context.Context, p physical, sys *kernel.System, views []uint64) (_ []uint64, user bool, why string, err error) {
	roots := []uint64{s.m.CPU().Root}
	for _, o := range sys.PDs() {
		for _, root := range append([]uint64{o.PD.Root}, o.PD.Roots...) {
			if root != 0 && !slices.Contains(roots, root) {
				roots = append(roots, root)
			}
		}
	}
	last := p.addr + uint64(len(p.value)) - 1
	for _, root := range roots {
		view := memory.NewView(s.target, s.target.BlockSize(), nil)
		note := func(m memory.Mapping) bool {
			if p.addr >= m.Phys && last < m.Phys+m.Size {
				user = user || m.User
				if v := m.Virt + (p.addr - m.Phys); !slices.Contains(views, v) {
					views = append(views, v)
				}
			}
			return ctx.Err() == nil && len(views) <= maxViews
		}
		err := s.m.Paging.Each(view, root, 0, s.m.Arch.UserEnd, note)
		if err == nil {
			first, last := s.m.Arch.KernelPart()
			err = s.m.Paging.Each(view, root, first, last, note)
		}
		switch {
		case ctx.Err() != nil:
			return nil, false, "", ctx.Err()
		case err != nil:
			return nil, false, fmt.Sprintf("where it is mapped is not known: %v", err), nil
		case len(views) > maxViews:
			return nil, false, fmt.Sprintf("it is mapped at more than %d addresses", maxViews), nil
		}
	}
	return views, user, "", nil
}

const whyPushed = "the processor may push there"

// stackAt says whether an address is in a thread's kernel stack: as the guest stands, or
// at any stop. A thread that is made only behind where a search begins is there at one.
func (s *wordSearch) stackAt(sys *kernel.System, addr uint64) bool {
	return inThread(sys, addr) || s.stackOnce(addr)
}

// entryStack says whether an address is on a stack on which a processor enters the kernel.
func (s *wordSearch) entryStack(addr uint64) bool {
	return slices.ContainsFunc(s.m.CPUs(), func(cpu kernel.CPU) bool {
		return cpu.KernelSP != 0 && addr < cpu.KernelSP && cpu.KernelSP-addr <= s.m.Paging.PageSize()
	})
}

// stackOnce says so of the stops.
func (s *wordSearch) stackOnce(addr uint64) bool {
	return slices.ContainsFunc(s.history.kept, func(m *moment) bool { return inThread(m.snap.System, addr) })
}

func inThread(sys *kernel.System, addr uint64) bool {
	o := sys.At(addr)
	return o != nil && o.Thread != nil
}

// ReplayWatcher is a target that may be one whose watchpoints fail in a replay.
type ReplayWatcher interface {
	// NoReplayWatch says why none is to be set, "" if that is all right.
	NoReplayWatch() string
}

// lastSeen runs from a position, at which the guest is, to another one, and tells of the
// last write at one of the addresses.
func (s *wordSearch) lastSeen(ctx context.Context, p physical, views []uint64, from, end uint64) (last sighting, err error) {
	if err := s.moveTo(ctx, from); err != nil || len(views) == 0 {
		return last, err
	}
	var watches []target.Break
	for _, v := range views {
		watches = append(watches, target.Break{Kind: target.WatchWrite, Addr: v, Length: len(p.value)})
	}
	if err := s.target.SetBreaks(ctx, watches); err != nil {
		return last, fmt.Errorf("watching physical memory at %#x: %w", p.addr, err)
	}
	all, err := s.runWatched(ctx, p, end)
	if clear := s.target.ClearBreaks(ctx, watches); err == nil && clear != nil {
		err = fmt.Errorf("no longer watching physical memory at %#x: %w", p.addr, clear)
	}
	for i := len(all) - 1; err == nil && i >= 0; i-- {
		if !all[i].same {
			return all[i], nil
		}
		if all[i].write, err = s.locate(ctx, p, all[i].at); all[i].write.at > 0 {
			return all[i], err
		}
	}
	return last, err
}

// sighting is a position at which a watchpoint told of a write, 0 for nowhere, and whether
// memory had its value behind that. Of the last one that had it is known which write that was.
type sighting struct {
	at    uint64
	same  bool
	write location
}

// runWatched runs to a position, and tells of all writes of memory on the way.
func (s *wordSearch) runWatched(ctx context.Context, p physical, end uint64) (all []sighting, err error) {
	for range maxSeen {
		if s.drive.Asked.Load() {
			return nil, nil
		}
		stop, err := s.runTowards(ctx, end)
		if err != nil {
			return nil, err
		}
		if stop.Watch && s.at <= end {
			if err := s.m.Look(ctx, stop.CPU); err != nil {
				return nil, err
			}
			if s.maps(p, stop.WatchAddr) {
				same, _, err := s.has(p)
				if err != nil {
					return nil, err
				}
				all = append(all, sighting{at: s.at, same: same})
			}
		}
		if s.at >= end {
			return all, nil
		}
		if !stop.Watch {
			return nil, fmt.Errorf("searching the recorded run for a write: it stopped at instruction %d, where nothing is watched", s.at)
		}
	}
	return nil, unfound("physical memory at %#x was written more than %d times since the VM snapshot before: go back to an earlier stop (B), and ask there", p.addr, maxSeen)
}

// maps says whether memory is mapped at an address in the address space that the stopped
// processor uses: the same address may mean something else there. What else maps it is no
// matter: a kernel may map all memory in every address space.
func (ps *parts) maps(p physical, addr uint64) bool {
	_, phys, err := ps.m.Space().Translate(addr)
	return err == nil && phys == p.addr
}
