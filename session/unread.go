package session

import (
	"context"
	"thaw/session/evidence"
)

// unread puts in words why something could not be had. Where the target itself is gone,
// or the caller waits no longer, the error is nobody's value, and comes back.
func (e *Engine) unread(ctx context.Context, what string, err error) (why string, gone error) {
	if r, ok := e.target.(Reconnecter); ctx.Err() != nil || ok && r.Lost() {
		return "", err
	}
	return what + " could not be read: " + err.Error(), nil
}

// missed notes what could not be had, as unread.
func (e *Engine) missed(ctx context.Context, of evidence.GapKind, what string, err error) error {
	why, err := e.unread(ctx, what, err)
	if err == nil {
		e.ev.NoteGap(evidence.Gap{At: e.now(), Of: of, Why: why})
	}
	return err
}
