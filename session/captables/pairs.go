package captables

import (
	"cmp"
	"slices"
)

// object is what one or more slots of a child name.
type object struct {
	all     key // all that is known of it
	key     key // what it is compared by: less and less of that, until it is paired
	order   uint64
	entries []int // by slot
	peer    *object
	certain Certainty
	settled bool // paired by more than is compared now
}

// side is one child's table, by object.
type side struct {
	entries []Entry
	objects []*object
	at      map[uint64]*object // by slot
	told    map[int]bool       // entries of which something was told
}

func sideOf(entries []Entry) *side {
	s := &side{entries: entries, at: map[uint64]*object{}, told: map[int]bool{}}
	type named struct {
		object uint64
		key
	}
	known := map[named]*object{}
	for i := range entries {
		e := &entries[i]
		o := known[named{e.Object, e.alike()}]
		if o == nil || !e.Known {
			o = &object{all: e.alike(), order: e.Order}
			s.objects = append(s.objects, o)
			if e.Known {
				known[named{e.Object, e.alike()}] = o
			}
		}
		o.entries = append(o.entries, i)
		s.at[e.Slot] = o
	}
	return s
}

// pairIdentical pairs what both children have.
func pairIdentical(a, b *side) {
	number := map[uint64]*object{}
	for _, o := range b.objects {
		if e := b.entries[o.entries[0]]; e.Known {
			number[e.Object] = o
		}
	}
	for _, o := range a.objects {
		if e := a.entries[o.entries[0]]; e.Known && number[e.Object] != nil && number[e.Object].key == o.key {
			pair(o, number[e.Object], Certain)
		}
	}
}

func pair(a, b *object, c Certainty) {
	if a.peer != nil || b.peer != nil {
		return
	}
	if a.otherwise(b) {
		c = Possible
	}
	a.peer, b.peer, a.certain = b, a, c
}

// otherwise says whether two objects are known to be called otherwise.
func (o *object) otherwise(b *object) bool {
	differ := func(x, y string) bool { return x != "" && y != "" && x != y }
	return differ(o.all.name, b.all.name) || differ(o.all.trait, b.all.trait)
}

// pairOnly pairs the only ones of their kind.
func pairOnly(a, b *side) {
	named := group(a, b, func(o *object) key { return o.key.named() })
	for _, k := range named.keys {
		if x, y := named.of[k][0], named.of[k][1]; len(x) == 1 && len(y) == 1 && x[0].key == y[0].key {
			pair(x[0], y[0], Certain)
		}
	}
}

// pairInPlace pairs what stands in the same slot and is alike.
func pairInPlace(a, b *side) {
	for _, e := range a.entries {
		if x, y := a.at[e.Slot], b.at[e.Slot]; y != nil && x.key == y.key {
			pair(x, y, Likely)
		}
	}
}

// pairMoved pairs what remains: among those that are alike the ones that were made between
// the same others.
func pairMoved(a, b *side, begun uint64) {
	an := anchorsOf(a)
	an.doubt(a, begun)
	left := group(a, b, func(o *object) key { return o.key })
	for _, k := range left.keys {
		an.pair(unpaired(left.of[k][0]), unpaired(left.of[k][1]), begun)
	}
	pairInPlace(a, b)
	for _, k := range left.keys {
		pairLeft(unpaired(left.of[k][0]), unpaired(left.of[k][1]), begun)
	}
}

// groups are the objects of both children that are alike.
type groups struct {
	keys []key // in the order of the tables
	of   map[key]*[2][]*object
}

// group groups all objects by a key.
func group(a, b *side, by func(o *object) key) groups {
	g := groups{of: map[key]*[2][]*object{}}
	for n, s := range []*side{a, b} {
		for _, o := range s.objects {
			k := by(o)
			if g.of[k] == nil {
				g.of[k] = &[2][]*object{}
				g.keys = append(g.keys, k)
			}
			g.of[k][n] = append(g.of[k][n], o)
		}
	}
	return g
}

