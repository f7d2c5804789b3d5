package evidence

import (
	"maps"
	"slices"
)

// Clone copies the evidence, but for what is never changed once it is there.
func (ev *Evidence) Clone() Evidence {
	out := *ev
	out.Tracks = map[uint64]*Track{}
	out.Threads, out.Stored = nil, slices.Clone(ev.Stored)
	copies := map[*Track]*Track{}
	for _, t := range ev.Threads {
		copies[t] = t.clone()
		out.Threads = append(out.Threads, copies[t])
	}
	for block, t := range ev.Tracks {
		out.Tracks[block] = copies[t]
	}
	out.Operations, out.Dropped, out.Behind = maps.Clone(ev.Operations), maps.Clone(ev.Dropped), maps.Clone(ev.Behind)
	out.Unused = maps.Clone(ev.Unused)
	for block, list := range out.Operations {
		out.Operations[block] = slices.Clone(list)
	}
	return out
}

// clone copies a thread's evidence.
func (t *Track) clone() *Track {
	out := *t
	out.Requests, out.Writes = slices.Clone(t.Requests), slices.Clone(t.Writes)
	out.Forced, out.Copied, out.Places = slices.Clone(t.Forced), slices.Clone(t.Copied), slices.Clone(t.Places)
	for i := range out.Forced {
		out.Forced[i].Put = slices.Clone(out.Forced[i].Put)
	}
	for i := range out.Requests {
		if c := out.Requests[i].Copy; c != nil {
			kept := *c
			out.Requests[i].Copy = &kept
		}
	}
	return &out
}
