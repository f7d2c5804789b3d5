package evidence

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo/elffile"
	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/view"
)

// facts are what the rules ask about one requested thread. All of them are
// about the time after its last request.
type facts struct {
	arch     arch.Arch
	t        *Track
	q        *Request
	platform *kernel.Platform
	writing
	ops      []Operation // kernel operations on the thread
	arrived  bool        // entered at the requested ip and sp
	diff     []string    // registers that differ between request and entry
	blind    string      // an operation that left the thread's state alone, and why
	complete bool
	standing
	origin
	unasked string // operations whose thread is not known: why
	code    string // that other instructions stand where it was to go on, "" if not
	forced  bool   // by us, into its saved state, before it came back
}

// writing is what became of the request where the kernel keeps the thread's user state.
type writing struct {
	writes  []Write // to where the kernel keeps its user state
	wrote   *Write  // first write that put the requested ip and sp in place
	over    *Write  // a later write that replaced them
	save    *Write  // a later one by the kernel's entry, which saved the thread's live registers
	inside  bool    // the kernel's entry had saved them when the request was written: the thread was inside
	faulted *Write  // of these the one that saved the kernel's own: its return to user mode faulted
	equal   bool    // the frame held the request already when it came
}

// standing is what the thread does at this stop.
type standing struct {
	blocked bool   // waits in IPC at this stop
	partner string // for what
}

// origin is whose state was requested, by the checkpoint.
type origin struct {
	foreign bool   // what was requested was not checkpointed under its name
	owner   string // thread that it was checkpointed of, "" if of none
	unread  string // why that is not known, "" if it is
}

func (j *Judge) factsOf(s *view.Snapshot, t *Track) *facts {
	q := t.Request()
	f := &facts{arch: j.Arch, platform: j.Platform, t: t, q: q, complete: j.Ev.Complete,
		writing: j.writingOf(t), standing: standingOf(s, t), origin: j.originOf(t.Name, q), code: otherCode(j.Ev.Memory, t.Task, q), unasked: j.Ev.missing(GapOperation)}
	for _, op := range j.Ev.Operations[t.Block] {
		if op.At.Seq < q.At.Seq {
			continue
		}
		f.ops = append(f.ops, op)
		if why := j.Platform.NoEffect(op.Name); why != "" && (op.SetsIP || op.SetsSP) && !op.Cancel && op.Exception && op.Problem == "" {
			f.blind = op.Name + " " + why
		}
	}
	f.forced = slices.ContainsFunc(t.Forced, func(x Forced) bool {
		return !x.Undone && x.At.Seq > q.At.Seq && (t.Entered == nil || x.At.Seq < t.Entered.At.Seq)
	})
	if t.Entered != nil {
		f.arrived = q.Problem == "" && t.Entered.IP == q.IP && t.Entered.SP == q.SP
		f.diff = j.Arch.Differing(q.Registers, t.Entered.Registers)
	}
	return f
}

// writingOf follows the writes to a thread's user state from its last request on.
func (j *Judge) writingOf(t *Track) (f writing) {
	q := t.Request()
	known := q.Problem == ""
	f.equal = known && q.Thread.IP == q.IP && q.Thread.SP == q.SP
	for i := range t.Writes {
		w := &t.Writes[i]
		if w.At.Seq < q.At.Seq {
			continue
		}
		f.writes = append(f.writes, *w)
		switch {
		case w.Restores:
			// The kernel leaves an exception as it came: nobody's request.
		case f.equal && w.Saved == w.Old && w.uncalled():
			// The kernel's entry saves again what was there: nobody's request either.
		case known && w.IP == q.IP && w.SP == q.SP:
			n := len(f.writes) - 2
			f.wrote, f.over, f.inside = w, nil, n >= 0 && !w.Outside && j.saves(&f.writes[n]) && !q.returned(f.writes[n].At)
		case f.wrote != nil && !j.Platform.Place(w.Where).Aside && !j.inKernel(w.IP):
			f.over = w
		}
		if f.wrote != nil && w != f.wrote && j.saves(w) {
			f.save = w
			if f.faulted == nil && j.inKernel(w.IP) {
				f.faulted = w
			}
		}
	}
	return f
}

// standingOf is what a thread does at a stop.
func standingOf(s *view.Snapshot, t *Track) (f standing) {
	if o := s.System.Object(t.ID); o != nil && o.Thread != nil {
		f.blocked = o.Thread.Waits()
		if p := s.System.WaitedFor(o.Thread); p != nil {
			f.partner = fmt.Sprintf(" for %s %s", p.Title(), p.ID)
		}
	}
	return f
}

// saves says whether a write is the kernel's entry that saves a thread's live registers.
func (j *Judge) saves(w *Write) bool {
	return slices.ContainsFunc(w.Frames, func(f view.Frame) bool { return slices.Contains(j.Platform.Saves, f.Place.Function) })
}

