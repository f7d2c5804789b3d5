package session

import (
	"context"
	"fmt"
	"time"

	"thaw/session/drive"
	"thaw/session/view"
)

// RunThrough lets the guest run to the end of the restore and for a while after
// it, for QEMU to record that. It takes the place of Begin: nothing but the end is
// waited for, and nothing stops the guest before it is there.
//
// QEMU 7.2 cannot replay each stop at a breakpoint of a run that it records. It takes a
// stopped processor for an idle one and starts to warp the virtual clock; where that ends
// after the guest goes on and before its processor has come to run (on a busy machine, or
// with a timer of the guest's near), the record holds a reading of the clock that a replay
// which was stopped at the same instruction takes for none, and waits for, for ever. So
// the end is waited for where no replay stops.
func (e *Engine) RunThrough(ctx context.Context, after time.Duration) error {
	e.drive.EveryInstruction = true
	if c := e.scn.Complete; c.Function != "" {
		if err := e.runInto(ctx, c.Component, c.Function); err != nil {
			return fmt.Errorf("scenario %s: restore-complete point: %w", e.scn.Name, err)
		}
	}
	_, err := e.drive.RunFor(ctx, after, "")
	return err
}

// inside is how many instructions of a function are executed before a recorded run
// stops in it: more than the one that a replay executes by itself where it was stopped.
const inside = 3

// runInto runs to the first instructions of a function.
func (e *Engine) runInto(ctx context.Context, component, function string) error {
	comp := e.programs.ByName[component]
	fns, err := comp.File.Functions(function)
	if err != nil {
		return err
	}
	hit := func(context.Context) (*drive.Event, error) { return &drive.Event{}, nil }
	for _, fn := range fns {
		for _, loc := range fn.Locations {
			at := fmt.Sprintf("%#x", comp.Behind(loc.Addr, inside))
			if err := e.drive.Breaks.WatchAddresses(ctx, component, at, view.PurposeComplete, hit); err != nil {
				return err
			}
		}
	}
	if _, err := e.drive.Run(ctx, ctx); err != nil {
		return err
	}
	return e.bare(ctx)
}
