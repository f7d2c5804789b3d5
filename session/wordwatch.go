package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/target"
	"thaw/session/view"
)

// maxWords bounds how many words are watched at once.
const maxWords = 4

// watchedWord is a piece of memory whose writes stop the guest from now on, through
// whatever mapping. Where a recorded run can be gone back in nobody needs it.
//
// Where the processor pushes, user mode must be able to reach the memory: a page that is the
// kernel's alone may become a stack, and a word that is pushed must not be watched (see
// drive.Guard).
type watchedWord struct {
	word view.Word
	at   physical             // with the value that it had when it was looked at last
	set  []target.Break       // on the target; none while the guest does not go on from here
	info *view.BreakpointInfo // its account, gone once the user has deleted it
}

// watcher watches words.
type watcher struct{ *traveller }

// WatchOrigin has writes of a piece of memory stop the guest from now on. It is deleted as
// a breakpoint.
func (wt *watcher) WatchOrigin(ctx context.Context, w view.Word) error {
	if err := wt.dropDeleted(ctx); err != nil {
		return err
	}
	switch {
	case wt.reverser() != nil:
		return errors.New("this run is recorded: W and :origin look back in it")
	case len(wt.watched) >= maxWords:
		return fmt.Errorf("%d words are the most: delete one first", maxWords)
	}
	w.Name = w.Words()
	s := newSearch(wt.traveller)
	p, err := s.wordOf(ctx, w)
	if err != nil {
		return fmt.Errorf("%s: %w", w.Name, err)
	}
	if slices.ContainsFunc(wt.watched, func(o *watchedWord) bool { return o.at.addr == p.addr }) {
		return fmt.Errorf("%s is watched already", w.Name)
	}
	word := &watchedWord{word: w, at: p, info: &view.BreakpointInfo{Function: w.Name, Purpose: view.PurposeWatch}}
	switch why, err := wt.arm(ctx, word); {
	case err != nil:
		return err
	case why != "":
		return fmt.Errorf("%s: %s", w.Name, why)
	}
	wt.watched = append(wt.watched, word)
	wt.drive.Breaks.Infos = append(wt.drive.Breaks.Infos, word.info)
	wt.refreshBreaks()
	return nil
}

// arm watches a word at all addresses at which it is mapped as the guest stands; why tells
// why it must not be.
func (wt *watcher) arm(ctx context.Context, w *watchedWord) (why string, err error) {
	views, user, why, err := newSearch(wt.traveller).views(ctx, w.at, nil)
	if err != nil {
		return "", err
	}
	var want []target.Break
	for _, v := range views {
		want = append(want, target.Break{Kind: target.WatchWrite, Addr: v, Length: len(w.at.value)})
	}
	if why == "" && !user && wt.m.Arch.Pushes() {
		why = "it is the kernel's, which may put a stack there: what the processor pushes must not be watched (in a recorded run, W looks back)"
	}
	if why != "" {
		want = nil
	}
	gone := slices.DeleteFunc(slices.Clone(w.set), func(b target.Break) bool { return slices.Contains(want, b) })
	more := slices.DeleteFunc(slices.Clone(want), func(b target.Break) bool { return slices.Contains(w.set, b) })
	if err := errors.Join(wt.target.ClearBreaks(ctx, gone), wt.target.SetBreaks(ctx, more)); err != nil {
		return "", fmt.Errorf("watching %s: %w", w.word.Name, err)
	}
	w.set, w.info.Addrs = want, views
	return why, nil
}

// goOn is called before the guest goes on.
func (wt *watcher) goOn(ctx context.Context) (*drive.Event, error) {
	if ev, err := wt.ready(ctx); ev != nil || err != nil {
		return ev, err
	}
	return wt.goesOn(ctx)
}

// watchHit looks at an access to a thread's saved state, or to a word that is watched.
func (wt *watcher) watchHit(ctx context.Context, stop target.Stop) (*drive.Event, error) {
	if wt.m.Arch.WatchFirst {
		return wt.aboutToHit(ctx, stop)
	}
	seen, err := wt.hit(ctx, stop)
	if err != nil {
		return nil, err
	}
	ev, err := wt.obs.WatchHit(ctx, stop, nil)
	return drive.Merge(ev, seen), err
}

// ready watches what is to be watched as the guest goes on. What cannot be any more ends,
// and the guest does not go on before that was told.
func (wt *watcher) ready(ctx context.Context) (ev *drive.Event, err error) {
	for _, w := range wt.watched {
		if wt.deleted(w) {
			continue
		}
		why, err := wt.arm(ctx, w)
		if err == nil {
			w.at.value, err = wt.now(w)
		}
		if err != nil {
			return nil, err
		}
		if why != "" {
			if err := wt.drive.Breaks.Remove(ctx, w.info.Name()); err != nil {
				return nil, err
			}
			ev = drive.Merge(ev, &drive.Event{Reason: w.word.Name + " is not watched any more: " + why, Idle: true})
		}
	}
	return ev, wt.dropDeleted(ctx)
}

// deleted says whether the user has deleted a word.
func (wt *watcher) deleted(w *watchedWord) bool {
	return !slices.Contains(wt.drive.Breaks.Infos, w.info)
}

// dropDeleted ends what the user has deleted.
func (wt *watcher) dropDeleted(ctx context.Context) error {
	var gone []target.Break
	for _, w := range wt.watched {
		if wt.deleted(w) {
			gone = append(gone, w.set...)
		}
	}
	wt.watched = slices.DeleteFunc(wt.watched, wt.deleted)
	return wt.target.ClearBreaks(ctx, gone)
}

