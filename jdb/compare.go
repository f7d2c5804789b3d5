package jdb

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"thaw/kernel"
)

// Listing is what JDB said at one stop.
type Listing struct {
	Objects []Object
	Tasks   []Object
	Threads []Thread
	Details []Detail
	Spaces  map[kernel.ID][]Cap // by task
}

// Counts are numbers of things, or of facts about them, that were compared.
type Counts struct {
	Objects      int `json:"objects"`
	Names        int `json:"names"` // of objects that have one
	Threads      int `json:"threads"`
	Views        int `json:"views"`     // of single threads
	Registers    int `json:"registers"` // in these views by label, ip, sp and flags included
	Stack        int `json:"stack"`     // saved ips and sps on the stacks in these views
	Tasks        int `json:"tasks"`
	Capabilities int `json:"capabilities"`
}

// Known is an error of JDB's own that explains a difference.
type Known struct {
	What    string `json:"what"`
	Count   int    `json:"count"`
	Example string `json:"example"`
}

// Comparison is what a listing and the kernel model agree and differ on.
type Comparison struct {
	Compared    Counts   `json:"compared"`
	Differences []string `json:"differences"`
	Known       []Known  `json:"known_jdb_errors"`
	Skipped     []string `json:"skipped,omitempty"` // what could not be compared, and why
}

