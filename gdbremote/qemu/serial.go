package qemu

import (
	"io"
	"sync"
)

// ring keeps the last bytes of a stream for any number of readers. Writing
// never waits for them: who reads too late misses the oldest bytes.
type ring struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte // at most limit bytes, the last ones
	limit  int
	start  int64 // how many bytes came before data
	closed bool
}

func newRing(limit int) *ring {
	r := &ring{limit: limit}
	r.more = sync.NewCond(&r.mu)
	return r
}

// Write adds bytes; it never fails.
func (r *ring) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.data = append(r.data, p...)
	// Drop in large steps, so that each byte is moved once on average.
	if drop := len(r.data) - r.limit; drop > 0 && len(r.data) >= 2*r.limit {
		r.data = append(r.data[:0], r.data[drop:]...)
		r.start += int64(drop)
	}
	r.more.Broadcast()
	return len(p), nil
}

// copy takes everything from f until its end.
func (r *ring) copy(f io.Reader) {
	// An error is the end as well: QEMU is gone.
	_, _ = io.Copy(struct{ io.Writer }{r}, struct{ io.Reader }{f})
}

func (r *ring) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.more.Broadcast()
}

// content is what is kept.
func (r *ring) content() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	data := r.data[max(0, len(r.data)-r.limit):]
	return append([]byte(nil), data...)
}

// ringReader reads a ring from the oldest byte kept.
type ringReader struct {
	ring *ring
	at   int64
}

// Read waits for bytes and is io.EOF after the stream's end.
func (rr *ringReader) Read(p []byte) (int, error) {
	r := rr.ring
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		rr.at = max(rr.at, r.start)
		if rest := r.data[rr.at-r.start:]; len(rest) > 0 {
			n := copy(p, rest)
			rr.at += int64(n)
			return n, nil
		}
		if len(p) == 0 {
			return 0, nil
		}
		if r.closed {
			return 0, io.EOF
		}
		r.more.Wait()
	}
}
