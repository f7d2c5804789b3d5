package components

import (
	"thaw/memory"
	"thaw/session/machine"
)

// mostSeen bounds the memory that sightings are of, in granules.
const mostSeen = 1 << 18

// sightings are how programs fit tasks whose program was not found: each holds for as long
// as the page tables and the text that it was seen by are as they were, and is no guess.
// Such a task may be asked about at every stop, as the rest of init's children are; one
// whose program was found is not searched any more.
type sightings struct {
	mirror *memory.Mirror // of what they were seen by
	paging memory.Paging
	stop   *memory.View     // text of the stop as of which they hold
	tasks  map[taskKey]bool // whose program was not found so far
	seen   map[sightKey]*sighting
}

type sightKey struct {
	task taskKey
	comp *Component
}

type sighting struct {
	fit
	reads memory.Reads
}

// note says of a task whether its program was found.
func (s *sightings) note(key taskKey, found bool) {
	if found {
		delete(s.tasks, key)
		return
	}
	if s.tasks == nil {
		s.tasks, s.seen = map[taskKey]bool{}, map[sightKey]*sighting{}
	}
	s.tasks[key] = true
}

// of says how a program fits a task that was noted.
func (s *sightings) of(m *machine.Machine, key taskKey, c *Component) fit {
	s.turn(m)
	at := sightKey{key, c}
	if known := s.seen[at]; known != nil {
		return known.fit
	}
	now := &sighting{}
	outer := s.mirror.Collect(&now.reads)
	now.fit = c.fits(memory.NewSpace(s.mirror, m.Paging, key.root), s.mirror)
	s.mirror.Collect(outer)
	now.reads.Compact()
	s.seen[at] = now
	return now.fit
}

// turn drops at a new stop what does not hold any more.
func (s *sightings) turn(m *machine.Machine) {
	if s.stop == m.Text {
		return
	}
	s.stop = m.Text
	if s.mirror == nil || s.paging != m.Paging || s.mirror.Size() > mostSeen || s.mirror.Refresh() != nil {
		s.mirror, s.paging = m.Apart(), m.Paging
		clear(s.seen)
	}
	for at, known := range s.seen {
		if !s.tasks[at.task] || known.reads.Changed() {
			delete(s.seen, at)
		}
	}
}
