package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/view"
)

// Diverge finds out where a restored thread that has just come back to user mode
// parts from its original. The guest is left as it was.
func (e *Engine) Diverge(ctx context.Context, thread kernel.ID) error {
	if e.reverser() != nil {
		return errors.New(whyReplayed)
	}
	t := e.trackByID(thread)
	if t == nil {
		return fmt.Errorf("thread %s: no state was requested for it, so there is nothing to compare", thread)
	}
	if block, err := e.m.CurrentBlock(ctx); err != nil || block != t.Block || !e.m.CPU().User {
		return errors.Join(err, fmt.Errorf("thread %s %s does not run in user mode at this stop: go to where it returns there", t.ID, t.Name))
	}
	if err := e.diverge(ctx, t); err != nil {
		return e.arrive(ctx, nil, err)
	}
	return e.afterChange(ctx, fmt.Sprintf("compared %s (thread %s) with its original", t.Name, t.ID))
}

// diverge fills in a thread's divergence; what stands against it is no error.
func (e *Engine) diverge(ctx context.Context, t *evidence.Track) error {
	d := &view.Divergence{Stop: e.history.last() + 1}
	t.Divergence = d
	w, ok := e.target.(Putter)
	if e.reverser() != nil {
		d.Problem = whyReplayed
		return nil
	}
	if !ok || e.m.Arch.RootRegister == "" {
		d.Problem = "the page tables in use cannot be changed through this target"
		return nil
	}
	s, original, err := e.originalOf(ctx, t)
	if err != nil {
		d.Problem = err.Error()
		return nil
	}
	d.Original = original.ID
	from := original.Thread
	start := append(slices.Clone(from.Registers), kernel.Register{Name: e.m.Arch.IP, Value: from.IP},
		kernel.Register{Name: e.m.Arch.SP, Value: from.SP}, kernel.Register{Name: e.m.Arch.Flags, Value: from.Flags})
	restored, err := e.excursion(ctx, w, t.TaskRoot, nil, e.memory.AttachedTo(t))
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	task := s.System.Object(from.PD)
	first, err := e.excursion(ctx, w, task.PD.Root, start, e.memory.State.Mapped)
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	compareExcursions(d, first, restored, e.programs.ByName[t.Program].Place)
	e.describeLast(d, t.Program)
	d.Paths[0].Slot, d.Paths[1].Slot = e.slotOf(s, from.PD, t.Task, first), e.slotOf(s, t.Task, from.PD, restored)
	compareSlots(d)
	return nil
}

// noExcursion notes why an excursion has found nothing. That is no reason to end a
// session, but that the guest may not be as it was is, or that the user leaves.
func noExcursion(ctx context.Context, d *view.Divergence, err error) error {
	if !errors.Is(err, errNotPutBack) && ctx.Err() == nil {
		d.Problem = err.Error()
		return nil
	}
	return fmt.Errorf("following both threads: %w", err)
}

// originalOf finds the checkpointed counterpart of a thread, with a user state
// that it could go on from.
func (e *Engine) originalOf(ctx context.Context, t *evidence.Track) (*view.Snapshot, *kernel.Object, error) {
	s, err := e.snapshot(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	known := e.judge().Pairs(s)[t.ID]
	if known == nil {
		return nil, nil, errors.New("its original is not known")
	}
	o := s.System.Object(known.ID)
	switch {
	case o == nil || o.Thread == nil || o.Addr != known.Addr:
		return nil, nil, errors.New("its original is gone")
	case o.Thread.Kept() == nil:
		return nil, nil, fmt.Errorf("its original has no user state in the kernel (%s)", o.Thread.Source)
	}
	if task := s.System.Object(o.Thread.PD); task == nil || task.PD == nil || task.PD.Root == 0 {
		return nil, nil, errors.New("its original's task has no page tables")
	}
	return s, o, nil
}

// compareExcursions finds where two excursions part.
func compareExcursions(d *view.Divergence, original, restored excursion, place func(uint64) view.Place) {
	a, b := original.steps, restored.steps
	if len(a) == 0 || len(b) == 0 {
		d.Problem = "nothing was executed"
		return
	}
	d.Registers = pairs(a[0].regs, b[0].regs)
	if a[0].ip != b[0].ip {
		d.Registers = append([]view.RegisterPair{{Name: "ip", Original: a[0].ip, Restored: b[0].ip}}, d.Registers...)
	}
	n := 0
	for n < len(a) && n < len(b) && a[n].ip == b[n].ip {
		n++
	}
	d.Common = n
	if n > 0 {
		d.Last, d.At = place(a[n-1].ip), pairs(a[n-1].regs, b[n-1].regs)
	}
	if n < max(len(a), len(b)) || original.end != restored.end {
		d.Parted, d.By = true, view.ByInstruction
	}
	for i, x := range []excursion{original, restored} {
		d.Paths[i] = view.Path{At: place(x.steps[min(n, len(x.steps)-1)].ip), Instructions: len(x.steps), End: x.end, EndAt: place(x.last)}
	}
}

// pairs lists the registers with different values.
func pairs(original, restored []kernel.Register) []view.RegisterPair {
	var out []view.RegisterPair
	for _, r := range original {
		if v, ok := kernel.RegisterIn(restored, r.Name); ok && v != r.Value {
			out = append(out, view.RegisterPair{Name: r.Name, Original: r.Value, Restored: v})
		}
	}
	return out
}

// describeLast puts the last common instruction in words.
func (e *Engine) describeLast(d *view.Divergence, program string) {
	c := e.programs.ByName[program]
	if d.Common == 0 || c == nil {
		return
	}
	if in, err := c.Decode(d.Last.Addr); err == nil {
		d.Text = in.Text
	}
}

// slotOf is the capability that a system call of a task names. What is no slot of
// either child names none: nil.
func (e *Engine) slotOf(s *view.Snapshot, task, other kernel.ID, x excursion) *view.SlotCap {
	o := s.System.Object(task)
	if x.end != endSystemCall || !x.known || o == nil || o.PD == nil {
		return nil
	}
	slot := e.m.Decoder.Slot(x.selector)
	if c, ok := o.PD.Cap(slot); ok {
		d := view.DescribeSlot(s, c)
		return &d
	}
	if o := s.System.Object(other); o != nil && o.PD != nil {
		if _, ok := o.PD.Cap(slot); ok {
			return &view.SlotCap{Slot: slot, Type: view.EmptySlot}
		}
	}
	return nil
}

// compareSlots tells two that make the same system call with different objects.
func compareSlots(d *view.Divergence) {
	a, b := d.Paths[0].Slot, d.Paths[1].Slot
	if d.Parted || a == nil || b == nil {
		return
	}
	if a.Slot != b.Slot || a.Type != b.Type || a.Rights != b.Rights || a.Receiver != b.Receiver {
		d.Parted, d.By = true, view.BySlot
	}
}
