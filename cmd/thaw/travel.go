package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/session/scenario"
)

// afterEnd is how long a recorded run goes on after the end of the restore, for
// its threads to come back to user mode.
const afterEnd = 2 * time.Second

// openTravel opens the lab guest so that it goes back as it was asked for: by
// a recorded run, by VM snapshots, or not at all.
func (l labGuest) openTravel(ctx context.Context, s *scenario.Scenario, bug string, rr bool) (op *opened, err error) {
	if !rr && !l.snapshots {
		return l.open(ctx, s, bug, labRun{})
	}
	if rr && slices.Contains(l.on.two, bug) {
		return nil, fmt.Errorf("bug %s needs two processors, and QEMU records runs of one only: leave out --rr", bug)
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
		if r.end, err = l.recordRun(ctx, s, bug, run); err != nil {
			return nil, fmt.Errorf("recording the lab guest's run: %w", err)
		}
		l.snapshots = true // they shorten every way back
	}
	if op, err = l.open(ctx, s, bug, r); err != nil {
		return nil, err
	}
	op.closers = append(op.closers, func() error { run.Remove(); return nil })
	return op, nil
}

// recordRun lets the lab guest run to the scenario's end, and records that. The
// result is the end's position, in instructions.
func (l labGuest) recordRun(ctx context.Context, s *scenario.Scenario, bug string, run *qemu.Run) (end uint64, err error) {
	plain := *l.options
	plain.record, plain.wireLog = "", ""
	op, err := labGuest{&plain, l.on}.open(ctx, s, bug, labRun{run: run, mode: qemu.Record})
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
