package evidence

import (
	"thaw/kernel"
	"thaw/session/view"
)

// NameThreads names threads of which the kernel knows no name, as its debugger has room for
// a bounded number of names: like the one with the same UTCB in a task that runs the same
// program. s is not given out so far.
func NameThreads(s *view.Snapshot) {
	type seat struct {
		program string
		utcb    uint64
	}
	names := map[seat]string{}
	for _, o := range s.System.Threads() {
		at := seat{s.Tasks[o.Thread.PD], o.Thread.UTCB}
		if o.Name != "" && at.program != "" && at.utcb != 0 && names[at] == "" {
			names[at] = o.Name
		}
	}
	var nameless []*kernel.Object
	for _, o := range s.System.Threads() {
		if o.Name == "" && names[seat{s.Tasks[o.Thread.PD], o.Thread.UTCB}] != "" {
			nameless = append(nameless, o)
		}
	}
	for _, o := range nameless {
		s.System.Own(o.Addr).Name = names[seat{s.Tasks[o.Thread.PD], o.Thread.UTCB}]
	}
}

// nameTracks gives threads whose state was requested the names that turned out since.
func (j *Judge) nameTracks(s *view.Snapshot) {
	for _, t := range j.Ev.Threads {
		if o := s.System.Object(t.ID); t.Name == "" && o != nil {
			t.Name = o.Name
		}
	}
}
