package report

import (
	"slices"
	"strings"
	"time"

	"thaw/kernel"
	"thaw/session/view"
)

// Difference is what two snapshots differ in. It is pure data; Diff and DiffJSON
// print it.
type Difference struct {
	A, B    StopRef
	SameRun bool // both are stops of one run of the system: ids are comparable

	Threads     []ThreadChange
	SameThreads int // that are on both sides and did not change
	Tasks       []TaskChange
	SameTasks   int // likewise, by their capability tables
	Kinds       []KindCount
	Pages       []PageChange // of memory; Compare knows none, the caller fills them in
	Partly      int          // pages that were compared in part: of the rest one side was not recorded
	Problems    []string     // what makes the comparison incomplete
}

// Equal says whether nothing differs. A page that was recorded on one side only is
// no difference that is known.
func (d *Difference) Equal() bool {
	counts := slices.ContainsFunc(d.Kinds, func(k KindCount) bool { return k.A != k.B })
	pages := slices.ContainsFunc(d.Pages, func(p PageChange) bool { return p.OnlyIn == "" })
	return len(d.Threads) == 0 && len(d.Tasks) == 0 && !pages && !counts
}

// StopRef names a stop that was compared.
type StopRef struct {
	Number  int
	Time    time.Duration
	Reason  string
	Objects int
}

// Change says what happened to something from A to B.
type Change string

// The changes.
const (
	Appeared Change = "appeared" // in B only
	Gone     Change = "gone"     // in A only
	Changed  Change = "changed"  // in both, not the same
)

// ThreadChange is a thread that differs. A is nil for one that appeared, B for
// one that is gone.
type ThreadChange struct {
	Change Change
	A, B   *ThreadPoint
	What   []string // of a changed one: "ip", "sp", "state", "wait", "task"
}

// ThreadPoint is a thread at one of the two stops.
type ThreadPoint struct {
	ID       kernel.ID
	Name     string
	Task     kernel.ID
	TaskName string
	IP, SP   uint64
	Place    view.Place // IP in words
	State    string     // in the kernel debugger's words
	Wait     string     // for whom, as the kernel debugger prints it
	WaitFor  string     // the same in names, "" for no wait
}

// TaskChange is a task that appeared, is gone, or has another capability table.
// A slot is missing if it is in A only, extra if it is in B only. Of a task that
// is on one side, no slots are listed.
type TaskChange struct {
	Change         Change
	A, B           *TaskPoint
	Same           int // slots
	Missing, Extra []view.SlotCap
	Changed        []view.CapChange
}

// TaskPoint is a task at one of the two stops.
type TaskPoint struct {
	ID   kernel.ID
	Name string
	Caps int
}

// KindCount is the number of objects of a kind on both sides.
type KindCount struct {
	Kind string
	A, B int
}

// PageChange is a page of physical memory that differs, or was recorded on one side
// only.
type PageChange struct {
	Phys   uint64 // address of the page
	First  int    // first byte in it that differs
	Where  string // what the page belongs to, as far as known
	OnlyIn string // "A" or "B" for a page that was recorded on one side only, else ""
}

// Compare tells what differs between two snapshots. Things of one run of the
// system are matched by their ids; in two runs ids say nothing, and tasks are
// matched by component, threads by task and name, the first with the first, the
// second with the second, in the order in which the kernel made them.
func Compare(a, b *view.Snapshot, sameRun bool) *Difference {
	c := &comparison{a: a, b: b, sameRun: sameRun, d: &Difference{A: refOf(a), B: refOf(b), SameRun: sameRun}}
	tasks := pairUp(a.System.PDs(), b.System.PDs(), c.taskKeys())
	c.taskOfA = map[kernel.ID]kernel.ID{}
	for _, p := range tasks {
		if p.a != nil && p.b != nil {
			c.taskOfA[p.b.ID] = p.a.ID
		}
	}
	for _, p := range pairUp(a.System.Threads(), b.System.Threads(), c.threadKeys()) {
		c.threads(p)
	}
	for _, p := range tasks {
		c.tasks(p)
	}
	c.kinds()
	for _, x := range []struct {
		side string
		s    *view.Snapshot
	}{{"A", a}, {"B", b}} {
		for _, problem := range x.s.System.AllProblems() {
			c.d.Problems = append(c.d.Problems, x.side+": "+problem)
		}
	}
	return c.d
}

func refOf(s *view.Snapshot) StopRef {
	return StopRef{Number: s.Number, Time: s.Time, Reason: s.Reason, Objects: len(s.System.Objects)}
}

// comparison is a comparison under way.
type comparison struct {
	a, b    *view.Snapshot
	sameRun bool
	taskOfA map[kernel.ID]kernel.ID // A's task to each of B's that is matched
	d       *Difference
}

