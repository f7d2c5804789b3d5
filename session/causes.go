package session

import (
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
)

// facts are what the rules ask about one requested thread. All of them are
// about the time after its last request.
type facts struct {
	arch     arch
	t        *track
	q        *request
	writes   []write     // to the frame or the continuation
	ops      []operation // kernel operations on the thread
	wrote    *write      // first write that put the requested ip and sp in place
	over     *write      // a later write that replaced them
	equal    bool        // the frame held the request already when it came
	arrived  bool        // entered at the requested ip and sp
	diff     []string    // registers that differ between request and entry
	blind    *operation  // set ip or sp of a thread in an exception, without cancel
	complete bool
	blocked  bool   // waits in IPC at this stop
	partner  string // for what
}

func (j *judge) factsOf(s *Snapshot, t *track) *facts {
	q := t.request()
	f := &facts{arch: j.arch, t: t, q: q, complete: j.ev.complete}
	f.equal = q.thread.IP == q.ip && q.thread.SP == q.sp
	for i := range t.writes {
		w := &t.writes[i]
		if w.at.seq < q.at.seq {
			continue
		}
		f.writes = append(f.writes, *w)
		switch {
		case w.restores:
			// The kernel leaves an exception as it came: nobody's request.
		case w.ip == q.ip && w.sp == q.sp:
			f.wrote, f.over = w, nil
		case f.wrote != nil && w.what == kernel.SourceFrame && !j.inKernel(w.ip):
			f.over = w
		}
	}
	for i, op := range j.ev.ops[t.block] {
		if op.at.seq < q.at.seq {
			continue
		}
		f.ops = append(f.ops, op)
		if (op.setsIP || op.setsSP) && !op.cancel && slices.Contains(op.state, "in_exception") {
			f.blind = &j.ev.ops[t.block][i]
		}
	}
	if t.entered != nil {
		f.arrived = t.entered.ip == q.ip && t.entered.sp == q.sp
		f.diff = j.arch.differing(q.registers, t.entered.registers)
	}
	if o := s.System.Object(t.id); o != nil && o.Thread != nil {
		f.blocked = o.Thread.Has("receive_wait") || o.Thread.Has("send_wait")
		if p := s.System.Object(o.Thread.Partner); p != nil {
			f.partner = fmt.Sprintf(" for %s %s", p.Title(), p.ID)
		}
	}
	return f
}

// inKernel says whether an ip in a frame leads into the kernel, as it does
// while a triggered exception is under way.
func (j *judge) inKernel(ip uint64) bool {
	return slices.ContainsFunc(j.kernel, func(r debuginfo.Range) bool { return r.Contains(ip) })
}

// entered says whether the thread came back to user mode.
func (f *facts) entered() bool { return f.t.entered != nil }

// kept says whether the requesting function keeps the state in a copy.
func (f *facts) kept() bool {
	c := f.q.copy
	return c != nil && c.read && c.ip == f.q.ip && c.sp == f.q.sp
}

// rule is one cause: when it holds, what it says, and what to try. No rule
// holds on evidence that is missing.
type rule struct {
	name    string
	verdict Verdict
	when    func(f *facts) bool
	cause   func(f *facts) string
	advice  string
}

func says(text string) func(*facts) string { return func(*facts) string { return text } }

