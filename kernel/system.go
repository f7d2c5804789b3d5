package kernel

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// System is the model of all kernel objects at one stop. It is never changed
// after it was built.
type System struct {
	Objects  []*Object // by id
	Problems []string  // what could not be read, one sentence each
	Anew     int       // objects that were decoded at this stop; the others' memory is as at the stop before

	byID   map[ID]int // indices in Objects
	byAddr []int
}

// Runs notes that a thread is on a processor of a machine that is read while it runs:
// its user state is the processor's, which is not known.
func (s *System) Runs(thread uint64, cpu int) {
	o := s.Own(thread)
	if o == nil {
		return
	}
	t := o.Thread
	t.Running, t.CPU = true, cpu
	t.IP, t.SP, t.Flags, t.Source, t.Registers = 0, 0, 0, SourceCPU, nil
}

// NewSystem indexes objects. Of two objects with one id the first counts.
func NewSystem(objects []*Object, problems []string) *System {
	s := &System{Objects: objects, Problems: problems, byID: make(map[ID]int, len(objects)), byAddr: make([]int, len(objects))}
	slices.SortStableFunc(s.Objects, func(a, b *Object) int { return cmp.Compare(a.ID, b.ID) })
	for i, o := range s.Objects {
		s.byAddr[i] = i
		if _, ok := s.byID[o.ID]; !ok {
			s.byID[o.ID] = i
		}
	}
	slices.SortStableFunc(s.byAddr, func(i, j int) int { return cmp.Compare(s.Objects[i].Addr, s.Objects[j].Addr) })
	return s
}

// Again is the system at a stop at which the same objects exist, each with its
// id, address and class: they come in the order of s.Objects.
func (s *System) Again(objects []*Object, problems []string) *System {
	return &System{Objects: objects, Problems: problems, byID: s.byID, byAddr: s.byAddr}
}

// AllProblems tells everything that could not be read, one sentence each: what
// belongs to no object, then what is wrong with one.
func (s *System) AllProblems() []string {
	out := slices.Clone(s.Problems)
	for _, o := range s.Objects {
		if o.Problem != "" {
			text := fmt.Sprintf("%s %s at %#x: %s", o.Class, o.ID, o.Addr, o.Problem)
			if !slices.Contains(s.Problems, text) {
				out = append(out, text)
			}
		}
		if o.PD != nil && o.PD.Problem != "" {
			out = append(out, fmt.Sprintf("capability table of %s %s: %s", o.Kind.Word(), o.ID, o.PD.Problem))
		}
	}
	return out
}

// Object returns the object with an id, or nil.
func (s *System) Object(id ID) *Object {
	if i, ok := s.byID[id]; ok {
		return s.Objects[i]
	}
	return nil
}

// At returns the object that a kernel pointer points into, or nil.
func (s *System) At(addr uint64) *Object {
	i := sort.Search(len(s.byAddr), func(i int) bool { return s.Objects[s.byAddr[i]].Addr > addr })
	if i == 0 {
		return nil
	}
	if o := s.Objects[s.byAddr[i-1]]; o.Contains(addr) {
		return o
	}
	return nil
}

// Own puts a copy of the thread object at an address into the model, for what a decoder
// adds at this stop; nil if there is none. The object itself may be given out already.
func (s *System) Own(addr uint64) *Object {
	n := sort.Search(len(s.byAddr), func(i int) bool { return s.Objects[s.byAddr[i]].Addr >= addr })
	for ; n < len(s.byAddr) && s.Objects[s.byAddr[n]].Addr == addr; n++ {
		if i := s.byAddr[n]; s.Objects[i].Thread != nil {
			o, t := *s.Objects[i], *s.Objects[i].Thread
			o.Thread, s.Objects[i] = &t, &o
			return &o
		}
	}
	return nil
}

// Named is the object that a capability names, or nil. Its id alone would not
// tell: the kernel's first object has the id 0, as has an unknown one.
func (s *System) Named(c Capability) *Object {
	if c.Object != 0 {
		return s.Object(c.Object)
	}
	return s.At(c.Pointer)
}

// Threads lists the thread objects by id.
func (s *System) Threads() []*Object {
	return s.filter(func(o *Object) bool { return o.Thread != nil })
}

// PDs lists the protection domains by id.
func (s *System) PDs() []*Object { return s.filter(func(o *Object) bool { return o.PD != nil }) }

// ThreadsOf lists a protection domain's threads by id.
func (s *System) ThreadsOf(pd ID) []*Object {
	return s.filter(func(o *Object) bool { return o.Thread != nil && o.Thread.PD == pd })
}

// MainThread is the thread with the lowest id of a protection domain, or nil: the
// one that was made first, which Genode names after the component's ROM.
func (s *System) MainThread(pd ID) *Object {
	for _, o := range s.Objects {
		if o.Thread != nil && o.Thread.PD == pd {
			return o
		}
	}
	return nil
}

// PDByRoot is the protection domain of which page tables are at the physical address
// root, or nil.
func (s *System) PDByRoot(root uint64) *Object {
	for _, o := range s.Objects {
		if o.PD != nil && root != 0 && (o.PD.Root == root || slices.Contains(o.PD.Roots, root)) {
			return o
		}
	}
	return nil
}

// RunningPD is the protection domain of the thread that is on a CPU, else the one whose
// page tables that uses: a kernel may let its own threads use anybody's. It is nil if
// neither is known.
func (s *System) RunningPD(cpu int, root uint64) *Object {
	if o := s.Running(cpu); o != nil {
		if pd := s.Object(o.Thread.PD); pd != nil && pd.PD != nil {
			return pd
		}
	}
	return s.PDByRoot(root)
}

// Running is the thread that was on a CPU at the stop, or nil.
func (s *System) Running(cpu int) *Object {
	for _, o := range s.Objects {
		if o.Thread != nil && o.Thread.Running && o.Thread.CPU == cpu {
			return o
		}
	}
	return nil
}

// Wait is the object that a thread waits for, in short: its id, with "*" behind
// one where an event ends the wait, and "?" behind anything else that is no
// thread; "-" for a wait for no object that is known.
func (s *System) Wait(t *Thread) string {
	if !t.Waits() {
		return ""
	}
	o := s.Object(t.Wait.For)
	switch {
	case t.Wait.For != 0 && o != nil && o.Thread != nil:
		return o.ID.String()
	case t.Wait.For != 0 && o != nil && o.Event:
		return o.ID.String() + "*"
	case t.Wait.For != 0 && o != nil:
		return o.ID.String() + "?"
	case t.Wait.What == "":
		return ""
	}
	return "-"
}

// WaitedFor is the object that a thread waits for, nil if it waits for none.
func (s *System) WaitedFor(t *Thread) *Object {
	if !t.Waits() || t.Wait.For == 0 {
		return nil
	}
	return s.Object(t.Wait.For)
}

// Capabilities counts the used slots of all protection domains.
func (s *System) Capabilities() int {
	n := 0
	for _, o := range s.Objects {
		if o.PD != nil {
			n += len(o.PD.Caps)
		}
	}
	return n
}

func (s *System) filter(keep func(*Object) bool) []*Object {
	var out []*Object
	for _, o := range s.Objects {
		if keep(o) {
			out = append(out, o)
		}
	}
	return out
}
