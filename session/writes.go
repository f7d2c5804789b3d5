package session

import (
	"context"
	"fmt"
	"slices"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"time"
)

func (e *Engine) now() evidence.Instant {
	e.seq++
	return evidence.Instant{Seq: e.seq, Stop: e.history.last() + 1, Time: time.Since(e.started)}
}

func (e *Engine) ptrSize() int { return e.kernelComponent().file.PtrSize() }

// readSaved reads a thread's saved user state at the current stop, in each place.
func (e *Engine) readSaved(t *evidence.Track) ([]evidence.Saved, error) {
	space, err := e.dec.KernelSpace(e.m)
	if err != nil {
		return nil, err
	}
	all := make([]evidence.Saved, len(t.Places))
	for i, p := range t.Places {
		if all[i].IP, err = memory.Uint(space, p.IPAddr, e.ptrSize()); err == nil {
			all[i].SP, err = memory.Uint(space, p.SPAddr, e.ptrSize())
		}
		if err != nil {
			return nil, fmt.Errorf("reading the saved state of thread %s %s: %w", t.ID, t.Name, err)
		}
	}
	return all, nil
}

// observe notes what changed in a thread's saved state, and whether the thread
// has come back to user mode. written is the address that a watchpoint saw
// written, 0 if none did.
func (e *Engine) observe(ctx context.Context, t *evidence.Track, written uint64) (ev *event, entered bool, err error) {
	cpu := e.m.CPUs[e.cpu]
	if cpu.User {
		if runs, err := e.runsHere(ctx, t); !runs || err != nil {
			return nil, false, err
		}
		ev, err := e.enter(ctx, t)
		return ev, true, err
	}
	all, err := e.readSaved(t)
	if err != nil {
		return nil, false, err
	}
	at, added, platform := evidence.Write{At: e.now(), Place: e.kernelComponent().place(cpu.IP)}, 0, e.dec.Platform()
	for i := range t.Places {
		p := &t.Places[i]
		usual := !platform.Place(p.Name).Aside
		at.Restores = usual && slices.ContainsFunc(t.Places, func(k evidence.Kept) bool { return platform.Place(k.Name).Aside && k.Saved == all[i] })
		added += e.ev.NoteWrite(t, at, p, all[i], written == p.IPAddr || usual && written == p.SPAddr)
	}
	if added > 0 {
		t.WritesBy(added, e.backtrace(e.kernelComponent()))
	}
	return nil, false, nil
}

// runsHere says whether the stopped processor, in user mode, runs a thread. Its
// task may be another one than at the request: the kernel has a thread that was
// never started in its own, until somebody binds it.
func (e *Engine) runsHere(ctx context.Context, t *evidence.Track) (bool, error) {
	root := e.m.CPUs[e.cpu].Root
	block, err := e.currentBlock(ctx)
	if err != nil || block != 0 && block != t.Block {
		return false, err
	}
	if root == t.TaskRoot {
		return true, nil
	}
	sys, err := e.system(ctx)
	if err != nil {
		return false, err
	}
	o := sys.At(t.Block)
	if o == nil || o.Thread == nil || o.ID != t.ID {
		return false, nil
	}
	e.takeTask(sys, t, o)
	return root == t.TaskRoot, nil
}

// sourceCopy is where a requesting function keeps a state.
const sourceCopy kernel.Source = "copy"

// copyWritten notes a write to the copy of a requested state. Watchpoints are
// virtual: the same address in another task is no concern.
func (e *Engine) copyWritten(t *evidence.Track, c *evidence.Copy) error {
	cpu := e.m.CPUs[e.cpu]
	if cpu.Root != c.Root {
		return nil
	}
	space := e.m.Space(e.cpu)
	ip, err := memory.Uint(space, c.IPAddr, c.Size)
	if err != nil {
		return fmt.Errorf("reading %s of thread %s %s: %w", c.Name, t.ID, t.Name, err)
	}
	old := evidence.Saved{IP: c.BeforeIP}
	if n := len(t.Copied); n > 0 {
		old = t.Copied[n-1].Saved
	}
	prog := e.comps[c.Program]
	if !cpu.User {
		prog = e.kernelComponent()
	}
	t.Copied = evidence.Note(&e.ev, t.Block, t.Copied, evidence.Write{At: e.now(), Where: sourceCopy, Place: prog.place(cpu.IP), Addr: c.IPAddr, Old: old, Saved: evidence.Saved{IP: ip}, Frames: e.backtrace(prog)})
	return nil
}

// enter notes a thread's first return to user mode.
func (e *Engine) enter(ctx context.Context, t *evidence.Track) (*event, error) {
	if err := e.forceRegisters(ctx, t); err != nil {
		return nil, err
	}
	cpu := e.m.CPUs[e.cpu]
	t.Entered = &evidence.Entry{At: e.now(), IP: cpu.IP, SP: cpu.SP, Registers: cpu.Registers, Place: e.comps[t.Program].place(cpu.IP)}
	if err := e.disarm(ctx, t); err != nil {
		return nil, err
	}
	if e.divergence {
		if err := e.diverge(ctx, t); err != nil {
			return nil, err
		}
	}
	return &event{reason: fmt.Sprintf("%s (thread %s) returns to user mode at %s", t.Name, t.ID, t.Entered.Place)}, nil
}
