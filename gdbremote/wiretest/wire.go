// Package wiretest is a connection to a stub for tests, which can be cut and led
// to another stub.
package wiretest

import (
	"bytes"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Wire leads connections to its socket on to a stub's.
type Wire struct {
	Path string // of its socket

	mu    sync.Mutex
	to    string // "": nobody answers
	conns []net.Conn
	hold  sync.RWMutex // locked: answers are held back

	turns, open int // see Turns; open counts requests without an answer
	delay       time.Duration
}

// Turns counts the requests that were sent when all before were answered: what a link
// with a delay costs.
func (w *Wire) Turns() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.turns
}

// Delay makes each turn take so much longer, as a slow link does.
func (w *Wire) Delay(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.delay = d
}

// asking counts a connection's requests.
type asking struct {
	net.Conn
	w *Wire
}

func (a asking) Write(p []byte) (int, error) {
	a.w.mu.Lock()
	n, delay := bytes.Count(p, []byte("$")), time.Duration(0)
	if n > 0 && a.w.open <= 0 {
		a.w.turns++
		delay = a.w.delay
	}
	a.w.open += n
	a.w.mu.Unlock()
	<-time.After(delay)
	return a.Conn.Write(p)
}

// Hold holds back all answers until the returned function is called.
func (w *Wire) Hold() (release func()) {
	w.hold.Lock()
	return w.hold.Unlock
}

// held is a connection whose answers may be held back.
type held struct {
	net.Conn
	w *Wire
}

func (h held) Write(p []byte) (int, error) {
	h.w.hold.RLock()
	defer h.w.hold.RUnlock()
	h.w.mu.Lock()
	h.w.open -= bytes.Count(p, []byte("#"))
	h.w.mu.Unlock()
	return h.Conn.Write(p)
}

// New makes a wire to the unix socket of a stub. It ends with the test.
func New(t *testing.T, to string) *Wire {
	t.Helper()
	w := &Wire{Path: filepath.Join(t.TempDir(), "wire"), to: to}
	ln, err := net.Listen("unix", w.Path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); w.Cut(""); wg.Wait() })
	wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far := w.dial(near)
			if far == nil {
				near.Close()
				continue
			}
			for _, c := range [][2]net.Conn{{held{near, w}, far}, {asking{far, w}, near}} {
				wg.Go(func() { io.Copy(c[0], c[1]); c[0].Close(); c[1].Close() })
			}
		}
	})
	return w
}

// dial is the other end for a connection, nil if nobody answers.
func (w *Wire) dial(near net.Conn) net.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	far, err := net.Dial("unix", strings.TrimPrefix(w.to, "unix:"))
	if err != nil {
		return nil
	}
	w.conns = append(w.conns, near, far)
	return far
}

// Cut breaks what is connected; the next connection leads to another stub, or to
// nobody.
func (w *Wire) Cut(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
	for _, c := range w.conns {
		c.Close()
	}
	w.conns, w.open = nil, 0
}
