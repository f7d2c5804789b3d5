package session

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/view"
)

// facts are what the rules ask about one requested thread. All of them are
// about the time after its last request.
type facts struct {
	arch     arch.Arch
	t        *track
	q        *request
	platform *kernel.Platform
	writes   []write     // to where the kernel keeps its user state
	ops      []operation // kernel operations on the thread
	wrote    *write      // first write that put the requested ip and sp in place
	over     *write      // a later write that replaced them
	save     *write      // a later one by the kernel's entry, which saved the thread's live registers
	faulted  *write      // of these the one that saved the kernel's own: its return to user mode faulted
	equal    bool        // the frame held the request already when it came
	arrived  bool        // entered at the requested ip and sp
	diff     []string    // registers that differ between request and entry
	blind    *operation  // set ip or sp of a thread in an exception, without cancel
	complete bool
	blocked  bool   // waits in IPC at this stop
	partner  string // for what
	foreign  bool   // what was requested was not checkpointed under its name
	owner    string // thread that it was checkpointed of, "" if of none
	unread   string // why that is not known, "" if it is
	unasked  string // operations whose thread is not known: why
	forced   bool   // by us, into its saved state, before it came back
}

func (j *judge) factsOf(s *view.Snapshot, t *track) *facts {
	q := t.request()
	f := &facts{arch: j.arch, platform: j.platform, t: t, q: q, complete: j.ev.Complete}
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
		case f.equal && w.saved == w.Old && w.uncalled():
			// The kernel's entry saves again what was there: nobody's request either.
		case known && w.IP == q.IP && w.SP == q.SP:
			f.wrote, f.over = w, nil
		case f.wrote != nil && !j.platform.Place(w.Where).Aside && !j.inKernel(w.IP):
			f.over = w
		}
		if f.wrote != nil && w != f.wrote && j.saves(w) {
			f.save = w
			if f.faulted == nil && j.inKernel(w.IP) {
				f.faulted = w
			}
		}
	}
	for i, op := range j.ev.Operations[t.Block] {
		if op.At.Seq < q.At.Seq {
			continue
		}
		f.ops = append(f.ops, op)
		if (op.SetsIP || op.SetsSP) && !op.Cancel && op.Exception && op.Problem == "" {
			f.blind = &j.ev.Operations[t.Block][i]
		}
	}
	f.forced = slices.ContainsFunc(t.Forced, func(x forced) bool {
		return !x.Undone && x.At.Seq > q.At.Seq && (t.Entered == nil || x.At.Seq < t.Entered.At.Seq)
	})
	f.unasked = j.ev.missing(gapOperation)
	f.foreign, f.owner, f.unread = j.foreign(t.Name, q)
	if t.Entered != nil {
		f.arrived = known && t.Entered.IP == q.IP && t.Entered.SP == q.SP
		f.diff = j.arch.Differing(q.Registers, t.Entered.Registers)
	}
	if o := s.System.Object(t.ID); o != nil && o.Thread != nil {
		f.blocked = o.Thread.Waits()
		if p := s.System.WaitedFor(o.Thread); p != nil {
			f.partner = fmt.Sprintf(" for %s %s", p.Title(), p.ID)
		}
	}
	return f
}

// saves says whether a write is the kernel's entry that saves a thread's live registers.
func (j *judge) saves(w *write) bool {
	return slices.ContainsFunc(w.Frames, func(f view.Frame) bool { return slices.Contains(j.platform.Saves, f.Place.Function) })
}

// foreign says whether a request asks for a state that was checkpointed of no
// thread with the name, and of which other one it was; or why that cannot be told.
// Without stored states nothing is known about that.
func (j *judge) foreign(name string, q *request) (foreign bool, owner, unread string) {
	named := false
	if q.Problem != "" {
		return false, "", q.Problem
	}
	for _, st := range j.ev.Stored {
		same := st.IP == q.IP && st.SP == q.SP
		switch {
		case st.Problem != "":
			if sameName(name, st.Name) {
				unread = st.Problem
			}
		case sameName(name, st.Name) && same:
			return false, "", ""
		case sameName(name, st.Name):
			named = true
		case same:
			owner = st.Name
		}
	}
	if !named {
		unread = cmp.Or(unread, j.ev.missing(gapStored))
	}
	return named && unread == "", owner, unread
}

// inKernel says whether an ip in a frame leads into the kernel, as it does
// while a triggered exception is under way.
func (j *judge) inKernel(ip uint64) bool {
	return slices.ContainsFunc(j.kernel, func(r debuginfo.Range) bool { return r.Contains(ip) })
}

