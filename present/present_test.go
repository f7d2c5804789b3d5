package present

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gdamore/tcell/v2"
	"go.uber.org/goleak"

	"thaw/testwait"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) (*Hub, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "folder", "socket")
	h, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		h.Show(&Frame{}) // too late, and harmless
		if _, err := os.Lstat(path); !os.IsNotExist(err) {
			t.Errorf("the socket is left behind: %v", err)
		}
	})
	return h, path
}

func follow(ctx context.Context, path string, show func(*Frame)) error {
	conn, err := Dial(ctx, path)
	if err != nil {
		return err
	}
	return Follow(ctx, conn, show)
}

// Who comes later sees the newest frame, and then each as it comes.
func TestFollow(t *testing.T) {
	h, path := listen(t)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	h.Show(&Frame{Title: "before"})
	h.Show(&Frame{Title: "first", Rows: [][]Span{{{Text: "a\x1b[2Jb"}}}})
	frames := make(chan *Frame)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- follow(ctx, path, func(f *Frame) { frames <- f }) }()
	if f := testwait.For(t, frames, "a frame"); f.Title != "first" || f.Rows[0][0].Text != "a?[2Jb" {
		t.Errorf("first frame: %+v", f)
	}
	h.Show(&Frame{Title: "second"})
	if f := testwait.For(t, frames, "a frame"); f.Title != "second" {
		t.Errorf("second frame: %+v", f)
	}
	cancel()
	if err := testwait.For(t, ended, "the follower to end"); err != nil {
		t.Error(err)
	}
}

// The end of a presentation is no error; that there is none, or something else, is.
func TestFollowEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	h, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	h.Show(&Frame{})
	seen, ended := make(chan bool), make(chan error)
	go func() { ended <- follow(t.Context(), path, func(*Frame) { seen <- true }) }()
	testwait.For(t, seen, "a frame")
	if err := h.Close(); err != nil {
		t.Error(err)
	}
	if err := testwait.For(t, ended, "the follower to end"); err != nil {
		t.Errorf("the presentation's end: %v", err)
	}
	if err := follow(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "nobody presents at "+path) {
		t.Errorf("nobody there: %v", err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			_, _ = c.Write([]byte("HTTP/1.1 200 OK\n"))
			c.Close()
		}
	}()
	if err := follow(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), "no presentation") {
		t.Errorf("something else there: %v", err)
	}
}

// Followers that do not read, that talk, or that are too many never hold the
// presenter up, and leave nothing behind.
func TestHostileFollowers(t *testing.T) {
	h, path := listen(t)
	big := &Frame{Title: strings.Repeat("x", 1<<20)} // more than a socket's buffer holds
	var conns []net.Conn
	for range 3 * maxFollowers {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	begin := time.Now()
	for range 100 {
		h.Show(big)
	}
	if d := time.Since(begin); d > time.Second {
		t.Errorf("100 frames took the presenter %v", d)
	}
	for _, c := range conns {
		c.Close()
	}
	talker, err := net.Dial("unix", path)
	for err == nil {
		if _, err = talker.Write([]byte("let me in")); err == nil {
			_, err = talker.Read(make([]byte, 1<<21))
		}
	}
	talker.Close() // it was hung up on
	h.Show(&Frame{Title: "last"})
	seen := make(chan string, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// A place becomes free as soon as the hub has noticed that somebody left.
	for title := ""; title != "last"; {
		if err := follow(ctx, path, func(f *Frame) {
			seen <- f.Title
			cancel()
		}); err != nil {
			t.Fatal(err)
		}
		select {
		case title = <-seen:
		default:
		}
	}
}

// A presenter who was killed leaves a socket, which is taken over; one who lives, and a
// file that is none, are not.
func TestListenAgain(t *testing.T) {
	h, path := listen(t)
	if _, err := Listen(path); err == nil || !strings.Contains(err.Error(), "--present=PATH") {
		t.Errorf("two presenters: %v", err)
	}
	h.Show(&Frame{})
	dead := filepath.Join(t.TempDir(), "dead")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	again, err := Listen(dead)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(file); err == nil || !strings.Contains(err.Error(), "is a plain file") {
		t.Errorf("a file: %v", err)
	}
}

// A frame has the screen's text and styles.
func TestRowsOf(t *testing.T) {
	s := tcell.NewSimulationScreen("UTF-8")
	if err := s.Init(); err != nil {
		t.Fatal(err)
	}
	defer s.Fini()
	s.SetSize(6, 2)
	style := tcell.StyleDefault.Foreground(tcell.ColorGreen).Bold(true)
	s.PutStr(0, 0, "a≠")
	s.PutStrStyled(2, 0, "世", style)
	data, err := json.Marshal(&Frame{Rows: RowsOf(s)})
	if err != nil {
		t.Fatal(err)
	}
	var f Frame
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Rows) != 2 || len(f.Rows[0]) != 3 || f.Rows[0][0].Text != "a≠" || f.Rows[0][1].Text != "世" || f.Rows[0][1].Style() != style || f.Rows[0][2].Text != "  " {
		t.Errorf("rows: %+v", f.Rows)
	}
}
