package change

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/view"
	"thaw/words"
)

// Writer is a target whose state can be changed.
type Writer interface {
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
func (ch *Changer) Force(ctx context.Context, thread kernel.ID) (string, error) {
	w, ok := ch.target.(Writer)
	switch {
	case !ok:
		return "", fmt.Errorf("%s cannot be changed", ch.target.Name())
	case ch.drive.Fixed():
		return "", ErrReplayed
	}
	t := ch.obs.Ev.ByID(thread)
	if t == nil {
		return "", fmt.Errorf("thread %s: no state was requested for it, so there is none to force", thread)
	}
	q := t.Request()
	if q.Problem != "" {
		return "", fmt.Errorf("thread %s: there is no state to force: %s", thread, q.Problem)
	}
	f := evidence.Forced{At: ch.obs.Now(), Saved: evidence.Saved{IP: q.IP, SP: q.SP}}
	f.Put, f.None = ch.toForce(q)
	delete(ch.undo, t.Block)
	var err error
	if block, berr := ch.m.CurrentBlock(ctx); berr == nil && block == t.Block && ch.m.CPU().User {
		err = ch.forceCPU(ctx, w, &f, t)
	} else {
		if err = ch.forceSaved(ctx, w, &f, t); err == nil {
			err = ch.forceCancel(ctx, w, &f, t)
		}
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("forcing the state of thread %s %s: %w", t.ID, t.Name, err), ch.undo.takeBack(ctx, t))
	}
	t.Forced = append(t.Forced, f)
	text := fmt.Sprintf("forced ip %#x, sp %#x %s of %s (thread %s) into the %s, where ip %#x was%s", f.IP, f.SP, f.With(), t.Name, t.ID, evidence.PlaceWords(ch.m.Decoder.Platform(), f.Where), f.Old.IP, f.Wait(ch.m.Decoder.Platform()))
	return text, nil
}

// toForce lists what a request asks for besides ip and sp. One in which all general
// registers are 0 holds none: a checkpoint of a thread in IPC knows nothing of them.
func (ch *Changer) toForce(q *evidence.Request) (put []evidence.Put, none string) {
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
		put = append(put, evidence.Put{Register: kernel.Register{Name: ch.m.Arch.Flags, Value: *q.Flags & ch.m.Arch.UserFlags}})
	}
	return put, ""
}

// merged is what a register is set to where something stands: of the flags some bits are
// the kernel's business.
func (ch *Changer) merged(r kernel.Register, old uint64) uint64 {
	if r.Name == ch.m.Arch.Flags {
		return old&^ch.m.Arch.UserFlags | r.Value
	}
	return r.Value
}

// forceCPU sets the registers of the processor that runs the thread.
func (ch *Changer) forceCPU(ctx context.Context, w Writer, f *evidence.Forced, t *evidence.Track) error {
	cpu, at := ch.m.CPU(), ch.m.Stopped
	f.Where, f.Old, f.Came = kernel.SourceCPU, evidence.Saved{IP: cpu.IP, SP: cpu.SP}, true
	set := func(name string, value, old uint64) error {
		if err := w.WriteRegister(ctx, at, name, value); err != nil {
			return err
		}
		ch.undo.add(t, func(ctx context.Context) error { return w.WriteRegister(ctx, at, name, old) })
		return nil
	}
	for i := range f.Put {
		p := &f.Put[i]
		old, ok := ch.m.Registers().Uint64(p.Name)
		if !ok {
			p.Problem = "the stub has no register of that name"
			continue
		}
		if err := set(p.Name, ch.merged(p.Register, old), old); err != nil {
			return err
		}
		p.Where = kernel.SourceCPU
	}
	if err := set(ch.m.Arch.IP, f.IP, cpu.IP); err != nil {
		return err
	}
	return set(ch.m.Arch.SP, f.SP, cpu.SP)
}

