package evidence

import (
	"fmt"
	"slices"

	"thaw/session/view"
)

// Bounds on evidence: a guest may do the same over and over for hours, and every
// stop in the history holds its own.
const (
	MostSeen    = 512  // of a kind, of one thread: the first and the newest are kept
	MostThreads = 1024 // that something is known of
)

// Note adds to a list of what was seen of a thread object. Of a list that is full
// the middle gives way: the first tell how it began, and the newest count for the
// verdict.
func Note[T any](ev *Evidence, block uint64, list []T, x T) []T {
	if len(list) < MostSeen {
		return append(list, x)
	}
	ev.Dropped[block]++
	copy(list[MostSeen/2:], list[MostSeen/2+1:])
	list[len(list)-1] = x
	return list
}

// NoteOperation adds a kernel operation on a thread object. Where there are lists
// of too many, one of a thread whose state nobody asked for gives way.
func (ev *Evidence) NoteOperation(block uint64, op Operation) {
	if _, known := ev.Operations[block]; !known && len(ev.Operations) >= MostThreads {
		oldest, found := uint64(0), false
		for b, list := range ev.Operations {
			if ev.Tracks[b] == nil && (!found || list[0].At.Seq < ev.Operations[oldest][0].At.Seq) {
				oldest, found = b, true
			}
		}
		if !found {
			ev.Dropped[block]++
			return
		}
		ev.Dropped[oldest] += len(ev.Operations[oldest])
		delete(ev.Operations, oldest)
	}
	ev.Operations[block] = Note(ev, block, ev.Operations[block], op)
}

// Room says whether one more thread can be followed.
func (ev *Evidence) Room() error {
	if len(ev.Threads) < MostThreads {
		return nil
	}
	return fmt.Errorf("the states of more than %d threads were asked for: no more of them are followed; open the guest again to begin anew", MostThreads)
}

// WritesBy notes which function wrote the newest writes of a thread, n of them.
func (t *Track) WritesBy(n int, frames []view.Frame) {
	for i := len(t.Writes) - n; i < len(t.Writes); i++ {
		t.Writes[i].Frames = frames
	}
}

// NoteWrite compares saved state with what it was, and says how many writes it
// noted; hit says that it was written for certain, be it with the same values. ip
// and sp are written one after the other: a second half by the same function, on the
// same processor, belongs to the write before. Where both were written already it does
// only in the same call, by the frames: memcpy copies for many.
func (ev *Evidence) NoteWrite(t *Track, w Write, at *Kept, is Saved, hit bool) (added int) {
	if is == at.Saved && !hit {
		return 0
	}
	w.Where, w.Addr, w.Old, w.Saved = at.Name, at.IPAddr, at.Saved, is
	at.Saved = is
	if n := len(t.Writes); n > 0 {
		last := &t.Writes[n-1]
		second := (last.IP == is.IP || last.SP == is.SP) && (!last.Whole() || w.sameCall(last))
		if last.Where == at.Name && last.Place.Function == w.Place.Function && last.CPU == w.CPU && second {
			last.Saved, last.Restores, last.Second = is, w.Restores, true
			return 0
		}
	}
	t.Writes = Note(ev, t.Block, t.Writes, w)
	return 1
}

// Whole says that both ip and sp were written, as far as hits tell.
func (w *Write) Whole() bool { return w.Second || w.IP != w.Old.IP && w.SP != w.Old.SP }

// sameCall says whether the same functions called what made two writes.
func (w *Write) sameCall(o *Write) bool {
	return slices.EqualFunc(w.Frames, o.Frames, func(a, b view.Frame) bool { return a.Place.Function == b.Place.Function })
}
