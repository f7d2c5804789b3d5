package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"thaw/kernel"
	"thaw/session/change"
	"thaw/session/evidence"
	"thaw/session/view"
)

// Force puts a thread's requested state in place; see change.Changer.
func (e *Engine) Force(ctx context.Context, thread kernel.ID) (string, error) {
	text, err := e.change.Force(ctx, thread)
	if err != nil {
		return "", err
	}
	return text, e.afterChange(ctx, text)
}

// Unforce takes the last forced state of a thread back. It is an error once the
// guest has run on.
func (e *Engine) Unforce(ctx context.Context, thread kernel.ID) error {
	text, err := e.change.Unforce(ctx, thread)
	if err != nil {
		return err
	}
	return e.afterChange(ctx, text)
}

// afterChange reads the changed machine and records it as a stop.
func (e *Engine) afterChange(ctx context.Context, reason string) error {
	if err := e.m.Look(ctx, e.m.Stopped); err != nil {
		return err
	}
	return e.record(ctx, reason)
}

// Follow executes the instructions of a thread that was forced into the
// processor one by one, until it enters the kernel, and says how far it came
// and why it left user mode. Then the guest runs on for a while, and the thread
// is looked at again.
func (e *Engine) Follow(ctx context.Context, thread kernel.ID, runOn time.Duration) (string, error) {
	t := e.obs.Ev.ByID(thread)
	if t == nil || len(t.Forced) == 0 {
		return "", fmt.Errorf("thread %s: nothing was forced", thread)
	}
	logged := e.log.Count()
	e.change.Forget()
	text := ""
	if t.Forced[len(t.Forced)-1].Where == kernel.SourceCPU {
		how, err := e.change.FollowUser(ctx, t)
		if err != nil {
			return "", e.arrive(ctx, nil, err)
		}
		text = how + "; "
	}
	ev, err := e.drive.RunFor(ctx, runOn, "after the forced state ran on")
	if err := e.arrive(ctx, ev, err); err != nil {
		return "", err
	}
	f := &t.Forced[len(t.Forced)-1]
	return text + e.fate(t, logged) + "; set were, besides ip and sp: " + f.Registers(e.m.Decoder.Platform()), nil
}

// fate tells what became of a thread, from the newest stop, with what the guest
// wrote since.
func (e *Engine) fate(t *evidence.Track, logged int) string {
	s := e.history.newest().snap
	o := s.System.Object(t.ID)
	if o == nil || o.Thread == nil {
		return "later the thread is gone"
	}
	text := fmt.Sprintf("later it is in state %s at %s", o.Thread.StateString(), s.Places[t.ID])
	if p := s.System.WaitedFor(o.Thread); p != nil {
		text += fmt.Sprintf(", waiting for %s %s", p.Title(), p.ID)
	}
	e.log.Take()
	if lines := e.log.Since(logged); len(lines) > 0 {
		const most = 3
		text += "; LOG: " + strings.Join(lines[max(len(lines)-most, 0):], " / ")
	}
	return text
}

// Diverge finds out where a restored thread that has just come back to user mode
// parts from its original. The guest is left as it was.
func (e *Engine) Diverge(ctx context.Context, thread kernel.ID) error {
	if e.drive.Fixed() {
		return change.ErrReplayed
	}
	t := e.obs.Ev.ByID(thread)
	if t == nil {
		return fmt.Errorf("thread %s: no state was requested for it, so there is nothing to compare", thread)
	}
	if block, err := e.m.CurrentBlock(ctx); err != nil || block != t.Block || !e.m.CPU().User {
		return errors.Join(err, fmt.Errorf("thread %s %s does not run in user mode at this stop: go to where it returns there", t.ID, t.Name))
	}
	if err := e.change.Diverge(ctx, t, e.originalOf); err != nil {
		return e.arrive(ctx, nil, err)
	}
	return e.afterChange(ctx, fmt.Sprintf("compared %s (thread %s) with its original", t.Name, t.ID))
}

// originalOf finds the checkpointed counterpart of a thread, with a user state
// that it could go on from.
func (e *Engine) originalOf(ctx context.Context, t *evidence.Track) (*view.Snapshot, *kernel.Object, error) {
	s, err := e.snapshot(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	known := e.judge().Pairs(s)[t.ID]
	if known == nil {
		return nil, nil, errors.New("its original is not known")
	}
	o := s.System.Object(known.ID)
	switch {
	case o == nil || o.Thread == nil || o.Addr != known.Addr:
		return nil, nil, errors.New("its original is gone")
	case o.Thread.Kept() == nil:
		return nil, nil, fmt.Errorf("its original has no user state in the kernel (%s)", o.Thread.Source)
	}
	if task := s.System.Object(o.Thread.PD); task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil, nil, errors.New("its original's task has no page tables")
	}
	return s, o, nil
}
