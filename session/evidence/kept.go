package evidence

import (
	"slices"

	"thaw/kernel"
)

// KeptIn are the places of a thread that stay.
func KeptIn(t *kernel.Thread) []Kept {
	var out []Kept
	for _, p := range t.Places {
		if !p.Passing {
			out = append(out, Kept{p.Name, p.IPAddr, p.SPAddr, Saved{p.IP, p.SP}})
		}
	}
	return out
}

// Kept is one of these places.
type Kept struct {
	Name           kernel.Source
	IPAddr, SPAddr uint64
	Saved          // as last seen
}

// Counting is the index of the place that holds a thread's user state: the last
// one that it was put aside to, by what stands there, else the usual one.
func Counting(p *kernel.Platform, places []Kept, is []Saved) int {
	n := 0
	for i := range places {
		if kind := p.Place(places[i].Name); kind.Aside && kind.Counts(is[i].IP) {
			n = i
		}
	}
	return n
}

// kept is the place that held a thread's user state when it was seen last: where that is
// put aside, else where it was written last, else as the request came.
func (t *Track) kept(p *kernel.Platform) *Kept {
	if i := Counting(p, t.Places, t.lastSeen()); i > 0 {
		return &t.Places[i]
	}
	for _, w := range slices.Backward(t.Writes) {
		if i := slices.IndexFunc(t.Places, func(k Kept) bool { return k.Name == w.Where }); i >= 0 && !p.Place(w.Where).Aside {
			return &t.Places[i]
		}
	}
	return &t.Places[0]
}

// lastSeen is what was seen last in each place of a thread's user state.
func (t *Track) lastSeen() []Saved {
	out := make([]Saved, len(t.Places))
	for i := range t.Places {
		out[i] = t.Places[i].Saved
	}
	return out
}

// Saved is a user ip and sp as the kernel keeps them.
type Saved struct{ IP, SP uint64 }
