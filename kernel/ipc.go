package kernel

import "slices"

// WaitsFor is the thread that can end a thread's wait: the one that is waited for,
// or the one that the object leads to. It is 0 for a thread that waits for nobody,
// for anybody, for an event, or for an object that no thread serves.
func (s *System) WaitsFor(t *Thread) ID {
	o := s.WaitedFor(t)
	switch {
	case o == nil || o.Event:
		return 0
	case o.Thread != nil:
		return o.ID
	}
	l, _ := o.Lead()
	return l.To
}

// Chain follows who waits for whom from a thread on. The first is the thread
// itself. Where the chain comes back to a thread, cycle is that thread's place
// in it, else -1.
func (s *System) Chain(id ID) (chain []ID, cycle int) {
	for len(chain) < maxChain {
		if at := slices.Index(chain, id); at >= 0 {
			return chain, at
		}
		chain = append(chain, id)
		o := s.Object(id)
		if o == nil || o.Thread == nil {
			return chain, -1
		}
		next := s.WaitsFor(o.Thread)
		if next == 0 {
			return chain, -1
		}
		id = next
	}
	return chain, -1
}

// maxChain bounds a chain: where it is longer, memory lies.
const maxChain = 256

// Cycles lists threads that wait for each other in a ring: none of them goes on.
// Each ring begins with its lowest id. A wait with a timeout ends by itself, and
// a thread that waits for itself sleeps on purpose: neither makes a ring.
func (s *System) Cycles() [][]ID {
	var out [][]ID
	seen := map[ID]bool{}
	for _, o := range s.Threads() {
		chain, at := s.Chain(o.ID)
		if at < 0 || seen[chain[at]] {
			continue
		}
		ring := chain[at:]
		ends := func(id ID) bool { return s.Object(id).Thread.Wait.Ends }
		if len(ring) == 1 || slices.ContainsFunc(ring, ends) {
			continue
		}
		for _, id := range ring {
			seen[id] = true
		}
		first := slices.Index(ring, slices.Min(ring))
		out = append(out, append(slices.Clone(ring[first:]), ring[:first]...))
	}
	return out
}

// Holder is a slot that names an object.
type Holder struct {
	PD   ID
	Slot uint64
}

// Holders lists the slots that name an object, by protection domain.
func (s *System) Holders(id ID) []Holder {
	var out []Holder
	for _, t := range s.PDs() {
		for _, c := range t.PD.Caps {
			if c.Object == id {
				out = append(out, Holder{t.ID, c.Slot})
			}
		}
	}
	return out
}
