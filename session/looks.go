package session

import (
	"maps"
	"slices"

	"thaw/debuginfo"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/view"
)

// keptPointers is how many pointers far types are recorded from what a name means.
const keptPointers = 2

// names are those at the place where the processor stopped, with what they mean.
func (r *recording) names(s *view.Snapshot) *debuginfo.Place {
	c := r.programs.Here(s.System)
	if c == nil {
		return nil
	}
	place, err := debuginfo.PlaceOf(r.m.Scope(c.File), keptPointers)
	if err != nil {
		return nil // damaged debug info: whoever asks is told live
	}
	return place
}

// keepTypes records the types of what is in the functions of a backtrace.
func (r *recording) keepTypes(frames []view.Frame) {
	for _, f := range frames {
		if c := r.programs.ByName[f.Place.Component]; c != nil {
			_ = c.File.Tap().KeepAround(f.Place.Addr, keptPointers) // as above
		}
	}
}

// keepType records the type of a value that a user asked for.
func (r *recording) keepType(c *components.Component, v debuginfo.Value) {
	if r.goesOn() && v.Type != nil {
		c.File.Tap().Keep(v.Type, keptPointers)
	}
}

// looks are what was read for a user since the last record.
type looks struct {
	record int                     // of the newest stop, from 1; 0 if that is none
	held   map[uint64]*memory.Mask // its pages, and what is recorded of them: nil for all
	asked  []*memory.View
}

// after begins anew behind a record.
func (l *looks) after(record int, stop bool, pages []Page) {
	*l = looks{}
	if stop {
		l.record, l.held = record, map[uint64]*memory.Mask{}
		l.hold(pages)
	}
}

func (l *looks) hold(pages []Page) {
	for _, p := range pages {
		l.held[p.Addr] = p.Known
	}
}

// holds says whether all is recorded that a page brings.
func (l *looks) holds(p Page) bool {
	known, ok := l.held[p.Addr]
	if !ok || known == nil || p.Known == nil {
		return ok && known == nil || p.Known != nil && *p.Known == memory.Mask{}
	}
	for i, b := range p.Known {
		if b&^known[i] != 0 {
			return false
		}
	}
	return true
}

// Asked notes what a user will see.
func (r *recording) Asked(v *memory.View) {
	if !r.goesOn() {
		return
	}
	r.Trace(v)
	r.looks.asked = append(r.looks.asked, v)
}

// readLooks notes which pages were read for a user, and by the model.
func (r *recording) readLooks() {
	r.Read(r.m.View)
	for _, v := range r.looks.asked {
		r.Read(v)
	}
	r.looks.asked = nil
}

// keepLooks records what was read for a user at the newest stop, since its record; of pages
// with machine code just that, or nothing. The next record holds what the model has read all
// the same.
func (r *recording) keepLooks(code bool) {
	if !r.goesOn() || r.looks.record == 0 {
		return
	}
	noted, reads := maps.Clone(r.pages), maps.Clone(r.reads)
	r.readLooks()
	maps.DeleteFunc(r.pages, func(addr uint64, _ bool) bool { return r.looks.holds(Page{Addr: addr}) })
	for addr := range r.pages { // a page's parts are recorded together
		if known := r.looks.held[addr]; known != nil {
			r.reads.Add(addr, known)
		}
	}
	pages, err := r.fetch(code)
	if pages = slices.DeleteFunc(pages, r.looks.holds); err == nil && len(pages) > 0 {
		err = r.to.More(r.looks.record, pages)
		r.looks.hold(pages)
	}
	maps.Copy(r.pages, noted)
	maps.Copy(r.reads, reads)
	if err != nil {
		r.fail(err)
	}
}
