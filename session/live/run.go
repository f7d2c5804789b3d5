package live

import (
	"context"
	"debug/elf"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/target"
)

// runner lets a machine run, forwards and, where QEMU replays a recorded run, back.
type runner struct {
	ramAccess
	tss      map[int]uint64  // base of each processor's task-state segment
	advances *bool           // it may be resumed with other registers, nil if nobody asked
	writes   bool            // the stub has written memory
	written  map[string]bool // registers that it has written
	exited   bool            // the stub said that QEMU ends

	reverseWithin time.Duration
	end           uint64 // of the recorded run
	runEnds       bool   // Wait has to tell that its end was reached
	broken        uint64 // position at which QEMU is to stop, until it has, 0: none that is known
}

// Resume lets the guest run.
func (t *runner) Resume(ctx context.Context) error {
	more, err := t.breakAtEnd(ctx)
	if err != nil {
		return err
	}
	if t.runEnds = !more; t.runEnds {
		return nil
	}
	t.stepped = false
	return t.lost(t.client.Continue(ctx))
}

// Tells says whether registers are told as the guest goes on: not all where some are asked
// for one by one, and not on the way to the end of a recorded run.
func (t *runner) Tells() bool { return t.end == 0 && len(t.system) == 0 }

// ResumeTelling lets the guest run, and tells a processor's registers and n bytes of
// physical memory as of then.
func (t *runner) ResumeTelling(ctx context.Context, cpu int, addr uint64, n int, tell func(target.Registers, []byte)) error {
	t.stepped = false
	return t.lost(t.client.ContinueTelling(ctx, t.cpus[cpu], addr, n, func(r *gdbremote.Registers, data []byte) { tell(r, data) }))
}

// IsRAM says whether memory is known to be the guest's RAM.
func (t *runner) IsRAM(addr uint64, n int) bool { return t.isMemory(addr, n) }

// Far says whether each request is worth sparing.
func (t *runner) Far() bool { return t.far() }

// Advances says whether the target may be resumed with other registers: a run that
// QEMU records or replays must execute its instructions itself.
func (t *runner) Advances(ctx context.Context) bool {
	if t.advances == nil {
		text, err := t.client.Monitor(ctx, recordedRun)
		if err != nil {
			text = ""
		}
		t.noteRecorded(text)
	}
	return *t.advances
}

// recordedRun asks QEMU's monitor whether it records or replays a run.
const recordedRun = "info replay"

// noteRecorded notes what it answered.
func (t *runner) noteRecorded(text string) {
	may := strings.Contains(text, "not active")
	t.advances = &may
}

// Advance sets registers of a processor and writes data to physical memory, and
// lets the guest run: without waiting in between once the stub has taken as much.
func (t *runner) Advance(ctx context.Context, cpu int, regs []kernel.Register, addr uint64, data []byte) error {
	values := make([]gdbremote.RegisterValue, len(regs))
	known := t.writes || len(data) == 0
	for i, r := range regs {
		values[i] = gdbremote.RegisterValue{Name: r.Name, Value: r.Value}
		known = known && t.written[r.Name]
	}
	// Not cut short by ctx: half of it would be wrong.
	whole := context.WithoutCancel(ctx)
	t.stepped = false
	if known {
		return t.lost(t.client.ContinueAfter(whole, t.cpus[cpu], values, addr, data))
	}
	if err := t.client.Change(whole, t.cpus[cpu], values, addr, data); err != nil {
		return t.lost(err)
	}
	t.writes = t.writes || len(data) > 0
	for _, r := range regs {
		t.written[r.Name] = true
	}
	return t.Resume(ctx)
}

// Wait waits for the guest to stop.
func (t *runner) Wait(ctx context.Context) (target.Stop, error) {
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

// Step executes one instruction. The guest stands afterwards, also if the user leaves
// meanwhile: nothing can be put back in one that runs.
func (t *runner) Step(ctx context.Context, cpu int) (target.Stop, error) {
	more, err := t.breakAtEnd(ctx)
	if err != nil {
		return target.Stop{}, err
	}
	if !more {
		return target.Stop{CPU: cpu, RunEnds: true}, nil
	}
	t.stepped = true
	s, err := t.client.Step(ctx, t.cpus[cpu])
	if err != nil && t.client.Err() == nil {
		err = errors.Join(err, t.halt(context.WithoutCancel(ctx)))
	}
	return t.stop(s, err)
}

// stop translates a stop.
func (t *runner) stop(s gdbremote.Stop, err error) (target.Stop, error) {
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

// taskRegister is the line of `info registers` that tells where the task-state
// segment lies: selector, base, limit, attributes.
var taskRegister = regexp.MustCompile(`(?m)^TR\s*=\s*[0-9a-fA-F]+\s+([0-9a-fA-F]+)\s`)

// KernelStack reads rsp0 of the processor's task-state segment (AMD64
// Architecture Programmer's Manual, volume 2, 12.2.5). Only the monitor tells
// where the segment lies, once: kernels leave it in place.
func (t *runner) KernelStack(ctx context.Context, cpu int, mem memory.Reader) (uint64, error) {
	if t.machine != elf.EM_X86_64 {
		return 0, nil
	}
	base, ok := t.tss[cpu]
	if !ok {
		t.client.SelectThread(t.cpus[cpu])
		text, err := t.client.Monitor(ctx, "info registers")
		if gdbremote.IsUnsupported(err) {
			return 0, nil
		}
		if err != nil {
			return 0, t.lost(err)
		}
		m := taskRegister.FindStringSubmatch(text)
		if m == nil {
			return 0, nil
		}
		if base, err = strconv.ParseUint(m[1], 16, 64); err != nil || base == 0 {
			return 0, nil // not set up so far
		}
		t.tss[cpu] = base
	}
	const rsp0 = 4
	sp, err := memory.Uint(mem, base+rsp0, 8)
	var fault *memory.Fault
	if errors.As(err, &fault) {
		return 0, nil // hidden from user mode
	}
	return sp, err
}

// breakAtEnd makes QEMU stop at the end of the recorded run, where it would end;
// it forgets that whenever it moves the guest. It is false at the end.
func (t *runner) breakAtEnd(ctx context.Context) (bool, error) {
	if t.end == 0 {
		return true, nil
	}
	at, err := t.Position(ctx)
	if err != nil {
		return false, err
	}
	if at >= t.end {
		return false, nil
	}
	return true, t.breakAt(ctx, t.end)
}

// atEnd says whether a stop that nothing else explains is the end of the
// recorded run.
func (t *runner) atEnd(ctx context.Context, s gdbremote.Stop) (bool, error) {
	if t.end == 0 || s.Exited || s.Signal != gdbremote.SignalInterrupt {
		return false, nil
	}
	at, err := t.Position(ctx)
	return at >= t.end, err
}
