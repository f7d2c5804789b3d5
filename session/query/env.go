package query

import (
	"fmt"
	"slices"
	"strconv"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/view"
	"thaw/words"
)

// env is what names mean at a stop. Only what the expression uses is filled in.
type env struct {
	moment
	things
	functions
}

// moment is the stop itself.
type moment struct {
	Stop     int     `expr:"stop"`
	Time     float64 `expr:"time"` // seconds since the session began
	Reason   string  `expr:"reason"`
	Phase    string  `expr:"phase"`
	PC       uint64  `expr:"pc"`
	Place    string  `expr:"place"` // where the processor stands
	Function string  `expr:"function"`
	Running  *thread `expr:"running"` // on the stopped processor
}

// things are what there is at the stop.
type things struct {
	Threads    []*thread    `expr:"threads"`
	Objects    []*object    `expr:"objects"`
	PDs        []*pd        `expr:"pds"`
	Child      *pd          `expr:"child"`    // the restored one, of the last restore
	Original   *pd          `expr:"original"` // the checkpointed one
	Happenings []*happening `expr:"happenings"`
	Requests   []*happening `expr:"requests"`
	Writes     []*happening `expr:"writes"`
	Entries    []*happening `expr:"entries"`
	Verdicts   []*verdict   `expr:"verdicts"`
	Phases     []*phase     `expr:"phases"`
}

// functions are what can be asked for by name.
type functions struct {
	Thread   func(any) (*thread, error)        `expr:"thread"`
	Object   func(any) (*object, error)        `expr:"object"`
	PD       func(any) (*pd, error)            `expr:"pd"`
	Holders  func(any) ([]string, error)       `expr:"holders"`
	Register func(string) (uint64, error)      `expr:"register"` // of the stopped processor
	Member   func(any, string) (any, error)    `expr:"member"`   // of a kernel object, by debug info
	Print    func(string) (any, error)         `expr:"print"`    // "COMPONENT: EXPR", in C++
	Word     func(any, uint64) (uint64, error) `expr:"word"`     // of a task's memory
}

// Names are what an expression may begin with, for completion.
func Names() []string {
	return []string{"child.slot(", "happenings", "holders(", "member(", "object(", "objects", "original.slot(", "pd(", "pds", "phase", "phases", "print(", "requests", "running", "thread(", "threads", "verdicts", "writes", "word("}
}

// world is what is the same at all stops of a question.
type world struct {
	*Stops
	uses       map[string]bool
	happenings map[int][]*happening // by the stop before which they were seen
	objects    map[*kernel.Object]*object
}

// maxKept bounds the objects that are kept for the next stop.
const maxKept = 100_000

func newWorld(s *Stops, uses map[string]bool) (*world, error) {
	w := &world{Stops: s, uses: uses, happenings: map[int][]*happening{}, objects: map[*kernel.Object]*object{}}
	if !w.used("happenings", "requests", "writes", "entries") {
		return w, nil
	}
	for _, stop := range s.Restores {
		v, err := s.View(stop)
		if err != nil {
			return nil, err
		}
		for i := range v.Verdicts {
			t := &v.Verdicts[i]
			for _, h := range t.History {
				w.happenings[h.Stop] = append(w.happenings[h.Stop], &happening{Thread: uint64(t.Thread), Name: t.Name, What: h.What, Where: h.Where,
					Component: h.Place.Component, Function: h.Place.Function, Addr: h.Addr, Old: h.Old, New: h.New, Text: h.Text})
			}
		}
	}
	return w, nil
}

func (w *world) used(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return w.uses[n] })
}

// missing says why nothing can be asked at a stop, "" if it can.
func (w *world) missing(e *env) string {
	switch {
	case w.uses["child"] && e.Child == nil:
		return "there is no restored child"
	case w.uses["original"] && e.Original == nil:
		return "there is no checkpointed child"
	case w.uses["running"] && e.Running == nil:
		return "which thread runs is not known"
	}
	return ""
}

