package session

import "thaw/session/view"

// moments is the history of stops: the newest ones, as many as there is room
// for. Stops are named by their numbers, which dropping the oldest does not
// change. A moment that was added is never changed.
type moments struct {
	kept  []*moment
	first int // number of the oldest that is kept; 0: there was none so far
	sizes int // of all that are kept
	most  int // stops that are kept
}

// Bounds of a history. A stop's size counts its objects and capabilities, of
// which each takes some 200 bytes: a real system's stop has some thousand, so
// that the number of stops is what bounds its history. Stops of a system with a
// hundred thousand are bounded by their sizes; a few are kept in any case.
const (
	maxMoments = 2000
	maxSizes   = 500_000
	minMoments = 8
)

// last is the number of the newest stop, 0 if there is none.
func (h *moments) last() int {
	if h.first == 0 {
		return 0
	}
	return h.first + len(h.kept) - 1
}

// at is a stop by its number, nil if it is not there or was dropped.
func (h *moments) at(stop int) *moment {
	if stop < h.first || stop > h.last() || h.first == 0 {
		return nil
	}
	return h.kept[stop-h.first]
}

// newest is the last stop, nil if there is none.
func (h *moments) newest() *moment { return h.at(h.last()) }

// add appends a stop and says whether older ones had to go for it.
func (h *moments) add(m *moment) (dropped bool) {
	if h.first == 0 {
		h.first = 1
	}
	m.size = sizeOf(m.snap)
	h.kept = append(h.kept, m)
	h.sizes += m.size
	n := 0
	for len(h.kept)-n > h.most || h.sizes > maxSizes && len(h.kept)-n > minMoments {
		h.sizes -= h.kept[n].size
		h.kept[n] = nil // for the memory to go
		n++
	}
	h.kept = h.kept[n:]
	h.first += n
	return n > 0
}

// replaceNewest takes another moment for the newest stop.
func (h *moments) replaceNewest(m *moment) { h.kept[len(h.kept)-1] = m }

// sizeOf is roughly how much memory a snapshot takes, see maxSizes.
func sizeOf(s *view.Snapshot) int {
	if s.System == nil {
		return 1
	}
	return 1 + len(s.System.Objects) + s.System.Capabilities()
}
