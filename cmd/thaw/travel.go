package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/session/scenario"
)

// afterEnd is how long a recorded run goes on after the end of the restore, for
// its threads to come back to user mode.
const afterEnd = 2 * time.Second

// openLabTravel opens the lab guest so that it goes back as it was asked for: by
// a recorded run, by VM snapshots, or not at all.
func (o *options) openLabTravel(ctx context.Context, s *scenario.Scenario, bug string, rr bool) (op *opened, err error) {
	if !rr && !o.snapshots {
		return o.openLab(ctx, s, bug)
	}
	run, err := qemu.NewRun(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			run.Remove()
		}
	}()
	r := labRun{run: run}
	if rr {
		r.mode = qemu.Replay
		if r.end, err = o.recordLab(ctx, s, bug, run); err != nil {
			return nil, fmt.Errorf("recording the lab guest's run: %w", err)
		}
		o.snapshots = true // they shorten every way back
	}
	if op, err = o.openLabRun(ctx, s, bug, r); err != nil {
		return nil, err
	}
	op.closers = append(op.closers, func() error { run.Remove(); return nil })
	return op, nil
}

// recordLab lets the lab guest run to the scenario's end, and records that. The
// result is the end's position, in instructions.
func (o *options) recordLab(ctx context.Context, s *scenario.Scenario, bug string, run *qemu.Run) (end uint64, err error) {
	plain := *o
	plain.record, plain.wireLog = "", ""
	op, err := plain.openLabRun(ctx, s, bug, labRun{run: run, mode: qemu.Record})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, op.close(ctx)) }()
	defer busy(ctx, "recording the guest's run to the end of the restore")()
	if err := op.engine.RunThrough(ctx, afterEnd); err != nil {
		return 0, err
	}
	return op.target.RecordedEnd(ctx)
}
