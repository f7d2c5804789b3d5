package session

import (
	"context"
	"slices"
)

// A value that could not be had is kept with the evidence as the reason in words, and
// is no number: what is judged by it is unknown, and says why. The session goes on.

// gap is something that happened and that is not known of which thread.
type gap struct {
	At  instant
	Of  gapKind
	Why string
}

// gapKind is what is missing.
type gapKind string

const (
	gapRequest   gapKind = "request"   // whose thread is not known: any may have been asked for
	gapStored    gapKind = "stored"    // the stored states are not known in full
	gapOperation gapKind = "operation" // whose thread is not known
)

// mostGaps bounds what is kept of a kind: the first say enough.
const mostGaps = 16

// unread puts in words why something could not be had. Where the target itself is gone,
// or the caller waits no longer, the error is nobody's value, and comes back.
func (e *Engine) unread(ctx context.Context, what string, err error) (why string, gone error) {
	if r, ok := e.target.(Reconnecter); ctx.Err() != nil || ok && r.Lost() {
		return "", err
	}
	return what + " could not be read: " + err.Error(), nil
}

// missed notes what could not be had, as unread.
func (e *Engine) missed(ctx context.Context, of gapKind, what string, err error) error {
	why, err := e.unread(ctx, what, err)
	if err == nil {
		e.ev.noteGap(gap{e.now(), of, why})
	}
	return err
}

func (ev *evidence) noteGap(g gap) {
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

// forget drops the gaps of a kind, as all of it is read anew.
func (ev *evidence) forget(of gapKind) {
	ev.Gaps = slices.DeleteFunc(slices.Clone(ev.Gaps), func(g gap) bool { return g.Of == of })
}

// missing says why something is not known in full, "" if it is.
func (ev *evidence) missing(of gapKind) string {
	for _, g := range ev.Gaps {
		if g.Of == of {
			return g.Why
		}
	}
	return ""
}
