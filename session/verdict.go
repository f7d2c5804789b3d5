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

// judge weighs the evidence of a session, be it live or recorded: which thread
// came back with which state, and what the capability tables say.
type judge struct {
	arch     arch.Arch
	platform *kernel.Platform
	child    string            // program that is checkpointed
	kernel   []debuginfo.Range // the kernel's text
	place    func(program string, addr uint64) view.Place
	ev       *evidence
}

// all judges every thread of the restored child: those that were
// requested in that order, then those that were not. Where a file is not that of
// the program that runs, no verdict stands.
func (j *judge) all(s *view.Snapshot) []view.ThreadVerdict {
	return distrust(j.each(s), j.ev.Mismatches)
}

// distrust makes verdicts unknown where a file is another program's.
func distrust(verdicts []view.ThreadVerdict, others []view.Mismatch) []view.ThreadVerdict {
	if len(others) == 0 {
		return verdicts
	}
	out := slices.Clone(verdicts)
	lost := view.Stage{Missing: "read by the debug info of another program"}
	for i := range out {
		v := &out[i]
		v.Verdict, v.Rule, v.Cause, v.Advice, v.Evidence, v.Divergence = view.Unknown, "another-program", others[0].String(), "", nil, nil
		v.Checkpointed, v.Requested, v.Kernel, v.Entered = lost, lost, lost, lost
	}
	return out
}

func (j *judge) each(s *view.Snapshot) []view.ThreadVerdict {
	var out []view.ThreadVerdict
	pairs := j.pairs(s)
	for _, t := range j.ev.Threads {
		out = append(out, j.thread(s, t, pairs[t.ID]))
	}
	if j.ev.before == nil || len(j.ev.Stored) == 0 && j.ev.missing(gapStored) == "" {
		return out
	}
	for _, st := range j.ev.Stored {
		if !slices.ContainsFunc(j.ev.Threads, func(t *track) bool { return sameName(t.Name, st.Name) }) {
			out = append(out, j.unrequested(s, st.Name, &st))
		}
	}
	for _, o := range j.ev.before.System.ThreadsOf(j.ev.Original) {
		known := slices.ContainsFunc(j.ev.Stored, func(st storedThread) bool { return sameName(o.Name, st.Name) }) ||
			slices.ContainsFunc(j.ev.Threads, func(t *track) bool { return t.Name == o.Name })
		if !known {
			out = append(out, j.unrequested(s, o.Name, nil))
		}
	}
	return out
}

// sameName compares a kernel-debugger name, which is cut at 15 characters, with
// a full one.
func sameName(cut, full string) bool {
	const kernelName = 15
	return cut == full || len(cut) >= kernelName && strings.HasPrefix(full, cut)
}

// pairs finds the original counterpart of each thread of the restored task: of
// the threads with its name the one with its UTCB, else the only one.
func (j *judge) pairs(s *view.Snapshot) map[kernel.ID]*kernel.Object {
	out := map[kernel.ID]*kernel.Object{}
	if j.ev.before == nil {
		return out
	}
	originals := j.ev.before.System.ThreadsOf(j.ev.Original)
	for _, o := range s.System.ThreadsOf(j.restored(s)) {
		var same []*kernel.Object
		for _, c := range originals {
			if c.Name == o.Name {
				same = append(same, c)
			}
		}
		for _, c := range same {
			if len(same) == 1 || c.Thread.UTCB == o.Thread.UTCB {
				out[o.ID] = c
				break
			}
		}
	}
	return out
}

// thread weighs the evidence about one requested thread.
func (j *judge) thread(s *view.Snapshot, t *track, original *kernel.Object) view.ThreadVerdict {
	v := view.ThreadVerdict{Thread: t.ID, Name: t.Name, Task: t.Task, TaskName: s.TaskName(t.Task)}
	if original != nil {
		v.Original = original.ID
	}
	v.Checkpointed = j.checkpointed(t.Name, t.Program)
	q := t.request()
	v.Requested = view.Stage{Missing: q.Problem}
	if q.Problem == "" {
		v.Requested = view.Stage{Known: true, IP: q.IP, SP: q.SP, Place: j.place(t.Program, q.IP), Registers: q.Registers,
			Source: "argument of " + q.Function, Stop: q.At.Stop, Time: q.At.Time}
	}
	at := &t.Places[counting(j.platform, t.Places, t.lastSeen())]
	kind := j.platform.Place(at.Name)
	v.Kernel = view.Stage{Known: true, IP: at.IP, SP: at.SP, Place: j.place(t.Program, at.IP),
		Source: fmt.Sprintf("%s at %#x", kind.Text, at.IPAddr), Stop: q.At.Stop, Time: q.At.Time}
	if kind.Why != "" {
		v.Kernel.Source += " (" + kind.Why + ")"
	}
	if n := len(t.Writes); n > 0 {
		v.Kernel.Stop, v.Kernel.Time = t.Writes[n-1].At.Stop, t.Writes[n-1].At.Time
	}
	v.Entered.Missing = "the thread has not returned to user mode since the request"
	if t.Entered != nil {
		v.Entered = view.Stage{Known: true, IP: t.Entered.IP, SP: t.Entered.SP, Place: t.Entered.Place, Registers: t.Entered.Registers,
			Source: "processor, first return to user mode after the request", Stop: t.Entered.At.Stop, Time: t.Entered.At.Time}
	}
	f := j.factsOf(s, t)
	r := f.rule()
	words := j.platform.Causes[r.name]
	v.Verdict, v.Rule, v.Cause, v.Advice = r.verdict, cmp.Or(words.Name, r.name), r.cause(f)+words.Why, cmp.Or(words.Advice, r.advice)
	v.Evidence = f.evidence(j.ev.Operations[t.Block], j.ev.Dropped[t.Block])
	if v.Divergence = t.Divergence; v.Divergence != nil {
		v.Evidence = append(v.Evidence, v.Divergence.Lines()...)
	}
	v.History = j.history(t)
	return v
}