// originOf tells whether a request asks for a state that was checkpointed of no
// thread with the name, and of which other one it was; or why that cannot be told.
// Without stored states nothing is known about that.
func (j *Judge) originOf(name string, q *Request) (f origin) {
	if f.unread = q.Problem; f.unread != "" {
		return f
	}
	named := false
	for _, st := range j.Ev.Stored {
		same := st.IP == q.IP && st.SP == q.SP
		switch {
		case st.Problem != "":
			if SameName(name, st.Name) {
				f.unread = st.Problem
			}
		case SameName(name, st.Name) && same:
			return origin{}
		case SameName(name, st.Name):
			named = true
		case same:
			f.owner = st.Name
		}
	}
	if !named {
		f.unread = cmp.Or(f.unread, j.Ev.missing(GapStored))
	}
	f.foreign = named && f.unread == ""
	return f
}

// otherCode says that other instructions stand at the requested ip than the checkpoint
// found there.
func otherCode(d *view.MemoryDiff, task kernel.ID, q *Request) string {
	if d == nil || d.Restored != task {
		return ""
	}
	i := slices.IndexFunc(d.Code, func(c view.CodeDiff) bool { return c.IP == q.IP })
	if i < 0 {
		return ""
	}
	text := "other instructions stand there than were checkpointed"
	if c := d.Code[i]; c.Like != "" {
		text += fmt.Sprintf(": the page at %x is equal to %s", c.Page, c.Like)
	}
	return text
}

// inKernel says whether an ip in a frame leads into the kernel, as it does
// while a triggered exception is under way.
func (j *Judge) inKernel(ip uint64) bool {
	return slices.ContainsFunc(j.Kernel, func(r elffile.Range) bool { return r.Contains(ip) })
}

// entered says whether the thread came back to user mode.
func (f *facts) entered() bool { return f.t.Entered != nil }

// kept says whether the requesting function keeps the state in a copy.
func (f *facts) kept() bool {
	c := f.q.Copy
	return c != nil && c.Read && c.IP == f.q.IP && c.SP == f.q.SP
}

// empty says in words that the requesting function does nothing.
func (f *facts) empty() string {
	return f.q.Function + " is an empty function here, which returns at once"
}

// refused says whether the requesting function, which should keep the state in a copy, did
// not.
func (f *facts) refused() bool {
	c := f.q.Copy
	return c != nil && c.Read && (c.IP != f.q.IP || c.SP != f.q.SP)
}

// situation says what a thread was doing, from its state.
func situation(t *kernel.Thread) string {
	switch {
	case t.Exception:
		return "in an exception"
	case t.Wait.Verb != "":
		return cmp.Or(t.Wait.Blocked, "blocked in IPC") + " (" + t.StateString() + ")"
	case t.Ready:
		return "ready to run"
	}
	return "in state " + t.StateString()
}

// list joins names, the first few of many.
func list(names []string) string {
	const most = 6
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// evidence tells in order what was seen.
func (f *facts) evidence(all []Operation, dropped int) []string {
	q := f.q
	out := []string{
		fmt.Sprintf("stop %d: %s", q.At.Stop, q.asks()),
		fmt.Sprintf("thread object %#x then: %s, %s ip %#x, sp %#x, %s's ip at %#x", f.t.Block, situation(&q.Thread), q.Thread.Source, q.Thread.IP, q.Thread.SP,
			f.platform.Place(f.t.Places[0].Name).Text, f.t.Places[0].IPAddr),
	}
	if en := q.Early; en != nil {
		out = append(out, fmt.Sprintf("stop %d: in user mode at %s, ip %#x, before %s had taken the request", en.At.Stop, en.Place, en.IP, q.Function))
	}
	if c := q.Copy; c != nil {
		switch {
		case c.Problem != "":
			out = append(out, c.Name+" could not be read: "+c.Problem)
		case c.Read:
			out = append(out, fmt.Sprintf("%s at %#x: ip %#x before, %#x after", c.Name, c.IPAddr, c.BeforeIP, c.IP))
		}
	}
	for _, op := range f.ops {
		out = append(out, fmt.Sprintf("stop %d: %s", op.At.Stop, op))
	}
	switch {
	case f.unasked != "":
		out = append(out, "operations were seen and it is not known on which thread: "+f.unasked)
	case len(f.ops) == 0:
		out = append(out, fmt.Sprintf("no operation set this thread's state after the request (%d before it)", len(all)))
	}
	for _, w := range f.writes {
		line := fmt.Sprintf("stop %d: %s wrote ip %#x, sp %#x into the %s at %#x (before: ip %#x)", w.At.Stop, w.Place, w.IP, w.SP, w.Where, w.Addr, w.Old.IP)
		if w.Outside {
			line += ", with the thread in user mode on another processor"
		}
		out = append(out, line)
	}
	if len(f.writes) == 0 {
		out = append(out, "no write to "+cmp.Or(f.platform.Kept, "where the kernel keeps its state")+" after the request")
	}
	if dropped > 0 {
		out = append(out, fmt.Sprintf("%d requests, operations and writes more were seen, and are not kept: of a kind only the first and the newest %d are", dropped, MostSeen/2))
	}
	if en := f.t.Entered; en != nil {
		out = append(out, fmt.Sprintf("stop %d: entered user mode at %s, ip %#x, sp %#x", en.At.Stop, en.Place, en.IP, en.SP))
	}
	return out
}
