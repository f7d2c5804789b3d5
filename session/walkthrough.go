package session

import (
	"thaw/memory"
	"thaw/session/view"
)

// walkThrough decodes the stops of a recording one after the other: what is as it was
// at the stop before is taken over.
type walkThrough struct {
	r      *Replay
	source *recordedSource
	mirror *memory.Mirror
	at     int // stop that was decoded last, 0: none
	snap   *view.Snapshot
}

func newWalkThrough(r *Replay) *walkThrough {
	w := &walkThrough{r: r, source: &recordedSource{rec: r.rec}}
	w.mirror = memory.NewMirror(w.source)
	return w
}

// snapshot decodes a stop, counted from 1.
func (w *walkThrough) snapshot(stop int) (*view.Snapshot, error) {
	if w.at == stop {
		return w.snap, nil
	}
	if _, err := w.r.record(stop); err != nil {
		return nil, err
	}
	record := w.r.stops[stop-1]
	w.source.move(record)
	if err := w.mirror.Refresh(); err != nil {
		return nil, err
	}
	s, err := w.r.decode(record, w.mirror)
	if err != nil {
		return nil, err
	}
	w.at, w.snap = stop, s
	return s, nil
}

// recordedSource is memory at one record after the other.
type recordedSource struct {
	rec         Recorded
	now, before int // records, -1: none
	memory.Source
}

func (s *recordedSource) move(record int) {
	s.before, s.now = s.now, record
	if s.Source == nil {
		s.before = -1
	}
	s.Source = s.rec.Modelled(record)
}

// Same implements memory.Steady.
func (s *recordedSource) Same(page uint64) bool {
	return s.before >= 0 && s.rec.SamePage(s.before, s.now, page)
}
