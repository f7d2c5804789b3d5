package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"thaw/kernel"
	"thaw/session/evidence"
)

// Reconnecter is a Target whose connection may get lost and be made again.
type Reconnecter interface {
	// Lost says whether the connection is gone, and the target may be there.
	Lost() bool
	// Gone is closed once the other side of the present connection has ended. It
	// belongs to the goroutine that owns the target.
	Gone() <-chan struct{}
	// Reconnect attaches again. The target stands afterwards, without
	// breakpoints and watchpoints.
	Reconnect(ctx context.Context) error
	// Replaced says that what was attached to again is not what was there
	// before: it will be left as Reconnect has found it.
	Replaced()
	// Disconnect leaves the target as Close does, and the connection is lost.
	Disconnect(ctx context.Context) error
}

// lost says whether the session ended since the connection got lost, and could
// be made again.
func (e *Engine) lost() bool {
	r, ok := e.target.(Reconnecter)
	return ok && e.ended != nil && r.Lost()
}

// gone is closed once the connection to a guest that stands has ended on the other side;
// nil, which never is, where that is known already or does not show.
func (e *Engine) gone() <-chan struct{} {
	if r, ok := e.target.(Reconnecter); ok && e.ended == nil {
		return r.Gone()
	}
	return nil
}

// goneWithin is how long a connection that has ended may take to say so.
const goneWithin = 2 * time.Second

// noticeGone ends the session, as the connection has ended while the guest stood.
func (e *Engine) noticeGone(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, goneWithin)
	defer cancel()
	_, err := e.target.CPUs(limited)
	if err == nil {
		err = errors.New("the connection has ended")
	}
	e.ended = fmt.Errorf("lost while the guest stood: %w", err)
	return e.ended
}

// errNotBooted is for a guest that was reconnected to too early.
var errNotBooted = errors.New("reconnected to a guest that has not booted so far: n runs it to its first phase")

// Reconnect attaches again to a target whose connection was lost. The history
// stays; the next stop in it says what was found. Where the guest stands as it
// stood, evidence goes on. Else something may have happened that nobody saw, and
// phases and evidence begin anew. A guest with another kernel is refused, and
// left.
func (e *Engine) Reconnect(ctx context.Context) error {
	if !e.lost() {
		return errors.New("no connection to a guest was lost")
	}
	r, _ := e.target.(Reconnecter)
	err := r.Reconnect(ctx)
	if err == nil {
		if err = e.pickUp(ctx, r); err == nil || errors.Is(err, errNotBooted) {
			return err
		}
		err = errors.Join(err, r.Disconnect(ctx))
	}
	e.ended = fmt.Errorf("reconnecting: %w", err)
	return e.ended
}

// pickUp goes on with the session on a target that was attached to again.
func (e *Engine) pickUp(ctx context.Context, r Reconnecter) error {
	before := e.m.AllRegisters()
	e.m.Forget()
	e.programs.ForgetProofs()
	e.unset()
	if err := e.m.Look(ctx, e.m.Stopped); err != nil {
		return err
	}
	if u := e.unfound(); u != nil && u.Other {
		return fmt.Errorf("another system runs there now: %w", u)
	} else if u != nil {
		r.Replaced()
		if err := e.renew(ctx); err != nil {
			return err
		}
		e.ended = nil
		return errNotBooted
	}
	if err := e.programs.CheckKernel(); err != nil {
		return fmt.Errorf("another system runs there now: %w", err)
	}
	sys, err := e.m.System(ctx)
	if err != nil {
		return err
	}
	reason, err := "", error(nil)
	switch there, all := e.remaining(sys); {
	case there*10 < all*9:
		r.Replaced()
		reason = fmt.Sprintf("reconnected to another guest, or one that was started anew (%d of %d kernel objects are the same): phases and evidence begin anew", there, all)
		err = e.renew(ctx)
	case e.drive.Handling || !reflect.DeepEqual(before, e.m.AllRegisters()):
		reason = "reconnected: what the guest did meanwhile was not seen, so phases and evidence begin anew"
		err = e.renew(ctx)
	default:
		reason = "reconnected: the guest stands where it stood"
		err = e.drive.SetAgain(ctx)
	}
	if err != nil {
		return err
	}
	e.drive.Handling, e.ended = false, nil
	return e.record(ctx, reason)
}

// remaining counts the kernel objects of the newest stop that a system still
// has, by id, place and class.
func (e *Engine) remaining(sys *kernel.System) (there, all int) {
	newest := e.history.newest()
	if newest == nil {
		return 0, 0
	}
	objects := newest.snap.System.Objects
	for _, o := range objects {
		if now := sys.Object(o.ID); now != nil && now.Addr == o.Addr && now.Class == o.Class {
			there++
		}
	}
	return there, len(objects)
}

// renew forgets all that was seen but the history, and sets the scenario's
// breakpoints.
func (e *Engine) renew(ctx context.Context) error {
	e.drive.Forget()
	e.obs.Ev, e.phases.list = evidence.New(), nil
	e.memory.Forget()
	e.programs.ForgetTasks()
	e.travelled++
	e.marks, e.saves, e.leaves = nil, nil, 0
	if err := e.drive.Breaks.Together(ctx, func() error { return e.prepare(ctx) }); err != nil {
		return fmt.Errorf("scenario %s: %w", e.scn.Name, err)
	}
	return e.beginTravel(ctx)
}
