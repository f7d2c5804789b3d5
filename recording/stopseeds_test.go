package recording

import (
	"encoding/json"
	"testing"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/evidence"
	"thaw/session/view"
)

// requested is a thread of a recording, the evidence about it, and its last request, of
// which changes make others; what happens next to the thread begins behind that.
type requested struct {
	*evidence.Evidence
	t     *evidence.Track
	q     *evidence.Request
	saves string // function of the kernel that saves live registers, "" if that is not known
	text  uint64 // address in the kernel's text
	waits kernel.ID
}

func (r *requested) next(n int) evidence.Instant {
	return evidence.Instant{Seq: r.q.At.Seq + n, Stop: r.q.At.Stop}
}

// write adds a write of what is put in place by a function.
func (r *requested) write(ip uint64, by string) *evidence.Write {
	r.t.Writes = append(r.t.Writes, evidence.Write{At: r.next(1 + len(r.t.Writes)), Where: r.t.Places[0].Name, Saved: evidence.Saved{IP: ip, SP: r.q.SP},
		Frames: []view.Frame{{Place: view.Place{Function: by}}, {Note: "unwinding ends here"}}})
	return &r.t.Writes[len(r.t.Writes)-1]
}

func (r *requested) enter(ip uint64) {
	r.t.Entered = &evidence.Entry{At: r.next(100), IP: ip, SP: r.q.SP, Registers: r.q.Registers}
}

// applied is the evidence of a request that had its effect.
func (r *requested) applied() {
	r.write(r.q.IP, "")
	r.enter(r.q.IP)
}

// pending are changes of evidence about a thread that has not come back.
var pending = []func(r *requested){
	func(r *requested) { r.write(r.q.IP, "") },
	func(r *requested) { r.write(r.q.IP, ""); r.t.ID = r.waits },
	func(r *requested) { r.write(r.q.IP, ""); r.write(r.text, r.saves) },
	func(r *requested) { r.write(r.q.IP, ""); r.write(r.q.IP+1, r.saves); r.q.Thread.Running = true },
	func(r *requested) { r.write(1, r.saves); r.write(r.q.IP, ""); r.write(1, r.saves) },
	func(r *requested) {
		r.write(1, r.saves)
		r.write(r.q.IP, "").Outside = true
		r.q.Early = &evidence.Entry{At: r.next(1), IP: 1}
	},
	func(r *requested) { r.t.ID = r.waits },
	func(r *requested) { r.t.ID, r.q.Empty = r.waits, true },
	func(r *requested) { r.q.Open = true },
	func(r *requested) { r.q.Early = &evidence.Entry{At: r.next(0)} },
	func(r *requested) { r.t.Forced = []evidence.Forced{{At: r.next(1)}} },
	func(r *requested) {
		r.q.Thread.IP, r.q.Thread.SP = r.q.IP, r.q.SP
		w := r.write(r.q.IP, "")
		w.Old = w.Saved
	},
	func(r *requested) {
		r.Dropped = map[uint64]int{r.t.Block: 7}
		r.Gaps = []evidence.Gap{{Of: evidence.GapOperation, Why: "it is not known"}}
	},
}

