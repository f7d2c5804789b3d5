// Package captables compares the capability tables of two children that run one
// program, one of which is to be the other, restored: what stands where it stood, what
// stands in another slot, and what only one of them has.
//
// It knows slots, objects by number, and in words what an object is and where it leads.
// It must not know kernels, sessions or screens: all of it is one pure function.
package captables

import (
	"cmp"
	"slices"
)

// Entry is a slot that is filled.
type Entry struct {
	Slot   uint64
	Object uint64 // the object's number; only if Known
	Known  bool   // else what the slot leads to is nothing that was found
	Order  uint64 // grows in the order in which objects were made, 0 if that is not known
	Kind   string // of the object: "Gate", "IRQ", …
	Role   string // where it leads, in words that are true of both children
	Name   string // what it is called by those who made it, true of both children; "" if that is not known
	Trait  string // tells it from others of one role and name, though more than one may have it, as a size
	Rights string
}

// alike says that two entries may be for the same thing in either child.
func (e *Entry) alike() key { return key{e.Kind, e.Role, e.Name, e.Trait} }

type key struct{ kind, role, name, trait string }

// fewer are ways to make less of a key, for what has no counterpart that is called the same:
// a restore may have called it otherwise.
var fewer = []func(k key) key{
	func(k key) key { return k },
	key.named,
	func(k key) key { return key{kind: k.kind, role: k.role} },
}

// named is a key without what more than one may have.
func (k key) named() key { return key{kind: k.kind, role: k.role, name: k.name} }

// Tables are what is compared.
type Tables struct {
	Original, Restored []Entry // by slot
	// Begun is the newest object's Order as the restore began: what the restored
	// child has since, the restore made for it, in an order of its own. 0: not known.
	Begun uint64
}

// Certainty says how sure it is that two slots hold the same thing.
type Certainty string

// The certainties.
const (
	Certain  Certainty = "certain"  // it is the only one of its kind and role in either child, or the very same object
	Likely   Certainty = "likely"   // others are like it, and it was made between the same others
	Possible Certainty = "possible" // others are like it, and it is what is left of them; or it is called otherwise
)

// Move is an object that stands in another slot than it stood in.
type Move struct {
	From, To int // entries of the original's and the restored child's
	Certainty
	Otherwise bool // it is known to be called otherwise
}

// Copy is a further slot of one child for an object that has its place in both, or that
// was told of already.
type Copy struct {
	Entry, Of int  // entries of the same child
	Restored  bool // of the restored one, else of the original
}

// Result names entries by their index.
type Result struct {
	Same    int      // slots
	Changed [][2]int // the same slot of either child, which holds something else
	Moved   []Move
	Missing []int // of the original's
	Later   []int // of the original's, which it was given only after all that the restored child has
	Extra   []int // of the restored one's
	Copies  []Copy
}

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