// at fills in what the expression uses of a stop.
func (w *world) at(n int) (*env, error) {
	s, err := w.Snapshot(n)
	if err != nil {
		return nil, err
	}
	st := &stop{world: w, n: n, s: s}
	e := &env{moment: moment{Stop: n, Time: s.Time.Seconds(), Reason: s.Reason, Phase: s.Phase, PC: s.PC.Addr, Place: s.PC.Bare().String(), Function: s.PC.Function},
		functions: functions{Thread: st.thread, Object: st.object, PD: st.pd, Holders: st.holders, Register: st.register, Word: st.word, Member: st.member, Print: st.print}}
	if o := s.System.Object(s.Thread); w.uses["running"] && o != nil && o.Thread != nil {
		e.Running, _ = newThread(s, o)
	}
	e.Child, e.Original = st.child("child", w.Restored), st.child("original", w.Stops.Original)
	st.list(e)
	if w.used("verdicts", "phases") {
		v, err := w.View(n)
		if err != nil {
			return nil, err
		}
		for i := range v.Verdicts {
			t := &v.Verdicts[i]
			e.Verdicts = append(e.Verdicts, &verdict{Thread: uint64(t.Thread), Name: t.Name, Verdict: string(t.Verdict), Rule: t.Rule, Cause: t.Cause})
		}
		for _, p := range v.Phases {
			e.Phases = append(e.Phases, &phase{Name: p.Name, State: p.State.String(), Hits: p.Hits})
		}
	}
	e.Happenings = w.happenings[n]
	for _, h := range e.Happenings {
		switch h.What {
		case "requested":
			e.Requests = append(e.Requests, h)
		case "written":
			e.Writes = append(e.Writes, h)
		case "entered":
			e.Entries = append(e.Entries, h)
		}
	}
	return e, nil
}

// stop is a stop that is asked.
type stop struct {
	*world
	n int
	s *view.Snapshot
}

// list fills in the lists of objects that are used.
func (st *stop) list(e *env) {
	all, threads, pds := st.uses["objects"], st.uses["threads"], st.uses["pds"]
	if !all && !threads && !pds {
		return
	}
	if len(st.objects) > maxKept {
		clear(st.objects)
	}
	for _, o := range st.s.System.Objects {
		if all {
			if st.objects[o] == nil {
				st.objects[o] = newObject(o) // of an object that did not change there is one at all stops
			}
			e.Objects = append(e.Objects, st.objects[o])
		}
		if threads && o.Thread != nil {
			t, _ := newThread(st.s, o)
			e.Threads = append(e.Threads, t)
		}
		if pds && o.PD != nil {
			e.PDs = append(e.PDs, st.newPD(o))
		}
	}
}

// child is one of the children, nil where it is not there or not asked for.
func (st *stop) child(name string, id kernel.ID) *pd {
	if o := st.s.System.Object(id); st.uses[name] && id != 0 && o != nil && o.PD != nil {
		return st.newPD(o)
	}
	return nil
}

// find is an object by its id, or the one that has a name.
func (st *stop) find(what string, key any, named func(o *kernel.Object, name string) bool) (*kernel.Object, error) {
	var id kernel.ID
	switch k := key.(type) {
	case int:
		id = kernel.ID(k)
	case uint64:
		id = kernel.ID(k)
	case string:
		var found []*kernel.Object
		for _, o := range st.s.System.Objects {
			if named(o, k) {
				found = append(found, o)
			}
		}
		switch {
		case len(found) == 0:
			return nil, fmt.Errorf("there is no %s %s", what, strconv.Quote(k))
		case len(found) > 1:
			return nil, fmt.Errorf("%s are called %q (%s, %s, …): name one by its id", words.Count(len(found), what), k, found[0].ID, found[1].ID)
		}
		return found[0], nil
	case nil:
		return nil, fmt.Errorf("there is no %s: nothing was given", what)
	default:
		return nil, fmt.Errorf("%v is no id: ids are hex numbers, as %s(1a3)", key, what)
	}
	if o := st.s.System.Object(id); o != nil {
		return o, nil
	}
	return nil, fmt.Errorf("there is no %s %s", what, id)
}

func (st *stop) thread(key any) (*thread, error) {
	o, err := st.find("thread", key, func(o *kernel.Object, name string) bool {
		return o.Thread != nil && (o.Name == name || st.s.TaskName(o.Thread.PD)+"/"+o.Name == name)
	})
	if err != nil {
		return nil, err
	}
	return newThread(st.s, o)
}

