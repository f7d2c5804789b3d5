package session

import (
	"context"
	"fmt"
	"time"

	"thaw/session/drive"
	"thaw/session/target"
)

// replayer moves the guest to and fro in a recorded run, for who looks for something there.
type replayer struct {
	*traveller
	r    Reverser
	base struct { // VM snapshot to begin at
		name     string
		position uint64
	}
	at   uint64 // where the guest is
	part uint64 // up to where it was last told to run, see runPart
	temp bool   // there is a VM snapshot of our own
}

func newReplayer(tr *traveller) *replayer { return &replayer{traveller: tr, r: tr.reverser()} }

// ownSave is the name of the VM snapshot that a search makes for itself.
const ownSave = "thaw-search"

// saveBeyond is from how many instructions on a snapshot costs less than running again.
const saveBeyond = 2_000_000

// begin puts the guest to the last VM snapshot before a position, else to the beginning.
func (rp *replayer) begin(ctx context.Context, before uint64) error {
	if err := rp.rewind(ctx, rp.r, before); err != nil {
		return err
	}
	rp.base.name, rp.base.position = "", 0
	if sv := rp.saveBefore(before); sv != nil {
		rp.base.name, rp.base.position = sv.name, sv.position
	}
	var err error
	rp.at, err = rp.r.Position(ctx)
	return err
}

// moveTo moves the guest to a position.
func (rp *replayer) moveTo(ctx context.Context, to uint64) error {
	if to < rp.at {
		switch {
		case to < rp.base.position || rp.base.name == "":
			if err := rp.begin(ctx, to); err != nil {
				return err
			}
		default:
			if err := rp.target.(Snapshotter).LoadVM(ctx, rp.base.name); err != nil {
				return err
			}
			rp.at = rp.base.position
		}
	}
	switch _, err := rp.runTowards(ctx, to); {
	case err != nil:
		return err
	case rp.at != to:
		return fmt.Errorf("running to instruction %d: QEMU stopped at %d", to, rp.at)
	}
	return nil
}

// keep makes a VM snapshot here, if the way to here was long.
func (rp *replayer) keep(ctx context.Context) error {
	saver, ok := rp.target.(Snapshotter)
	if !ok || rp.base.name == "" || rp.at-rp.base.position < saveBeyond {
		return nil
	}
	if err := saver.SaveVM(ctx, ownSave); err != nil {
		return err
	}
	rp.temp = true
	rp.base.name, rp.base.position = ownSave, rp.at
	return nil
}

// end removes the search's own VM snapshot.
func (rp *replayer) end(ctx context.Context) error {
	if !rp.temp {
		return nil
	}
	return rp.target.(Snapshotter).DropVM(ctx, ownSave)
}

// runPart is the most instructions that a search has the guest execute without a look at
// whether the user wants it to end.
const runPart = 10_000_000

// runTowards runs to a position, or to the first break- or watchpoint on the way.
func (rp *replayer) runTowards(ctx context.Context, to uint64) (stop target.Stop, err error) {
	for rp.at < to {
		if rp.part <= rp.at || rp.part > to || rp.part-rp.at > runPart {
			rp.part = min(to, rp.at+runPart)
		}
		begun, from := time.Now(), rp.at
		if stop, err = rp.r.RunTowards(ctx, rp.part); err != nil {
			return stop, err
		}
		if stop.Ended {
			return stop, &target.Gone{Why: stop.Why}
		}
		if rp.at, err = rp.r.Position(ctx); err != nil {
			return stop, err
		}
		rp.pace.instructions += rp.at - min(from, rp.at)
		rp.pace.took += time.Since(begun)
		switch {
		case stop.Watch, rp.at >= to, rp.at != rp.part:
			return stop, nil
		case rp.drive.Asked.Load():
			return stop, errGivenUp
		}
	}
	return stop, nil
}

// stepOff executes the instruction at a breakpoint. Now and then a step executes nothing:
// then the guest is where it was, and stops there again.
func (rp *replayer) stepOff(ctx context.Context) error {
	_, err := rp.drive.Guard.Step(ctx, rp.m.Stopped)
	rp.at++
	return err
}

// stepTo executes instructions one by one up to a position.
func (rp *replayer) stepTo(ctx context.Context, to uint64) error {
	for range drive.MaxIdle {
		if _, err := rp.drive.Guard.Step(ctx, rp.m.Stopped); err != nil {
			return err
		}
		at, err := rp.r.Position(ctx)
		if err != nil {
			return err
		}
		if rp.at = at; at >= to {
			return nil
		}
	}
	return fmt.Errorf("going to instruction %d of the recorded run: the processor stays before it in %d steps", to, drive.MaxIdle)
}