// unwatch takes the words' watchpoints off the target until the guest goes on again: it may
// be put back to where memory is another.
func (ps *parts) unwatch(ctx context.Context) error { return ps.target.ClearBreaks(ctx, ps.unset()) }

// unset forgets what is on the target, which may have lost it.
func (ps *parts) unset() []target.Break {
	all := ps.words()
	for _, w := range ps.watched {
		w.set = nil
	}
	return all
}

// words is what is on the target.
func (ps *parts) words() (all []target.Break) {
	for _, w := range ps.watched {
		all = append(all, w.set...)
	}
	return all
}

// now is what a word has.
func (wt *watcher) now(w *watchedWord) ([]byte, error) {
	req := []memory.Request{{Addr: w.at.addr, Buf: make([]byte, len(w.at.value))}}
	if err := errors.Join(wt.m.ReadPhysical(req), req[0].Err); err != nil {
		return nil, fmt.Errorf("reading %s: %w", w.word.Name, err)
	}
	return req[0].Buf, nil
}

// hit looks at an access that a watchpoint told of.
func (wt *watcher) hit(ctx context.Context, stop target.Stop) (ev *drive.Event, err error) {
	for _, w := range wt.watched {
		if !wt.tells(stop, w) {
			continue
		}
		got, err := wt.written(ctx, w, stop.WatchAddr)
		if err != nil {
			return nil, err
		}
		ev = drive.Merge(ev, got)
	}
	return ev, nil
}

// tells says whether a stop tells of a word, and counts those at its address that do not:
// that means something else in another task.
func (wt *watcher) tells(stop target.Stop, w *watchedWord) bool {
	at := func(b target.Break) bool { return b.Addr == stop.WatchAddr }
	if !slices.ContainsFunc(w.set, at) || stop.WatchKind != target.WatchWrite || wt.deleted(w) {
		return false
	}
	here := wt.maps(w.at, stop.WatchAddr)
	if !here {
		w.info.Foreign++
	}
	return here
}

// written tells who has just written a word. The processor stands behind the instruction,
// or at it where it repeats itself.
func (wt *watcher) written(ctx context.Context, w *watchedWord, virt uint64) (*drive.Event, error) {
	prog, o := wt.who(ctx, w)
	if o.Sure {
		wt.behind(prog, &o, virt)
	}
	return wt.changed(w, &o)
}

// who has the instruction at which the stopped processor is write a word: with its
// component, thread and backtrace.
func (wt *watcher) who(ctx context.Context, w *watchedWord) (*components.Component, view.Origin) {
	prog, thread, frames, err := wt.writer(ctx)
	o := view.Origin{Word: w.word.Name, Sure: err == nil, End: view.EndUnknown, Place: prog.Place(wt.m.CPU().IP), Frames: frames,
		Text: "where the value came from is found in a recorded run (--rr)"}
	if thread != nil {
		o.Thread = titleOf(thread)
	}
	return prog, o
}

// behind has the instruction before write an address, and says where a string instruction
// took it from.
func (wt *watcher) behind(prog *components.Component, o *view.Origin, virt uint64) {
	ip := wt.m.CPU().IP
	step := wt.m.StepAt(ip)
	from, repeats, moved := step.Moved(virt, maxWord)
	if !moved || !repeats {
		before, ok := prog.Before(ip)
		if !ok {
			return
		}
		step = wt.m.StepAt(before.Addr)
		o.Place = prog.Place(before.Addr)
		from, _, moved = step.Moved(virt, maxWord)
	}
	if moved && from != 0 {
		o.Text = fmt.Sprintf("copied from %#x; %s", from, o.Text)
	}
}

// changed keeps a write, and has the guest stop for it: not for one that leaves the value as
// it was.
func (wt *watcher) changed(w *watchedWord, o *view.Origin) (*drive.Event, error) {
	now, err := wt.now(w)
	if err != nil {
		return nil, err
	}
	w.info.Hits++
	if bytes.Equal(now, w.at.value) {
		return nil, nil
	}
	o.Old, o.New, o.Stop = memory.LittleEndian(clip(w.at.value)), memory.LittleEndian(clip(now)), wt.history.last()+1
	w.at.value = now
	wt.asked(o.Stop, w.word, []view.Origin{*o}, nil)
	return &drive.Event{Reason: w.word.Name + ": " + writeTold(o)}, nil
}

// unseen tells, at a stop, of words that have changed although nothing that was watched was
// written.
func (wt *watcher) unseen(ev *drive.Event) (*drive.Event, error) {
	got, err := wt.untold(func(w *watchedWord) view.Origin {
		return view.Origin{Word: w.word.Name, End: view.EndUnknown, Text: "nothing that is watched was written: a device (DMA), or another mapping that was made since the stop before"}
	})
	return drive.Merge(ev, got), err
}

// untold tells of words that have changed; by says by what.
func (wt *watcher) untold(by func(w *watchedWord) view.Origin) (ev *drive.Event, err error) {
	for _, w := range wt.watched {
		if len(w.set) == 0 {
			continue
		}
		now, err := wt.now(w)
		if err != nil || bytes.Equal(now, w.at.value) {
			continue // what cannot be read any more is told as the guest goes on
		}
		o := by(w)
		got, err := wt.changed(w, &o)
		if err != nil {
			return nil, err
		}
		ev = drive.Merge(ev, got)
	}
	return ev, nil
}

// titleOf names a thread.
func titleOf(t *kernel.Object) string { return fmt.Sprintf("%s (thread %s)", t.Title(), t.ID) }
