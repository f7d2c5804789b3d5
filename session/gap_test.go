package session

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
	full := func() *evidence {
		ev := newEvidence()
		ev.Complete, ev.before = true, &view.Snapshot{System: kernel.NewSystem(nil, nil)}
		ev.Stored = []storedThread{{Name: "ep", IP: ip, SP: sp}, {Name: "worker", IP: 1, SP: 2}}
		ev.Threads = []*track{{ID: 7, Block: 0x10, Name: "ep", Places: []kept{{}}, Requests: []request{{At: instant{Seq: 1}, IP: ip, SP: sp}},
			Writes: []write{{At: instant{Seq: 2}, saved: saved{ip, sp}, Place: view.Place{Function: "writer"}}}, Entered: &entry{At: instant{Seq: 3}, IP: ip, SP: sp}}}
		return &ev
	}
	const why = "could not be read: optimised out"
	for _, c := range []struct {
		what       string
		change     func(ev *evidence)
		ep, worker view.Verdict
	}{
		{"nothing is missing", func(*evidence) {}, view.Applied, view.NotRequested},
		{"ip of a request", func(ev *evidence) { ev.Threads[0].Requests[0] = request{At: instant{Seq: 1}, Problem: why} }, view.Unknown, view.NotRequested},
		{"registers of a request", func(ev *evidence) { ev.Threads[0].Requests[0].NoRegisters = why }, view.Unknown, view.NotRequested},
		{"thread of a request", func(ev *evidence) { ev.noteGap(gap{Of: gapRequest, Why: why}) }, view.Applied, view.Unknown},
		{"thread of an operation", func(ev *evidence) { ev.noteGap(gap{Of: gapOperation, Why: why}) }, view.Applied, view.NotRequested},
		{"stored state of the requested", func(ev *evidence) { ev.Stored[0] = storedThread{Name: "ep", Problem: why} }, view.Unknown, view.NotRequested},
		{"stored state of the other", func(ev *evidence) { ev.Stored[1] = storedThread{Name: "worker", Problem: why} }, view.Applied, view.NotRequested},
		{"part of the stored list", func(ev *evidence) { ev.Stored = ev.Stored[1:]; ev.noteGap(gap{Of: gapStored, Why: why}) }, view.Unknown, view.NotRequested},
		{"a file", func(ev *evidence) { ev.Unproved = []string{"core"} }, view.Applied, view.Unknown},
	} {
		ev := full()
		c.change(ev)
		j := &judge{arch: x86, platform: &kernel.Platform{}, ev: ev, place: func(_ string, addr uint64) view.Place { return view.Place{Addr: addr} }}
		got := map[string]view.ThreadVerdict{}
		for _, v := range j.all(&view.Snapshot{System: kernel.NewSystem(nil, nil)}) {
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
	ev := newEvidence()
	for range 10 * mostGaps {
		ev.noteGap(gap{Of: gapRequest, Why: "r"})
		ev.noteGap(gap{Of: gapStored, Why: "s"})
	}
	if len(ev.Gaps) != 2*mostGaps {
		t.Errorf("%d gaps", len(ev.Gaps))
	}
	if ev.forget(gapStored); len(ev.Gaps) != mostGaps || ev.missing(gapStored) != "" || ev.missing(gapRequest) != "r" {
		t.Errorf("%d gaps are left", len(ev.Gaps))
	}
}
