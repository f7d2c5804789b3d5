package evidence

import (
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
// one that counts by what stands there.
func Counting(p *kernel.Platform, places []Kept, is []Saved) int {
	n := 0
	for i := range places {
		if p.Place(places[i].Name).Counts(is[i].IP) {
			n = i
		}
	}
	return n
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
