package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// locked is a writer that a test reads while another goroutine writes.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What takes long is told with its time, and nothing of it is left.
func TestMeter(t *testing.T) {
	out := &locked{}
	m := &meter{w: out, columns: func() int { return 40 }}
	ctx := withMeter(t.Context(), m)
	done := busy(ctx, "loading %s", "\x1b[31mdebug info")
	poll(t, "the meter", func() bool { return strings.Contains(out.String(), "\rloading ?[31mdebug info … 0 s;") })
	inner := busy(ctx, "a text that is much longer than the terminal is wide")
	poll(t, "another text", func() bool { return strings.Contains(out.String(), "\ra text that is much longer than the …") })
	inner()
	done()
	m.end()
	if s := out.String(); !strings.HasSuffix(s, "\r\x1b[K") {
		t.Errorf("the line stays: %q", s)
	}
}

// What is quick is not told at all.
func TestMeterIsPatient(t *testing.T) {
	out := &locked{}
	m := &meter{w: out, columns: func() int { return 80 }}
	busy(withMeter(t.Context(), m), "something")()
	m.end()
	if s := out.String(); s != "" {
		t.Errorf("%q was written", s)
	}
	busy(t.Context(), "without a meter")()
}

// Work that cannot be cut short is left behind when the user has enough of it.
func TestAwait(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	began, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	go func() {
		<-began
		cancel()
	}()
	_, err := await(ctx, "loading", func() (int, error) {
		close(began)
		select {
		case <-never:
		case <-t.Context().Done():
		}
		return 1, nil
	})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "loading") {
		t.Errorf("error %v", err)
	}
	if n, err := await(t.Context(), "counting", func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestMeterWithoutTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	t.Setenv("TERM", "xterm")
	m := newMeter(f)
	if m.columns != nil {
		t.Fatal("a file counts as a terminal")
	}
	out := &locked{}
	m.w = out
	m.say(doing{text: "waiting", more: func() string { return "LOG: \x1b[31m2 sheep" }, since: time.Now().Add(-time.Minute)})
	m.mu.Lock()
	m.next = time.Time{}
	m.mu.Unlock()
	poll(t, "a line", func() bool { return out.String() != "" })
	m.end()
	if s := out.String(); s != "thaw: waiting … 60 s; LOG: ?[31m2 sheep\n" {
		t.Errorf("%q", s)
	}
}

// A user sees on the terminal how far a check is, and stops it.
func TestTerminalProgress(t *testing.T) {
	t.Parallel()
	term := newTerminal(t, 80, 24, onLab("check", "lab", "--no-shared-ram")...)
	term.expect("Ctrl-C stops")
	term.press("C-c")
	screen := term.expect("ended with 2", "thaw: stopped")
	if strings.Contains(screen, "Ctrl-C stops") {
		t.Errorf("the line of the meter stays:\n%s", screen)
	}
}
