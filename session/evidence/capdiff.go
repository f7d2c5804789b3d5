package evidence

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
	"thaw/session/captables"
	"thaw/session/view"
)

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
	p := capPair{original: j.Ev.Original, restored: restored.ID}
	p.behind = j.behind(before, original, after, restored)
	was, is := p.entries(before, original, j.Platform.Chronological), p.entries(after, restored, j.Platform.Chronological)
	own := j.unused(before, original, restored)
	was, left := own(was, false)
	is, over := own(is, true)
	t := captables.Tables{Original: entriesOf(was), Restored: entriesOf(is)}
	for _, o := range before.System.Objects {
		if j.Platform.Chronological {
			t.Begun = max(t.Begun, orderOf(o.ID))
		}
	}
	r := captables.Compare(t)
	d := &view.CapDiff{Original: original.ID, Restored: restored.ID, Checkpoint: before.Number, After: after.Number, Same: r.Same, Unused: append(left, over...)}
	for _, m := range r.Moved {
		to := is[m.To].words
		_, filled := original.PD.Cap(to.Slot)
		d.Moved = append(d.Moved, view.CapMove{Before: was[m.From].words, After: to, Certainty: m.Certainty, Otherwise: m.Otherwise, Replaces: filled})
	}
	for _, c := range r.Changed {
		b, a := was[c[0]], is[c[1]]
		d.Changed = append(d.Changed, view.CapChange{Slot: b.Slot, Before: b.words, After: a.words, What: differences(b, a)})
	}
	pick := func(list []slotEntry, of []int) (out []view.SlotCap) {
		for _, i := range of {
			out = append(out, list[i].words)
		}
		return out
	}
	d.Missing, d.Later, d.Extra = pick(was, r.Missing), pick(was, r.Later), pick(is, r.Extra)
	for _, c := range r.Copies {
		list := was
		if c.Restored {
			list = is
		}
		d.Copies = append(d.Copies, view.CapCopy{SlotCap: list[c.Entry].words, Of: list[c.Of].Slot, Restored: c.Restored})
	}
	return d
}

// capPair are the tasks of the two children, and what stands behind their gates.
type capPair struct {
	original, restored kernel.ID
	behind             map[kernel.ID]view.Behind
}

// behind tells what stands behind the gates of both children, for servers that told it of
// all gates that lead to them, and its names for classes of which it told them of all: where
// one was not told, others would seem to differ from it.
func (j *Judge) behind(before *view.Snapshot, original *kernel.Object, after *view.Snapshot, restored *kernel.Object) map[kernel.ID]view.Behind {
	type class struct {
		server kernel.ID
		name   string
	}
	out := map[kernel.ID]view.Behind{}
	silent, nameless, unmarked := map[kernel.ID]bool{}, map[class]bool{}, map[class]bool{}
	each := func(s *view.Snapshot, task *kernel.Object, do func(gate, server kernel.ID)) {
		for _, c := range task.PD.Caps {
			o := s.System.Named(c)
			if o == nil {
				continue
			}
			if l, ok := o.Lead(); ok && l.To != 0 {
				do(o.ID, l.To)
			}
		}
	}
	note := func(gate, server kernel.ID) {
		b := j.Ev.Behind[gate]
		of := class{server, b.Class}
		silent[server] = silent[server] || b.Class == ""
		nameless[of], unmarked[of] = nameless[of] || b.Name == "", unmarked[of] || b.Trait == ""
	}
	keep := func(gate, server kernel.ID) {
		if silent[server] {
			return
		}
		b := j.Ev.Behind[gate]
		if nameless[class{server, b.Class}] {
			b.Name = ""
		}
		if unmarked[class{server, b.Class}] {
			b.Trait = ""
		}
		out[gate] = b
	}
	for _, do := range []func(gate, server kernel.ID){note, keep} {
		each(before, original, do)
		each(after, restored, do)
	}
	return out
}

// unused takes those entries out that a child does not use, by its own notes. Of the restored
// one's only what it held as the restore began: the rest is the restore's doing.
func (j *Judge) unused(before *view.Snapshot, original, restored *kernel.Object) func(list []slotEntry, isRestored bool) ([]slotEntry, []view.UnusedCap) {
	own := func(e slotEntry, task *kernel.Object) bool {
		if !slices.Contains(j.Ev.Unused[task.ID], e.Slot) {
			return false
		}
		then := before.System.Object(task.ID)
		if then == nil || then.PD == nil {
			return false
		}
		c, held := then.PD.Cap(e.Slot)
		o := before.System.Named(c)
		return held && o != nil && e.Known && uint64(o.ID) == e.Object
	}
	return func(list []slotEntry, isRestored bool) (kept []slotEntry, gone []view.UnusedCap) {
		task := original
		if isRestored {
			task = restored
		}
		for _, e := range list {
			if own(e, task) {
				gone = append(gone, view.UnusedCap{SlotCap: e.words, Restored: isRestored})
			} else {
				kept = append(kept, e)
			}
		}
		return kept, gone
	}
}

