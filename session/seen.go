package session

import (
	"context"
	"fmt"
	"thaw/session/view"
)

// Bounds on evidence: a guest may do the same over and over for hours, and every
// stop in the history holds its own.
const (
	mostSeen    = 512  // of a kind, of one thread: the first and the newest are kept
	mostThreads = 1024 // that something is known of
)

// noteOf adds to a list of what was seen of a thread object. Of a list that is full
// the middle gives way: the first tell how it began, and the newest count for the
// verdict.
func noteOf[T any](ev *evidence, block uint64, list []T, x T) []T {
	if len(list) < mostSeen {
		return append(list, x)
	}
	ev.Dropped[block]++
	copy(list[mostSeen/2:], list[mostSeen/2+1:])
	list[len(list)-1] = x
	return list
}

// noteOperation adds a kernel operation on a thread object. Where there are lists
// of too many, one of a thread whose state nobody asked for gives way.
func (ev *evidence) noteOperation(block uint64, op operation) {
	if _, known := ev.Operations[block]; !known && len(ev.Operations) >= mostThreads {
		oldest, found := uint64(0), false
		for b, list := range ev.Operations {
			if ev.tracks[b] == nil && (!found || list[0].At.Seq < ev.Operations[oldest][0].At.Seq) {
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
	ev.Operations[block] = noteOf(ev, block, ev.Operations[block], op)
}

// room says whether one more thread can be followed.
func (ev *evidence) room() error {
	if len(ev.Threads) < mostThreads {
		return nil
	}
	return fmt.Errorf("the states of more than %d threads were asked for: no more of them are followed; open the guest again to begin anew", mostThreads)
}

// copyRead is what to do as the function of a request returns: the state that it
// keeps is read. The request is looked up then: evidence is another one after the
// guest went back.
func (e *Engine) copyRead(block uint64, seq int) func(context.Context) (*event, error) {
	return func(context.Context) (*event, error) {
		if t := e.ev.tracks[block]; t != nil {
			for i := range t.Requests {
				if t.Requests[i].At.Seq == seq {
					e.readCopy(t.Requests[i].Copy)
				}
			}
		}
		return nil, nil
	}
}

// writesBy notes which function wrote the newest writes of a thread, n of them.
func (t *track) writesBy(n int, frames []view.Frame) {
	for i := len(t.Writes) - n; i < len(t.Writes); i++ {
		t.Writes[i].Frames = frames
	}
}
