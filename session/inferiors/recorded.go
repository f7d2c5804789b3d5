package inferiors

import (
	"context"
	"fmt"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/recording/stub"
	"thaw/session"
	"thaw/session/arch"
)

// Recorded is a guest out of a recording, which the stub of its processors walks: stops
// are the history, forward and back, and between them there is nothing.
type Recorded struct {
	*stub.Stub
	replay *session.Replay
	rec    session.Recorded
	arch   arch.Arch
}

// NewRecorded shows what a stub of the recording's processors shows.
func NewRecorded(s *stub.Stub, r *session.Replay, rec session.Recorded) (*Recorded, error) {
	out := &Recorded{Stub: s, replay: r, rec: rec}
	var err error
	out.arch, err = arch.Of(rec.Program(rec.Scenario().KernelName()).Machine())
	return out, err
}

// Arch is the processor's.
func (r *Recorded) Arch() arch.Arch { return r.arch }

// Shown is the stop that it stands at.
func (r *Recorded) Shown(context.Context) (*Shown, error) {
	at := r.Stop()
	m, err := r.replay.Machine(at)
	if err != nil {
		return nil, err
	}
	v, err := r.replay.View(at)
	if err != nil {
		return nil, err
	}
	record := r.Record()
	out := &Shown{System: v.Snapshot.System, Names: map[kernel.ID]string{}, Machine: m, Stopped: record.CPU,
		Reason: fmt.Sprintf("stop %d of %d: %s", at, r.replay.Stops(), v.Snapshot.Reason)}
	for _, o := range out.System.PDs() {
		out.Names[o.ID] = v.Snapshot.TaskName(o.ID)
	}
	for _, c := range record.CPUs {
		out.CPUs = append(out.CPUs, c.Registers)
	}
	return out, nil
}

// Resume goes to the next stop or the one before. At an end of the history it stays.
func (r *Recorded) Resume(ctx context.Context, action gdbremote.Action, _ *kernel.Object) (end string, err error) {
	before := r.Stop()
	if _, err := r.Stub.Resume(ctx, action, gdbremote.ThreadID{}); err != nil || r.Stop() != before {
		return "", err
	}
	if before == 1 && action != gdbremote.ActionContinue && action != gdbremote.ActionStep {
		return "begin", nil
	}
	return "end", nil
}

// Break takes breakpoints, which gdb needs for its own purposes too: the next recorded
// stop comes anyway.
func (r *Recorded) Break(context.Context, kernel.ID, uint64, bool) error { return nil }

// Forget has nothing to forget.
func (r *Recorded) Forget() {}

// Breaks are none.
func (r *Recorded) Breaks() []string { return nil }

// Write refuses.
func (r *Recorded) Write(context.Context, uint64, []byte) error { return ErrReadOnly }