func (c *Comparison) differ(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

func (c *Comparison) skip(format string, args ...any) {
	c.Skipped = append(c.Skipped, fmt.Sprintf(format, args...))
}

func (c *Comparison) known(what, example string) {
	for i := range c.Known {
		if c.Known[i].What == what {
			c.Known[i].Count++
			return
		}
	}
	c.Known = append(c.Known, Known{what, 1, example})
}

// same compares one fact.
func same[T comparable](c *Comparison, about, what string, jdb, thaw T) {
	if jdb != thaw {
		c.differ("%s: %s is %v in JDB and %v in thaw", about, what, jdb, thaw)
	}
}

// Compare holds a listing against the kernel model of the same stop.
func Compare(l *Listing, sys *kernel.System) *Comparison {
	c := &Comparison{Differences: []string{}, Known: []Known{}}
	c.objects(l.Objects, sys)
	c.tasks(l.Tasks, sys)
	c.threads(l.Threads, sys)
	for i := range l.Details {
		c.detail(&l.Details[i], sys)
	}
	for _, task := range sys.PDs() {
		if caps, ok := l.Spaces[task.ID]; ok {
			c.caps(task, caps, sys)
		}
	}
	return c
}

// both calls fn for what is on both sides, and reports what is on one side
// only.
func both[A, B any](c *Comparison, what string, jdb []A, idA func(A) kernel.ID, thaw []B, idB func(B) kernel.ID, fn func(A, B)) int {
	known := make(map[kernel.ID]A, len(jdb))
	for _, a := range jdb {
		known[idA(a)] = a
	}
	n := 0
	for _, b := range thaw {
		id := idB(b)
		a, ok := known[id]
		if !ok {
			c.differ("%s %s is in thaw only", what, id)
			continue
		}
		delete(known, id)
		n++
		fn(a, b)
	}
	var rest []kernel.ID
	for id := range known {
		rest = append(rest, id)
	}
	slices.Sort(rest)
	for _, id := range rest {
		c.differ("%s %s is in JDB only", what, id)
	}
	return n
}

func objectID(o *kernel.Object) kernel.ID { return o.ID }

func (c *Comparison) objects(list []Object, sys *kernel.System) {
	c.Compared.Objects = both(c, "object", list, func(o Object) kernel.ID { return o.ID }, sys.Objects, objectID, func(j Object, o *kernel.Object) {
		about := "object " + o.ID.String()
		if !o.Contains(j.Addr) {
			c.differ("%s: JDB has it at %#x, thaw at %#x with %d bytes", about, j.Addr, o.Addr, o.Size)
		}
		same(c, about, "kind", modelKind(j.Kind), o.Kind)
		same(c, about, "name", strings.TrimSpace(j.Name), strings.TrimSpace(o.Name))
		if j.Name != "" {
			c.Compared.Names++
		}
		switch {
		case len(o.Links) > 0 && j.HasLabel:
			label := j.Label
			if o.Kind == "Gate" { // permission bits are no part of it
				label &^= 3
			}
			same(c, about, "label", fmt.Sprintf("%x", label), fmt.Sprintf("%x", o.Label()))
			same(c, about, o.Links[0].Name, kernel.ID(j.Thread), o.Links[0].To)
		case o.Thread != nil && j.HasTask:
			same(c, about, "task", j.Task, o.Thread.PD)
		}
	})
}

// modelKind is the model's word for JDB's; "IRQ ipc" and "IRQ sem" are IRQs.
func modelKind(jdb string) kernel.Kind {
	word, _, _ := strings.Cut(jdb, " ")
	switch k := kernel.Kind(word); k {
	case "Thread", "Task", "Gate", "IRQ":
		return k
	}
	return kernel.KindOther
}

func (c *Comparison) tasks(list []Object, sys *kernel.System) {
	c.Compared.Tasks = both(c, "task", list, func(o Object) kernel.ID { return o.ID }, sys.PDs(), objectID, func(j Object, o *kernel.Object) {
		same(c, "task "+o.ID.String(), "name", strings.TrimSpace(j.Name), strings.TrimSpace(o.Name))
		if o.PD.Problem != "" {
			c.skip("task %s: %s", o.ID, o.PD.Problem)
		}
	})
}

func (c *Comparison) threads(list []Thread, sys *kernel.System) {
	c.Compared.Threads = both(c, "thread", list, func(t Thread) kernel.ID { return t.ID }, sys.Threads(), objectID, func(j Thread, o *kernel.Object) {
		about := strings.TrimSpace("thread " + o.ID.String() + " " + o.Name)
		name := o.Name
		if name == "" {
			name = "-----"
		}
		same(c, about, "name", j.Name, strings.TrimRight(name[:min(len(name), 15)], " "))
		same(c, about, "task", j.Task, o.Thread.PD)
		c.wait(about, j.Wait, sys.Wait(o.Thread))
		if !sameState(j.State, o.Thread) {
			c.differ("%s: state is %s in JDB and %s in thaw", about, j.State, o.Thread.StateString())
		}
	})
}

// wait compares the wait partners. Today's JDB prints "Sem" for a thread that
// is blocked in a semaphore without saying which: the kernel's own reference
// names no object.
func (c *Comparison) wait(about, jdb, thaw string) {
	if jdb == "Sem" && thaw == "-" {
		return
	}
	same(c, about, "wait partner", jdb, thaw)
}

// sameState compares names; "<unk>" and "<0x40>" stand for flags that JDB has no
// name for, and a long state ends in ",...".
func sameState(jdb string, t *kernel.Thread) bool {
	names := strings.Split(jdb, ",")
	cut := names[len(names)-1] == "..."
	if cut {
		names = names[:len(names)-1]
	}
	own := t.StateWords
	if cut && len(names) > len(own) || !cut && jdb != "" && len(names) != len(own) {
		return false
	}
	if jdb == "" {
		return len(own) == 0
	}
	for i, n := range names {
		if n != own[i] && !strings.HasPrefix(n, "<") {
			return false
		}
	}
	return true
}

// JDB's known errors on amd64.
const (
	// Jdb_tcb::info_thread_state takes general registers from fixed places that
	// are not those of the entry frame.
	wrongLabels = "under a general register's label JDB prints another word of the thread's kernel stack than the entry frame holds the register in"
	// In a page fault its lines about registers are one too many, and the stack
	// covers ip and flags.
	covered = "JDB's view of a thread in a page fault shows no ip: its stack covers the line"
)

// detail compares a view of one thread: its saved user state, by JDB's labels
// and by the stack that JDB shows below them.
func (c *Comparison) detail(j *Detail, sys *kernel.System) {
	o := sys.Object(j.ID)
	if o == nil || o.Thread == nil {
		c.differ("thread %s has a view in JDB only", j.ID)
		return
	}
	t := o.Thread
	about := strings.TrimSpace("view of thread " + o.ID.String() + " " + o.Name)
	c.Compared.Views++
	same(c, about, "address", fmt.Sprintf("%x", j.Addr), fmt.Sprintf("%x", o.Addr))
	same(c, about, "state", fmt.Sprintf("%x", j.State), fmt.Sprintf("%x", t.State))
	if j.Task != 0 {
		same(c, about, "task", j.Task, t.PD)
	}
	same(c, about, "UTCB", fmt.Sprintf("%x", j.UTCB), fmt.Sprintf("%x", t.UTCB))
	user := t.Source != kernel.SourceNone && j.Task != 0
	if !user {
		return
	}
	frame := c.stack(about, j, o)
	if j.Current {
		c.skip("%s: registers by label, since JDB shows its own entry for the thread that it interrupted", about)
		return
	}
	if j.HasIP {
		c.register(about, "ip", j.IP, t.Usual().IP)
	} else {
		c.known(covered, about)
	}
	if j.HasSP {
		c.register(about, "sp", j.SP, t.Usual().SP)
	}
	if j.HasFlag && (t.Kept() == nil || !t.Kept().Aside) { // else the model holds those of the continuation
		c.register(about, "flags", j.Flags, t.Flags)
	}
	c.general(about, j, t, frame)
}

func (c *Comparison) register(about, what string, jdb, thaw uint64) {
	c.Compared.Registers++
	same(c, about, what, fmt.Sprintf("%x", jdb), fmt.Sprintf("%x", thaw))
}

// stack compares the saved ip and sp with the words that JDB shows at their
// addresses. It returns the words around them that may belong to the entry
// frame.
func (c *Comparison) stack(about string, j *Detail, o *kernel.Object) []uint64 {
	const frameWords = 32
	end, frame := o.Addr+o.Size, o.Thread.Usual()
	for _, f := range []struct {
		what        string
		addr, value uint64
	}{{"saved ip", frame.IPAddr, frame.IP}, {"saved sp", frame.SPAddr, frame.SP}} {
		i := -1
		if o.Contains(f.addr) && j.Word > 0 {
			i = len(j.Stack) - int((end-f.addr)/uint64(j.Word))
		}
		if i < 0 || i >= len(j.Stack) {
			c.skip("%s: %s in the stack that JDB shows, which has %d words", about, f.what, len(j.Stack))
			continue
		}
		c.Compared.Stack++
		same(c, about, f.what+" on the stack", fmt.Sprintf("%x", j.Stack[i]), fmt.Sprintf("%x", f.value))
	}
	return j.Stack[max(0, len(j.Stack)-frameWords):]
}

// general compares the general registers. A wrong value under a label is JDB's
// known error if the stack that JDB shows has that value, and thaw's in the
// frame.
func (c *Comparison) general(about string, j *Detail, t *kernel.Thread, frame []uint64) {
	labels := make([]string, 0, len(j.Registers))
	for label := range j.Registers {
		labels = append(labels, label)
	}
	slices.Sort(labels)
	for _, label := range labels {
		v, ok := t.Register(label)
		if !ok {
			continue
		}
		c.Compared.Registers++
		got := j.Registers[label]
		switch {
		case got == v:
		case slices.Contains(frame, v) && slices.Contains(j.Stack, got):
			c.known(wrongLabels, fmt.Sprintf("%s: %s is %x by label; the frame has %x", about, label, got, v))
		default:
			c.differ("%s: %s is %x in JDB and %x in thaw", about, label, got, v)
		}
	}
}

// caps compares an object space slot by slot.
func (c *Comparison) caps(task *kernel.Object, list []Cap, sys *kernel.System) {
	about := "task " + task.ID.String()
	seen := make(map[uint64]Cap, len(list))
	for _, k := range list {
		seen[k.Slot] = k
	}
	for _, k := range task.PD.Caps {
		j, ok := seen[k.Slot]
		if !ok {
			c.differ("%s: slot %x is used in thaw only, by object %s", about, k.Slot, k.Object)
			continue
		}
		delete(seen, k.Slot)
		c.Compared.Capabilities++
		slot := fmt.Sprintf("%s slot %x", about, k.Slot)
		same(c, slot, "object", j.Object, k.Object)
		same(c, slot, "rights", j.Rights, rights(k, len(j.Rights)))
		if o := sys.Object(k.Object); o != nil {
			same(c, slot, "kind", modelKind(j.Kind), o.Kind)
		}
	}
	rest := make([]Cap, 0, len(seen))
	for _, j := range seen {
		rest = append(rest, j)
	}
	slices.SortFunc(rest, func(a, b Cap) int { return cmp.Compare(a.Slot, b.Slot) })
	for _, j := range rest {
		c.differ("%s: slot %x is used in JDB only, by object %s", about, j.Slot, j.Object)
	}
}

// rights prints a capability's rights as the JDB does whose column is width
// wide: one letter for both object rights in 2016, "DSW" later.
func rights(k kernel.Capability, width int) string {
	if width == 1 {
		return map[string]string{"--": "-", "-W": "x", "S-": "w", "SW": "*"}[k.Rights]
	}
	const deletes = 8
	out := []byte("-" + k.Rights)
	if flags, err := strconv.ParseUint(k.More, 0, 8); err == nil && flags&deletes != 0 {
		out[0] = 'D'
	}
	return string(out)
}