// Compare finds the restored child's counterpart of each capability of the original's,
// and tells what differs.
func Compare(t Tables) Result {
	a, b := sideOf(t.Original), sideOf(t.Restored)
	for _, less := range fewer {
		for _, o := range slices.Concat(a.objects, b.objects) {
			o.key, o.settled = less(o.all), o.peer != nil
		}
		pairIdentical(a, b)
		pairOnly(a, b)
		pairInPlace(a, b)
		pairMoved(a, b, t.Begun)
	}
	var r Result
	for _, o := range a.objects {
		if o.peer != nil {
			r.placed(a, b, o)
		}
	}
	notYet := laterOf(a, t.Begun)
	r.changed(a, b, notYet)
	r.alone(a, b, notYet)
	r.sort()
	return r
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

// placed tells in which slots an object stands that both children have.
func (r *Result) placed(a, b *side, o *object) {
	var from, to []int
	common := -1
	in := map[uint64]int{}
	for _, j := range o.peer.entries {
		in[b.entries[j].Slot] = j
	}
	for _, i := range o.entries {
		j, there := in[a.entries[i].Slot]
		switch {
		case !there:
			from = append(from, i)
			continue
		case a.entries[i].Rights == b.entries[j].Rights && !o.otherwise(o.peer):
			r.Same++
		default:
			r.Changed = append(r.Changed, [2]int{i, j})
		}
		delete(in, a.entries[i].Slot)
		a.told[i], b.told[j], common = true, true, j
	}
	for _, j := range o.peer.entries {
		if _, alone := in[b.entries[j].Slot]; alone {
			to = append(to, j)
		}
	}
	lastFrom, lastTo := -1, common
	for len(from) > 0 && len(to) > 0 {
		x, y := nearest(a, b, from, to)
		lastFrom, lastTo = from[x], to[y]
		r.Moved = append(r.Moved, Move{lastFrom, lastTo, o.certain, o.otherwise(o.peer)})
		a.told[lastFrom], b.told[lastTo] = true, true
		from, to = slices.Delete(from, x, x+1), slices.Delete(to, y, y+1)
	}
	if lastFrom < 0 {
		lastFrom = o.entries[0]
	}
	for _, i := range from {
		a.told[i] = true
		r.Copies = append(r.Copies, Copy{Entry: i, Of: otherThan(o.entries, i, lastFrom)})
	}
	for _, j := range to {
		b.told[j] = true
		r.Copies = append(r.Copies, Copy{Entry: j, Of: lastTo, Restored: true})
	}
}

// otherThan is the preferred entry, or another one where that is the entry itself.
func otherThan(entries []int, i, preferred int) int {
	if preferred != i {
		return preferred
	}
	return entries[len(entries)-1]
}

// nearest are the two slots that lie nearest to each other: a child that was given
// something a little earlier or later has it a few slots away.
func nearest(a, b *side, from, to []int) (x, y int) {
	least := ^uint64(0)
	for i, f := range from {
		for j, t := range to {
			p, q := a.entries[f].Slot, b.entries[t].Slot
			if d := max(p, q) - min(p, q); d < least {
				x, y, least = i, j, d
			}
		}
	}
	return x, y
}

// laterOf says of which objects the original was given them only after all that the restored
// child has, where the restore made none of what the latter has.
func laterOf(a *side, begun uint64) func(o *object) bool {
	newest, restorer := uint64(0), false
	for _, o := range a.objects {
		if o.peer != nil {
			newest = max(newest, o.order)
			restorer = restorer || begun != 0 && o.peer.order > begun
		}
	}
	return func(o *object) bool { return newest > 0 && o.order > newest && !restorer }
}

// changed tells slots that hold something else, of which nothing else is known in either
// child. What the restored child holds in a second slot for a while stands there in the
// place of nothing that the original was given later.
func (r *Result) changed(a, b *side, notYet func(o *object) bool) {
	index := map[uint64]int{}
	for j, e := range b.entries {
		index[e.Slot] = j
	}
	for i, e := range a.entries {
		j, there := index[e.Slot]
		if !there || a.told[i] || b.told[j] || len(b.at[e.Slot].entries) > 1 && notYet(a.at[e.Slot]) {
			continue
		}
		r.Changed = append(r.Changed, [2]int{i, j})
		a.told[i], b.told[j] = true, true
	}
}

// alone tells what only one of both has.
func (r *Result) alone(a, b *side, notYet func(o *object) bool) {
	for _, o := range a.objects {
		list := &r.Missing
		if notYet(o) {
			list = &r.Later
		}
		r.rest(a, o, list, false)
	}
	for _, o := range b.objects {
		r.rest(b, o, &r.Extra, true)
	}
}

// rest tells once of an object that has no counterpart; its further slots are copies.
func (r *Result) rest(s *side, o *object, list *[]int, restored bool) {
	first := -1
	for _, i := range o.entries {
		if s.told[i] {
			first = i
		}
	}
	for _, i := range o.entries {
		switch {
		case s.told[i]:
		case first >= 0:
			r.Copies = append(r.Copies, Copy{Entry: i, Of: first, Restored: restored})
		default:
			*list, first = append(*list, i), i
		}
		s.told[i] = true
	}
}

// sort orders what was found object by object by slots: entries are in that order.
func (r *Result) sort() {
	slices.SortFunc(r.Changed, func(x, y [2]int) int { return cmp.Compare(x[0], y[0]) })
	slices.SortFunc(r.Moved, func(x, y Move) int { return cmp.Compare(x.From, y.From) })
	slices.Sort(r.Missing)
	slices.Sort(r.Later)
	slices.Sort(r.Extra)
	slices.SortFunc(r.Copies, func(x, y Copy) int { return cmp.Compare(x.Entry, y.Entry) })
}
