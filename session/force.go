package session

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/view"
)

// Changer is a target whose state can be changed.
type Changer interface {
	// WriteRegister sets a register of a processor.
	WriteRegister(ctx context.Context, cpu int, name string, value uint64) error
	// WritePhysical writes physical memory.
	WritePhysical(ctx context.Context, addr uint64, data []byte) error
}

// Force puts all of a thread's requested state where it takes effect: into the
// processor's registers if the thread has just come back to user mode, else into the
// saved state that the kernel will leave with. A wait in IPC is ended in the kernel's
// own way, once the guest goes on; where that cannot be, the state takes effect when the
// wait ends. What the kernel itself puts into registers meanwhile, such as the result of
// the wait, is set once more as the thread comes back. Of the flags those are set that
// a program can set. Unforce takes it back as long as the guest has not run on.
func (e *Engine) Force(ctx context.Context, thread kernel.ID) (string, error) {
	w, ok := e.target.(Changer)
	if !ok {
		return "", fmt.Errorf("%s cannot be changed", e.target.Name())
	}
	if e.reverser() != nil {
		return "", errors.New(whyReplayed)
	}
	t := e.trackByID(thread)
	if t == nil {
		return "", fmt.Errorf("thread %s: no state was requested for it, so there is none to force", thread)
	}
	q := t.Request()
	if q.Problem != "" {
		return "", fmt.Errorf("thread %s: there is no state to force: %s", thread, q.Problem)
	}
	f := evidence.Forced{At: e.obs.Now(), Saved: evidence.Saved{IP: q.IP, SP: q.SP}}
	f.Put, f.None = e.toForce(q)
	delete(e.undo, t.Block)
	var err error
	if block, berr := e.m.CurrentBlock(ctx); berr == nil && block == t.Block && e.m.CPU().User {
		err = e.forceCPU(ctx, w, &f, t)
	} else {
		if err = e.forceSaved(ctx, w, &f, t); err == nil {
			err = e.forceCancel(ctx, w, &f, t)
		}
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("forcing the state of thread %s %s: %w", t.ID, t.Name, err), e.undo.takeBack(ctx, t))
	}
	t.Forced = append(t.Forced, f)
	text := fmt.Sprintf("forced ip %#x, sp %#x %s of %s (thread %s) into the %s, where ip %#x was%s", f.IP, f.SP, f.With(), t.Name, t.ID, evidence.PlaceWords(e.m.Decoder.Platform(), f.Where), f.Old.IP, f.Wait(e.m.Decoder.Platform()))
	return text, e.afterChange(ctx, text)
}

// toForce lists what a request asks for besides ip and sp. One in which all general
// registers are 0 holds none: a checkpoint of a thread in IPC knows nothing of them.
func (e *Engine) toForce(q *evidence.Request) (put []evidence.Put, none string) {
	switch {
	case q.NoRegisters != "":
		return nil, q.NoRegisters
	case len(q.Registers) == 0:
		return nil, "the request holds none"
	case !slices.ContainsFunc(q.Registers, func(r kernel.Register) bool { return r.Value != 0 }):
		return nil, "the request holds none (all are 0)"
	}
	for _, r := range q.Registers {
		put = append(put, evidence.Put{Register: r})
	}
	if q.Flags != nil {
		put = append(put, evidence.Put{Register: kernel.Register{Name: e.m.Arch.Flags, Value: *q.Flags & e.m.Arch.UserFlags}})
	}
	return put, ""
}

// merged is what a register is set to where something stands: of the flags some bits are
// the kernel's business.
func (e *Engine) merged(r kernel.Register, old uint64) uint64 {
	if r.Name == e.m.Arch.Flags {
		return old&^e.m.Arch.UserFlags | r.Value
	}
	return r.Value
}

func (e *Engine) trackByID(thread kernel.ID) *evidence.Track {
	i := slices.IndexFunc(e.obs.Ev.Threads, func(t *evidence.Track) bool { return t.ID == thread })
	if i < 0 {
		return nil
	}
	return e.obs.Ev.Threads[i]
}

// forceCPU sets the registers of the processor that runs the thread.
func (e *Engine) forceCPU(ctx context.Context, w Changer, f *evidence.Forced, t *evidence.Track) error {
	cpu, at := e.m.CPU(), e.m.Stopped
	f.Where, f.Old, f.Came = kernel.SourceCPU, evidence.Saved{IP: cpu.IP, SP: cpu.SP}, true
	set := func(name string, value, old uint64) error {
		if err := w.WriteRegister(ctx, at, name, value); err != nil {
			return err
		}
		e.undo.add(t, func(ctx context.Context) error { return w.WriteRegister(ctx, at, name, old) })
		return nil
	}
	for i := range f.Put {
		p := &f.Put[i]
		old, ok := e.m.Registers().Uint64(p.Name)
		if !ok {
			p.Problem = "the stub has no register of that name"
			continue
		}
		if err := set(p.Name, e.merged(p.Register, old), old); err != nil {
			return err
		}
		p.Where = kernel.SourceCPU
	}
	if err := set(e.m.Arch.IP, f.IP, cpu.IP); err != nil {
		return err
	}
	return set(e.m.Arch.SP, f.SP, cpu.SP)
}

