package evidence

import (
	"debug/elf"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/view"
)

// Each rule's row holds the evidence that must trigger it. A row that another
// rule takes, or a rule without a row, fails the test.
func TestRules(t *testing.T) {
	waiting := kernel.Thread{Wait: kernel.Wait{Verb: "receives from"}, IP: 0x10, SP: 0x20, Source: "frame"}
	inException := kernel.Thread{Exception: true, IP: 0x10, SP: 0x20}
	const ip, sp = 0x1000, 0x2000
	there := &Entry{IP: ip, SP: sp}
	elsewhere := &Entry{IP: 0x10, SP: 0x20}
	kept := &Copy{Name: "core's copy", Read: true, IP: ip, SP: sp}
	w := &Write{Saved: Saved{ip, sp}, Place: view.Place{Function: "Thread_object::ex_regs"}}
	running := kernel.Thread{Running: true, CPU: 1, IP: 0x10, SP: 0x20}
	w3 := &Write{Saved: Saved{0xffff, 0x20}, Place: view.Place{Function: "Kernel::Thread::_save"}}
	w2 := &Write{Saved: Saved{0x10, 0x20}, Place: view.Place{Function: "Thread::copy_utcb_to_ts"}}

	make_ := func(state kernel.Thread, en *Entry, change func(*facts)) *facts {
		f := &facts{t: &Track{Entered: en, Requests: []Request{{Thread: state}}}, q: &Request{IP: ip, SP: sp, Thread: state}}
		f.arrived = en == there
		if change != nil {
			change(f)
		}
		return f
	}
	seen := map[string]bool{}
	for _, c := range []struct {
		f       *facts
		rule    string
		verdict view.Verdict
		says    string
	}{
		{make_(waiting, there, func(f *facts) { f.forced, f.wrote = true, w }), "forced", view.Unknown, "thaw itself"},
		{make_(waiting, there, func(f *facts) { f.q.Problem = "ip could not be read: why" }), "request-unread", view.Unknown, "ip could not be read: why"},
		{make_(waiting, there, func(f *facts) { f.wrote, f.unread = w, "stored: why" }), "stored-unread", view.Unknown, "stored: why"},
		{make_(waiting, elsewhere, func(f *facts) { f.unread = "stored: why" }), "never-written", view.Ignored, "never written"},
		{make_(waiting, there, func(f *facts) { f.wrote, f.q.NoRegisters = w, "registers: why" }), "registers-unread", view.Unknown, "registers: why"},
		{make_(waiting, there, func(f *facts) { f.foreign, f.owner, f.wrote = true, "worker", w }), "another-state", view.NotRequested, "checkpointed of worker"},
		{make_(waiting, there, func(f *facts) { f.foreign = true }), "another-state", view.NotRequested, "another state"},
		{make_(waiting, there, func(f *facts) { f.wrote, f.diff = w, []string{"rbx", "r12"} }), "partial-registers", view.Partial, "rbx, r12"},
		{make_(waiting, there, func(f *facts) { f.wrote, f.code = w, "other instructions stand there" }), "other-code", view.Partial, "entered, but other instructions"},
		{make_(waiting, there, func(f *facts) { f.wrote = w }), "applied", view.Applied, "Thread_object::ex_regs"},
		{make_(waiting, elsewhere, func(f *facts) { f.wrote, f.over = w, w2 }), "overwritten", view.Overwritten, "copy_utcb_to_ts"},
		{make_(inException, elsewhere, func(f *facts) { f.blind, f.q.Copy = "ex_regs came without the cancel flag", kept }), "no-effect", view.Ignored, "cancel"},
		{make_(waiting, elsewhere, func(f *facts) { f.q.Copy = kept }), "stays-in-copy", view.Ignored, "core's copy"},
		{make_(waiting, elsewhere, func(f *facts) { f.q.Copy = &Copy{Name: "core's copy", Read: true, IP: 0x30, SP: 0x40} }), "refused", view.Ignored, "core's copy held ip 0x30"},
		{make_(waiting, elsewhere, func(f *facts) { f.q.Empty, f.q.Function = true, "Core::state" }), "empty-function", view.Ignored, "Core::state is an empty function"},
		{make_(waiting, there, func(f *facts) { f.q.Empty, f.wrote = true, w }), "applied", view.Applied, "Thread_object::ex_regs"},
		{make_(waiting, nil, func(f *facts) { f.q.Empty, f.blocked = true, true }), "empty-function-blocked", view.Pending, "no effect however the wait ends"},
		{make_(waiting, elsewhere, nil), "never-written", view.Ignored, "never written"},
		{make_(waiting, elsewhere, func(f *facts) { f.writes = []Write{*w2} }), "never-written", view.Ignored, "copy_utcb_to_ts wrote"},
		{make_(waiting, there, func(f *facts) { f.equal = true }), "coincident", view.Coincident, "coincidence"},
		{make_(waiting, nil, func(f *facts) { f.equal = true }), "coincident", view.Coincident, "coincidence"},
		{make_(waiting, there, nil), "entered-unseen", view.Unknown, "do not explain"},
		{make_(waiting, elsewhere, func(f *facts) { f.wrote = w }), "entered-unseen", view.Unknown, "do not explain"},
		{make_(running, nil, func(f *facts) { f.wrote, f.over, f.save, f.inside = w, w2, w2, true }), "return-unseen", view.Unknown, "was not seen"},
		{make_(running, elsewhere, func(f *facts) { f.wrote, f.over, f.save = w, w2, w2 }), "ran-meanwhile", view.Ignored, "processor 1"},
		{make_(running, nil, func(f *facts) { f.wrote, f.over, f.save = w, w2, w2 }), "ran-meanwhile", view.Ignored, "saved the live registers over it"},
		{make_(waiting, elsewhere, func(f *facts) { f.wrote, f.over, f.save = w, w2, w2 }), "overwritten", view.Overwritten, "copy_utcb_to_ts"},
		{make_(waiting, nil, func(f *facts) { f.wrote, f.save, f.faulted = w, w3, w3 }), "killed", view.Killed, "faulted on it at 0xffff"},
		{make_(waiting, nil, func(f *facts) { f.wrote, f.blocked, f.partner = w, true, " for entrypoint d" }), "written-blocked", view.Pending, "entrypoint d"},
		{make_(waiting, nil, func(f *facts) { f.wrote = w }), "written-not-run", view.Pending, "not come back to user mode"},
		{make_(waiting, nil, func(f *facts) { f.blocked = true }), "blocked", view.Pending, "still waits"},
		{make_(waiting, nil, nil), "not-run", view.Pending, "not come back"},
		{make_(waiting, nil, func(f *facts) { f.q.Function, f.q.Open, f.q.Early = "state", true, elsewhere }), "not-run", view.Pending, "state has not taken the request"},
		{make_(waiting, nil, func(f *facts) { f.q.Function, f.q.Early = "state", elsewhere }), "not-run", view.Pending, "since state took the request"},
	} {
		r := c.f.rule()
		seen[r.name] = true
		if r.name != c.rule || r.verdict != c.verdict || !strings.Contains(r.cause(c.f), c.says) {
			t.Errorf("want rule %s (%s, %q); got %s (%s): %s", c.rule, c.verdict, c.says, r.name, r.verdict, r.cause(c.f))
		}
	}
	for _, r := range rules {
		if !seen[r.name] {
			t.Errorf("rule %s has no row in this test", r.name)
		}
	}
}

