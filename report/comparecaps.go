package report

import (
	"thaw/kernel"
	"thaw/session/view"
)

// tasks compares a task's capability table on both sides, slot by slot.
func (c *comparison) tasks(p pair) {
	ch := TaskChange{A: taskPoint(c.a, p.a), B: taskPoint(c.b, p.b)}
	switch {
	case ch.A == nil:
		ch.Change = Appeared
	case ch.B == nil:
		ch.Change = Gone
	default:
		c.slots(&ch, p.a.PD.Caps, p.b.PD.Caps)
		if len(ch.Missing)+len(ch.Extra)+len(ch.Changed) == 0 {
			c.d.SameTasks++
			return
		}
		ch.Change = Changed
	}
	c.d.Tasks = append(c.d.Tasks, ch)
}

func taskPoint(s *view.Snapshot, o *kernel.Object) *TaskPoint {
	if o == nil {
		return nil
	}
	return &TaskPoint{ID: o.ID, Name: s.Tasks[o.ID], Caps: len(o.PD.Caps)}
}

// slots goes through two tables, which are in order of their slots, side by
// side.
func (c *comparison) slots(ch *TaskChange, as, bs []kernel.Capability) {
	for len(as) > 0 || len(bs) > 0 {
		switch {
		case len(bs) == 0 || len(as) > 0 && as[0].Slot < bs[0].Slot:
			ch.Missing = append(ch.Missing, view.DescribeSlot(c.a, as[0]))
			as = as[1:]
		case len(as) == 0 || bs[0].Slot < as[0].Slot:
			ch.Extra = append(ch.Extra, view.DescribeSlot(c.b, bs[0]))
			bs = bs[1:]
		default:
			x, y := view.DescribeSlot(c.a, as[0]), view.DescribeSlot(c.b, bs[0])
			if what := c.slotDiffers(as[0], bs[0], x, y); len(what) > 0 {
				ch.Changed = append(ch.Changed, view.CapChange{Slot: x.Slot, Before: x, After: y, What: what})
			} else {
				ch.Same++
			}
			as, bs = as[1:], bs[1:]
		}
	}
}

// slotDiffers compares what two runs of a system have in common, and in one run
// also which object it is. Labels are the kernel's, and differ with the object.
func (c *comparison) slotDiffers(a, b kernel.Capability, x, y view.SlotCap) []string {
	object := a.Object != b.Object || a.Object == 0 && a.Pointer != b.Pointer
	return which([]differs{
		{"object", c.sameRun && object},
		{"type", x.Type != y.Type},
		{"rights", x.Rights != y.Rights},
		{"flags", a.More != b.More},
		{"receiver", x.Receiver != y.Receiver},
		{"label", c.sameRun && !object && x.Label != y.Label},
	})
}