// entered says whether the thread came back to user mode.
func (f *facts) entered() bool { return f.t.Entered != nil }

// kept says whether the requesting function keeps the state in a copy.
func (f *facts) kept() bool {
	c := f.q.Copy
	return c != nil && c.Read && c.IP == f.q.IP && c.SP == f.q.SP
}

// rule is one cause: when it holds, what it says, and what to try. The kernel's
// platform may have its own words for it. No rule holds on evidence that is missing.
type rule struct {
	name    string
	verdict view.Verdict
	when    func(f *facts) bool
	cause   func(f *facts) string
	advice  string
}

func says(text string) func(*facts) string { return func(*facts) string { return text } }

// rules are tried in order; the first that holds gives the verdict.
var rules = []rule{
	{
		name: "forced", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.forced },
		cause:  says("thaw itself put the requested state into the thread's saved state, on the user's wish: what came after says nothing about the restore"),
		advice: "run the restore again without forcing",
	},
	{
		name: "request-unread", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.q.Problem != "" },
		cause:  func(f *facts) string { return f.q.Problem },
		advice: "build the program that takes the request with less optimisation, or name the value otherwise in the scenario",
	},
	{
		name: "another-state", verdict: view.NotRequested,
		when: func(f *facts) bool { return f.foreign },
		cause: func(f *facts) string {
			if f.owner == "" {
				return "another state was requested for it than was checkpointed under its name"
			}
			return "the state that was requested for it was checkpointed of " + f.owner
		},
		advice: "look at how the restorer finds the new thread for each stored one: by name, badge or order",
	},
	{
		name: "stored-unread", verdict: view.Unknown,
		when: func(f *facts) bool { return f.arrived && f.unread != "" },
		cause: func(f *facts) string {
			return "what was requested was entered, but whether it is what was checkpointed is not known: " + f.unread
		},
		advice: "look at the stored state in the restorer",
	},
	{
		name: "registers-unread", verdict: view.Unknown,
		when: func(f *facts) bool { return f.arrived && f.wrote != nil && f.q.NoRegisters != "" },
		cause: func(f *facts) string {
			return fmt.Sprintf("ip and sp arrived, written by %s; the other registers cannot be compared: %s", f.wrote.Place.Function, f.q.NoRegisters)
		},
		advice: "build the program that takes the request with less optimisation, or name the registers otherwise in the scenario",
	},
	{
		name: "partial-registers", verdict: view.Partial,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil && len(f.diff) > 0 },
		cause: func(f *facts) string {
			return fmt.Sprintf("ip and sp arrived, written by %s, but %s came back with other values than were requested", f.wrote.Place.Function, list(f.diff))
		},
		advice: "hand over all registers",
	},
	{
		name: "applied", verdict: view.Applied,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("written by %s and entered", f.wrote.Place.Function)
		},
	},
	{
		name: "ran-meanwhile", verdict: view.Ignored,
		when: func(f *facts) bool {
			return f.entered() && !f.arrived && f.wrote != nil && f.over != nil && f.over == f.save && f.q.Thread.Running
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("the thread was running on processor %d when the request came: %s wrote the requested state, and the kernel's next entry there saved the live registers over it", f.q.Thread.CPU, f.wrote.Place.Function)
		},
		advice: "pause the thread around the request",
	},
	{
		name: "overwritten", verdict: view.Overwritten,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote != nil && f.over != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, then %s wrote ip %#x over it before the thread ran", f.wrote.Place.Function, f.over.Place.Function, f.over.IP)
		},
		advice: "find who sends the later write: a resume with a stale copy, a signal, or a second request",
	},
	{
		name: "no-effect", verdict: view.Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil && f.blind != nil },
		cause: func(f *facts) string {
			return f.blind.Name + " came without the cancel flag while the thread was in an exception"
		},
	},
	{
		name: "stays-in-copy", verdict: view.Ignored,
		when: func(f *facts) bool {
			return f.entered() && !f.arrived && f.wrote == nil && f.kept() && !f.q.Thread.Exception
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("the state stays in %s: nothing wrote the thread's kernel state, because it was %s when the request came",
				f.q.Copy.Name, situation(&f.q.Thread))
		},
		advice: "follow the copy on to who should hand it over",
	},
	{
		name: "never-written", verdict: view.Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil },
		cause: func(f *facts) string {
			if n := len(f.writes); n > 0 {
				return fmt.Sprintf("the requested state was never written; %s wrote ip %#x instead", f.writes[n-1].Place.Function, f.writes[n-1].IP)
			}
			return "the requested state was never written to the thread's kernel state"
		},
		advice: "follow the request on from the function that took it",
	},
	{
		name: "coincident", verdict: view.Coincident,
		when: func(f *facts) bool {
			return f.equal && f.wrote == nil && (f.arrived || !f.entered()) && !f.t.changed()
		},
		cause: func(f *facts) string {
			text := "the thread stood at the requested ip and sp already when the request came: nothing wrote them, they are equal by coincidence"
			if n := len(f.writes); n > 0 {
				text += fmt.Sprintf("; %s only saved again what was there", f.writes[n-1].Place.Function)
			}
			return text
		},
	},
	{
		name: "entered-unseen", verdict: view.Unknown,
		when:   func(f *facts) bool { return f.entered() },
		cause:  says("the thread entered user mode, but the writes that were seen do not explain where"),
		advice: "record the session and look at each write in the evidence",
	},
	{
		name: "killed", verdict: view.Killed,
		when: func(f *facts) bool { return f.wrote != nil && f.faulted != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, and the kernel's own way to user mode faulted on it at %#x: the thread never runs again, and nobody is told", f.wrote.Place.Function, f.faulted.IP)
		},
		advice: "look at what else of the state was requested",
	},
	{
		name: "written-blocked", verdict: view.Pending,
		when: func(f *facts) bool { return f.wrote != nil && f.over == nil && f.blocked },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, which takes effect once the thread's wait%s ends", f.wrote.Place.Function, f.partner)
		},
		advice: "end the wait",
	},
	{
		name: "written-not-run", verdict: view.Pending,
		when: func(f *facts) bool { return f.wrote != nil && f.over == nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, and the thread has not come back to user mode since", f.wrote.Place.Function)
		},
	},
	{
		name: "blocked", verdict: view.Pending,
		when: func(f *facts) bool { return f.blocked },
		cause: func(f *facts) string {
			return "the thread still waits" + f.partner + " and has not come back to user mode"
		},
	},
	{
		name: "not-run", verdict: view.Pending,
		when:  func(f *facts) bool { return true },
		cause: says("the thread has not come back to user mode since the request"),
	},
}

