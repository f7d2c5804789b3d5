package session

import (
	"context"
	"fmt"
	"time"
)

// RunThrough lets the guest run to the end of the restore and for a while after
// it, for QEMU to record that. It takes the place of Begin: nothing but the end is
// waited for, and nothing interrupts the guest before it is there, since a record
// that was interrupted does not replay (QEMU 7.2: the replay hangs).
func (e *Engine) RunThrough(ctx context.Context, after time.Duration) error {
	e.drive.EveryInstruction = true
	if err := e.prepareComplete(ctx); err != nil {
		return fmt.Errorf("scenario %s: %w", e.scn.Name, err)
	}
	if len(e.drive.Breaks.Probes) > 0 {
		if _, err := e.drive.Run(ctx, ctx); err != nil {
			return err
		}
		if err := e.bare(ctx); err != nil {
			return err
		}
	}
	_, err := e.drive.RunFor(ctx, after, "")
	return err
}
