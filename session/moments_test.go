package session

import (
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// sized is a stop of a system with so many capabilities.
func sized(number, caps int) *moment {
	task := &kernel.Object{ID: 1, PD: &kernel.PD{Caps: make([]kernel.Capability, caps)}}
	return &moment{snap: &view.Snapshot{Number: number, System: kernel.NewSystem([]*kernel.Object{task}, nil)}}
}

// A history keeps the newest stops under their numbers.
func TestMoments(t *testing.T) {
	h := moments{most: 5}
	if h.last() != 0 || h.newest() != nil || h.at(0) != nil || h.at(1) != nil {
		t.Errorf("an empty history has stop %d", h.last())
	}
	for n := 1; n <= 12; n++ {
		if dropped := h.add(sized(n, 1)); dropped != (n > 5) {
			t.Errorf("stop %d: dropped %v", n, dropped)
		}
		if h.last() != n || h.newest().snap.Number != n {
			t.Errorf("after stop %d the newest is %d", n, h.last())
		}
	}
	for n := 0; n <= 13; n++ {
		m := h.at(n)
		if kept := n > 7 && n <= 12; kept != (m != nil) || kept && m.snap.Number != n {
			t.Errorf("stop %d: %v", n, m)
		}
	}
	m := *h.newest()
	h.replaceNewest(&m)
	if h.newest() != &m || h.at(11) == &m {
		t.Error("another stop was replaced")
	}
}

// Stops of a large system are bounded by their size, and a few are always kept.
func TestMomentsOfLargeSystem(t *testing.T) {
	h := moments{most: 2000}
	for n := 1; n <= 3*minMoments; n++ {
		h.add(sized(n, maxSizes/10))
	}
	if len(h.kept) != 9 || h.last() != 3*minMoments {
		t.Errorf("%d stops of a tenth of the bound are kept", len(h.kept))
	}
	for n := 1; n <= 2*minMoments; n++ {
		h.add(sized(3*minMoments+n, maxSizes))
	}
	if len(h.kept) != minMoments {
		t.Errorf("%d stops larger than the bound are kept, want %d", len(h.kept), minMoments)
	}
	for range 2 * minMoments {
		h.add(sized(h.last()+1, 1))
	}
	sum := 0
	for _, m := range h.kept {
		sum += m.size
	}
	if sum != h.sizes {
		t.Errorf("the sizes sum up to %d, not %d", sum, h.sizes)
	}
}