// Cause is a rule as it is listed for users.
type Cause struct {
	Rule    string       `json:"rule"`
	Verdict view.Verdict `json:"verdict"`
	Lab     string       `json:"lab,omitempty"`    // bug of the lab guest that shows it; "" where only a user, or a hole in the evidence, brings it about
	Advice  string       `json:"advice,omitempty"` // what to try
}

// Causes lists the rules in the order in which they are tried, in a kernel's words.
func Causes(words kernel.Causes) []Cause {
	var out []Cause
	for _, r := range rules {
		w := words[r.name]
		out = append(out, Cause{cmp.Or(w.Name, r.name), r.verdict, w.Lab, cmp.Or(w.Advice, r.advice)})
	}
	return out
}

func (f *facts) rule() rule {
	for _, r := range rules {
		if r.when(f) {
			return r
		}
	}
	panic("unreachable: the last rule always holds")
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
func (f *facts) evidence(all []operation, dropped int) []string {
	q := f.q
	out := []string{
		fmt.Sprintf("stop %d: %s", q.At.Stop, q.asks()),
		fmt.Sprintf("thread object %#x then: %s, %s ip %#x, sp %#x, %s's ip at %#x", f.t.Block, situation(&q.Thread), q.Thread.Source, q.Thread.IP, q.Thread.SP,
			f.platform.Place(f.t.Places[0].Name).Text, f.t.Places[0].IPAddr),
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
		out = append(out, fmt.Sprintf("stop %d: %s wrote ip %#x, sp %#x into the %s at %#x (before: ip %#x)", w.At.Stop, w.Place, w.IP, w.SP, w.Where, w.Addr, w.Old.IP))
	}
	if len(f.writes) == 0 {
		out = append(out, "no write to "+cmp.Or(f.platform.Kept, "where the kernel keeps its state")+" after the request")
	}
	if dropped > 0 {
		out = append(out, fmt.Sprintf("%d requests, operations and writes more were seen, and are not kept: of a kind only the first and the newest %d are", dropped, mostSeen/2))
	}
	if en := f.t.Entered; en != nil {
		out = append(out, fmt.Sprintf("stop %d: entered user mode at %s, ip %#x, sp %#x", en.At.Stop, en.Place, en.IP, en.SP))
	}
	return out
}