// pair is an object on both sides, or on one.
type pair struct{ a, b *kernel.Object }

// keys name an object on both sides alike.
type keys struct{ a, b func(o *kernel.Object) any }

// pairUp matches objects by key, those with one key in order. What is in B only
// comes last.
func pairUp(as, bs []*kernel.Object, key keys) []pair {
	rest := map[any][]*kernel.Object{}
	for _, o := range bs {
		k := key.b(o)
		rest[k] = append(rest[k], o)
	}
	out := make([]pair, 0, len(as))
	matched := map[*kernel.Object]bool{}
	for _, o := range as {
		p := pair{a: o}
		if k := key.a(o); len(rest[k]) > 0 {
			p.b, rest[k] = rest[k][0], rest[k][1:]
			matched[p.b] = true
		}
		out = append(out, p)
	}
	for _, o := range bs {
		if !matched[o] {
			out = append(out, pair{b: o})
		}
	}
	return out
}

// byName is the key of an object in two runs of the system.
type byName struct {
	task kernel.ID // A's, of a thread
	name string
}

func (c *comparison) taskKeys() keys {
	if c.sameRun {
		return keys{idKey, idKey}
	}
	in := func(s *view.Snapshot) func(o *kernel.Object) any {
		return func(o *kernel.Object) any {
			if name := s.Tasks[o.ID]; name != "" {
				return byName{name: name}
			}
			return byName{name: "?" + o.Title()} // no component is called that
		}
	}
	return keys{in(c.a), in(c.b)}
}

func (c *comparison) threadKeys() keys {
	if c.sameRun {
		return keys{idKey, idKey}
	}
	return keys{
		func(o *kernel.Object) any { return byName{o.Thread.PD, o.Title()} },
		func(o *kernel.Object) any {
			task, ok := c.taskOfA[o.Thread.PD]
			if !ok {
				return o // of a task that A has not
			}
			return byName{task, o.Title()}
		},
	}
}

func idKey(o *kernel.Object) any { return o.ID }

func (c *comparison) threads(p pair) {
	ch := ThreadChange{A: threadPoint(c.a, p.a), B: threadPoint(c.b, p.b)}
	switch {
	case ch.A == nil:
		ch.Change = Appeared
	case ch.B == nil:
		ch.Change = Gone
	default:
		if ch.What = c.threadDiffers(ch.A, ch.B); len(ch.What) == 0 {
			c.d.SameThreads++
			return
		}
		ch.Change = Changed
	}
	c.d.Threads = append(c.d.Threads, ch)
}

func (c *comparison) threadDiffers(a, b *ThreadPoint) []string {
	wait := a.WaitFor != b.WaitFor
	if c.sameRun {
		wait = a.Wait != b.Wait
	}
	return which([]differs{{"ip", a.IP != b.IP}, {"sp", a.SP != b.SP}, {"state", a.State != b.State}, {"wait", wait},
		{"task", c.sameRun && a.Task != b.Task}})
}

// differs is a thing that may differ.
type differs struct {
	what string
	yes  bool
}

func which(all []differs) []string {
	var out []string
	for _, d := range all {
		if d.yes {
			out = append(out, d.what)
		}
	}
	return out
}

func threadPoint(s *view.Snapshot, o *kernel.Object) *ThreadPoint {
	if o == nil {
		return nil
	}
	t := o.Thread
	return &ThreadPoint{ID: o.ID, Name: o.Title(), Task: t.PD, TaskName: s.TaskName(t.PD), IP: t.IP, SP: t.SP, Place: s.Places[o.ID],
		State: t.StateString(), Wait: s.System.Wait(t), WaitFor: waitFor(s, t)}
}

// waitFor names whom a thread waits for: ids differ between two runs.
func waitFor(s *view.Snapshot, t *kernel.Thread) string {
	w := s.System.Wait(t)
	if w == "" || w == "-" {
		return w
	}
	o := s.System.WaitedFor(t)
	if o.Thread != nil {
		return s.TaskName(o.Thread.PD) + "/" + o.Title()
	}
	return strings.TrimSpace(o.Type() + " " + o.Name)
}

// kinds counts objects.
func (c *comparison) kinds() {
	counts := map[string]*KindCount{}
	for i, s := range []*view.Snapshot{c.a, c.b} {
		for _, o := range s.System.Objects {
			k := o.Type()
			if counts[k] == nil {
				counts[k] = &KindCount{Kind: k}
			}
			if i == 0 {
				counts[k].A++
			} else {
				counts[k].B++
			}
		}
	}
	for _, k := range counts {
		c.d.Kinds = append(c.d.Kinds, *k)
	}
	slices.SortFunc(c.d.Kinds, func(a, b KindCount) int { return strings.Compare(a.Kind, b.Kind) })
}
