package session

import (
	"context"
	"errors"
	"fmt"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/machine"
	"thaw/session/view"
)

// traceBack bounds by how many instructions a register is followed to where it was
// loaded.
const traceBack = 48

// maxWord bounds how much memory is asked about at once, in bytes.
const maxWord = 16

// LastWriteOf goes back to where a piece of memory got its value, and tells what wrote
// it. It goes on to where that was copied from, up to so many steps in all.
func (tr *traveller) LastWriteOf(ctx context.Context, w view.Word, steps int) (out []view.Origin, err error) {
	if tr.reverser() == nil {
		return nil, errors.New(whyNoReverse)
	}
	if w.Thread != 0 && w.Register == "" {
		w.Register = tr.m.Arch.IP
	}
	w.Name = w.Words()
	s := newSearch(tr)
	p, err := s.wordOf(ctx, w)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", w.Name, err)
	}
	switch {
	case len(tr.m.CPUs()) > 1:
		return nil, errors.New("who wrote memory is looked for on a machine with one processor only")
	case len(tr.saves) == 0:
		return nil, errors.New("this takes VM snapshots: attach with --snapshots to a QEMU with a qcow2 drive; without them every look runs the guest from its start")
	}
	_, at, err := tr.beginBack(ctx)
	if err != nil {
		return nil, err
	}
	defer tr.moved()
	here := tr.m.Here()
	s.lookAt(w.Thread)
	if err := tr.bare(ctx); err != nil {
		return nil, tr.arrive(ctx, nil, err)
	}
	stop := tr.history.last()
	defer func() { // what was asked is kept with its answer
		if err == nil || errors.As(err, new(*unfoundError)) {
			tr.asked(stop, w, out, err)
		}
	}()
	out, last, err := s.origins(ctx, w, p, at, min(steps, view.MaxOrigins))
	if errors.Is(err, errGivenUp) {
		if err = nil; len(out) > 0 {
			out = append(out, view.Origin{Text: "given up: it was not followed further", End: view.EndGivenUp})
		}
	}
	var none *unfoundError
	if errors.As(err, &none) && len(out) == 0 {
		return nil, errors.Join(s.end(ctx), tr.stay(ctx, at, here, none))
	}
	if none != nil {
		out, err = append(out, view.Origin{Text: none.Error(), End: view.EndUnknown}), nil
	}
	s.tellCheckpoint(out)
	if err = errors.Join(err, s.end(ctx)); err != nil {
		return out, tr.arrive(ctx, nil, err)
	}
	switch {
	case tr.drive.Asked.Load() && len(out) == 0:
		return out, tr.stay(ctx, at, here, errGivenUp)
	case len(out) == 0:
		return out, tr.stay(ctx, at, here, unfound("%s has had its value, %s, %s", w.Name, shown(p.value), s.always()))
	}
	return out, tr.goTo(ctx, last.to, last.entry, "back at the last change of "+out[0].Word+": "+writeTold(&out[0]))
}

// lookAt notes where the state of a thread may have been set.
func (s *wordSearch) lookAt(thread kernel.ID) {
	for _, b := range s.drive.Breaks.Infos {
		if !b.Own() && b.Purpose != view.PurposePhase && b.Purpose != view.PurposeComplete {
			s.sites = append(s.sites, b.Addrs...)
		}
	}
	for _, v := range s.history.newest().Verdicts {
		if thread == 0 || v.Thread != thread {
			continue
		}
		for _, h := range v.History {
			if m := s.history.at(h.Stop); m != nil {
				s.told = append(s.told, m.position-1)
			}
		}
	}
}

