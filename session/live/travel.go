package live

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"thaw/gdbremote"
	"thaw/session/target"
)

// How long QEMU may take to go back, if Options do not say, and to write or load
// a VM snapshot. Going back runs the guest again from an earlier point, more than
// once.
const (
	reverseWithin = time.Minute
	saveWithin    = time.Minute
)

// Reverses says whether QEMU replays a recorded run and has offered to go
// backwards in it. Without that offer the packets would end QEMU 7.2.
func (t *stub) Reverses() bool { return t.reverses.Load() }

// RecordedEnd is the last position of the run that is being recorded at which a replay
// can stand. The record ends with QEMU's own shutdown, at the very instruction at which
// the guest was stopped before: a replay that comes there may be gone before it has
// stopped.
func (t *stub) RecordedEnd(ctx context.Context) (uint64, error) {
	at, err := t.Position(ctx)
	return at - min(at, beforeShutdown), err
}

// beforeShutdown is how many instructions before its shutdown a replay stands still.
const beforeShutdown = 200

// ReverseStep goes back by one instruction.
func (t *runner) ReverseStep(ctx context.Context) (target.Stop, error) {
	return t.reverse(ctx, "one instruction", t.client.ReverseStep)
}

// ReverseContinue goes back to the last break- or watchpoint, or to the
// beginning of the recorded run.
func (t *runner) ReverseContinue(ctx context.Context) (target.Stop, error) {
	return t.reverse(ctx, "to an earlier point", func(ctx context.Context) (gdbremote.Stop, error) {
		if err := t.client.ReverseContinue(ctx); err != nil {
			return gdbremote.Stop{}, err
		}
		return t.client.Wait(ctx)
	})
}

// reverse goes back within the time limit.
func (t *runner) reverse(ctx context.Context, what string, back func(ctx context.Context) (gdbremote.Stop, error)) (target.Stop, error) {
	clear(t.tss)
	t.broken = 0
	limited, cancel := context.WithTimeout(ctx, t.reverseWithin)
	defer cancel()
	stop, err := back(limited)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return target.Stop{}, fmt.Errorf("going back %s: no answer within %v, so QEMU is stuck and must be ended; QEMU 7.2 does that on x86 unless record and replay are both started with -global apic-common.vapic=off, and now and then where there is nothing to go back to: %w", what, t.reverseWithin, err)
	}
	return t.stop(stop, err)
}

// RunTo runs forward to a position of the recorded run.
func (t *runner) RunTo(ctx context.Context, position uint64) (target.Stop, error) {
	at, err := t.Position(ctx)
	if err != nil || at == position {
		return target.Stop{}, err
	}
	stop, err := t.RunTowards(ctx, position)
	if err != nil {
		return stop, err
	}
	at, err = t.Position(ctx)
	if err == nil && at != position {
		err = fmt.Errorf("running to instruction %d: QEMU stopped at %d", position, at)
	}
	return stop, err
}

// RunTowards runs forward to a position of the recorded run that is still to come, or to
// the first break- or watchpoint on the way.
func (t *runner) RunTowards(ctx context.Context, position uint64) (target.Stop, error) {
	if err := t.breakAt(ctx, position); err != nil {
		return target.Stop{}, err
	}
	clear(t.tss)
	if err := t.client.Continue(ctx); err != nil {
		return target.Stop{}, t.lost(err)
	}
	limited, cancel := context.WithTimeout(ctx, t.reverseWithin)
	defer cancel()
	stop, err := t.client.Wait(limited)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		return target.Stop{}, fmt.Errorf("running to instruction %d: not reached within %v; is QEMU started as it was for the record, with the same machine and devices? %w", position, t.reverseWithin, err)
	}
	return t.stop(stop, err)
}

// breakAt makes QEMU stop at a position, where nothing else comes before.
func (t *runner) breakAt(ctx context.Context, position uint64) error {
	if t.broken == position {
		return nil
	}
	t.broken = 0
	if err := t.tell(ctx, fmt.Sprintf("replay_break %d", position)); err != nil {
		return err
	}
	t.broken = position
	return nil
}

// Ends says whether the end of the recorded run is known.
func (t *runner) Ends() bool { return t.end != 0 }

// version is what `info version` says.
var version = regexp.MustCompile(`^\s*(\d+)\.`)

// NoReplayWatch says why no watchpoint is to be set in a replay, "" if that is all
// right. QEMU 7.2 ends at some of them with an assertion of its own, in guests that are
// not the lab's.
func (t *stub) NoReplayWatch() string {
	if t.vm != nil {
		return ""
	}
	text, err := t.client.Monitor(context.Background(), "info version")
	if m := version.FindStringSubmatch(text); err == nil && m != nil && len(m[1]) == 1 && m[1] < "8" {
		return "QEMU before version 8 may end at a watchpoint in a replay"
	}
	return ""
}

// SaveVM keeps the whole machine as a VM snapshot in QEMU's qcow2 drive.
func (t *stub) SaveVM(ctx context.Context, name string) error {
	err := t.tell(ctx, "savevm "+name)
	if err != nil && strings.Contains(err.Error(), "block device") {
		return fmt.Errorf("VM snapshots need a drive of format qcow2: start QEMU with -drive if=none,format=qcow2,file=FILE (%w)", err)
	}
	return err
}

// LoadVM puts the machine back to a VM snapshot. QEMU keeps a position that it was to stop
// at, and that something else came before, and ends with an assertion of its own when it is
// told another one behind it: in a replay it forgets it here.
func (t *runner) LoadVM(ctx context.Context, name string) error {
	clear(t.tss)
	t.broken = 0
	if t.Reverses() {
		if err := t.tell(ctx, "replay_delete_break"); err != nil {
			return err
		}
	}
	return t.tell(ctx, "loadvm "+name)
}

// DropVM removes a VM snapshot. The image of a machine that was started for this
// session is removed with it.
func (t *runner) DropVM(ctx context.Context, name string) error {
	if t.vm != nil {
		return nil
	}
	return t.tell(ctx, "delvm "+name)
}
