package observe

import (
	"context"

	"thaw/session/evidence"
)

// Unread puts in words why something could not be had. Where the target itself is gone,
// or the caller waits no longer, the error is nobody's value, and comes back.
func (ob *Observer) Unread(ctx context.Context, what string, err error) (why string, gone error) {
	if ctx.Err() != nil || ob.hooks.Gone() {
		return "", err
	}
	return what + " could not be read: " + err.Error(), nil
}

// missed notes what could not be had, as unread.
func (ob *Observer) missed(ctx context.Context, of evidence.GapKind, what string, err error) error {
	why, err := ob.Unread(ctx, what, err)
	if err == nil {
		ob.Ev.NoteGap(evidence.Gap{At: ob.Now(), Of: of, Why: why})
	}
	return err
}
