package observe

import (
	"context"
	"fmt"
	"slices"
	"time"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/origin"
	"thaw/session/target"
)

// Now is the moment of what is seen next.
func (ob *Observer) Now() evidence.Instant {
	ob.seq++
	return evidence.Instant{Seq: ob.seq, Stop: ob.hooks.Next(), Time: time.Since(ob.Started)}
}

// ReadSaved reads a thread's saved user state at the current stop, in each place.
func (ob *Observer) ReadSaved(t *evidence.Track) ([]evidence.Saved, error) {
	space, err := ob.m.KernelSpace()
	if err != nil {
		return nil, err
	}
	all := make([]evidence.Saved, len(t.Places))
	for i, p := range t.Places {
		if all[i].IP, err = memory.Uint(space, p.IPAddr, ob.m.PtrSize()); err == nil {
			all[i].SP, err = memory.Uint(space, p.SPAddr, ob.m.PtrSize())
		}
		if err != nil {
			return nil, fmt.Errorf("reading the saved state of thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	return all, nil
}

// Hit is a store that a watchpoint told of; the zero value is none.
type Hit struct {
	Addr   uint64           // that is watched
	Before target.Registers // before the store, where the target stops there; nil where it stops behind
}

// Observe notes what changed in a thread's saved state, and whether the thread
// has come back to user mode.
func (ob *Observer) Observe(ctx context.Context, t *evidence.Track, written Hit) (ev *drive.Event, entered bool, err error) {
	cpu := ob.m.CPU()
	if cpu.User {
		if runs, err := ob.runsHere(ctx, t); !runs || err != nil {
			return nil, false, err
		}
		if ob.early(t) {
			return nil, true, ob.passBy(ctx, t)
		}
		ev, err := ob.enter(ctx, t)
		return ev, true, err
	}
	return nil, false, ob.writes(ctx, t, written)
}

// writes notes what the stopped processor, in the kernel, has changed in a thread's saved
// state.
func (ob *Observer) writes(ctx context.Context, t *evidence.Track, written Hit) error {
	all, err := ob.ReadSaved(t)
	if err != nil {
		return err
	}
	at, added, platform := evidence.Write{At: ob.Now(), Place: ob.programs.Kernel().Place(ob.m.CPU().IP), CPU: ob.m.Stopped}, 0, ob.m.Decoder.Platform()
	if n := len(t.Writes); n > 0 && t.Writes[n-1].Whole() && t.Writes[n-1].Place.Function == at.Place.Function {
		at.Frames = ob.programs.Backtrace(nil, ob.programs.Kernel())
	}
	keeps := ob.m.Keeps(t.Block)
	for i := range t.Places {
		p := &t.Places[i]
		if !keeps(p.Name) { // the kernel uses it for something else meanwhile
			p.Saved = all[i]
			continue
		}
		usual := !platform.Place(p.Name).Aside
		at.Restores = usual && slices.ContainsFunc(t.Places, func(k evidence.Kept) bool { return platform.Place(k.Name).Aside && k.Saved == all[i] })
		hit := all[i] == p.Saved && (written.Addr == p.IPAddr || usual && written.Addr == p.SPAddr) && !elsewhere(ob.m, ob.programs.Kernel(), written)
		added += ob.Ev.NoteWrite(t, at, p, all[i], hit)
	}
	if added == 0 {
		return nil
	}
	t.WritesBy(added, ob.programs.Backtrace(nil, ob.programs.Kernel()))
	if last := &t.Writes[len(t.Writes)-1]; last.IP == t.Request().IP {
		last.Outside, err = ob.outside(ctx, t)
	}
	return err
}

// elsewhere says whether the store that a watchpoint told of was one to other memory: QEMU
// 7.2 tells of every store that is not aligned, if it is behind the address in its page
// (accel/tcg/cputlb.c, store_helper_unaligned).
func elsewhere(m *machine.Machine, prog *components.Component, hit Hit) bool {
	w := stored(m, prog, hit)
	return w.Known && w.Size > 0 && (w.Addr+w.Size <= hit.Addr || w.Addr >= hit.Addr+uint64(m.PtrSize()))
}

// stored is what the store wrote. Behind it that can be said of moves only: the stopped
// processor has their addresses still.
func stored(m *machine.Machine, prog *components.Component, hit Hit) origin.Write {
	if hit.Before != nil {
		at := m.StepOf(hit.Before)
		return at.Writes()
	}
	ip := m.CPU().IP
	at := m.StepAt(ip)
	if _, repeats, _ := at.Moved(hit.Addr, 0); repeats {
		return origin.Write{} // not executed to its end
	}
	in, ok := prog.Before(ip)
	if !ok {
		return origin.Write{}
	}
	last := m.StepAt(in.Addr)
	return last.Stored()
}

// outside says whether a thread is in user mode on a processor that is not the stopped
// one: what is written meanwhile is not what it left the kernel with.
func (ob *Observer) outside(ctx context.Context, t *evidence.Track) (bool, error) {
	if len(ob.m.CPUs()) == 1 {
		return false, nil
	}
	cpus, err := ob.m.Occupants(ctx)
	if err != nil {
		return false, err
	}
	for i, c := range cpus {
		if i != ob.m.Stopped && c.User && c.Block == t.Block {
			return true, nil
		}
	}
	return false, nil
}

// early says whether a thread that has come back to user mode did so before its request
// was taken: the function that takes it is still at work, perhaps since the thread was
// more urgent, and nothing was written so far.
func (ob *Observer) early(t *evidence.Track) bool {
	q, cpu := t.Request(), ob.m.CPU()
	asked := func(s evidence.Saved) bool { return s.IP == q.IP && s.SP == q.SP && q.Problem == "" }
	return q.Open && !asked(evidence.Saved{IP: cpu.IP, SP: cpu.SP}) &&
		!slices.ContainsFunc(t.Writes, func(w evidence.Write) bool { return w.At.Seq > q.At.Seq && asked(w.Saved) })
}

// passBy goes on with such a thread.
func (ob *Observer) passBy(ctx context.Context, t *evidence.Track) error {
	t.Request().Early = ob.entry(t)
	if err := otherWrites(ctx, ob, t); err != nil {
		return err
	}
	return ob.drive.Guard.Arm(ctx, t)
}

// runsHere says whether the stopped processor, in user mode, runs a thread. Its
// task may be another one than at the request: the kernel has a thread that was
// never started in its own, until somebody binds it.
func (ob *Observer) runsHere(ctx context.Context, t *evidence.Track) (bool, error) {
	root := ob.m.CPU().Root
	block, err := ob.m.CurrentBlock(ctx)
	if err != nil || block != 0 && block != t.Block {
		return false, err
	}
	if root == t.TaskRoot {
		return true, nil
	}
	sys, err := ob.m.System(ctx)
	if err != nil {
		return false, err
	}
	o := sys.At(t.Block)
	if o == nil || o.Thread == nil || o.ID != t.ID {
		return false, nil
	}
	ob.takeTask(sys, t, o)
	task := sys.PDByRoot(root) // it may have others on other processors
	return task != nil && task.ID == t.Task, nil
}

// sourceCopy is where a requesting function keeps a state.
const sourceCopy kernel.Source = "copy"

// copyWritten notes a write to the copy of a requested state. Watchpoints are
// virtual: the same address in another task is no concern.
func (ob *Observer) copyWritten(ctx context.Context, t *evidence.Track, c *evidence.Copy, hit Hit) error {
	cpu := ob.m.CPU()
	if same, err := ob.sameTask(ctx, cpu.Root, c.Root); !same || err != nil {
		return err
	}
	space := ob.m.Space()
	ip, err := memory.Uint(space, c.IPAddr, c.Size)
	if err != nil {
		return fmt.Errorf("reading %s of thread %s %s: %w", c.Name, t.ID, t.Name, err)
	}
	old := evidence.Saved{IP: c.BeforeIP}
	if n := len(t.Copied); n > 0 {
		old = t.Copied[n-1].Saved
	}
	prog := ob.programs.ByName[c.Program]
	if !cpu.User {
		prog = ob.programs.Kernel()
	}
	if ip == old.IP && elsewhere(ob.m, prog, hit) {
		return nil
	}
	t.Copied = evidence.Note(&ob.Ev, t.Block, t.Copied, evidence.Write{At: ob.Now(), Where: sourceCopy, Place: prog.Place(cpu.IP), Addr: c.IPAddr, Old: old, Saved: evidence.Saved{IP: ip}, Frames: ob.programs.Backtrace(nil, prog)})
	return nil
}

// sameTask says whether page tables are of one task: it may have others on each processor.
func (ob *Observer) sameTask(ctx context.Context, a, b uint64) (bool, error) {
	if a == b {
		return true, nil
	}
	sys, err := ob.m.System(ctx)
	if err != nil {
		return false, err
	}
	of := sys.PDByRoot(a)
	return of != nil && of == sys.PDByRoot(b), nil
}

// enter notes a thread's first return to user mode.
func (ob *Observer) enter(ctx context.Context, t *evidence.Track) (*drive.Event, error) {
	if err := ob.hooks.Enters(ctx, t); err != nil {
		return nil, err
	}
	t.Entered = ob.entry(t)
	if err := ob.drive.Guard.Disarm(ctx, t); err != nil {
		return nil, err
	}
	if err := ob.hooks.Entered(ctx, t); err != nil {
		return nil, err
	}
	return &drive.Event{Reason: fmt.Sprintf("%s (thread %s) returns to user mode at %s", t.Name, t.ID, t.Entered.Place)}, nil
}

// entry is where a thread is in user mode now.
func (ob *Observer) entry(t *evidence.Track) *evidence.Entry {
	cpu := ob.m.CPU()
	return &evidence.Entry{At: ob.Now(), IP: cpu.IP, SP: cpu.SP, Registers: cpu.Registers, Place: ob.programs.InProgram(t.Program, cpu.IP)}
}
