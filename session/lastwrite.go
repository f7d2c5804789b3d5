package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
	"thaw/session/view"
)

// LastWrite goes back to where a thread's saved user state was written last.
func (tr *traveller) LastWrite(ctx context.Context, thread kernel.ID) error {
	if tr.reverser() == nil {
		return errors.New(whyNoReverse)
	}
	o, err := tr.savedStateOf(ctx, thread)
	if err != nil {
		return err
	}
	if w, ok := tr.target.(ReplayWatcher); ok && len(tr.saves) > 0 && w.NoReplayWatch() != "" {
		_, err := tr.LastWriteOf(ctx, view.Word{Thread: thread, Register: tr.m.Arch.IP}, 1)
		return err
	}
	r, at, err := tr.beginBack(ctx)
	if err != nil {
		return err
	}
	defer tr.moved()
	here := tr.m.Here()
	if err := tr.bare(ctx); err != nil {
		return tr.arrive(ctx, nil, err)
	}
	w, err := tr.findWrite(ctx, r, o, at)
	if err != nil {
		return tr.arrive(ctx, nil, err)
	}
	if tr.drive.Asked.Load() {
		return tr.stay(ctx, at, here, errors.New("given up"))
	}
	if w.position == 0 {
		return tr.stay(ctx, at, here, fmt.Errorf("nothing wrote the saved state of %s (thread %s) %s", o.Name, o.ID, searched(tr.saves)))
	}
	return tr.goTo(ctx, w.position, &w.here, fmt.Sprintf("back at the last write of %s's saved state (thread %s): by %s", o.Name, o.ID, w.by))
}

// searched says how far back a search for writes goes.
func searched(saves []save) string {
	from := uint64(0)
	for i, s := range saves {
		if i == 0 || s.position < from {
			from = s.position
		}
	}
	if from == 0 {
		return "before"
	}
	return fmt.Sprintf("since instruction %d, where the oldest VM snapshot is; what came before that was not searched: attach where the recorded run begins", from)
}

// savedStateOf is a thread with a saved user state, as of the present stop.
func (ps *parts) savedStateOf(ctx context.Context, thread kernel.ID) (*kernel.Object, error) {
	sys, err := ps.m.System(ctx)
	if err != nil {
		return nil, err
	}
	o := sys.Object(thread)
	switch {
	case o == nil || o.Thread == nil:
		return nil, fmt.Errorf("there is no thread %s at this stop", thread)
	case o.Thread.Usual().IPAddr == 0:
		return nil, fmt.Errorf("%s (thread %s) has no saved user state: it never runs in user mode", o.Name, thread)
	}
	return o, nil
}

// pastWrite is a write in a recorded run; position 0 is none.
type pastWrite struct {
	position uint64
	here     machine.Visit
	by       view.Place
}

// writeHere is the write that the guest stands behind.
func (ps *parts) writeHere(ctx context.Context, r Reverser, stop target.Stop) (w pastWrite, err error) {
	if err := ps.m.Look(ctx, stop.CPU); err != nil {
		return w, err
	}
	w.here, w.by = ps.m.Here(), ps.programs.Kernel().Place(ps.m.CPU().IP)
	w.position, err = r.Position(ctx)
	return w, err
}

// findWrite finds the last write of a thread's saved user state before a position. Where there are VM snapshots the run is searched forward
// from each, the last one first: QEMU's own search backwards runs all of it, twice,
// and is not to be relied on. No other break- or watchpoints are set.
func (tr *traveller) findWrite(ctx context.Context, r Reverser, o *kernel.Object, before uint64) (w pastWrite, err error) {
	t := &evidence.Track{Places: evidence.KeptIn(o.Thread)}
	watches := slices.DeleteFunc(tr.drive.Guard.WatchesOf(t), func(w target.Break) bool { return w.Kind != target.WatchWrite || w.Addr == 0 })
	if err := tr.target.SetBreaks(ctx, watches); err != nil {
		return w, fmt.Errorf("watching the saved state of thread %s %s: %w", o.ID, o.Name, err)
	}
	if len(tr.saves) == 0 {
		stop, err := r.ReverseContinue(ctx)
		if err != nil {
			return w, err
		}
		if w, err = tr.writeHere(ctx, r, stop); err != nil {
			return w, err
		}
	}
	for end := before; len(tr.saves) > 0 && end > 0 && w.position == 0; {
		s := tr.saveBefore(end - 1)
		if s == nil {
			break
		}
		if w, err = tr.searchWrites(ctx, r, s.position, end, before); err != nil {
			return w, err
		}
		end = s.position
	}
	if err := tr.target.ClearBreaks(ctx, watches); err != nil {
		return w, fmt.Errorf("no longer watching thread %s %s: %w", o.ID, o.Name, err)
	}
	return w, nil
}

// searchWrites finds the last write from the VM snapshot at a position on up to
// another one. One at before is the present one.
func (tr *traveller) searchWrites(ctx context.Context, r Reverser, from, end, before uint64) (last pastWrite, err error) {
	if err := tr.rewind(ctx, r, from); err != nil {
		return last, err
	}
	for !tr.drive.Asked.Load() {
		stop, err := r.RunTowards(ctx, end)
		if err != nil {
			return last, err
		}
		w, err := tr.writeHere(ctx, r, stop)
		switch {
		case err != nil:
			return last, err
		case stop.Watch && w.position < before:
			last = w
		}
		if w.position >= end {
			break
		}
		if !stop.Watch {
			return last, fmt.Errorf("searching the recorded run for a write: it stopped at instruction %d, where nothing is watched", w.position)
		}
	}
	return last, nil
}
