package change

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/view"
)

// Diverge fills in a thread's divergence; what stands against it is no error.
// original finds the checkpointed counterpart of a thread.
func (ch *Changer) Diverge(ctx context.Context, t *evidence.Track, original func(ctx context.Context, t *evidence.Track) (*view.Snapshot, *kernel.Object, error)) error {
	d := &view.Divergence{Stop: ch.obs.NextStop()}
	t.Divergence = d
	w, ok := ch.target.(Putter)
	if ch.drive.Fixed() {
		d.Problem = ErrReplayed.Error()
		return nil
	}
	if !ok || ch.m.Arch.RootRegister == "" {
		d.Problem = "the page tables in use cannot be changed through this target"
		return nil
	}
	s, known, err := original(ctx, t)
	if err != nil {
		d.Problem = err.Error()
		return nil
	}
	d.Original = known.ID
	from := known.Thread
	start := append(slices.Clone(from.Registers), kernel.Register{Name: ch.m.Arch.IP, Value: from.IP},
		kernel.Register{Name: ch.m.Arch.SP, Value: from.SP}, kernel.Register{Name: ch.m.Arch.Flags, Value: from.Flags})
	restored, err := ch.excursion(ctx, w, t.TaskRoot, nil, ch.memory.AttachedTo(t))
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	task := s.System.Object(from.PD)
	first, err := ch.excursion(ctx, w, task.PD.Root, start, ch.memory.State.Mapped)
	if err != nil {
		return noExcursion(ctx, d, err)
	}
	compareExcursions(d, first, restored, ch.programs.ByName[t.Program].Place)
	ch.describeLast(d, t.Program)
	d.Paths[0].Slot, d.Paths[1].Slot = ch.slotOf(s, from.PD, t.Task, first), ch.slotOf(s, t.Task, from.PD, restored)
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
func (ch *Changer) describeLast(d *view.Divergence, program string) {
	c := ch.programs.ByName[program]
	if d.Common == 0 || c == nil {
		return
	}
	if in, err := c.Decode(d.Last.Addr); err == nil {
		d.Text = in.Text
	}
}

// slotOf is the capability that a system call of a task names. What is no slot of
// either child names none: nil.
func (ch *Changer) slotOf(s *view.Snapshot, task, other kernel.ID, x excursion) *view.SlotCap {
	o := s.System.Object(task)
	if x.end != endSystemCall || !x.known || o == nil || o.PD == nil {
		return nil
	}
	slot := ch.m.Decoder.Slot(x.selector)
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
