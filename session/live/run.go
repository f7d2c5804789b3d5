package live

import (
	"context"
	"errors"
	"strings"
	"time"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/session/target"
)

// Resume lets the guest run.
func (t *Target) Resume(ctx context.Context) error {
	more, err := t.breakAtEnd(ctx)
	if err != nil {
		return err
	}
	if t.runEnds = !more; t.runEnds {
		return nil
	}
	return t.lost(t.client.Continue(ctx))
}

// Advances says whether the target may be resumed with other registers: a run that
// QEMU records or replays must execute its instructions itself.
func (t *Target) Advances(ctx context.Context) bool {
	if t.advances == nil {
		text, err := t.client.Monitor(ctx, "info replay")
		may := err == nil && strings.Contains(text, "not active")
		t.advances = &may
	}
	return *t.advances
}

// Advance sets registers of a processor and writes data to physical memory, and
// lets the guest run: without waiting in between once the stub has taken as much.
func (t *Target) Advance(ctx context.Context, cpu int, regs []kernel.Register, addr uint64, data []byte) error {
	values := make([]gdbremote.RegisterValue, len(regs))
	known := t.writes || len(data) == 0
	for i, r := range regs {
		values[i] = gdbremote.RegisterValue{Name: r.Name, Value: r.Value}
		known = known && t.written[r.Name]
	}
	// Not cut short by ctx: half of it would be wrong.
	whole := context.WithoutCancel(ctx)
	if known {
		return t.lost(t.client.ContinueAfter(whole, t.cpus[cpu], values, addr, data))
	}
	if len(data) > 0 {
		if err := t.client.WriteMemory(whole, gdbremote.Physical, addr, data); err != nil {
			return t.lost(err)
		}
		t.writes = true
	}
	if err := t.client.WriteRegisters(whole, t.cpus[cpu], values); err != nil {
		return t.lost(err)
	}
	for _, r := range regs {
		t.written[r.Name] = true
	}
	return t.Resume(ctx)
}

// Wait waits for the guest to stop.
func (t *Target) Wait(ctx context.Context) (target.Stop, error) {
	if t.runEnds {
		t.runEnds = false
		return target.Stop{RunEnds: true}, nil
	}
	s, err := t.client.Wait(ctx)
	out, err := t.stop(s, err)
	if err == nil {
		out.RunEnds, err = t.atEnd(context.WithoutCancel(ctx), s)
	}
	return out, err
}

// Step executes one instruction.
func (t *Target) Step(ctx context.Context, cpu int) (target.Stop, error) {
	more, err := t.breakAtEnd(ctx)
	if err != nil {
		return target.Stop{}, err
	}
	if !more {
		return target.Stop{CPU: cpu, RunEnds: true}, nil
	}
	s, err := t.client.Step(ctx, t.cpus[cpu])
	return t.stop(s, err)
}

// lost explains a lost connection by the end of a QEMU that is ours.
func (t *Target) lost(err error) error {
	if err == nil || t.vm == nil || !errors.Is(err, gdbremote.ErrConnection) {
		return err
	}
	select {
	case <-t.vm.Done():
		return t.vm.Exit()
	case <-time.After(endsWithin):
		return err
	}
}

// endsWithin is how long a QEMU that hung up may take to end.
const endsWithin = 2 * time.Second

// stop translates a stop.
func (t *Target) stop(s gdbremote.Stop, err error) (target.Stop, error) {
	if err != nil {
		return target.Stop{}, t.lost(err)
	}
	out := target.Stop{Signal: s.Signal}
	if s.Exited {
		t.exited = true
		out.Ended, out.Why = true, "QEMU ended with "+s.String()
		return out, nil
	}
	for i, id := range t.cpus {
		if id == s.Thread {
			out.CPU = i
		}
	}
	if s.Watch != nil {
		out.Watch, out.WatchAddr = true, s.Watch.Addr
		if s.Watch.Kind == gdbremote.WatchRead {
			out.WatchKind = target.WatchRead
		}
	}
	return out, nil
}
