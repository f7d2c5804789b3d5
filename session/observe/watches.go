package observe

import (
	"context"
	"fmt"

	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/target"
)

// maxExit is how many instructions a kernel may take from reading the saved ip
// to user mode.
const maxExit = 64

// WatchHit looks at an access to a thread's saved state, which was executed. before are the
// registers from before it, where the target had stopped there.
func (ob *Observer) WatchHit(ctx context.Context, stop target.Stop, before target.Registers) (*drive.Event, error) {
	t := ob.Ev.Tracks[ob.drive.Guard.Watched[stop.WatchAddr]]
	if t == nil {
		return nil, nil // the kernel changes address spaces, or left over from a watch that is gone
	}
	hit := Hit{Addr: stop.WatchAddr, Before: before}
	if c := t.WatchedCopy(); c != nil && stop.WatchAddr == c.IPAddr {
		if err := ob.copyWritten(ctx, t, c, hit); err != nil {
			return nil, err
		}
		return nil, ob.drive.Guard.Arm(ctx, t)
	}
	if stop.WatchKind != target.WatchWrite {
		hit = Hit{}
	}
	ev, entered, err := ob.Observe(ctx, t, hit)
	if !entered && err == nil {
		ev, entered, err = ob.followOut(ctx, t, stop)
	}
	if !entered && err == nil {
		err = ob.drive.Guard.Arm(ctx, t)
	}
	return ev, err
}

// followOut goes with a thread that reads its own saved ip: most likely it is
// on its way out of the kernel. Single steps take no interrupts, so the frame
// stays as it is until user mode.
func (ob *Observer) followOut(ctx context.Context, t *evidence.Track, stop target.Stop) (*drive.Event, bool, error) {
	if stop.WatchKind != target.WatchRead {
		return nil, false, nil
	}
	block, err := ob.m.CurrentBlock(ctx)
	if err != nil {
		return nil, false, err
	}
	if block == t.Block || block == 0 {
		ob.drive.Guard.Leaves(t)
	}
	if block != t.Block {
		return nil, false, nil
	}
	if err := ob.drive.Guard.Disarm(ctx, t); err != nil {
		return nil, false, err
	}
	ob.Followed = t.Block
	return ob.StepOut(ctx, t)
}

// StepOut steps with a thread to user mode.
func (ob *Observer) StepOut(ctx context.Context, t *evidence.Track) (*drive.Event, bool, error) {
	for range maxExit {
		if err := ob.stepKernel(ctx, t); err != nil {
			return nil, false, err
		}
		if ev, entered, err := ob.Observe(ctx, t, Hit{}); entered || err != nil {
			return ev, entered, err
		}
		if ob.drive.Breaks.IsHere() {
			break // the caller handles it as a breakpoint
		}
	}
	return nil, false, nil
}

// stepKernel executes one instruction on a thread's way through the kernel.
func (ob *Observer) stepKernel(ctx context.Context, t *evidence.Track) error {
	if err := ob.drive.StepThrough(ctx); err != nil {
		return fmt.Errorf("following thread %s %s through the kernel: %w", t.ID, t.Name, err)
	}
	return nil
}
