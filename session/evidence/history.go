package evidence

import (
	"cmp"
	"fmt"
	"slices"

	"thaw/session/view"
)

// history tells what happened to a thread's state since its first request, in
// order: requests, kernel operations, writes of the saved state and of the
// copy, and its return to user mode.
func (j *Judge) history(t *Track) []view.Happening {
	type entry struct {
		seq int
		view.Happening
	}
	var all []entry
	add := func(at Instant, h view.Happening) {
		h.Stop, h.Time = at.Stop, at.Time
		all = append(all, entry{at.Seq, h})
	}
	for _, q := range t.Requests {
		h := view.Happening{What: "requested", Text: q.asks()}
		if q.Problem == "" {
			h.New, h.Place = q.IP, j.Place(t.Program, q.IP)
		}
		add(q.At, h)
	}
	begin := t.Requests[0].At.Seq
	for _, op := range j.Ev.Operations[t.Block] {
		if op.At.Seq > begin {
			add(op.At, view.Happening{What: "operation", New: op.IP, Text: op.String()})
		}
	}
	for _, list := range [][]Write{t.Writes, t.Copied} {
		for _, w := range list {
			add(w.At, view.Happening{What: "written", Where: string(w.Where), Place: w.Place, Addr: w.Addr, Old: w.Old.IP, New: w.IP, Frames: w.Frames,
				Text: fmt.Sprintf("%s writes ip %#x into the %s at %#x, where %#x was", w.Place, w.IP, w.Where, w.Addr, w.Old.IP)})
		}
	}
	for _, f := range t.Forced {
		text := fmt.Sprintf("thaw forces ip %#x, sp %#x into the %s, where ip %#x was%s; %s", f.IP, f.SP, PlaceWords(j.Platform, f.Where), f.Old.IP, f.Wait(j.Platform), f.Registers(j.Platform))
		if f.Undone {
			text += "; it was taken back"
		}
		add(f.At, view.Happening{What: "forced", Where: string(f.Where), New: f.IP, Old: f.Old.IP, Text: text})
	}
	if en := t.Entered; en != nil {
		add(en.At, view.Happening{What: "entered", New: en.IP, Place: en.Place, Text: fmt.Sprintf("enters user mode at %s, ip %#x, sp %#x", en.Place, en.IP, en.SP)})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.seq, b.seq) })
	out := make([]view.Happening, 0, len(all))
	for _, e := range all {
		out = append(out, e.Happening)
	}
	return out
}
