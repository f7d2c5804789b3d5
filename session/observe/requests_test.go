package observe

import (
	"context"
	"debug/elf"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/evidence"
	"thaw/session/machine"
	"thaw/session/target"
)

func TestThreadsThatAreFollowedAreBounded(t *testing.T) {
	e := &Observer{Ev: evidence.New()}
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

// nowhere is a machine without memory.
type nowhere struct{}

func (nowhere) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		reqs[i].Err = memory.ErrNotRecorded
	}
	return nil
}

func (nowhere) BlockSize() uint64 { return 4096 }
func (nowhere) CPUs(context.Context) ([]target.Registers, error) {
	return []target.Registers{none{}}, nil
}
func (nowhere) KernelStack(context.Context, int, memory.Reader) (uint64, error) { return 0, nil }

func (nowhere) Trace(*memory.View) {}
func (nowhere) Read(*memory.View)  {}
func (nowhere) Asked(*memory.View) {}

// none are no registers.
type none struct{}

func (none) Uint64(string) (uint64, bool) { return 0, false }
func (none) Names() []string              { return nil }

// A request is found again although others were dropped before it.
func TestCopyOfALateRequest(t *testing.T) {
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	e := &Observer{Ev: evidence.New(), m: machine.Of(nowhere{}, nil, memory.AMD64{}, x86, 8, nowhere{})}
	if err := e.m.Look(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	tr := &evidence.Track{Block: 0x1000}
	e.Ev.Tracks[tr.Block] = tr
	for i := range 2 * evidence.MostSeen {
		tr.Requests = evidence.Note(&e.Ev, tr.Block, tr.Requests, evidence.Request{At: evidence.Instant{Seq: i}, Copy: &evidence.Copy{Size: 8}})
	}
	const last = 2*evidence.MostSeen - 1
	for _, seq := range []int{0, evidence.MostSeen, last} { // the one between was dropped
		if _, err := e.taken(tr.Block, seq)(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if _, err := e.taken(0x2000, 0)(context.Background()); err != nil {
		t.Error(err)
	}
	for _, q := range tr.Requests {
		if tried := q.Copy.Problem != ""; tried != (q.At.Seq == 0 || q.At.Seq == last) {
			t.Errorf("request %d: its copy was tried to be read: %v", q.At.Seq, tried)
		}
	}
}
