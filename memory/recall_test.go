package memory

import (
	"bytes"
	"errors"
	"math/rand"
	"testing"
)

// counted is memory that counts how often it is asked.
type counted struct {
	data  []byte
	asked int
	bad   uint64 // nothing can be read from here on, if not 0
}

func (c *counted) ReadPhysical(reqs []Request) error {
	c.asked++
	for i := range reqs {
		q := &reqs[i]
		end := q.Addr + uint64(len(q.Buf))
		if q.Err = nil; end > uint64(len(c.data)) || c.bad != 0 && end > c.bad {
			q.Err = errors.New("no memory")
			continue
		}
		copy(q.Buf, c.data[q.Addr:])
	}
	return nil
}

// stop is what a target does at a stop: it reads what is likely with the registers.
func (c *counted) stop(r *Recall, stepped bool) {
	likely := r.Stop(stepped)
	c.ReadPhysical(likely)
	r.Take(likely)
}

// What was read bit by bit at a stop costs one turn at the next ones, and none of its own
// where it comes with the registers.
func TestRecallReadsAhead(t *testing.T) {
	c := &counted{data: make([]byte, 1<<16)}
	r := NewRecall(c)
	walk := func() {
		for _, at := range []uint64{0x100, 0x2008, 0x3ff8, 0x8000} {
			if err := r.ReadPhysical([]Request{{Addr: at, Buf: make([]byte, 16)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.stop(r, false)
	c.asked = 0
	if walk(); c.asked != 4 && c.asked != 5 {
		t.Errorf("first stop: asked %d times for four pieces", c.asked)
	}
	c.stop(r, false)
	c.asked = 0
	if walk(); c.asked != 0 {
		t.Errorf("second stop: asked %d times for what came with the registers", c.asked)
	}
	if c.stop(r, true); len(r.lines) != 0 {
		t.Error("a step, after which nothing was read so far, has read ahead")
	}
	c.stop(r, false)
	r.Forget() // something was written
	c.asked = 0
	if walk(); c.asked != 1 {
		t.Errorf("after a write: asked %d times, want once for all", c.asked)
	}
}

// What lies around a line that nobody knew of comes with it, where that is known to be
// memory, and is not fetched again at stops that do not ask for it.
func TestRecallReadsAround(t *testing.T) {
	c := &counted{data: make([]byte, 4*wide)}
	r := NewRecall(c)
	r.Known = func(addr uint64, n int) bool { return n == wide && addr == wide }
	read := func(addr uint64) {
		if err := r.ReadPhysical([]Request{{Addr: addr, Buf: make([]byte, 16)}}); err != nil {
			t.Fatal(err)
		}
	}
	c.stop(r, false)
	for _, turn := range []struct {
		addr  uint64
		asked int
	}{{wide + 0x1238, 1}, {wide, 1}, {2*wide - 16, 1}, {2 * wide, 2}, {2*wide + 0x1000, 3}, {wide - 16, 4}} {
		read(turn.addr)
		if c.asked != turn.asked+1 { // one for nothing, at the stop
			t.Errorf("after reading %#x: asked %d times, want %d", turn.addr, c.asked-1, turn.asked)
		}
	}
	bytes := 0
	for _, q := range r.Stop(false) {
		bytes += len(q.Buf)
	}
	if bytes != 6*lineSize {
		t.Errorf("%d bytes are fetched at the next stop, want the lines that were asked for", bytes)
	}
}

// Whatever is asked for, in whatever sizes, and whatever changes between stops, what is
// read is what is there, and what cannot be read has an error of its own.
func TestRecallIsTrue(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	c := &counted{data: make([]byte, 1<<14), bad: 0x3a40}
	r := NewRecall(c)
	for stop := range 300 {
		rnd.Read(c.data)
		c.stop(r, stop%3 == 0)
		for range rnd.Intn(4) {
			reqs := make([]Request, 1+rnd.Intn(30))
			for i := range reqs {
				reqs[i] = Request{Addr: uint64(rnd.Intn(0x3c00)), Buf: make([]byte, 1+rnd.Intn(600))}
			}
			if err := r.ReadPhysical(reqs); err != nil {
				t.Fatal(err)
			}
			for _, q := range reqs {
				end := q.Addr + uint64(len(q.Buf))
				switch there := end <= c.bad; {
				case there != (q.Err == nil):
					t.Fatalf("stop %d: %d bytes at %#x: %v", stop, len(q.Buf), q.Addr, q.Err)
				case there && !bytes.Equal(q.Buf, c.data[q.Addr:end]):
					t.Fatalf("stop %d: %d bytes at %#x are others", stop, len(q.Buf), q.Addr)
				}
			}
			if rnd.Intn(3) == 0 {
				rnd.Read(c.data)
				r.Forget()
			}
		}
	}
}
