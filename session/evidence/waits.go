package evidence

import (
	"thaw/kernel"
	"thaw/session/view"
)

// Wait is what a thread of the original child waited for.
type Wait struct {
	Task   kernel.ID `json:",omitempty"` // 0 in recordings of one program: the original
	Thread kernel.ID
	Name   string
	For    string
}

// waitText puts a thread's wait in words that hold for both children; "" if it
// is in no IPC.
func waitText(s *view.Snapshot, t *kernel.Thread) string {
	if s.System.Wait(t) == "" {
		return ""
	}
	o := s.System.WaitedFor(t)
	switch {
	case o == nil:
		return t.Wait.Verb + " " + t.Wait.What
	case o.Thread != nil:
		return t.Wait.Verb + " " + s.TaskName(o.Thread.PD) + "/" + o.Title()
	}
	return t.Wait.Verb + " an object of kind " + string(o.Kind)
}

// NoteWaits takes what the threads of the programs that may be checkpointed wait for, as
// the first phase begins: pausing them changes it.
func (j *Judge) NoteWaits(s *view.Snapshot) {
	if s.Phase == "" || j.Ev.Waits != nil || j.Ev.Original == 0 {
		return
	}
	j.Ev.Waits = []Wait{}
	for _, program := range j.Children {
		ids := tasksOf(s, program)
		for _, id := range ids[:min(len(ids), 1)] {
			for _, o := range s.System.ThreadsOf(id) {
				j.Ev.Waits = append(j.Ev.Waits, Wait{id, o.ID, o.Name, waitText(s, o.Thread)})
			}
		}
	}
}

// Waits compares the waits of both children once the restore is complete.
// Threads that run, or wait for an exception to be handled, are not compared.
func (j *Judge) Waits(s *view.Snapshot) []view.WaitChange {
	if !j.Ev.Complete {
		return nil
	}
	var out []view.WaitChange
	for _, w := range j.Ev.Waits {
		if w.Task != 0 && w.Task != j.Ev.Original {
			continue // of another program's
		}
		for _, o := range s.System.ThreadsOf(j.Restored(s)) {
			after := waitText(s, o.Thread)
			if o.Name != w.Name || j.otherTrack(o) || w.For == "" || after == "" || after == w.For || o.Thread.Exception || aside(o.Thread) {
				continue
			}
			out = append(out, view.WaitChange{Name: o.Name, Original: w.Thread, Restored: o.ID, Before: w.For, After: after, Stop: s.Number})
			break
		}
	}
	return out
}

// otherTrack says whether a state was requested for another thread of that name, and
// not for this one.
func (j *Judge) otherTrack(o *kernel.Object) bool {
	other := false
	for _, t := range j.Ev.Threads {
		if t.Block == o.Addr {
			return false
		}
		other = other || t.Task == o.Thread.PD && t.Name == o.Name
	}
	return other
}

// aside says whether the kernel has put a thread's user state aside.
func aside(t *kernel.Thread) bool {
	p := t.Kept()
	return p != nil && p.Aside
}