func unpaired(objects []*object) []*object {
	return slices.DeleteFunc(slices.Clone(objects), func(o *object) bool { return o.peer != nil })
}

// pairLeft pairs as many as there are on the other side, one after the other. Where the
// order of creation is known, it has spoken against those that the child itself made.
func pairLeft(a, b []*object, begun uint64) {
	b = slices.DeleteFunc(b, func(o *object) bool { return o.order != 0 && begun != 0 && o.order <= begun })
	if len(a) != len(b) {
		return
	}
	for i, o := range a {
		pair(o, b[i], Possible)
	}
}

// anchors are pairs in the order in which both children made them.
type anchors struct{ original, restored []uint64 }

// doubt parts those that stand in the same slot and are alike, yet were made by the two
// children at different places in their order: others may be alike, and fit better.
func (an anchors) doubt(a *side, begun uint64) {
	for _, o := range a.objects {
		if o.peer == nil || o.settled || o.certain == Certain || o.order == 0 || o.peer.order == 0 || begun != 0 && o.peer.order > begun {
			continue
		}
		if _, in := slices.BinarySearch(an.original, o.order); !in {
			o.peer.peer, o.peer = nil, nil
		}
	}
}

// anchorsOf takes the longest row of pairs that both children made in one order: what the
// restore made in another is left out (the longest increasing subsequence; patience
// sorting, D. E. Knuth, The Art of Computer Programming 3, 5.1.4).
func anchorsOf(a *side) anchors {
	var paired []*object
	for _, o := range a.objects {
		if o.peer != nil && o.order != 0 && o.peer.order != 0 {
			paired = append(paired, o)
		}
	}
	slices.SortFunc(paired, func(x, y *object) int { return cmp.Compare(x.order, y.order) })
	var tops []int // by length of the row, the one that ends lowest
	before := make([]int, len(paired))
	for i, o := range paired {
		n, _ := slices.BinarySearchFunc(tops, o.peer.order, func(t int, order uint64) int { return cmp.Compare(paired[t].peer.order, order) })
		before[i] = -1
		if n > 0 {
			before[i] = tops[n-1]
		}
		if n == len(tops) {
			tops = append(tops, i)
		} else {
			tops[n] = i
		}
	}
	var out anchors
	if len(tops) == 0 {
		return out
	}
	for i := tops[len(tops)-1]; i >= 0; i = before[i] {
		out.original, out.restored = append(out.original, paired[i].order), append(out.restored, paired[i].peer.order)
	}
	slices.Reverse(out.original)
	slices.Reverse(out.restored)
	return out
}

// pair pairs objects that are alike and were made between the same anchors, where there
// are as many on both sides, and the first ones of those that were made last.
func (an anchors) pair(a, b []*object, begun uint64) {
	ranks := map[int]*[2][]*object{}
	var order []int
	gather := func(objects []*object, n int, anchors []uint64) {
		for _, o := range objects {
			if o.order == 0 || n == 1 && begun != 0 && o.order > begun {
				continue
			}
			rank, _ := slices.BinarySearch(anchors, o.order)
			if ranks[rank] == nil {
				ranks[rank] = &[2][]*object{}
				order = append(order, rank)
			}
			ranks[rank][n] = append(ranks[rank][n], o)
		}
	}
	gather(a, 0, an.original)
	gather(b, 1, an.restored)
	for _, rank := range order {
		of, rest := ranks[rank][0], ranks[rank][1]
		if len(of) != len(rest) && rank < len(an.original) {
			continue
		}
		for _, list := range [][]*object{of, rest} {
			slices.SortFunc(list, func(x, y *object) int { return cmp.Compare(x.order, y.order) })
		}
		for i := range min(len(of), len(rest)) { // behind all anchors one of the two is not as far as the other
			pair(of[i], rest[i], Likely)
		}
	}
}
