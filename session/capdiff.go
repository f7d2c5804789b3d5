package session

import (
	"fmt"

	"thaw/kernel"
)

// capDiff compares the capability table of the original child, as the restore
// began, with the restored child's: as it is at this stop before the restore
// is complete, and as it was then from there on.
func (j *judge) capDiff(now *Snapshot) *CapDiff {
	before, after := j.ev.before, now
	if j.ev.after != nil {
		after = j.ev.after
	}
	if before == nil {
		return nil
	}
	original, restored := before.System.Object(j.ev.Original), after.System.Object(j.restored(after))
	if original == nil || original.PD == nil || restored == nil || restored.PD == nil {
		return nil
	}
	d := &CapDiff{Original: original.ID, Restored: restored.ID, Checkpoint: before.Number, After: after.Number}
	for _, c := range original.PD.Caps {
		b := DescribeSlot(before, c)
		r, ok := restored.PD.Cap(c.Slot)
		if !ok {
			d.Missing = append(d.Missing, b)
			continue
		}
		a := DescribeSlot(after, r)
		if what := differences(b, a); len(what) > 0 {
			d.Changed = append(d.Changed, CapChange{Slot: c.Slot, Before: b, After: a, What: what})
		} else {
			d.Same++
		}
	}
	for _, c := range restored.PD.Caps {
		if _, ok := original.PD.Cap(c.Slot); !ok {
			d.Extra = append(d.Extra, DescribeSlot(after, c))
		}
	}
	return d
}

// DescribeSlot puts a capability of a stop in words.
func DescribeSlot(s *Snapshot, c kernel.Capability) SlotCap {
	out := SlotCap{Slot: c.Slot, Object: c.Object, Type: "?", Rights: c.Rights}
	o := s.System.Named(c)
	if o == nil {
		return out
	}
	out.Type = o.Type()
	if l, ok := o.Lead(); ok {
		out.Label, out.Receiver = o.Label(), receiver(s, l.To)
	}
	return out
}

// String is a slot as the kernel debugger shows one, with where it leads.
func (c SlotCap) String() string {
	if c.Type == emptySlot {
		return fmt.Sprintf("%05x, which is empty", c.Slot)
	}
	s := fmt.Sprintf("%05x %s-%s %s", c.Slot, c.Object, c.Rights, c.Type)
	if c.Receiver != "" {
		s += fmt.Sprintf(" label %x → %s", c.Label, c.Receiver)
	}
	return s
}

// receiver names a thread by component and name: ids differ between the two
// children by nature, as do labels, which the kernel never uses twice.
func receiver(s *Snapshot, id kernel.ID) string {
	o := s.System.Object(id)
	if id == 0 || o == nil || o.Thread == nil {
		return "none"
	}
	return s.TaskName(o.Thread.PD) + "/" + o.Title()
}

func differences(before, after SlotCap) []string {
	var what []string
	if before.Type != after.Type {
		what = append(what, "type")
	}
	if before.Rights != after.Rights {
		what = append(what, "rights")
	}
	if before.Receiver != after.Receiver {
		what = append(what, "receiver")
	}
	return what
}
