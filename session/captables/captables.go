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