// wordOf is the physical memory of a word, as it is at the present stop.
func (s *wordSearch) wordOf(ctx context.Context, w view.Word) (p physical, err error) {
	newest := s.history.newest()
	if newest == nil {
		return p, errors.New("the guest has not stopped so far")
	}
	if w.Size == 0 {
		w.Size = s.m.PtrSize()
	}
	if w.Size < 1 || w.Size > maxWord {
		return p, fmt.Errorf("it has %d bytes: 1 to %d can be asked about", w.Size, maxWord)
	}
	if w.Register != "" {
		return s.savedRegister(ctx, w)
	}
	if w.Table {
		finder, ok := s.m.Decoder.(kernel.SlotFinder)
		if !ok {
			return p, fmt.Errorf("where %s keeps a slot is not known", s.m.Decoder.Platform().Name)
		}
		w.Addr = finder.SlotAddr(w.Slot)
	}
	root, err := taskRoot(newest.snap, s.m.CPU().Root, w.Task)
	if err != nil {
		return p, err
	}
	p, err = readPhysical(s.m.Fresh(root), w.Addr, w.Size)
	var fault *memory.Fault
	if phys, ok := uint64(0), false; errors.As(err, &fault) && w.Task != 0 {
		if phys, ok = s.memory.Attached(w.Task, w.Addr); ok { // not mapped so far
			p = physical{addr: phys, value: make([]byte, w.Size)}
			req := []memory.Request{{Addr: phys, Buf: p.value}}
			if err = s.m.ReadPhysical(req); err == nil {
				err = req[0].Err
			}
		}
	}
	return p, err
}

// savedStateOf is a thread with a saved user state, as of the present stop.
func (s *wordSearch) savedStateOf(ctx context.Context, thread kernel.ID) (*kernel.Object, error) {
	sys, err := s.m.System(ctx)
	if err != nil {
		return nil, err
	}
	o := sys.Object(thread)
	switch {
	case o == nil || o.Thread == nil:
		return nil, fmt.Errorf("there is no thread %s at this stop", thread)
	case o.Thread.Usual().IPAddr == 0:
		return nil, fmt.Errorf("%s (thread %s) has no saved user state: it never runs in user mode", o.Name, thread)
	}
	return o, nil
}

// savedRegister is where a thread's register is kept.
func (s *wordSearch) savedRegister(ctx context.Context, w view.Word) (p physical, err error) {
	o, err := s.savedStateOf(ctx, w.Thread)
	if err != nil {
		return p, err
	}
	kept := o.Thread.Kept()
	if usual := o.Thread.Usual(); kept == nil {
		kept = &usual // the processor holds it now: what stood there last
	}
	addr := uint64(0)
	switch w.Register {
	case s.m.Arch.IP:
		addr = kept.IPAddr
	case s.m.Arch.SP:
		addr = kept.SPAddr
	}
	for _, b := range kept.Beside {
		if b.Name == w.Register {
			addr = kept.IPAddr + uint64(b.Off)
		}
	}
	if addr == 0 {
		return p, fmt.Errorf("where the %s keeps it is not known", kept.Text)
	}
	space, err := s.m.KernelSpace()
	if err != nil {
		return p, err
	}
	return readPhysical(s.m.Fresh(space.Root()), addr, w.Size)
}

// readPhysical reads memory of a space, and tells where it stands.
func readPhysical(space *memory.Space, addr uint64, size int) (p physical, err error) {
	m, phys, err := space.Translate(addr)
	if err != nil {
		return p, fmt.Errorf("looking at %#x: %w", addr, err)
	}
	if phys-m.Phys+uint64(size) > m.Size {
		return p, fmt.Errorf("%d bytes at %#x cross the end of a page", size, addr)
	}
	p = physical{addr: phys, value: make([]byte, size)}
	return p, space.ReadMemory(addr, p.value)
}

// writeTold is a write in a sentence.
func writeTold(o *view.Origin) string {
	text := fmt.Sprintf("%s wrote %#x over %#x", o.Place, o.New, o.Old)
	if !o.Sure || o.Thread == "" {
		text = fmt.Sprintf("it became %#x, from %#x, at %s", o.New, o.Old, o.Place)
	}
	if o.Thread != "" {
		text += ", " + o.Thread
	}
	if o.Text != "" {
		text += "; " + o.Text
	}
	return text
}

// GoToPosition goes to a position of a recorded run, right behind an instruction.
func (tr *traveller) GoToPosition(ctx context.Context, position uint64) error {
	_, _, err := tr.beginBack(ctx)
	if err != nil {
		return err
	}
	defer tr.moved()
	var want *machine.Visit
	if v, ok := tr.visits[position]; ok {
		want = &v
	}
	return tr.goTo(ctx, position, want, fmt.Sprintf("at instruction %d of the recorded run", position))
}