// forceSaved writes the saved state in the kernel.
func (e *Engine) forceSaved(ctx context.Context, w Changer, f *evidence.Forced, t *evidence.Track) error {
	all, err := e.obs.ReadSaved(t)
	if err != nil {
		return err
	}
	n := evidence.Counting(e.m.Decoder.Platform(), t.Places, all)
	at := &t.Places[n]
	f.Where, f.Old = at.Name, all[n]
	space, err := e.m.KernelSpace()
	if err != nil {
		return err
	}
	write := func(addr, value, old uint64) error {
		_, phys, err := space.Translate(addr)
		if err != nil {
			return err
		}
		if err := w.WritePhysical(ctx, phys, e.m.Word(value)); err != nil {
			return err
		}
		e.undo.add(t, func(ctx context.Context) error { return w.WritePhysical(ctx, phys, e.m.Word(old)) })
		return nil
	}
	for _, x := range []struct{ addr, value, old uint64 }{{at.IPAddr, f.IP, f.Old.IP}, {at.SPAddr, f.SP, f.Old.SP}} {
		if err := write(x.addr, x.value, x.old); err != nil {
			return err
		}
	}
	for _, b := range e.m.Decoder.Platform().Place(at.Name).Beside {
		i := slices.IndexFunc(f.Put, func(p evidence.Put) bool { return p.Name == b.Name })
		if i < 0 {
			continue
		}
		p, addr := &f.Put[i], at.IPAddr+uint64(b.Off)
		old, err := memory.Uint(space, addr, e.m.PtrSize())
		if err != nil {
			return fmt.Errorf("reading the saved %s: %w", p.Name, err)
		}
		if err := write(addr, e.merged(p.Register, old), old); err != nil {
			return err
		}
		p.Where = at.Name
	}
	at.Saved = f.Saved // our own write is none of the guest's
	if len(f.Put) == 0 || e.drive.Guard.Armed[t.Block] != nil {
		return nil // or it is seen as it comes back anyway
	}
	return e.awaitForced(ctx, f, t)
}

// awaitForced has a thread that nobody waits for stop as it comes back with its state.
func (e *Engine) awaitForced(ctx context.Context, f *evidence.Forced, t *evidence.Track) error {
	c := e.programs.ByName[t.Program]
	if c == nil {
		for i := range f.Put {
			if f.Put[i].Where == "" {
				f.Put[i].Problem = "its program is not known, so it is not seen as it comes back"
			}
		}
		return nil
	}
	info := &view.BreakpointInfo{Component: c.Name, Purpose: "a forced thread comes back", Addrs: []uint64{f.IP}}
	p := &drive.Probe{Addr: f.IP, Comp: c, Info: info, Block: t.Block, SP: f.SP, Once: true,
		Hit: func(ctx context.Context) (*drive.Event, error) {
			if t := e.trackByID(t.ID); t != nil { // another one where the guest was put back
				return nil, e.forceRegisters(ctx, t)
			}
			return nil, nil
		}}
	if err := e.drive.Breaks.AddProbe(ctx, p); err != nil {
		return err
	}
	e.undo.add(t, func(ctx context.Context) error { return e.drive.Breaks.RemoveProbe(ctx, p) })
	return nil
}

// forceRegisters sets what the kernel made of the registers of a state that was forced
// into it, as the thread comes back with it.
func (e *Engine) forceRegisters(ctx context.Context, t *evidence.Track) error {
	if len(t.Forced) == 0 {
		return nil
	}
	f := &t.Forced[len(t.Forced)-1]
	cpu := e.m.CPU()
	if f.Undone || f.Came || cpu.IP != f.IP || cpu.SP != f.SP {
		return nil
	}
	f.Came = true
	for i := range f.Put {
		p := &f.Put[i]
		has, ok := e.m.Registers().Uint64(p.Name)
		want := e.merged(p.Register, has)
		switch {
		case !ok:
			p.Problem = "the stub has no register of that name"
			continue
		case want == has && p.Where != "":
			continue
		}
		if err := e.target.(Changer).WriteRegister(ctx, e.m.Stopped, p.Name, want); err != nil {
			return fmt.Errorf("forcing %s of thread %s %s: %w", p.Name, t.ID, t.Name, err)
		}
		p.Where = kernel.SourceCPU
	}
	return e.m.Look(ctx, e.m.Stopped)
}

// word is a value as the guest keeps it.
func (e *Engine) word(v uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, v)
	return b[:e.m.PtrSize()]
}

// undoing is how the newest forced states are taken back, by thread object: what to
// do, in order of the changes. Once the guest ran on there is nothing.
type undoing map[uint64][]func(ctx context.Context) error

func (u undoing) add(t *evidence.Track, back func(ctx context.Context) error) {
	u[t.Block] = append(u[t.Block], back)
}

// takeBack undoes the changes, the last one first.
func (u undoing) takeBack(ctx context.Context, t *evidence.Track) error {
	var errs []error
	for _, back := range slices.Backward(u[t.Block]) {
		errs = append(errs, back(ctx))
	}
	delete(u, t.Block)
	return errors.Join(errs...)
}

