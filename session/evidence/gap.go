package evidence

import (
	"slices"
)

// A value that could not be had is kept with the evidence as the reason in words, and
// is no number: what is judged by it is unknown, and says why. The session goes on.

// Gap is something that happened and that is not known of which thread.
type Gap struct {
	At  Instant
	Of  GapKind
	Why string
	// Name is the thread's, where it is known in spite of that.
	Name string `json:",omitempty"`
}

// GapKind is what is missing.
type GapKind string

const (
	GapRequest   GapKind = "request"   // whose thread is not known: any may have been asked for
	GapStored    GapKind = "stored"    // the stored states are not known in full
	GapOperation GapKind = "operation" // whose thread is not known
)

// mostGaps bounds what is kept of a kind: the first say enough.
const mostGaps = 16

// NoteGap keeps what could not be had, within bounds.
func (ev *Evidence) NoteGap(g Gap) {
	n := 0
	for _, o := range ev.Gaps {
		if o.Of == g.Of {
			n++
		}
	}
	if n < mostGaps {
		ev.Gaps = append(slices.Clip(ev.Gaps), g)
	}
}

// Forget drops the gaps of a kind, as all of it is read anew.
func (ev *Evidence) Forget(of GapKind) {
	ev.Gaps = slices.DeleteFunc(slices.Clone(ev.Gaps), func(g Gap) bool { return g.Of == of })
}

// missing says why something is not known in full, "" if it is.
func (ev *Evidence) missing(of GapKind) string {
	for _, g := range ev.Gaps {
		if g.Of == of {
			return g.Why
		}
	}
	return ""
}