// counting is the index of the place that holds a thread's user state now: the kernel may
// have gone on to another one since the request. Decoders that can tell are asked.
func (ch *Changer) counting(t *evidence.Track, all []evidence.Saved) int {
	n := evidence.Counting(ch.m.Decoder.Platform(), t.Places, all)
	keeps := ch.m.Keeps(t.Block)
	if !keeps(t.Places[n].Name) {
		if i := slices.IndexFunc(t.Places, func(k evidence.Kept) bool { return keeps(k.Name) }); i >= 0 {
			return i
		}
	}
	return n
}

// forceSaved writes the saved state in the kernel.
func (ch *Changer) forceSaved(ctx context.Context, w Writer, f *evidence.Forced, t *evidence.Track) error {
	all, err := ch.obs.ReadSaved(t)
	if err != nil {
		return err
	}
	n := ch.counting(t, all)
	at := &t.Places[n]
	f.Where, f.Old = at.Name, all[n]
	space, err := ch.m.KernelSpace()
	if err != nil {
		return err
	}
	write := func(addr, value, old uint64) error {
		_, phys, err := space.Translate(addr)
		if err != nil {
			return err
		}
		if err := w.WritePhysical(ctx, phys, ch.m.Word(value)); err != nil {
			return err
		}
		ch.undo.add(t, func(ctx context.Context) error { return w.WritePhysical(ctx, phys, ch.m.Word(old)) })
		return nil
	}
	for _, x := range []struct{ addr, value, old uint64 }{{at.IPAddr, f.IP, f.Old.IP}, {at.SPAddr, f.SP, f.Old.SP}} {
		if err := write(x.addr, x.value, x.old); err != nil {
			return err
		}
	}
	known, err := ch.keepsRegisters(ctx, t)
	if err != nil {
		return err
	}
	for _, b := range ch.m.Decoder.Platform().Place(at.Name).Beside {
		if !known && b.Name != ch.m.Arch.Flags {
			continue // set as it comes back
		}
		i := slices.IndexFunc(f.Put, func(p evidence.Put) bool { return p.Name == b.Name })
		if i < 0 {
			continue
		}
		p, addr := &f.Put[i], at.IPAddr+uint64(b.Off)
		old, err := memory.Uint(space, addr, ch.m.PtrSize())
		if err != nil {
			return fmt.Errorf("reading the saved %s: %w", p.Name, err)
		}
		if err := write(addr, ch.merged(p.Register, old), old); err != nil {
			return err
		}
		p.Where = at.Name
	}
	ch.told(t, at.Name, f.Saved)
	if len(f.Put) == 0 || ch.drive.Guard.Armed[t.Block] != nil {
		return nil // or it is seen as it comes back anyway
	}
	return ch.awaitForced(ctx, f, t)
}

// keepsRegisters says whether a thread's general registers stand where a system call puts
// them: what an interrupt or an exception saved lies otherwise, with the kernel's own words
// in its midst.
func (ch *Changer) keepsRegisters(ctx context.Context, t *evidence.Track) (bool, error) {
	sys, err := ch.m.System(ctx)
	if err != nil {
		return false, err
	}
	o := sys.Object(t.ID)
	return o != nil && o.Thread != nil && len(o.Thread.Registers) > 0 && !o.Thread.Exception, nil
}

// awaitForced has a thread that nobody waits for stop as it comes back with its state.
func (ch *Changer) awaitForced(ctx context.Context, f *evidence.Forced, t *evidence.Track) error {
	c := ch.programs.ByName[t.Program]
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
			if t := ch.obs.Ev.ByID(t.ID); t != nil { // another one where the guest was put back
				return nil, ch.Return(ctx, t)
			}
			return nil, nil
		}}
	if err := ch.drive.Breaks.AddProbe(ctx, p); err != nil {
		return err
	}
	ch.undo.add(t, func(ctx context.Context) error { return ch.drive.Breaks.RemoveProbe(ctx, p) })
	return nil
}