// returned are changes of evidence about a thread that came back.
var returned = []func(r *requested){
	(*requested).applied,
	func(r *requested) { r.applied(); r.q.NoRegisters = "optimised away" },
	func(r *requested) { r.applied(); r.t.Entered.Registers = nil },
	func(r *requested) {
		r.applied()
		r.t.Entered.Registers = nil
		for _, reg := range r.q.Registers {
			reg.Value++
			r.t.Entered.Registers = append(r.t.Entered.Registers, reg)
		}
	},
	func(r *requested) {
		r.applied()
		r.Memory = &view.MemoryDiff{Restored: r.t.Task, Code: []view.CodeDiff{{IP: r.q.IP, Like: "zeros"}}}
	},
	func(r *requested) { r.applied(); r.Memory = &view.MemoryDiff{Restored: r.t.Task} },
	func(r *requested) { r.applied(); r.Stored[0].Problem = "the list ends" },
	func(r *requested) { r.applied(); r.Stored, r.StoredAt = r.Stored[1:], 0 },
	func(r *requested) {
		r.applied()
		r.Gaps = []evidence.Gap{{Of: evidence.GapStored, Why: "the list ends"}, {Of: evidence.GapRequest, Why: "no name"}}
		r.Stored = r.Stored[1:]
	},
	func(r *requested) { r.applied(); r.Stored[0].IP++; r.Stored[1].IP, r.Stored[1].SP = r.q.IP, r.q.SP },
	func(r *requested) { r.applied(); r.Stored[0].IP++ },
	func(r *requested) { r.applied(); r.t.Divergence = &view.Divergence{Parted: true} },
	func(r *requested) { r.applied(); r.Mismatches = []view.Mismatch{{Component: "kernel"}} },
	func(r *requested) { r.write(r.q.IP, ""); r.write(r.q.IP+1, ""); r.enter(r.q.IP + 1) },
	func(r *requested) { r.write(r.q.IP+1, ""); r.enter(r.q.IP + 1) },
	func(r *requested) { r.enter(r.q.IP + 1) },
	func(r *requested) { r.enter(r.q.IP) },
	func(r *requested) { r.enter(r.q.IP + 1); r.q.Empty = true },
	func(r *requested) {
		r.enter(r.q.IP + 1)
		r.q.Copy = &evidence.Copy{Read: true, IP: r.q.IP, SP: r.q.SP}
	},
	func(r *requested) { r.enter(r.q.IP + 1); r.q.Copy = &evidence.Copy{Read: true} },
	func(r *requested) { r.enter(r.q.IP + 1); r.q.Copy = &evidence.Copy{Problem: "not mapped"} },
}

// missing are changes of evidence that lacks the thread.
var missing = []func(r *requested){
	func(r *requested) { r.Threads = nil },
	func(r *requested) { r.Threads, r.Complete = nil, false },
	func(r *requested) { r.Threads, r.Unproved = nil, []string{"rtcr"} },
	func(r *requested) { r.Threads[0].Requests[0].IP++; r.Stored[1].Problem = "the list ends" },
	func(r *requested) { r.t.Name = "another"; r.Stored[0].Problem = "the list ends" },
}

// stopSeeds are the last stop of a recording, with evidence of which each holds another
// rule of the verdicts.
func stopSeeds(t testing.TB, rec *Recording, changes ...func(r *requested)) (out []*session.StopRecord) {
	t.Helper()
	good := rec.records[len(rec.records)-1]
	raw, err := json.Marshal(good.Evidence)
	if err != nil {
		t.Fatal(err)
	}
	replay, decoder := replayOf(t, rec)
	v, err := replay.View(replay.Stops())
	if err != nil {
		t.Fatal(err)
	}
	of := requested{text: rec.programs[rec.Scenario().KernelName()].Text()[0].Start}
	if all := decoder.Platform().Saves; len(all) > 0 {
		of.saves = all[0]
	}
	for _, o := range v.Snapshot.System.Threads() {
		if o.Thread.Waits() {
			of.waits = o.ID
		}
	}
	for _, change := range changes {
		s, r := *good, of
		s.Evidence = &evidence.Evidence{}
		if err := json.Unmarshal(raw, s.Evidence); err != nil {
			t.Fatal(err)
		}
		r.Evidence, r.t = s.Evidence, s.Evidence.Threads[0]
		r.Threads, r.Operations, r.Memory, r.Unused, r.Behind = r.Threads[:1], nil, nil, nil, nil // small
		r.t.Writes, r.t.Entered, r.t.Forced = nil, nil, nil
		r.q = r.t.Request()
		r.q.Problem, r.q.Copy = "", nil
		change(&r)
		out = append(out, &s)
	}
	return out
}
