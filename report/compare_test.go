package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// later is the fixture some time on: ep of the restored child ran, a thread and
// a gate were made, a table changed.
func later() []*kernel.Object {
	objects := fixtureObjects()
	var out []*kernel.Object
	for _, o := range objects {
		switch o.ID {
		case 0x231:
			o.Thread.IP, o.Thread.SP, o.Thread.StateWords, o.Thread.StateNames, o.Thread.Wait = 0x1014faa, 0x401ff9a0, []string{"ready"}, []string{"ready"}, kernel.Wait{}
		case 0x221:
			o.Thread.Wait.For = 0x1da
		case 0x1da:
			o.Name = "child ep"
		case 0x223:
			o.Links[0].To = 0x231
		case 0x186:
			continue
		case taskRest:
			o.PD.Caps = []kernel.Capability{capability(1, taskRest, "SW"), capability(9, 0x223, "SW"), capability(0xa, 0x2a0, "SW")}
		}
		out = append(out, o)
	}
	return append(out, thread(0x2a1, "worker", taskRest, "ready", 0x1000000, 0x500000), gate(0x2a0, 0x2a1, 0x4800), task(0x2b0))
}

// otherRun is the same system started anew: every id is another one.
func otherRun(objects []*kernel.Object) *view.Snapshot {
	const by = 0x1000
	s := snapshotOf(7, "another run", nil)
	s.Tasks = map[kernel.ID]string{}
	for id, name := range fixtureTasks {
		s.Tasks[id+by] = name
	}
	for _, o := range objects {
		o.ID += by
		switch {
		case o.Thread != nil:
			o.Thread.PD += by
			if o.Thread.Wait.For != 0 {
				o.Thread.Wait.For += by
			}
		case len(o.Links) > 0 && o.Links[0].To != 0:
			o.Links[0].To += by
			if !o.Event {
				o.Values[0].Number += 0x100
			}
		case o.PD != nil:
			for i := range o.PD.Caps {
				if o.PD.Caps[i].Object != 0 {
					o.PD.Caps[i].Object += by
				}
			}
		}
	}
	s.System = kernel.NewSystem(objects, nil)
	return s
}

// told puts a difference in short words.
func told(d *Difference) string {
	var out []string
	for _, t := range d.Threads {
		switch t.Change {
		case Appeared:
			out = append(out, "+"+t.B.Name)
		case Gone:
			out = append(out, "-"+t.A.Name)
		default:
			out = append(out, fmt.Sprintf("%s/%s%v", t.A.TaskName, t.A.Name, t.What))
		}
	}
	slots := func(sign string, caps []view.SlotCap) {
		for _, c := range caps {
			out = append(out, fmt.Sprintf("%s%x", sign, c.Slot))
		}
	}
	for _, t := range d.Tasks {
		switch t.Change {
		case Appeared:
			out = append(out, "+task")
		case Gone:
			out = append(out, "-task")
		}
		slots("-", t.Missing)
		slots("+", t.Extra)
		for _, c := range t.Changed {
			out = append(out, fmt.Sprintf("%x%v", c.Slot, c.What))
		}
	}
	return strings.Join(out, " ")
}

