package evidence

import "thaw/session/view"

// CapDiff compares the capability table of the original child, as the restore
// began, with the restored child's: as it is at this stop before the restore
// is complete, and as it was then from there on.
func (j *Judge) CapDiff(now *view.Snapshot) *view.CapDiff {
	before, after := j.Ev.Before, now
	if j.Ev.After != nil {
		after = j.Ev.After
	}
	if before == nil {
		return nil
	}
	original, restored := before.System.Object(j.Ev.Original), after.System.Object(j.Restored(after))
	if original == nil || original.PD == nil || restored == nil || restored.PD == nil {
		return nil
	}
	d := &view.CapDiff{Original: original.ID, Restored: restored.ID, Checkpoint: before.Number, After: after.Number}
	for _, c := range original.PD.Caps {
		b := view.DescribeSlot(before, c)
		r, ok := restored.PD.Cap(c.Slot)
		if !ok {
			d.Missing = append(d.Missing, b)
			continue
		}
		a := view.DescribeSlot(after, r)
		if what := Differences(b, a); len(what) > 0 {
			d.Changed = append(d.Changed, view.CapChange{Slot: c.Slot, Before: b, After: a, What: what})
		} else {
			d.Same++
		}
	}
	for _, c := range restored.PD.Caps {
		if _, ok := original.PD.Cap(c.Slot); !ok {
			d.Extra = append(d.Extra, view.DescribeSlot(after, c))
		}
	}
	return d
}

func Differences(before, after view.SlotCap) []string {
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
