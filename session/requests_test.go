package session

import (
	"context"
	"strings"
	"testing"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
)

func TestThreadsThatAreFollowedAreBounded(t *testing.T) {
	e := &Engine{ev: evidence.New()}
	sys := kernel.NewSystem(nil, nil)
	for i := range evidence.MostThreads {
		if _, err := e.trackOf(sys, &kernel.Object{ID: kernel.ID(i), Addr: uint64(i) << 12, Thread: &kernel.Thread{}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.trackOf(sys, &kernel.Object{ID: 1, Addr: 1 << 12, Thread: &kernel.Thread{}}); err != nil {
		t.Errorf("one that is followed: %v", err)
	}
	if _, err := e.trackOf(sys, &kernel.Object{ID: evidence.MostThreads, Addr: evidence.MostThreads << 12, Thread: &kernel.Thread{}}); err == nil || !strings.Contains(err.Error(), "more than 1024 threads") {
		t.Errorf("one more: %v", err)
	}
}

// nowhere is memory that holds nothing.
type nowhere struct{}

func (nowhere) ReadMemory(addr uint64, buf []byte) error { return memory.ErrNotRecorded }

// A request is found again although others were dropped before it.
func TestCopyOfALateRequest(t *testing.T) {
	e := &Engine{ev: evidence.New(), m: kernel.Machine{Phys: nowhere{}, Paging: memory.AMD64{}, CPUs: []kernel.CPU{{}}}}
	tr := &evidence.Track{Block: 0x1000}
	e.ev.Tracks[tr.Block] = tr
	for i := range 2 * evidence.MostSeen {
		tr.Requests = evidence.Note(&e.ev, tr.Block, tr.Requests, evidence.Request{At: evidence.Instant{Seq: i}, Copy: &evidence.Copy{Size: 8}})
	}
	const last = 2*evidence.MostSeen - 1
	for _, seq := range []int{0, evidence.MostSeen, last} { // the one between was dropped
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
