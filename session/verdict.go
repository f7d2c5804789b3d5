package session

import (
	"fmt"
	"slices"
	"strings"

	"thaw/kernel"
)

// judgeAll judges every thread of the restored child: those that were
// requested in that order, then those that were not.
func (e *Engine) judgeAll(s *Snapshot) []ThreadVerdict {
	var out []ThreadVerdict
	pairs := e.pairs(s)
	for _, t := range e.ev.order {
		out = append(out, e.judge(s, t, pairs[t.id]))
	}
	if len(e.ev.stored) == 0 {
		return out
	}
	for _, st := range e.ev.stored {
		if !slices.ContainsFunc(e.ev.order, func(t *track) bool { return sameName(t.name, st.name) }) {
			out = append(out, e.judgeUnrequested(s, st.name, &st))
		}
	}
	for _, o := range e.ev.before.System.ThreadsOf(e.ev.original) {
		known := slices.ContainsFunc(e.ev.stored, func(st storedThread) bool { return sameName(o.Name, st.name) }) ||
			slices.ContainsFunc(e.ev.order, func(t *track) bool { return t.name == o.Name })
		if !known {
			out = append(out, e.judgeUnrequested(s, o.Name, nil))
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
func (e *Engine) pairs(s *Snapshot) map[kernel.ID]*kernel.Object {
	out := map[kernel.ID]*kernel.Object{}
	if e.ev.before == nil {
		return out
	}
	originals := e.ev.before.System.ThreadsOf(e.ev.original)
	for _, o := range s.System.ThreadsOf(e.restored(s)) {
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

// judge weighs the evidence about one requested thread.
func (e *Engine) judge(s *Snapshot, t *track, original *kernel.Object) ThreadVerdict {
	v := ThreadVerdict{Thread: t.id, Name: t.name, Task: t.task, TaskName: s.TaskName(t.task)}
	if original != nil {
		v.Original = original.ID
	}
	v.Checkpointed = e.checkpointed(t.name, t.space)
	q := t.request()
	v.Requested = Stage{Known: true, IP: q.ip, SP: q.sp, Place: t.space.place(q.ip), Registers: q.registers,
		Source: "argument of " + q.function, Stop: q.at.stop, Time: q.at.time}
	v.Kernel = Stage{Known: true, IP: t.frame.ip, SP: t.frame.sp, Place: t.space.place(t.frame.ip),
		Source: fmt.Sprintf("entry frame at %#x", t.ipAddr), Stop: q.at.stop, Time: q.at.time}
	if n := len(t.writes); n > 0 {
		v.Kernel.Stop, v.Kernel.Time = t.writes[n-1].at.stop, t.writes[n-1].at.time
	}
	if t.cont.ip != e.noIP() {
		v.Kernel.IP, v.Kernel.SP, v.Kernel.Place = t.cont.ip, t.cont.sp, t.space.place(t.cont.ip)
		v.Kernel.Source = fmt.Sprintf("_exc_cont at %#x (an exception is triggered)", t.contIPAddr)
	}
	v.Entered.Missing = "the thread has not returned to user mode since the request"
	if t.entered != nil {
		v.Entered = Stage{Known: true, IP: t.entered.ip, SP: t.entered.sp, Place: t.entered.place, Registers: t.entered.registers,
			Source: "processor, first return to user mode after the request", Stop: t.entered.at.stop, Time: t.entered.at.time}
	}
	f := e.factsOf(s, t)
	r := f.rule()
	v.Verdict, v.Rule, v.Cause, v.Advice = r.verdict, r.name, r.cause(f), r.advice
	v.Evidence = f.evidence(e.ev.ops[t.block])
	return v
}

// noIP is the kernel's mark of a continuation that is not in use.
func (e *Engine) noIP() uint64 {
	if e.ptrSize() == 4 {
		return 0xffff_ffff
	}
	return ^uint64(0)
}

func (e *Engine) checkpointed(name string, c *component) Stage {
	for _, st := range e.ev.stored {
		if sameName(name, st.name) {
			return Stage{Known: true, IP: st.ip, SP: st.sp, Place: c.place(st.ip), Registers: st.registers,
				Source: st.where, Stop: e.ev.storedAt, Time: st.at.time}
		}
	}
	return Stage{Missing: "no thread of this name is in the stored state"}
}

// judgeUnrequested judges a checkpointed thread that nobody asked to set.
func (e *Engine) judgeUnrequested(s *Snapshot, name string, st *storedThread) ThreadVerdict {
	v := ThreadVerdict{Name: name, Task: e.restored(s), Rule: "no-request"}
	if v.Task != 0 {
		v.TaskName = s.TaskName(v.Task)
	}
	for _, o := range s.System.ThreadsOf(v.Task) {
		if v.Task != 0 && sameName(o.Name, name) {
			v.Thread = o.ID
			v.Kernel = Stage{Known: true, IP: o.Thread.IP, SP: o.Thread.SP, Place: s.Places[o.ID], Source: string(o.Thread.Source), Stop: s.Number, Time: s.Time}
		}
	}
	for _, o := range e.ev.before.System.ThreadsOf(e.ev.original) {
		if sameName(o.Name, name) {
			v.Original = o.ID
		}
	}
	v.Checkpointed = e.checkpointed(name, e.comps[e.scn.Child])
	v.Requested.Missing = "no request for this thread was seen"
	v.Entered.Missing = "not watched: nothing was requested"
	if !e.ev.complete {
		v.Verdict, v.Cause = Pending, "its state has not been requested so far"
		return v
	}
	v.Verdict = NotRequested
	v.Cause = "the restore ended without a request for this thread"
	if st == nil {
		v.Cause += ": the stored state holds no thread of this name"
		v.Evidence = append(v.Evidence, fmt.Sprintf("stored threads: %s", strings.Join(e.storedNames(), ", ")))
	} else {
		v.Evidence = append(v.Evidence, st.where+" was never handed to a request")
	}
	v.Advice = "look at the list of stored threads and at how the restorer finds the new thread for each"
	return v
}

func (e *Engine) storedNames() []string {
	var names []string
	for _, st := range e.ev.stored {
		names = append(names, st.name)
	}
	return names
}
