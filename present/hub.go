package present

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"thaw/newfile"
	"thaw/readfile"
)

// Bounds of what followers may cost.
const (
	maxFollowers = 16
	patience     = 5 * time.Second // with one that does not read
)

// Hub hands the newest frame to all who follow. Who reads slowly misses frames, and
// who does not read, or says anything, is hung up on: the presenter waits for nobody.
type Hub struct {
	ln     *net.UnixListener
	remove func() error // its path
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  map[net.Conn]bool
	shut   bool
	frame  *Frame
	news   chan struct{} // closed when there is another frame
}

// DefaultPath is where followers look for the presenter: in the user's own folder.
func DefaultPath() (string, error) {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("no folder for the socket of followers: %w; give a path", err)
		}
	}
	return filepath.Join(dir, "thaw", "present"), nil
}

// Listen opens a unix socket that is its owner's alone. One that a presenter left
// behind who was killed is taken over.
func Listen(path string) (*Hub, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the socket for followers: %w", err)
	}
	addr := &net.UnixAddr{Name: readfile.Socket(path), Net: "unix"}
	ln, err := net.ListenUnix("unix", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		if err := removeDead(path); err != nil {
			return nil, err
		}
		ln, err = net.ListenUnix("unix", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("opening a socket for followers: %w", err)
	}
	remove, err := newfile.OwnSocket(ln, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a socket for followers: %w", err), ln.Close())
	}
	h := &Hub{ln: ln, remove: remove, conns: map[net.Conn]bool{}, news: make(chan struct{})}
	h.wg.Go(h.accept)
	return h, nil
}

// removeDead removes a socket that nobody listens at.
func removeDead(path string) error {
	st, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("a socket for followers: %w", err)
	}
	if st.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is %s: give another path for the socket of followers", path, readfile.Kind(st.Mode()))
	}
	conn, err := net.DialTimeout("unix", readfile.Socket(path), patience)
	if err == nil {
		return errors.Join(fmt.Errorf("somebody presents at %s already: end that, or give another path, as in --present=PATH", path), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("a socket for followers: %w", err)
	}
	return os.Remove(path)
}

// Show has all followers see a frame. It does not wait for them.
func (h *Hub) Show(f *Frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frame = f
	if !h.shut {
		close(h.news)
		h.news = make(chan struct{})
	}
}

// Close hangs up on all followers and removes the socket.
func (h *Hub) Close() error {
	h.mu.Lock()
	h.shut = true
	for c := range h.conns {
		c.Close()
	}
	h.mu.Unlock()
	err := h.ln.Close()
	h.wg.Wait()
	return errors.Join(err, h.remove())
}

func (h *Hub) accept() {
	for {
		conn, err := h.ln.Accept()
		if err != nil {
			return // closed
		}
		if !h.take(conn) {
			conn.Close()
			continue
		}
		h.wg.Go(func() { h.serve(conn) })
	}
}

// take counts a follower in, if there is room.
func (h *Hub) take(conn net.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.shut || len(h.conns) >= maxFollowers {
		return false
	}
	h.conns[conn] = true
	return true
}

func (h *Hub) drop(conn net.Conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.conns, conn)
	conn.Close()
}

// newest is the newest frame, and a channel that is closed when there is another one.
func (h *Hub) newest() (*Frame, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.frame, h.news
}

// serve sends a follower the newest frame, and again whenever there is another one.
func (h *Hub) serve(conn net.Conn) {
	defer h.drop(conn)
	gone := make(chan struct{})
	h.wg.Go(func() {
		defer close(gone)
		_, _ = conn.Read(make([]byte, 1)) // a follower says nothing: this ends when it leaves
	})
	for {
		f, news := h.newest()
		if f != nil {
			if err := conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
				return
			}
			if err := json.NewEncoder(conn).Encode(f); err != nil {
				return
			}
		}
		select {
		case <-news:
		case <-gone:
			return
		}
	}
}