// The kernel's entry saves a thread's state whenever the thread enters it. Where that
// is what was there before, and what was requested, nobody has restored anything.
func TestSavedAgainIsNotRestored(t *testing.T) {
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	stood := kernel.Thread{IP: 0x1000, SP: 0x2000}
	where := Saved{stood.IP, stood.SP}
	ends := view.Frame{Note: "unwinding ends here: no CFI"}
	ofEntry := []view.Frame{{Place: view.Place{Function: "irq_entry"}}, ends}
	called := []view.Frame{{Place: view.Place{Function: "Thread::copy_utcb_to_ts"}}, {Place: view.Place{Function: "Thread::transfer_msg"}}, ends}
	ev := New()
	j := &Judge{Arch: x86, Platform: &kernel.Platform{}, Ev: &ev}
	s := &view.Snapshot{System: kernel.NewSystem(nil, nil)}
	for _, c := range []struct {
		what   string
		frames []view.Frame
		old    Saved
		rule   string
	}{
		{"the entry saves again", ofEntry, where, "coincident"},
		{"something else was there before", ofEntry, Saved{1, 2}, "partial-registers"},
		{"a function writes the same", called, where, "partial-registers"},
		{"who writes is not known", nil, where, "partial-registers"},
	} {
		w := Write{At: Instant{Seq: 2}, Where: "frame", Old: c.old, Saved: where, Frames: c.frames, Place: view.Place{Function: "writer"}}
		tr := &Track{Block: 0x10, Requests: []Request{{At: Instant{Seq: 1}, IP: stood.IP, SP: stood.SP, Thread: stood, Registers: []kernel.Register{{Name: "rbx", Value: 1}}}},
			Writes: []Write{w}, Entered: &Entry{At: Instant{Seq: 3}, IP: stood.IP, SP: stood.SP, Registers: []kernel.Register{{Name: "rbx", Value: 2}}}}
		f := j.factsOf(s, tr)
		r := f.rule()
		if r.name != c.rule {
			t.Errorf("%s: rule %s: %s", c.what, r.name, r.cause(f))
		}
		if r.name == "coincident" && !strings.Contains(r.cause(f), "writer only saved again") {
			t.Errorf("%s: %s", c.what, r.cause(f))
		}
	}
}