func (j *judge) checkpointed(name, program string) view.Stage {
	for _, st := range j.ev.Stored {
		if sameName(name, st.Name) {
			if st.Problem != "" {
				return view.Stage{Missing: st.Problem}
			}
			return view.Stage{Known: true, IP: st.IP, SP: st.SP, Place: j.place(program, st.IP), Registers: st.Registers,
				Source: st.Source, Stop: j.ev.StoredAt, Time: st.At.Time}
		}
	}
	return view.Stage{Missing: cmp.Or(j.ev.missing(gapStored), "no thread of this name is in the stored state")}
}

// unrequested judges a checkpointed thread that nobody asked to set.
func (j *judge) unrequested(s *view.Snapshot, name string, st *storedThread) view.ThreadVerdict {
	v := view.ThreadVerdict{Name: name, Task: j.restored(s), Rule: "no-request"}
	if v.Task != 0 {
		v.TaskName = s.TaskName(v.Task)
	}
	for _, o := range s.System.ThreadsOf(v.Task) {
		if v.Task != 0 && sameName(o.Name, name) {
			v.Thread = o.ID
			v.Kernel = view.Stage{Known: true, IP: o.Thread.IP, SP: o.Thread.SP, Place: s.Places[o.ID], Source: string(o.Thread.Source), Stop: s.Number, Time: s.Time}
		}
	}
	for _, o := range j.ev.before.System.ThreadsOf(j.ev.Original) {
		if sameName(o.Name, name) {
			v.Original = o.ID
		}
	}
	v.Checkpointed = j.checkpointed(name, j.child)
	v.Requested.Missing = "no request for this thread was seen"
	v.Entered.Missing = "not watched: nothing was requested"
	if !j.ev.Complete {
		v.Verdict, v.Cause = view.Pending, "its state has not been requested so far"
		return v
	}
	if why := j.unsure(st); why != "" {
		v.Verdict, v.Rule = view.Unknown, "request-unseen"
		v.Cause = "no request for this thread was seen, and whether there was none is not known: " + why
		return v
	}
	v.Verdict = view.NotRequested
	v.Cause = "the restore ended without a request for this thread"
	if st == nil {
		v.Cause += ": the stored state holds no thread of this name"
		v.Evidence = append(v.Evidence, fmt.Sprintf("stored threads: %s", strings.Join(j.storedNames(), ", ")))
	} else {
		v.Evidence = append(v.Evidence, j.whereItWent(st))
	}
	v.Advice = "look at the list of stored threads and at how the restorer finds the new thread for each"
	return v
}

// unsure says why a thread may have been requested, or stored, though nothing of that
// was seen; "" if it was not.
func (j *judge) unsure(st *storedThread) string {
	if n := len(j.ev.Unproved); n > 0 {
		return fmt.Sprintf("the file of %s was found in no task that runs", strings.Join(j.ev.Unproved, ", "))
	}
	if why := j.ev.missing(gapRequest); why != "" || st != nil {
		return why
	}
	return j.ev.missing(gapStored)
}

// whereItWent says what became of a stored state that was not requested for its
// own thread.
func (j *judge) whereItWent(st *storedThread) string {
	if st.Problem != "" {
		return st.Problem
	}
	for _, t := range j.ev.Threads {
		for _, q := range t.Requests {
			if q.Problem == "" && q.IP == st.IP && q.SP == st.SP {
				return fmt.Sprintf("stop %d: %s was requested for %s (thread %s) instead", q.At.Stop, st.Source, t.Name, t.ID)
			}
		}
	}
	return st.Source + " was never handed to a request"
}

func (j *judge) storedNames() []string {
	var names []string
	for _, st := range j.ev.Stored {
		names = append(names, st.Name)
	}
	return names
}

// childTasks lists the tasks that run the scenario's child, by id.
func (j *judge) childTasks(s *view.Snapshot) []kernel.ID {
	var ids []kernel.ID
	for _, o := range s.System.PDs() {
		if s.Tasks[o.ID] == j.child {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// findOriginal decides which task is the checkpointed child: the first that
// runs the child's program.
func (j *judge) findOriginal(s *view.Snapshot) {
	if ids := j.childTasks(s); j.ev.Original == 0 && len(ids) > 0 {
		j.ev.Original = ids[0]
	}
}

// restored is the task of the restored child: the one whose threads were
// requested, else the first made after the original; 0 if there is none.
func (j *judge) restored(s *view.Snapshot) kernel.ID {
	for _, t := range j.ev.Threads {
		if t.Task != j.ev.Original && s.Tasks[t.Task] == j.child {
			return t.Task
		}
	}
	for _, id := range j.childTasks(s) {
		if j.ev.Original != 0 && id > j.ev.Original {
			return id
		}
	}
	return 0
}
