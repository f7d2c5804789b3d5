package evidence

import (
	"slices"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// A guest that does the same for hours leaves evidence of a bounded size, which
// tells how it began, what came last, and that there was more.
func TestEvidenceIsBounded(t *testing.T) {
	ev := New()
	tr := &Track{Block: 0x1000}
	ev.Tracks[tr.Block], ev.Threads = tr, []*Track{tr}
	const n = 10 * MostSeen
	for i := range n {
		tr.Writes = Note(&ev, tr.Block, tr.Writes, Write{At: Instant{Seq: i}})
		ev.NoteOperation(tr.Block, Operation{At: Instant{Seq: i}})
	}
	for name, seq := range map[string]func(i int) int{
		"writes":     func(i int) int { return tr.Writes[i].At.Seq },
		"operations": func(i int) int { return ev.Operations[tr.Block][i].At.Seq },
	} {
		if seq(0) != 0 || seq(MostSeen-1) != n-1 || seq(MostSeen/2-1) != MostSeen/2-1 || seq(MostSeen/2) != n-MostSeen/2 {
			t.Errorf("%s: kept %d … %d, %d … %d", name, seq(0), seq(MostSeen/2-1), seq(MostSeen/2), seq(MostSeen-1))
		}
	}
	if len(tr.Writes) != MostSeen || len(ev.Operations[tr.Block]) != MostSeen || ev.Dropped[tr.Block] != 2*(n-MostSeen) {
		t.Errorf("%d writes, %d operations, %d dropped", len(tr.Writes), len(ev.Operations[tr.Block]), ev.Dropped[tr.Block])
	}
	tr.Places = []Kept{{Name: "frame"}}
	f := &facts{t: tr, q: &Request{}, platform: &kernel.Platform{}}
	if text := strings.Join(f.evidence(nil, ev.Dropped[tr.Block]), "\n"); !strings.Contains(text, "9216 requests, operations and writes more were seen") {
		t.Errorf("the evidence does not tell that it is not all:\n%s", text)
	}
	if text := strings.Join(f.evidence(nil, 0), "\n"); strings.Contains(text, "not kept") {
		t.Errorf("nothing was dropped:\n%s", text)
	}
}

func TestOperationsOnManyThreads(t *testing.T) {
	ev := New()
	const followed = 0x10
	ev.Tracks[followed] = &Track{}
	for i := range 3 * MostThreads {
		ev.NoteOperation(uint64(i)*0x10, Operation{At: Instant{Seq: i + 1}})
	}
	if len(ev.Operations) != MostThreads || len(ev.Operations[followed]) != 1 {
		t.Errorf("operations on %d threads are kept, %d on the one whose state was asked for", len(ev.Operations), len(ev.Operations[followed]))
	}
	if newest := uint64(3*MostThreads-1) * 0x10; len(ev.Operations[newest]) != 1 || ev.Dropped[0] != 1 {
		t.Error("not the oldest one gave way")
	}
	// A full house of followed threads.
	for block := range ev.Operations {
		ev.Tracks[block] = &Track{}
	}
	if ev.NoteOperation(1, Operation{}); ev.Operations[1] != nil || ev.Dropped[1] != 1 {
		t.Error("an operation took the place of one on a followed thread")
	}
}

// Two halves of a write belong together, those of two processors do not: one saves a
// thread's registers over what another has just written, by the same function.
func TestHalvesOfWrites(t *testing.T) {
	ev, at := New(), &Kept{Name: "regs", Saved: Saved{IP: 1, SP: 2}}
	tr := &Track{Block: 0x1000}
	note := func(cpu int, is Saved) {
		w := Write{CPU: cpu}
		w.Place.Function = "memcpy"
		ev.NoteWrite(tr, w, at, is, true)
	}
	asked := Saved{IP: 11, SP: 12}
	note(0, Saved{IP: 1, SP: 12})
	note(0, asked)
	note(1, Saved{IP: 11, SP: 2})
	note(1, Saved{IP: 1, SP: 2})
	if len(tr.Writes) != 2 || tr.Writes[0].Saved != asked || tr.Writes[1].Saved != (Saved{IP: 1, SP: 2}) {
		t.Errorf("%+v", tr.Writes)
	}
}

// What memcpy writes for one function is no part of what it wrote for another.
func TestWritesOfDifferentCalls(t *testing.T) {
	ev := New()
	tr := &Track{}
	at := &Kept{Name: "regs", Saved: Saved{1, 2}}
	write := func(caller string, ip, sp uint64) {
		frames := []view.Frame{{Place: view.Place{Function: "memcpy"}}, {Place: view.Place{Function: caller}}}
		tr.WritesBy(ev.NoteWrite(tr, Write{Place: frames[0].Place, Frames: frames}, at, Saved{ip, sp}, true), frames)
	}
	write("_call", 11, 2)
	write("_call", 11, 12) // its second half
	write("_save", 21, 12) // another call
	write("_save", 21, 22)
	write("_call", 0x1f, 22) // byte by byte
	write("_call", 31, 22)
	write("_call", 31, 0x2f)
	write("_call", 31, 32)
	var got []Saved
	for _, w := range tr.Writes {
		got = append(got, w.Saved)
	}
	if want := []Saved{{11, 12}, {21, 22}, {31, 32}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
