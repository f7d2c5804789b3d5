package query

import (
	"errors"
	"fmt"
	"strings"

	"thaw/kernel"
	"thaw/session/view"
)

// What expressions see of a stop. Ids, slots and addresses are uint64, which are shown in
// hex; counts are int.

type object struct {
	ID    uint64                    `expr:"id"`
	Name  string                    `expr:"name"`
	Kind  string                    `expr:"kind"`
	Class string                    `expr:"class"`
	Addr  uint64                    `expr:"addr"`
	Label uint64                    `expr:"label"`
	Event bool                      `expr:"event"`
	Link  func(string) any          `expr:"link"`  // id of the object that it refers to, nil: none
	Value func(string) (any, error) `expr:"value"` // a number that belongs to it
}

func (o object) String() string {
	name := o.Name
	if name == "" {
		name = o.Class
	}
	return fmt.Sprintf("%s %x %s", o.Kind, o.ID, name)
}

func newObject(o *kernel.Object) *object {
	return &object{ID: uint64(o.ID), Name: o.Name, Kind: o.Type(), Class: o.Class, Addr: o.Addr, Label: o.Label(), Event: o.Event,
		Link: func(name string) any {
			if id := o.Link(name); id != 0 {
				return uint64(id)
			}
			return nil
		},
		Value: func(name string) (any, error) {
			for _, v := range o.Values {
				if v.Name == name {
					return v.Number, nil
				}
			}
			return nil, fmt.Errorf("%s %s has no %s", o.Type(), o.ID, name)
		}}
}

type thread struct {
	object
	standing
	user
	PD        uint64                       `expr:"pd"`
	Component string                       `expr:"component"`
	Register  func(string) (uint64, error) `expr:"register"`
}

// standing is how a thread stands with the kernel.
type standing struct {
	State     string   `expr:"state"`
	States    []string `expr:"states"`
	Ready     bool     `expr:"ready"`
	Dead      bool     `expr:"dead"`
	Exception bool     `expr:"exception"`
	Running   bool     `expr:"running"`
	CPU       int      `expr:"cpu"`
	Wait      string   `expr:"wait"`
	WaitsFor  any      `expr:"waits_for"`      // id, nil: nothing that is known
	Executed  any      `expr:"execution_time"` // nil: not known
}

// user is a thread's state in user mode.
type user struct {
	IP       any    `expr:"ip"` // nil: it has none
	SP       any    `expr:"sp"`
	Flags    any    `expr:"flags"`
	Source   string `expr:"source"`
	Place    string `expr:"place"`
	Function string `expr:"function"`
}

func newThread(s *view.Snapshot, o *kernel.Object) (*thread, error) {
	if o.Thread == nil {
		return nil, errors.New(unread(o))
	}
	t, place := o.Thread, s.Places[o.ID]
	out := &thread{object: *newObject(o), PD: uint64(t.PD), Component: s.Tasks[t.PD],
		standing: standing{State: t.StateString(), States: t.StateWords, Ready: t.Ready, Dead: t.Dead, Exception: t.Exception,
			Running: t.Running, CPU: t.CPU, Wait: waitWords(s.System, t)},
		user: user{Source: string(t.Source), Place: place.Bare().String(), Function: place.Function}}
	if t.Source != kernel.SourceNone {
		out.IP, out.SP, out.Flags = t.IP, t.SP, t.Flags
	}
	if t.Waits() && t.Wait.For != 0 {
		out.WaitsFor = uint64(t.Wait.For)
	}
	if t.Executed.Name != "" {
		out.Executed = t.Executed.Number
	}
	out.Register = func(name string) (uint64, error) {
		if v, ok := t.Register(name); ok {
			return v, nil
		}
		return 0, fmt.Errorf("register %s of thread %s is not known", name, o.ID)
	}
	return out, nil
}

// waitWords tells what a thread waits for, "" for nothing.
func waitWords(sys *kernel.System, t *kernel.Thread) string {
	if !t.Waits() {
		return ""
	}
	what := t.Wait.What
	if o := sys.Object(t.Wait.For); t.Wait.For != 0 && o != nil {
		what = fmt.Sprintf("%s %s", o.Title(), o.ID)
	}
	return strings.TrimSpace(t.Wait.Verb + " " + what)
}

// unread says why an object is not what was asked for.
func unread(o *kernel.Object) string {
	if o.Problem != "" {
		return fmt.Sprintf("%s %s could not be read: %s", o.Type(), o.ID, o.Problem)
	}
	return fmt.Sprintf("object %s is another kind of object: %s", o.ID, o.Type())
}

type pd struct {
	object
	Component string                       `expr:"component"`
	Slots     []*slot                      `expr:"slots"`
	Threads   []uint64                     `expr:"threads"`
	Slot      func(uint64) (*slot, error)  `expr:"slot"`
	Holds     func(any) ([]uint64, error)  `expr:"holds"` // slots that name an object
	Word      func(uint64) (uint64, error) `expr:"word"`  // of its memory
}

type slot struct {
	PD        uint64 `expr:"pd"`
	Component string `expr:"component"`
	Slot      uint64 `expr:"slot"`
	Object    uint64 `expr:"object"` // 0: none that is known
	Kind      string `expr:"kind"`   // "empty" of an empty slot
	Rights    string `expr:"rights"`
	Label     uint64 `expr:"label"`
	Receiver  string `expr:"receiver"` // COMPONENT/THREAD that it leads to
}

func (c slot) String() string {
	if c.Kind == view.EmptySlot {
		return c.Kind
	}
	return view.SlotCap{Slot: c.Slot, Object: kernel.ID(c.Object), Type: c.Kind, Rights: c.Rights, Label: c.Label, Receiver: c.Receiver}.String()
}

func newSlot(s *view.Snapshot, of *kernel.Object, c kernel.Capability) *slot {
	in := view.DescribeSlot(s, c)
	return &slot{PD: uint64(of.ID), Component: s.Tasks[of.ID], Slot: in.Slot, Object: uint64(in.Object), Kind: in.Type, Rights: in.Rights, Label: in.Label, Receiver: in.Receiver}
}

// happening is what was seen of a thread's state since the stop before.
type happening struct {
	Thread    uint64 `expr:"thread"`
	Name      string `expr:"name"`
	What      string `expr:"what"` // "requested", "operation", "written", "forced", "entered"
	Where     string `expr:"where"`
	Component string `expr:"component"`
	Function  string `expr:"function"`
	Addr      uint64 `expr:"addr"`
	Old       uint64 `expr:"old"`
	New       uint64 `expr:"new"`
	Text      string `expr:"text"`
}

func (h happening) String() string {
	return fmt.Sprintf("%s (thread %x): %s", h.Name, h.Thread, h.Text)
}

type verdict struct {
	Thread  uint64 `expr:"thread"`
	Name    string `expr:"name"`
	Verdict string `expr:"verdict"`
	Rule    string `expr:"rule"`
	Cause   string `expr:"cause"`
}

func (v verdict) String() string {
	return fmt.Sprintf("%s %x %s (%s)", v.Name, v.Thread, v.Verdict, v.Rule)
}

type phase struct {
	Name  string `expr:"name"`
	State string `expr:"state"`
	Hits  int    `expr:"hits"`
}

func (p phase) String() string { return fmt.Sprintf("%s %s %d", p.Name, p.State, p.Hits) }