// Unforce takes the last forced state of a thread back. It is an error once the
// guest has run on.
func (e *Engine) Unforce(ctx context.Context, thread kernel.ID) error {
	t := e.trackByID(thread)
	if t == nil || len(t.Forced) == 0 {
		return fmt.Errorf("thread %s: nothing was forced", thread)
	}
	f := &t.Forced[len(t.Forced)-1]
	if e.undo[t.Block] == nil {
		return fmt.Errorf("thread %s %s has run on with the forced state: that cannot be taken back", t.ID, t.Name)
	}
	if err := e.undo.takeBack(ctx, t); err != nil {
		return fmt.Errorf("taking back the forced state of thread %s %s: %w", t.ID, t.Name, err)
	}
	f.Undone = true
	for i := range t.Places {
		if t.Places[i].Name == f.Where {
			t.Places[i].Saved = f.Old
		}
	}
	return e.afterChange(ctx, fmt.Sprintf("took back what was forced into %s (thread %s)", t.Name, t.ID))
}

// afterChange reads the changed machine and records it as a stop.
func (e *Engine) afterChange(ctx context.Context, reason string) error {
	if err := e.m.Look(ctx, e.m.Stopped); err != nil {
		return err
	}
	return e.record(ctx, reason)
}

// forgetUndo forgets how to take forced states back: the guest runs on.
func (e *Engine) forgetUndo() { clear(e.undo) }

// maxFollow is how many instructions of a forced thread are followed.
const maxFollow = 2000

// Follow executes the instructions of a thread that was forced into the
// processor one by one, until it enters the kernel, and says how far it came
// and why it left user mode. Then the guest runs on for a while, and the thread
// is looked at again.
func (e *Engine) Follow(ctx context.Context, thread kernel.ID, runOn time.Duration) (string, error) {
	t := e.trackByID(thread)
	if t == nil || len(t.Forced) == 0 {
		return "", fmt.Errorf("thread %s: nothing was forced", thread)
	}
	logged := e.log.count()
	e.forgetUndo()
	text := ""
	if t.Forced[len(t.Forced)-1].Where == kernel.SourceCPU {
		how, err := e.followUser(ctx, t)
		if err != nil {
			return "", e.arrive(ctx, nil, err)
		}
		text = how + "; "
	}
	limited, cancel := context.WithTimeout(ctx, runOn)
	defer cancel()
	ev, err := e.drive.Run(ctx, limited)
	if err != nil && ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
		ev, err = e.drive.Halt(ctx, "after the forced state ran on")
	}
	if err := e.arrive(ctx, ev, err); err != nil {
		return "", err
	}
	f := &t.Forced[len(t.Forced)-1]
	return text + e.fate(t, logged) + "; set were, besides ip and sp: " + f.Registers(e.m.Decoder.Platform()), nil
}

// followUser steps through user mode.
func (e *Engine) followUser(ctx context.Context, t *evidence.Track) (string, error) {
	program := e.programs.ByName[t.Program]
	last := e.m.CPU().IP
	first := last
	executed := 1
	for range maxFollow {
		stop, err := e.drive.Guard.Step(ctx, e.m.Stopped)
		if err != nil {
			return "", fmt.Errorf("following thread %s %s: %w", t.ID, t.Name, err)
		}
		if err := e.m.Look(ctx, stop.CPU); err != nil {
			return "", err
		}
		if cpu := e.m.CPU(); cpu.User {
			if last != cpu.IP { // repetitions, and steps that QEMU did not do, are none more
				executed++
			}
			last = cpu.IP
			continue
		}
		in := e.programs.Kernel().Place(e.m.CPU().IP)
		text := fmt.Sprintf("it goes on at %s, executes %d instructions, and enters the kernel at %s from %s", program.Place(first), executed, in, program.Place(last))
		if cr2, ok := e.m.Registers().Uint64("cr2"); ok && strings.Contains(strings.ToLower(in.Function), "page_fault") {
			text += fmt.Sprintf(": a page fault at %#x", cr2)
		}
		return text, nil
	}
	return fmt.Sprintf("it goes on at %s and runs for more than %d instructions", program.Place(first), maxFollow), nil
}

// fate tells what became of a thread, from the newest stop, with what the guest
// wrote since.
func (e *Engine) fate(t *evidence.Track, logged int) string {
	s := e.history.newest().snap
	o := s.System.Object(t.ID)
	if o == nil || o.Thread == nil {
		return "later the thread is gone"
	}
	text := fmt.Sprintf("later it is in state %s at %s", o.Thread.StateString(), s.Places[t.ID])
	if p := s.System.WaitedFor(o.Thread); p != nil {
		text += fmt.Sprintf(", waiting for %s %s", p.Title(), p.ID)
	}
	e.takeLog()
	if lines := e.log.since(logged); len(lines) > 0 {
		const most = 3
		text += "; LOG: " + strings.Join(lines[max(len(lines)-most, 0):], " / ")
	}
	return text
}