func (st *stop) object(key any) (*object, error) {
	o, err := st.find("object", key, func(o *kernel.Object, name string) bool { return o.Name == name })
	if err != nil {
		return nil, err
	}
	return newObject(o), nil
}

func (st *stop) pd(key any) (*pd, error) {
	o, err := st.pdObject(key)
	if err != nil {
		return nil, err
	}
	return st.newPD(o), nil
}

func (st *stop) pdObject(key any) (*kernel.Object, error) {
	if p, ok := key.(*pd); ok && p != nil {
		key = p.ID
	}
	o, err := st.find("task", key, func(o *kernel.Object, name string) bool {
		return o.PD != nil && (o.Name == name || st.s.Tasks[o.ID] == name)
	})
	if err == nil && o.PD == nil {
		return nil, fmt.Errorf("%s", unread(o))
	}
	return o, err
}

func (st *stop) newPD(o *kernel.Object) *pd {
	out := &pd{object: *newObject(o), Component: st.s.Tasks[o.ID]}
	if st.uses["slots"] {
		for _, c := range o.PD.Caps {
			out.Slots = append(out.Slots, newSlot(st.s, o, c))
		}
	}
	if st.uses["threads"] {
		for _, t := range st.s.System.ThreadsOf(o.ID) {
			out.Threads = append(out.Threads, uint64(t.ID))
		}
	}
	out.Slot = func(n uint64) (*slot, error) {
		c, ok := o.PD.Cap(n)
		switch {
		case ok:
			return newSlot(st.s, o, c), nil
		case o.PD.Problem != "":
			return nil, fmt.Errorf("whether slot %x is used is not known: %s", n, o.PD.Problem)
		}
		return &slot{PD: uint64(o.ID), Component: out.Component, Slot: n, Kind: view.EmptySlot}, nil
	}
	out.Holds = func(key any) ([]uint64, error) {
		what, err := st.find("object", key, func(o *kernel.Object, name string) bool { return o.Name == name })
		if err != nil {
			return nil, err
		}
		var slots []uint64
		for _, c := range o.PD.Caps {
			if st.s.System.Named(c) == what {
				slots = append(slots, c.Slot)
			}
		}
		if o.PD.Problem != "" {
			return nil, fmt.Errorf("the capability table is not known as a whole: %s", o.PD.Problem)
		}
		return slots, nil
	}
	out.Word = func(addr uint64) (uint64, error) { return st.wordOf(o, addr) }
	return out
}

// holders tells who has a capability for an object.
func (st *stop) holders(key any) ([]string, error) {
	what, err := st.find("object", key, func(o *kernel.Object, name string) bool { return o.Name == name })
	if err != nil {
		return nil, err
	}
	out := []string{}
	for _, o := range st.s.System.PDs() {
		for _, c := range o.PD.Caps {
			if st.s.System.Named(c) == what {
				out = append(out, fmt.Sprintf("%s (%s) slot %x", st.s.TaskName(o.ID), o.ID, c.Slot))
			}
		}
		if o.PD.Problem != "" {
			return nil, fmt.Errorf("the capability table of %s is not known as a whole: %s", st.s.TaskName(o.ID), o.PD.Problem)
		}
	}
	return out, nil
}

func (st *stop) register(name string) (uint64, error) {
	if v, ok := kernel.RegisterIn(st.s.CPU, name); ok {
		return v, nil
	}
	return 0, fmt.Errorf("register %s is not known", name)
}

func (st *stop) word(of any, addr uint64) (uint64, error) {
	o, err := st.pdObject(of)
	if err != nil {
		return 0, err
	}
	return st.wordOf(o, addr)
}

// print is what a C++ expression means.
func (st *stop) print(text string) (any, error) { return st.Print(st.n, text) }

// member is a member of a kernel object.
func (st *stop) member(key any, path string) (any, error) {
	o, err := st.find("object", key, func(o *kernel.Object, name string) bool { return o.Name == name })
	if err != nil {
		return nil, err
	}
	return st.Member(st.n, o.ID, path)
}

func (st *stop) wordOf(o *kernel.Object, addr uint64) (uint64, error) {
	mem, size, err := st.Memory(st.n, o.ID)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, size)
	if err := mem.ReadMemory(addr, buf); err != nil {
		return 0, err
	}
	return memory.LittleEndian(buf), nil
}