func TestCompareOneRun(t *testing.T) {
	d := Compare(snapshotOf(1, "a", fixtureObjects()), snapshotOf(2, "b", later()), true)
	want := "-sheep_counter sheep_counter/sheep_counter[wait] sheep_counter/ep[ip sp state wait] +worker -8 +a 9[rights receiver] +task"
	if got := told(d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if d.SameThreads != 3 || d.SameTasks != 3 || d.Equal() {
		t.Errorf("%d threads and %d tables the same, equal %v", d.SameThreads, d.SameTasks, d.Equal())
	}
	for _, k := range d.Kinds {
		if k.Kind == "Gate" && (k.A != 4 || k.B != 5) {
			t.Errorf("gates %+v, want 4 and 5", k)
		}
	}
}

func TestCompareWithItself(t *testing.T) {
	a := snapshotOf(1, "a", fixtureObjects())
	for _, same := range []bool{true, false} {
		if d := Compare(a, a, same); !d.Equal() || d.SameThreads != 6 || d.SameTasks != 4 {
			t.Errorf("same run %v: %s", same, told(d))
		}
	}
}

func TestCompareTwoRuns(t *testing.T) {
	a := snapshotOf(1, "a", fixtureObjects())
	if d := Compare(a, otherRun(fixtureObjects()), false); !d.Equal() {
		t.Errorf("two equal runs differ: %s", told(d))
	}
	if d := Compare(a, otherRun(fixtureObjects()), true); d.Equal() || d.SameThreads != 0 {
		t.Error("ids of two runs were taken for those of one")
	}
	d := Compare(a, otherRun(later()), false)
	want := "-sheep_counter sheep_counter/sheep_counter[wait] sheep_counter/ep[ip sp state wait] +worker -8 +a 9[rights receiver] +task"
	if got := told(d); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Two children run one program, and each has an ep: the second of one run must
// not be compared with the first of the other.
func TestCompareMatchesTheSecondChildWithTheSecond(t *testing.T) {
	d := Compare(snapshotOf(1, "a", fixtureObjects()), otherRun(later()), false)
	pairs := 0
	for _, th := range d.Threads {
		if th.Change == Changed {
			pairs++
		}
		if th.Change == Changed && th.A.Task != th.B.Task-0x1000 {
			t.Errorf("thread %s of task %s was compared with one of task %s", th.A.ID, th.A.Task, th.B.Task)
		}
	}
	if pairs != 2 {
		t.Errorf("%d threads changed, want the second child's two", pairs)
	}
}

func TestCompareChangesNothing(t *testing.T) {
	a, b := snapshotOf(1, "a", fixtureObjects()), snapshotOf(2, "b", later())
	before := written(t, func(w io.Writer) error { return JSON(w, []SnapshotJSON{NewSnapshotJSON(a), NewSnapshotJSON(b)}) })
	Compare(a, b, true)
	Compare(a, b, false)
	after := written(t, func(w io.Writer) error { return JSON(w, []SnapshotJSON{NewSnapshotJSON(a), NewSnapshotJSON(b)}) })
	if before != after {
		t.Error("a snapshot was changed")
	}
}

func TestCompareSlotsOfOneRun(t *testing.T) {
	one := func(c kernel.Capability, others ...*kernel.Object) *view.Snapshot {
		return snapshotOf(1, "", append(others, task(0x10, c)))
	}
	base := kernel.Capability{Slot: 1, Object: 0x20, Rights: "SW", More: "0x10", Pointer: 0xa0}
	with := func(fn func(c *kernel.Capability)) kernel.Capability {
		c := base
		fn(&c)
		return c
	}
	unknown := with(func(c *kernel.Capability) { c.Object = 0 })
	for _, c := range []struct {
		name    string
		a, b    *view.Snapshot
		sameRun bool
		want    string
	}{
		{"nothing", one(base, gate(0x20, 0, 1)), one(base, gate(0x20, 0, 1)), true, ""},
		{"another gate", one(base, gate(0x20, 0, 1)), one(with(func(c *kernel.Capability) { c.Object = 0x21 }), gate(0x21, 0, 2)), true, "1[object]"},
		{"another gate in another run", one(base, gate(0x20, 0, 1)), one(with(func(c *kernel.Capability) { c.Object = 0x21 }), gate(0x21, 0, 2)), false, ""},
		{"another label", one(base, gate(0x20, 0, 1)), one(base, gate(0x20, 0, 2)), true, "1[label]"},
		{"flags", one(base, gate(0x20, 0, 1)), one(with(func(c *kernel.Capability) { c.More = "0x18" }), gate(0x20, 0, 1)), false, "1[flags]"},
		{"a gate became an IRQ", one(base, gate(0x20, 0, 0)), one(base, irq(0x20, 0)), false, "1[type]"},
		{"unknown objects", one(unknown), one(with(func(c *kernel.Capability) { c.Object, c.Pointer = 0, 0xb0 })), true, "1[object]"},
	} {
		got := told(Compare(c.a, c.b, c.sameRun))
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestCompareTellsWhatIsIncomplete(t *testing.T) {
	a := snapshotOf(1, "", nil)
	broken := task(0x10)
	broken.PD.Problem = "page 3 is not mapped"
	b := snapshotOf(2, "", nil)
	b.System = kernel.NewSystem([]*kernel.Object{broken}, []string{"the list ends early"})
	d := Compare(a, b, true)
	if got := strings.Join(d.Problems, "; "); got != "B: the list ends early; B: capability table of task 10: page 3 is not mapped" {
		t.Errorf("problems %q", got)
	}
}

func TestDiffGolden(t *testing.T) {
	a := snapshotOf(22, "phase CPU threads", fixtureObjects())
	d := Compare(a, snapshotOf(30, "the restore is complete", later()), true)
	d.Pages = []PageChange{{Phys: 0x2f1ef000, First: 0x7d8, Where: "kernel stack of thread 231"}, {Phys: 0x13000, OnlyIn: "B"}}
	golden(t, "diff.txt", func(w io.Writer) error { return Diff(w, d) })
	golden(t, "diff.json", func(w io.Writer) error { return DiffJSON(w, d) })
	golden(t, "diff-runs.txt", func(w io.Writer) error { return Diff(w, Compare(a, otherRun(later()), false)) })
	golden(t, "diff-none.txt", func(w io.Writer) error { return Diff(w, Compare(a, a, true)) })
}

func TestDiffJSONHasLists(t *testing.T) {
	a := snapshotOf(1, "", fixtureObjects())
	var out map[string]any
	if err := json.Unmarshal([]byte(written(t, func(w io.Writer) error { return DiffJSON(w, Compare(a, a, true)) })), &out); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"threads", "tasks", "objects", "pages"} {
		if _, ok := out[key].([]any); !ok {
			t.Errorf("%s is %v, want a list", key, out[key])
		}
	}
	if out["equal"] != true {
		t.Errorf("equal is %v", out["equal"])
	}
}
