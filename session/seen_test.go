package session

import (
	"context"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/memory"
)

// A guest that does the same for hours leaves evidence of a bounded size, which
// tells how it began, what came last, and that there was more.
func TestEvidenceIsBounded(t *testing.T) {
	ev := newEvidence()
	tr := &track{Block: 0x1000}
	ev.tracks[tr.Block], ev.Threads = tr, []*track{tr}
	const n = 10 * mostSeen
	for i := range n {
		tr.Writes = noteOf(&ev, tr.Block, tr.Writes, write{At: instant{Seq: i}})
		ev.noteOperation(tr.Block, operation{At: instant{Seq: i}})
	}
	for name, seq := range map[string]func(i int) int{
		"writes":     func(i int) int { return tr.Writes[i].At.Seq },
		"operations": func(i int) int { return ev.Operations[tr.Block][i].At.Seq },
	} {
		if seq(0) != 0 || seq(mostSeen-1) != n-1 || seq(mostSeen/2-1) != mostSeen/2-1 || seq(mostSeen/2) != n-mostSeen/2 {
			t.Errorf("%s: kept %d … %d, %d … %d", name, seq(0), seq(mostSeen/2-1), seq(mostSeen/2), seq(mostSeen-1))
		}
	}
	if len(tr.Writes) != mostSeen || len(ev.Operations[tr.Block]) != mostSeen || ev.Dropped[tr.Block] != 2*(n-mostSeen) {
		t.Errorf("%d writes, %d operations, %d dropped", len(tr.Writes), len(ev.Operations[tr.Block]), ev.Dropped[tr.Block])
	}
	tr.Places = []kept{{Name: "frame"}}
	f := &facts{t: tr, q: &request{}, platform: &kernel.Platform{}}
	if text := strings.Join(f.evidence(nil, ev.Dropped[tr.Block]), "\n"); !strings.Contains(text, "9216 requests, operations and writes more were seen") {
		t.Errorf("the evidence does not tell that it is not all:\n%s", text)
	}
	if text := strings.Join(f.evidence(nil, 0), "\n"); strings.Contains(text, "not kept") {
		t.Errorf("nothing was dropped:\n%s", text)
	}
}

func TestOperationsOnManyThreads(t *testing.T) {
	ev := newEvidence()
	const followed = 0x10
	ev.tracks[followed] = &track{}
	for i := range 3 * mostThreads {
		ev.noteOperation(uint64(i)*0x10, operation{At: instant{Seq: i + 1}})
	}
	if len(ev.Operations) != mostThreads || len(ev.Operations[followed]) != 1 {
		t.Errorf("operations on %d threads are kept, %d on the one whose state was asked for", len(ev.Operations), len(ev.Operations[followed]))
	}
	if newest := uint64(3*mostThreads-1) * 0x10; len(ev.Operations[newest]) != 1 || ev.Dropped[0] != 1 {
		t.Error("not the oldest one gave way")
	}
	// A full house of followed threads.
	for block := range ev.Operations {
		ev.tracks[block] = &track{}
	}
	if ev.noteOperation(1, operation{}); ev.Operations[1] != nil || ev.Dropped[1] != 1 {
		t.Error("an operation took the place of one on a followed thread")
	}
}

func TestThreadsThatAreFollowedAreBounded(t *testing.T) {
	e := &Engine{ev: newEvidence()}
	sys := kernel.NewSystem(nil, nil)
	for i := range mostThreads {
		if _, err := e.trackOf(sys, &kernel.Object{ID: kernel.ID(i), Addr: uint64(i) << 12, Thread: &kernel.Thread{}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.trackOf(sys, &kernel.Object{ID: 1, Addr: 1 << 12, Thread: &kernel.Thread{}}); err != nil {
		t.Errorf("one that is followed: %v", err)
	}
	if _, err := e.trackOf(sys, &kernel.Object{ID: mostThreads, Addr: mostThreads << 12, Thread: &kernel.Thread{}}); err == nil || !strings.Contains(err.Error(), "more than 1024 threads") {
		t.Errorf("one more: %v", err)
	}
}

// nowhere is memory that holds nothing.
type nowhere struct{}

func (nowhere) ReadMemory(addr uint64, buf []byte) error { return memory.ErrNotRecorded }

// A request is found again although others were dropped before it.
func TestCopyOfALateRequest(t *testing.T) {
	e := &Engine{ev: newEvidence(), m: kernel.Machine{Phys: nowhere{}, Paging: memory.AMD64{}, CPUs: []kernel.CPU{{}}}}
	tr := &track{Block: 0x1000}
	e.ev.tracks[tr.Block] = tr
	for i := range 2 * mostSeen {
		tr.Requests = noteOf(&e.ev, tr.Block, tr.Requests, request{At: instant{Seq: i}, Copy: &stateCopy{Size: 8}})
	}
	const last = 2*mostSeen - 1
	for _, seq := range []int{0, mostSeen, last} { // the one between was dropped
		if _, err := e.copyRead(tr.Block, seq)(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if _, err := e.copyRead(0x2000, 0)(context.Background()); err != nil {
		t.Error(err)
	}
	for _, q := range tr.Requests {
		if tried := q.Copy.Problem != ""; tried != (q.At.Seq == 0 || q.At.Seq == last) {
			t.Errorf("request %d: its copy was tried to be read: %v", q.At.Seq, tried)
		}
	}
}