// rules are tried in order; the first that holds gives the verdict.
var rules = []rule{
	{
		name: "partial-registers", verdict: Partial,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil && len(f.diff) > 0 },
		cause: func(f *facts) string {
			return fmt.Sprintf("ip and sp arrived, written by %s, but %s came back with other values than were requested", f.wrote.place.Function, list(f.diff))
		},
		advice: "hand over all registers: an exception reply can, ex_regs carries ip and sp only",
	},
	{
		name: "applied", verdict: Applied,
		when: func(f *facts) bool { return f.entered() && f.arrived && f.wrote != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("written by %s and entered", f.wrote.place.Function)
		},
	},
	{
		name: "overwritten", verdict: Overwritten,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote != nil && f.over != nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, then %s wrote ip %#x over it before the thread ran", f.wrote.place.Function, f.over.place.Function, f.over.ip)
		},
		advice: "find who sends the later write: a resume with a stale copy, a signal, or a second ex_regs",
	},
	{
		name: "ex_regs-in-exception", verdict: Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil && f.blind != nil },
		cause: func(f *facts) string {
			return f.blind.name + " came without the cancel flag while the thread was in an exception: the kernel changes nothing then and reports success"
		},
		advice: "set the cancel flag, or put the state into the exception reply",
	},
	{
		name: "stays-in-copy", verdict: Ignored,
		when: func(f *facts) bool {
			return f.entered() && !f.arrived && f.wrote == nil && f.kept() && !slices.Contains(f.q.thread.StateNames, "in_exception")
		},
		cause: func(f *facts) string {
			return fmt.Sprintf("the state stays in %s: nothing wrote the thread's kernel state, because it was %s when the request came and the copy is handed over only in the reply to an exception",
				f.q.copy.name, situation(&f.q.thread))
		},
		advice: "let ex_regs with the cancel flag set ip and sp, or bring the thread into an exception first and put the state into the reply",
	},
	{
		name: "never-written", verdict: Ignored,
		when: func(f *facts) bool { return f.entered() && !f.arrived && f.wrote == nil },
		cause: func(f *facts) string {
			if n := len(f.writes); n > 0 {
				return fmt.Sprintf("the requested state was never written; %s wrote ip %#x instead", f.writes[n-1].place.Function, f.writes[n-1].ip)
			}
			return "the requested state was never written to the thread's kernel state"
		},
		advice: "follow the request on from the function that took it",
	},
	{
		name: "coincident", verdict: Coincident,
		when: func(f *facts) bool {
			return f.equal && f.wrote == nil && (f.arrived || !f.entered()) && !f.t.changed()
		},
		cause: says("the thread stood at the requested ip and sp already when the request came: nothing wrote them, they are equal by coincidence"),
	},
	{
		name: "entered-unseen", verdict: Unknown,
		when:   func(f *facts) bool { return f.entered() },
		cause:  says("the thread entered user mode, but the writes that were seen do not explain where"),
		advice: "record the session and look at each write in the evidence",
	},
	{
		name: "written-blocked", verdict: Pending,
		when: func(f *facts) bool { return f.wrote != nil && f.over == nil },
		cause: func(f *facts) string {
			return fmt.Sprintf("%s wrote the requested state, which takes effect once the thread's wait%s ends", f.wrote.place.Function, f.partner)
		},
		advice: "end the wait: the cancel flag of ex_regs does",
	},
	{
		name: "blocked", verdict: Pending,
		when: func(f *facts) bool { return f.blocked },
		cause: func(f *facts) string {
			return "the thread still waits" + f.partner + " and has not come back to user mode"
		},
	},
	{
		name: "not-run", verdict: Pending,
		when:  func(f *facts) bool { return true },
		cause: says("the thread has not come back to user mode since the request"),
	},
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
	case t.Has("in_exception"):
		return "in an exception"
	case t.Has("receive_wait"), t.Has("send_wait"), t.Has("receive_in_progress"):
		return "blocked in IPC (" + t.StateString() + ")"
	case t.Has("ready"):
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
func (f *facts) evidence(all []operation) []string {
	q := f.q
	out := []string{
		fmt.Sprintf("stop %d: %s asks for ip %#x, sp %#x", q.at.stop, q.function, q.ip, q.sp),
		fmt.Sprintf("thread object %#x then: %s, %s ip %#x, sp %#x, entry frame's ip at %#x", f.t.block, situation(&q.thread), q.thread.Source, q.thread.IP, q.thread.SP, f.t.ipAddr),
	}
	if c := q.copy; c != nil {
		switch {
		case c.problem != "":
			out = append(out, c.name+" could not be read: "+c.problem)
		case c.read:
			out = append(out, fmt.Sprintf("%s at %#x: ip %#x before, %#x after", c.name, c.ipAddr, c.beforeIP, c.ip))
		}
	}
	for _, op := range f.ops {
		out = append(out, fmt.Sprintf("stop %d: %s", op.at.stop, op))
	}
	if len(f.ops) == 0 {
		out = append(out, fmt.Sprintf("no operation set this thread's state after the request (%d before it)", len(all)))
	}
	for _, w := range f.writes {
		out = append(out, fmt.Sprintf("stop %d: %s wrote ip %#x, sp %#x into the %s at %#x (before: ip %#x)", w.at.stop, w.place, w.ip, w.sp, w.what, w.addr, w.old.ip))
	}
	if len(f.writes) == 0 {
		out = append(out, "no write to the entry frame or the continuation after the request")
	}
	if en := f.t.entered; en != nil {
		out = append(out, fmt.Sprintf("stop %d: entered user mode at %s, ip %#x, sp %#x", en.at.stop, en.place, en.ip, en.sp))
	}
	return out
}
