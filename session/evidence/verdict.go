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

// Judge weighs the evidence of a session, be it live or recorded: which thread
// came back with which state, and what the capability tables say.
type Judge struct {
	Arch     arch.Arch
	Platform *kernel.Platform
	Children []string        // programs that are checkpointed, each in a restore of its own
	Kernel   []elffile.Range // the kernel's text
	Place    func(program string, addr uint64) view.Place
	Ev       *Evidence
}

// All judges every thread of the restored child: those that were
// requested in that order, then those that were not. Where a file is not that of
// the program that runs, no verdict stands.
func (j *Judge) All(s *view.Snapshot) []view.ThreadVerdict {
	return Distrust(j.each(s), j.Ev.Mismatches)
}

// Result is what is known as of a stop: of the restore, not of how the stop came about.
func (j *Judge) Result(s *view.Snapshot) view.Result {
	return view.Result{
		Restore: j.Ev.Number(), Complete: j.Ev.Complete, Finished: j.Ev.Finished,
		Verdicts: j.All(s), Caps: j.CapDiff(s), Waits: j.Waits(s), Memory: j.Ev.Memory,
	}
}

// Distrust makes verdicts unknown where a file is another program's.
func Distrust(verdicts []view.ThreadVerdict, others []view.Mismatch) []view.ThreadVerdict {
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

func (j *Judge) each(s *view.Snapshot) []view.ThreadVerdict {
	var out []view.ThreadVerdict
	pairs := j.Pairs(s)
	for _, t := range j.Ev.Threads {
		out = append(out, j.thread(s, t, pairs[t.ID]))
	}
	if j.Ev.Before == nil || len(j.Ev.Stored) == 0 && j.Ev.missing(GapStored) == "" {
		return append(out, j.unfound()...)
	}
	for _, st := range j.Ev.Stored {
		if !slices.ContainsFunc(j.Ev.Threads, func(t *Track) bool { return SameName(t.Name, st.Name) }) {
			out = append(out, j.unrequested(s, st.Name, &st))
		}
	}
	for _, o := range j.Ev.Before.System.ThreadsOf(j.Ev.Original) {
		known := slices.ContainsFunc(j.Ev.Stored, func(st Stored) bool { return SameName(o.Name, st.Name) }) ||
			slices.ContainsFunc(j.Ev.Threads, func(t *Track) bool { return t.Name == o.Name })
		if !known {
			out = append(out, j.unrequested(s, o.Name, nil))
		}
	}
	return append(out, j.twice(s)...)
}

// unfound tells of requests whose threads are not known.
func (j *Judge) unfound() (out []view.ThreadVerdict) {
	for _, g := range j.Ev.Gaps {
		if g.Of == GapRequest {
			missing := view.Stage{Missing: "the thread is not known"}
			out = append(out, view.ThreadVerdict{Name: cmp.Or(g.Name, "?"), Verdict: view.Unknown, Rule: "request-unread", Cause: g.Why,
				Checkpointed: missing, Requested: missing, Kernel: missing, Entered: missing})
		}
	}
	return out
}

// twice judges threads that the restore made beside the ones that it requested a state
// for, with the same name.
func (j *Judge) twice(s *view.Snapshot) (out []view.ThreadVerdict) {
	task := j.Restored(s)
	for _, o := range s.System.ThreadsOf(task) {
		i := slices.IndexFunc(j.Ev.Threads, func(t *Track) bool { return t.Task == task && t.Name == o.Name })
		if task == 0 || i < 0 || slices.ContainsFunc(j.Ev.Threads, func(t *Track) bool { return t.ID == o.ID }) || j.originals(o.Name) > 1 {
			continue
		}
		missing := view.Stage{Missing: "no request for this thread was seen"}
		v := view.ThreadVerdict{Thread: o.ID, Name: o.Name, Task: task, TaskName: s.TaskName(task), Verdict: view.NotRequested, Rule: "made-twice",
			Checkpointed: view.Stage{Missing: "one thread of this name was checkpointed, and is " + j.Ev.Threads[i].ID.String() + " now"},
			Requested:    missing, Entered: view.Stage{Missing: "not watched: nothing was requested"},
			Kernel: view.Stage{Missing: "it never was in user mode"},
			Cause: fmt.Sprintf("there are two threads of this name now, and one was checkpointed: its state was requested for thread %s, and this one is %s",
				j.Ev.Threads[i].ID, situation(o.Thread)),
			Advice: "look at how the restorer finds the threads that the new child has already, such as its first one"}
		if o.Thread.Source != kernel.SourceNone {
			v.Kernel = view.Stage{Known: true, IP: o.Thread.IP, SP: o.Thread.SP, Place: s.Places[o.ID], Source: string(o.Thread.Source), Stop: s.Number, Time: s.Time}
		}
		out = append(out, v)
	}
	return out
}

// originals counts the checkpointed child's threads of a name.
func (j *Judge) originals(name string) (n int) {
	for _, o := range j.Ev.Before.System.ThreadsOf(j.Ev.Original) {
		if o.Name == name {
			n++
		}
	}
	return n
}

// SameName compares a kernel-debugger name, which is cut at 15 characters, with
// a full one.
func SameName(cut, full string) bool {
	const kernelName = 15
	return cut == full || len(cut) >= kernelName && strings.HasPrefix(full, cut)
}

// Pairs finds the original counterpart of each thread of the restored task: of
// the threads with its name the one with its UTCB, else the only one.
func (j *Judge) Pairs(s *view.Snapshot) map[kernel.ID]*kernel.Object {
	out := map[kernel.ID]*kernel.Object{}
	if j.Ev.Before == nil {
		return out
	}
	originals := j.Ev.Before.System.ThreadsOf(j.Ev.Original)
	for _, o := range s.System.ThreadsOf(j.Restored(s)) {
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
func (j *Judge) thread(s *view.Snapshot, t *Track, original *kernel.Object) view.ThreadVerdict {
	v := view.ThreadVerdict{Thread: t.ID, Name: t.Name, Task: t.Task, TaskName: s.TaskName(t.Task)}
	if original != nil {
		v.Original = original.ID
	}
	v.Checkpointed = j.checkpointed(t.Name, t.Program)
	q := t.Request()
	v.Requested = view.Stage{Missing: q.Problem}
	if q.Problem == "" {
		v.Requested = view.Stage{Known: true, IP: q.IP, SP: q.SP, Place: j.Place(t.Program, q.IP), Registers: q.Registers,
			Source: "argument of " + q.Function, Stop: q.At.Stop, Time: q.At.Time}
	}
	at := t.kept(j.Platform)
	kind := j.Platform.Place(at.Name)
	v.Kernel = view.Stage{Known: true, IP: at.IP, SP: at.SP, Place: j.Place(t.Program, at.IP),
		Source: fmt.Sprintf("%s at %#x", kind.Text, at.IPAddr), Stop: q.At.Stop, Time: q.At.Time}
	if kind.Why != "" {
		v.Kernel.Source += " (" + kind.Why + ")"
	}
	if n := len(t.Writes); n > 0 {
		v.Kernel.Stop, v.Kernel.Time = t.Writes[n-1].At.Stop, t.Writes[n-1].At.Time
	}
	v.Entered.Missing = "the thread has not returned to user mode since the request"
	if t.Entered != nil {
		taken := ""
		if q.Early != nil {
			taken = " was taken"
		}
		v.Entered = view.Stage{Known: true, IP: t.Entered.IP, SP: t.Entered.SP, Place: t.Entered.Place, Registers: t.Entered.Registers,
			Source: "processor, first return to user mode after the request" + taken, Stop: t.Entered.At.Stop, Time: t.Entered.At.Time}
	}
	f := j.factsOf(s, t)
	r := f.rule()
	words := j.Platform.Causes[r.name]
	v.Verdict, v.Rule, v.Cause, v.Advice = r.verdict, cmp.Or(words.Name, r.name), r.cause(f)+words.Why, cmp.Or(words.Advice, r.advice)
	v.Evidence = f.evidence(j.Ev.Operations[t.Block], j.Ev.Dropped[t.Block])
	if v.Divergence = t.Divergence; v.Divergence != nil {
		v.Evidence = append(v.Evidence, v.Divergence.Lines()...)
	}
	v.History = j.history(t)
	return v
}

func (j *Judge) checkpointed(name, program string) view.Stage {
	for _, st := range j.Ev.Stored {
		if SameName(name, st.Name) {
			if st.Problem != "" {
				return view.Stage{Missing: st.Problem}
			}
			return view.Stage{Known: true, IP: st.IP, SP: st.SP, Place: j.Place(program, st.IP), Registers: st.Registers,
				Source: st.Source, Stop: j.Ev.StoredAt, Time: st.At.Time}
		}
	}
	return view.Stage{Missing: cmp.Or(j.Ev.missing(GapStored), "no thread of this name is in the stored state")}
}

// unrequested judges a checkpointed thread that nobody asked to set.
func (j *Judge) unrequested(s *view.Snapshot, name string, st *Stored) view.ThreadVerdict {
	v := view.ThreadVerdict{Name: name, Task: j.Restored(s), Rule: "no-request"}
	if v.Task != 0 {
		v.TaskName = s.TaskName(v.Task)
	}
	for _, o := range s.System.ThreadsOf(v.Task) {
		if v.Task != 0 && SameName(o.Name, name) {
			v.Thread = o.ID
			v.Kernel = view.Stage{Known: true, IP: o.Thread.IP, SP: o.Thread.SP, Place: s.Places[o.ID], Source: string(o.Thread.Source), Stop: s.Number, Time: s.Time}
		}
	}
	for _, o := range j.Ev.Before.System.ThreadsOf(j.Ev.Original) {
		if SameName(o.Name, name) {
			v.Original = o.ID
		}
	}
	v.Checkpointed = j.checkpointed(name, j.child(s))
	v.Requested.Missing = "no request for this thread was seen"
	v.Entered.Missing = "not watched: nothing was requested"
	if !j.Ev.Complete {
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
func (j *Judge) unsure(st *Stored) string {
	if n := len(j.Ev.Unproved); n > 0 {
		return fmt.Sprintf("the file of %s was found in no task that runs", strings.Join(j.Ev.Unproved, ", "))
	}
	if why := j.Ev.missing(GapRequest); why != "" || st != nil {
		return why
	}
	return j.Ev.missing(GapStored)
}

// whereItWent says what became of a stored state that was not requested for its
// own thread.
func (j *Judge) whereItWent(st *Stored) string {
	if st.Problem != "" {
		return st.Problem
	}
	for _, t := range j.Ev.Threads {
		for _, q := range t.Requests {
			if q.Problem == "" && q.IP == st.IP && q.SP == st.SP {
				return fmt.Sprintf("stop %d: %s was requested for %s (thread %s) instead", q.At.Stop, st.Source, t.Name, t.ID)
			}
		}
	}
	return st.Source + " was never handed to a request"
}

func (j *Judge) storedNames() []string {
	var names []string
	for _, st := range j.Ev.Stored {
		names = append(names, st.Name)
	}
	return names
}

// child is the program that this restore is of: the one whose threads' states were
// requested; before that, of those that run a second time, the one that was started last.
func (j *Judge) child(s *view.Snapshot) string {
	if len(j.Children) == 0 {
		return ""
	}
	for _, t := range j.Ev.Threads {
		if name := s.Tasks[t.Task]; slices.Contains(j.Children, name) {
			return name
		}
	}
	child, newest := j.Children[0], kernel.ID(0)
	for _, name := range j.Children {
		ids := slices.DeleteFunc(tasksOf(s, name), func(id kernel.ID) bool { return slices.Contains(j.Ev.Past, id) })
		if n := len(ids); n > 1 && ids[n-1] > newest {
			child, newest = name, ids[n-1]
		}
	}
	return child
}

// tasksOf lists the tasks that run a program, by id.
func tasksOf(s *view.Snapshot, program string) (ids []kernel.ID) {
	for _, o := range s.System.PDs() {
		if s.Tasks[o.ID] == program {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

// ChildTasks lists the tasks that run the program that this restore is of, by id.
func (j *Judge) ChildTasks(s *view.Snapshot) []kernel.ID { return tasksOf(s, j.child(s)) }

// FindOriginal decides which task is the checkpointed child: the first that
// runs the child's program.
func (j *Judge) FindOriginal(s *view.Snapshot) {
	j.nameTracks(s)
	ids := j.ChildTasks(s)
	if other := s.Tasks[j.Ev.Original]; len(ids) > 0 && (j.Ev.Original == 0 || other != j.child(s) && slices.Contains(j.Children, other)) {
		j.Ev.Original = ids[0]
	}
}

// Restored is the task of the restored child: the one whose threads were
// requested, else the first made after the original that is none of an earlier restore;
// 0 if there is none.
func (j *Judge) Restored(s *view.Snapshot) kernel.ID {
	for _, t := range j.Ev.Threads {
		if t.Task != j.Ev.Original && s.Tasks[t.Task] == j.child(s) {
			return t.Task
		}
	}
	for _, id := range j.ChildTasks(s) {
		if j.Ev.Original != 0 && id > j.Ev.Original && !slices.Contains(j.Ev.Past, id) {
			return id
		}
	}
	return 0
}