// Return sets what the kernel made of the registers of a state that was forced
// into it, as the thread comes back with it.
func (ch *Changer) Return(ctx context.Context, t *evidence.Track) error {
	if len(t.Forced) == 0 {
		return nil
	}
	f := &t.Forced[len(t.Forced)-1]
	cpu := ch.m.CPU()
	if f.Undone || f.Came || cpu.IP != f.IP || cpu.SP != f.SP {
		return nil
	}
	f.Came = true
	for i := range f.Put {
		p := &f.Put[i]
		has, ok := ch.m.Registers().Uint64(p.Name)
		want := ch.merged(p.Register, has)
		switch {
		case !ok:
			p.Problem = "the stub has no register of that name"
			continue
		case want == has && p.Where != "":
			continue
		}
		if err := ch.target.(Writer).WriteRegister(ctx, ch.m.Stopped, p.Name, want); err != nil {
			return fmt.Errorf("forcing %s of thread %s %s: %w", p.Name, t.ID, t.Name, err)
		}
		p.Where = kernel.SourceCPU
	}
	return ch.m.Look(ctx, ch.m.Stopped)
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
func (ch *Changer) Unforce(ctx context.Context, thread kernel.ID) (string, error) {
	t := ch.obs.Ev.ByID(thread)
	if t == nil || len(t.Forced) == 0 {
		return "", fmt.Errorf("thread %s: nothing was forced", thread)
	}
	f := &t.Forced[len(t.Forced)-1]
	if ch.undo[t.Block] == nil {
		return "", fmt.Errorf("thread %s %s has run on with the forced state: that cannot be taken back", t.ID, t.Name)
	}
	if err := ch.undo.takeBack(ctx, t); err != nil {
		return "", fmt.Errorf("taking back the forced state of thread %s %s: %w", t.ID, t.Name, err)
	}
	f.Undone = true
	ch.told(t, f.Where, f.Old)
	return fmt.Sprintf("took back what was forced into %s (thread %s)", t.Name, t.ID), nil
}

// told has what thaw itself wrote into a thread's place taken for none of the guest's
// writes. What was seen until the thread came back stays as it was.
func (ch *Changer) told(t *evidence.Track, where kernel.Source, is evidence.Saved) {
	for i := range t.Places {
		if t.Entered == nil && t.Places[i].Name == where {
			t.Places[i].Saved = is
		}
	}
}

// Forget forgets how to take forced states back: the guest runs on.
func (ch *Changer) Forget() { clear(ch.undo) }

// maxFollow is how many instructions of a forced thread are followed.
const maxFollow = 2000

// FollowUser steps through user mode.
func (ch *Changer) FollowUser(ctx context.Context, t *evidence.Track) (string, error) {
	program := ch.programs.ByName[t.Program]
	last := ch.m.CPU().IP
	first := last
	executed := 1
	for range maxFollow {
		if err := ch.drive.StepThrough(ctx); err != nil {
			return "", fmt.Errorf("following thread %s %s: %w", t.ID, t.Name, err)
		}
		if cpu := ch.m.CPU(); cpu.User {
			if last != cpu.IP { // repetitions, and steps that QEMU did not do, are none more
				executed++
			}
			last = cpu.IP
			continue
		}
		in := ch.programs.Kernel().Place(ch.m.CPU().IP)
		text := fmt.Sprintf("it goes on at %s, executes %s, and enters the kernel at %s from %s", program.Place(first), words.Count(executed, "instruction"), in, program.Place(last))
		if cr2, ok := ch.m.Registers().Uint64("cr2"); ok && strings.Contains(strings.ToLower(in.Function), "page_fault") {
			text += fmt.Sprintf(": a page fault at %#x", cr2)
		}
		return text, nil
	}
	return fmt.Sprintf("it goes on at %s and runs for more than %d instructions", program.Place(first), maxFollow), nil
}