// slotEntry is a slot as it is compared, and as it is told.
type slotEntry struct {
	captables.Entry
	words view.SlotCap
}

func entriesOf(list []slotEntry) (out []captables.Entry) {
	for _, e := range list {
		out = append(out, e.Entry)
	}
	return out
}

// orderOf is an object's place in the order of creation: the first one has the id 0.
func orderOf(id kernel.ID) uint64 { return uint64(id) + 1 }

// entries puts a child's table into words that are true of both children.
func (p capPair) entries(s *view.Snapshot, task *kernel.Object, chronological bool) []slotEntry {
	out := make([]slotEntry, 0, len(task.PD.Caps))
	for _, c := range task.PD.Caps {
		e := slotEntry{words: view.DescribeSlot(s, c)}
		e.Slot, e.Rights, e.Kind = c.Slot, c.Rights, e.words.Type
		if o := s.System.Named(c); o != nil {
			e.Object, e.Known = uint64(o.ID), true
			if chronological {
				e.Order = orderOf(o.ID)
			}
			e.Role = p.role(s, task.ID, o)
			if b := p.behind[o.ID]; b.Class != "" {
				// What it is says more than which of the server's threads has it.
				e.Role, e.words.Behind, e.words.Called = p.server(s, task.ID, o)+" "+b.Class, b.Class, b.Called()
				e.Name, e.Trait = p.own(s, task.ID, b.Name), b.Trait
			}
			if l, ok := o.Lead(); ok && p.ofOther(s, task.ID, l.To) {
				e.words.Receiver += " of the original"
			}
		}
		out = append(out, e)
	}
	return out
}

// ofOther says whether a thread of the original is known to the restored child.
func (p capPair) ofOther(s *view.Snapshot, task, thread kernel.ID) bool {
	o := s.System.Object(thread)
	return thread != 0 && task == p.restored && o != nil && o.Thread != nil && o.Thread.PD == p.original
}

// role says where a capability for an object leads: to a thread by its name, and by its
// UTCB where others of its task have the same name.
func (p capPair) role(s *view.Snapshot, task kernel.ID, o *kernel.Object) string {
	l, leads := o.Lead()
	switch {
	case leads:
		return p.thread(s, task, l.To)
	case o.Thread != nil:
		return "is " + p.thread(s, task, o.ID)
	case o.PD != nil:
		return "is " + p.domain(s, task, o.ID)
	}
	return o.Name
}

func (p capPair) thread(s *view.Snapshot, task, id kernel.ID) string {
	o := s.System.Object(id)
	if id == 0 || o == nil || o.Thread == nil {
		return "none"
	}
	name, domain := o.Title(), o.Thread.PD
	if domain != task && domain != p.original {
		return p.domain(s, task, domain) + "/" + name // who serves one child each may have one name
	}
	for _, other := range s.System.ThreadsOf(domain) {
		if other.ID != id && other.Title() == name {
			name += fmt.Sprintf(" with UTCB %x", o.Thread.UTCB)
			break
		}
	}
	return p.domain(s, task, domain) + "/" + name
}

// server names the task of the thread that a gate leads to.
func (p capPair) server(s *view.Snapshot, task kernel.ID, gate *kernel.Object) string {
	l, _ := gate.Lead()
	if o := s.System.Object(l.To); o != nil && o.Thread != nil {
		return p.domain(s, task, o.Thread.PD)
	}
	return ""
}

// own is a name in which a child's own one, as the last element of a session's label, is
// "itself".
func (p capPair) own(s *view.Snapshot, task kernel.ID, name string) string {
	for _, before := range []string{`"`, "-> "} {
		name = strings.ReplaceAll(name, before+s.TaskName(task)+`"`, before+`itself"`)
	}
	return name
}

// domain names a task: either child has itself.
func (p capPair) domain(s *view.Snapshot, task, of kernel.ID) string {
	switch of {
	case task:
		return "itself"
	case p.original:
		return "the original"
	}
	return s.TaskName(of)
}

func differences(before, after slotEntry) []string {
	var what []string
	if before.Kind != after.Kind {
		what = append(what, "type")
	}
	if before.Rights != after.Rights {
		what = append(what, "rights")
	}
	if before.Role != after.Role {
		what = append(what, "receiver")
	} else if before.Name != after.Name || before.Trait != after.Trait {
		what = append(what, "name")
	}
	return what
}
