package session

import (
	"fmt"

	"thaw/kernel"
)

// WaitChange is a thread of the restored child that waits in the kernel for
// something else than its original did as the checkpoint began. A thread that
// was blocked in the kernel cannot be put into that state again: it must repeat
// its system call, and one that does not hangs.
type WaitChange struct {
	Name     string    `json:"name"`
	Original kernel.ID `json:"original"`
	Restored kernel.ID `json:"restored"`
	Before   string    `json:"before"` // "receives from anybody", "sends to sheep_counter/ep"
	After    string    `json:"after"`
	Stop     int       `json:"stop"` // at which it was seen
}

// waiting is what a thread of the original child waited for.
type waiting struct {
	Thread kernel.ID
	Name   string
	For    string
}

// waitText puts a thread's wait in words that hold for both children; "" if it
// is in no IPC.
func waitText(s *Snapshot, t *kernel.Thread) string {
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

// noteWaits takes what the original child's threads wait for, as the first
// phase begins: pausing them changes it.
func (j *judge) noteWaits(s *Snapshot) {
	if s.Phase == "" || j.ev.Waits != nil || j.ev.Original == 0 {
		return
	}
	j.ev.Waits = []waiting{}
	for _, o := range s.System.ThreadsOf(j.ev.Original) {
		j.ev.Waits = append(j.ev.Waits, waiting{o.ID, o.Name, waitText(s, o.Thread)})
	}
}

// waits compares the waits of both children once the restore is complete.
// Threads that run, or wait for an exception to be handled, are not compared.
func (j *judge) waits(s *Snapshot) []WaitChange {
	if !j.ev.Complete {
		return nil
	}
	var out []WaitChange
	for _, w := range j.ev.Waits {
		for _, o := range s.System.ThreadsOf(j.restored(s)) {
			after := waitText(s, o.Thread)
			if o.Name != w.Name || w.For == "" || after == "" || after == w.For || o.Thread.Exception || aside(o.Thread) {
				continue
			}
			out = append(out, WaitChange{Name: o.Name, Original: w.Thread, Restored: o.ID, Before: w.For, After: after, Stop: s.Number})
			break
		}
	}
	return out
}

// aside says whether the kernel has put a thread's user state aside.
func aside(t *kernel.Thread) bool {
	p := t.Kept()
	return p != nil && p.Aside
}

// String tells a change in a sentence.
func (w WaitChange) String() string {
	return fmt.Sprintf("%s (thread %s) %s; as the checkpoint began its original %s %s", w.Name, w.Restored, w.After, w.Original, w.Before)
}
