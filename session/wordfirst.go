package session

import (
	"bytes"
	"context"

	"thaw/session/drive"
	"thaw/session/target"
	"thaw/session/view"
)

// Where a watchpoint stops before its instruction (see arch.Arch), that tells by itself what
// it is about to write. So it is looked at as the processor stands there, and executed then.

// aboutToHit is watchHit there.
func (wt *watcher) aboutToHit(ctx context.Context, stop target.Stop) (*drive.Event, error) {
	before := wt.m.Registers()
	ev, err := wt.late(ctx)
	if err != nil {
		return nil, err
	}
	words := wt.pending(ctx, &stop)
	if err := wt.drive.StepOver(ctx); err != nil {
		return nil, err
	}
	got, err := wt.wrote(words)
	if err != nil {
		return nil, err
	}
	ev = drive.Merge(ev, got)
	got, err = wt.obs.WatchHit(ctx, stop, before)
	return drive.Merge(got, ev), err
}

// late tells of words that are written already.
func (wt *watcher) late(ctx context.Context) (*drive.Event, error) {
	return wt.untold(func(w *watchedWord) view.Origin {
		_, o := wt.who(ctx, w)
		o.Sure, o.Text = false, "written before: QEMU told of it late, or not at all (another processor was at a watchpoint, or a device wrote)"
		return o
	})
}

// stores has what the stopped processor is about to write told behind the instruction.
func (wt *watcher) stores(ctx context.Context) func() (*drive.Event, error) {
	words := wt.pending(ctx, nil)
	return func() (*drive.Event, error) { return wt.wrote(words) }
}

// pending is a word that may be written by an instruction; sure says that it is.
type pending struct {
	*watchedWord
	by   view.Origin
	sure bool
}

// pending are the words that the instruction of the stopped processor may write, of which a
// stop may tell. QEMU 7.2 tells of stores that are not aligned and lie behind a word in its
// page, too: those write none.
func (wt *watcher) pending(ctx context.Context, stop *target.Stop) (words []pending) {
	if len(wt.watched) == 0 {
		return nil
	}
	s := newSearch(wt.traveller)
	step := s.step()
	writes := step.Writes()
	for _, w := range wt.watched {
		told := stop != nil && wt.tells(*stop, w)
		if len(w.set) == 0 || wt.deleted(w) {
			continue
		}
		virt, known := s.hits(writes, w.at)
		if known && virt == 0 {
			continue
		}
		_, by := wt.who(ctx, w)
		words = append(words, pending{w, by, told || virt != 0})
	}
	return words
}

// wrote tells of words behind the instruction.
func (wt *watcher) wrote(words []pending) (ev *drive.Event, err error) {
	for _, p := range words {
		now, err := wt.now(p.watchedWord)
		if err != nil {
			return nil, err
		}
		if !p.sure && bytes.Equal(now, p.at.value) {
			continue
		}
		got, err := wt.changed(p.watchedWord, &p.by)
		if err != nil {
			return nil, err
		}
		ev = drive.Merge(ev, got)
	}
	return ev, nil
}
