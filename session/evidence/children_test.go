package evidence

import (
	"slices"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// two is a system in which programs a and b were checkpointed, and restored one after the
// other: tasks 10 and 20, then 30, 40 of a and 50 of b, whose threads have no names.
func two(tasks ...kernel.ID) *view.Snapshot {
	s := &view.Snapshot{Phase: "p", Words: view.Words{Tasks: map[kernel.ID]string{10: "a", 20: "b", 30: "a", 40: "a", 50: "b"}}}
	var all []*kernel.Object
	for _, id := range tasks {
		all = append(all, &kernel.Object{ID: id, Addr: uint64(id) << 12, PD: &kernel.PD{Root: uint64(id)}})
		for n, name := range []string{"main", "ep"} {
			if id == 50 {
				name = ""
			}
			o := &kernel.Object{ID: id + 1 + kernel.ID(n), Name: name, Thread: &kernel.Thread{PD: id, UTCB: uint64(n+1) << 20}}
			o.Addr = uint64(o.ID) << 12
			all = append(all, o)
		}
	}
	s.System = kernel.NewSystem(all, nil)
	NameThreads(s)
	return s
}

// Which program a restore is of is told by what is started and by whose states are
// requested. Its original, what that waited for, and its threads go with it.
func TestTwoPrograms(t *testing.T) {
	ev := New()
	j := &Judge{Children: []string{"a", "b"}, Platform: &kernel.Platform{}, Ev: &ev}
	first := two(10, 20)
	j.FindOriginal(first)
	j.NoteWaits(first)
	if ev.Original != 10 || len(ev.Waits) != 4 {
		t.Fatalf("original %v, %+v", ev.Original, ev.Waits)
	}
	for _, c := range []struct {
		tasks              []kernel.ID
		past               []kernel.ID
		original, restored kernel.ID
	}{
		{[]kernel.ID{10, 20, 30}, nil, 10, 30},
		{[]kernel.ID{10, 20, 30, 40}, []kernel.ID{30}, 10, 40},
		{[]kernel.ID{10, 20, 30, 40, 50}, []kernel.ID{30, 40}, 20, 50},
	} {
		s := two(c.tasks...)
		ev.Past = c.past
		if j.FindOriginal(s); ev.Original != c.original || j.Restored(s) != c.restored {
			t.Errorf("%v: original %v, restored %v", c.tasks, ev.Original, j.Restored(s))
		}
	}
	// A request says more than the order in which tasks were made.
	ev = New()
	s := two(10, 20, 50, 30)
	ev.Threads = []*Track{{ID: 52, Task: 50}}
	if j.FindOriginal(s); ev.Original != 20 || j.Restored(s) != 50 || ev.Threads[0].Name != "ep" {
		t.Errorf("original %v, restored %v, %+v", ev.Original, j.Restored(s), ev.Threads[0])
	}
	ev.Before = first
	if p := j.Pairs(s)[52]; p == nil || p.ID != 22 {
		t.Errorf("the thread's original is %+v", p)
	}
	var names []string
	for _, o := range s.System.ThreadsOf(50) {
		names = append(names, o.Name)
	}
	if !slices.Equal(names, []string{"main", "ep"}) {
		t.Errorf("names %q", names)
	}
}