// A copy that could not be read is no evidence for "stays in the copy".
func TestNoRuleOnMissingEvidence(t *testing.T) {
	f := &facts{t: &Track{Entered: &Entry{IP: 1}, Requests: make([]Request, 1)}, q: &Request{IP: 2, SP: 3, Copy: &Copy{Name: "copy", IP: 2, SP: 3}}}
	if r := f.rule(); r.name == "stays-in-copy" {
		t.Error("the rule fired on a copy that was never read")
	}
}

func TestSameName(t *testing.T) {
	for _, c := range []struct {
		cut, full string
		same      bool
	}{
		{"ep", "ep", true},
		{"target_restorer", "target_restorer-tester", true},
		{"ep", "ep2", false},
		{"signal handler", "signal handlers", false},
	} {
		if got := SameName(c.cut, c.full); got != c.same {
			t.Errorf("sameName(%q, %q) = %v", c.cut, c.full, got)
		}
	}
}

// Where other instructions stand at the requested ip, a state that arrived is no
// restored thread.
func TestOtherCode(t *testing.T) {
	d := &view.MemoryDiff{Restored: 7, Code: []view.CodeDiff{{IP: 0x1234, Page: 0x1000, Like: "the original's page at 0"}, {IP: 0x5000, Page: 0x5000}}}
	for _, c := range []struct {
		d    *view.MemoryDiff
		task kernel.ID
		ip   uint64
		want string
	}{
		{d, 7, 0x1234, "other instructions stand there than were checkpointed: the page at 1000 is equal to the original's page at 0"},
		{d, 7, 0x5000, "other instructions stand there than were checkpointed"},
		{d, 7, 0x1238, ""},
		{d, 8, 0x1234, ""},
		{nil, 7, 0x1234, ""},
	} {
		if got := otherCode(c.d, c.task, &Request{IP: c.ip}); got != c.want {
			t.Errorf("task %s, ip %#x: %q, want %q", c.task, c.ip, got, c.want)
		}
	}
}

