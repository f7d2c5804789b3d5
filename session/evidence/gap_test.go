package evidence

import (
	"debug/elf"
	"fmt"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/arch"
	"thaw/session/view"
)

// What could not be had makes the verdicts unknown that are about it, with the reason,
// and no others.
func TestGapsAreUnknown(t *testing.T) {
	const ip, sp = 0x1000, 0x2000
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	full := func() *Evidence {
		ev := New()
		ev.Complete, ev.Before = true, &view.Snapshot{System: kernel.NewSystem(nil, nil)}
		ev.Stored = []Stored{{Name: "ep", IP: ip, SP: sp}, {Name: "worker", IP: 1, SP: 2}}
		ev.Threads = []*Track{{ID: 7, Block: 0x10, Name: "ep", Places: []Kept{{}}, Requests: []Request{{At: Instant{Seq: 1}, IP: ip, SP: sp}},
			Writes: []Write{{At: Instant{Seq: 2}, Saved: Saved{ip, sp}, Place: view.Place{Function: "writer"}}}, Entered: &Entry{At: Instant{Seq: 3}, IP: ip, SP: sp}}}
		return &ev
	}
	const why = "could not be read: optimised out"
	for _, c := range []struct {
		what       string
		change     func(ev *Evidence)
		ep, worker view.Verdict
	}{
		{"nothing is missing", func(*Evidence) {}, view.Applied, view.NotRequested},
		{"ip of a request", func(ev *Evidence) { ev.Threads[0].Requests[0] = Request{At: Instant{Seq: 1}, Problem: why} }, view.Unknown, view.NotRequested},
		{"registers of a request", func(ev *Evidence) { ev.Threads[0].Requests[0].NoRegisters = why }, view.Unknown, view.NotRequested},
		{"thread of a request", func(ev *Evidence) { ev.NoteGap(Gap{Of: GapRequest, Why: why}) }, view.Applied, view.Unknown},
		{"thread of an operation", func(ev *Evidence) { ev.NoteGap(Gap{Of: GapOperation, Why: why}) }, view.Applied, view.NotRequested},
		{"stored state of the requested", func(ev *Evidence) { ev.Stored[0] = Stored{Name: "ep", Problem: why} }, view.Unknown, view.NotRequested},
		{"stored state of the other", func(ev *Evidence) { ev.Stored[1] = Stored{Name: "worker", Problem: why} }, view.Applied, view.NotRequested},
		{"part of the stored list", func(ev *Evidence) { ev.Stored = ev.Stored[1:]; ev.NoteGap(Gap{Of: GapStored, Why: why}) }, view.Unknown, view.NotRequested},
		{"a file", func(ev *Evidence) { ev.Unproved = []string{"core"} }, view.Applied, view.Unknown},
	} {
		ev := full()
		c.change(ev)
		j := &Judge{Arch: x86, Platform: &kernel.Platform{}, Ev: ev, Place: func(_ string, addr uint64) view.Place { return view.Place{Addr: addr} }}
		got := map[string]view.ThreadVerdict{}
		for _, v := range j.All(&view.Snapshot{System: kernel.NewSystem(nil, nil)}) {
			got[v.Name] = v
			reason := v.Cause + strings.Join(v.Evidence, "")
			if v.Verdict == view.Unknown && !strings.Contains(reason, why) && !strings.Contains(reason, "the file of core was found in no task") {
				t.Errorf("%s: %s is unknown without the reason: %s", c.what, v.Name, reason)
			}
			for _, s := range []view.Stage{v.Checkpointed, v.Requested} {
				if s.Known && s.IP == 0 || !s.Known && s.Missing == "" {
					t.Errorf("%s: %s: a stage that is not known: %+v", c.what, v.Name, s)
				}
			}
			if text := fmt.Sprint(v.Evidence, v.History); strings.Contains(text, "ip 0x0, sp 0x0") && strings.Contains(text, "asks for ip 0x0") {
				t.Errorf("%s: %s: not known is shown as zero: %s", c.what, v.Name, text)
			}
		}
		if got["ep"].Verdict != c.ep || got["worker"].Verdict != c.worker {
			t.Errorf("%s: ep is %s (%s), worker is %s (%s); want %s and %s", c.what, got["ep"].Verdict, got["ep"].Cause, got["worker"].Verdict, got["worker"].Cause, c.ep, c.worker)
		}
	}
}

// Gaps are bounded, and those of a kind go as all of it is read anew.
func TestGapsAreBounded(t *testing.T) {
	ev := New()
	for range 10 * mostGaps {
		ev.NoteGap(Gap{Of: GapRequest, Why: "r"})
		ev.NoteGap(Gap{Of: GapStored, Why: "s"})
	}
	if len(ev.Gaps) != 2*mostGaps {
		t.Errorf("%d gaps", len(ev.Gaps))
	}
	if ev.Forget(GapStored); len(ev.Gaps) != mostGaps || ev.missing(GapStored) != "" || ev.missing(GapRequest) != "r" {
		t.Errorf("%d gaps are left", len(ev.Gaps))
	}
}