// A restored thread beside the one whose state was requested is told: nobody asked for
// it, and it is not taken for a thread that waits for something else.
func TestThreadMadeTwice(t *testing.T) {
	thread := func(id kernel.ID, name string, pd kernel.ID, wait kernel.Wait) *kernel.Object {
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Size: 1, Name: name, Thread: &kernel.Thread{PD: pd, Wait: wait}}
	}
	start := kernel.Wait{Blocked: "not started", Verb: "waits for", What: "its start"}
	calls := kernel.Wait{Verb: "receives from", What: "anybody"}
	pds := []*kernel.Object{{ID: 1, PD: &kernel.PD{}}, {ID: 2, PD: &kernel.PD{}}}
	snap := func(threads ...*kernel.Object) *view.Snapshot {
		return &view.Snapshot{System: kernel.NewSystem(append(threads, pds...), nil), Words: view.Words{Tasks: map[kernel.ID]string{1: "child", 2: "child"}}, Phase: "restore"}
	}
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	platform := &kernel.Platform{Places: []*kernel.PlaceKind{{Name: "frame"}}}
	for _, c := range []struct {
		what      string
		originals []*kernel.Object
		twice     int
	}{
		{"one was checkpointed", []*kernel.Object{thread(11, "main", 1, calls)}, 1},
		{"two of the name were checkpointed", []*kernel.Object{thread(11, "main", 1, calls), thread(12, "main", 1, calls)}, 0},
	} {
		ev := New()
		ev.Original, ev.Complete, ev.Before = 1, true, snap(c.originals...)
		ev.Stored = []Stored{{Name: "main"}}
		ev.Threads = []*Track{{ID: 22, Block: 22 << 12, Name: "main", Task: 2, Requests: make([]Request, 1), Places: []Kept{{Name: "frame"}}}}
		j := &Judge{Arch: x86, Platform: platform, Children: []string{"child"}, Ev: &ev, Place: func(string, uint64) view.Place { return view.Place{} }}
		j.NoteWaits(ev.Before)
		s := snap(thread(21, "main", 2, start), thread(22, "main", 2, calls))
		var got []view.ThreadVerdict
		for _, v := range j.All(s) {
			if v.Rule == "made-twice" {
				got = append(got, v)
			}
		}
		if len(got) != c.twice || c.twice == 1 && (got[0].Thread != 21 || !strings.Contains(got[0].Cause, "thread 16, and this one is not started")) {
			t.Errorf("%s: %+v", c.what, got)
		}
		if waits := j.Waits(s); len(waits) != 0 {
			t.Errorf("%s: %v", c.what, waits)
		}
	}
}

// A thread on another processor came into the kernel between the request and its
// writing: it left with what was written, and what is saved later says nothing of that.
func TestInsideAsItWasWritten(t *testing.T) {
	saved := []view.Frame{{Place: view.Place{Function: "memcpy"}}, {Place: view.Place{Function: "save"}}}
	q := Request{At: Instant{Seq: 1}, IP: 11, SP: 12, Thread: kernel.Thread{Running: true, IP: 1, SP: 2}}
	writes := []Write{
		{At: Instant{Seq: 2}, Saved: Saved{IP: 1, SP: 2}, Frames: saved},
		{At: Instant{Seq: 3}, Saved: Saved{IP: 11, SP: 12}},
		{At: Instant{Seq: 4}, Saved: Saved{IP: 21, SP: 22}, Frames: saved},
	}
	ev := New()
	j := &Judge{Ev: &ev, Platform: &kernel.Platform{Saves: []string{"save"}}}
	s := &view.Snapshot{System: kernel.NewSystem(nil, nil)}
	for first, want := range []bool{true, false} {
		f := j.factsOf(s, &Track{Requests: []Request{q}, Writes: writes[first:]})
		if f.inside != want || f.over == nil || f.over != f.save {
			t.Errorf("from write %d: inside %v, over %+v", first, f.inside, f.over)
		}
	}
	// It was back in user mode by then: its return was seen, or a look at its processor as
	// it was written told so. A return before it was saved says nothing.
	early := func(seq int) Request {
		q := q
		q.Early = &Entry{At: Instant{Seq: seq}}
		return q
	}
	for i := range writes {
		writes[i].At.Seq *= 10
	}
	for _, c := range []struct {
		q       Request
		outside bool
		rule    string
	}{
		{q, false, "return-unseen"}, {q, true, "ran-meanwhile"}, {early(15), false, "return-unseen"}, {early(25), false, "ran-meanwhile"},
	} {
		writes[1].Outside = c.outside
		if r := j.factsOf(s, &Track{Requests: []Request{c.q}, Writes: writes}).rule(); r.name != c.rule {
			t.Errorf("early %+v, outside %v: %s, want %s", c.q.Early, c.outside, r.name, c.rule)
		}
	}
}
