package main

import (
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"thaw/testwait"
)

// Every wait of a test has a limit and says what it waited for.

// poll waits for a condition.
func poll(t testing.TB, what string, ok func() bool) {
	t.Helper()
	testwait.Until(t, limit, what, ok)
}

// waitEnd waits for the end of a process and kills it if that does not come; its
// result, and ProcessState, say how it ended.
func waitEnd(t testing.TB, cmd *exec.Cmd) error {
	t.Helper()
	over := time.AfterFunc(limit, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !over.Stop() {
		t.Fatalf("waited %v for the end of process %d, %q: %v", limit, cmd.Process.Pid, cmd.Args, err)
	}
	return err
}

// runEnd starts a process and waits for its end.
func runEnd(t testing.TB, cmd *exec.Cmd) error {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return waitEnd(t, cmd)
}

// startedUntil starts thaw, which ends with the test, and waits until it has said so on
// stderr.
func startedUntil(t *testing.T, said string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(program, args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	readUntil(t, stderr, said)
	return cmd
}

// readUntil reads serial output until the texts came, one after the other.
func readUntil(t testing.TB, r io.Reader, texts ...string) {
	t.Helper()
	type piece struct {
		text string
		err  error
	}
	read := make(chan piece)
	stop := make(chan struct{})
	defer close(stop)
	over := time.NewTimer(limit)
	defer over.Stop()
	seen, from := "", time.Now()
	for _, want := range texts {
		for !strings.Contains(seen, want) {
			go func() {
				buf := make([]byte, 4096)
				n, err := r.Read(buf)
				select {
				case read <- piece{string(buf[:n]), err}:
				case <-stop:
				}
			}()
			select {
			case p := <-read:
				if p.err != nil {
					t.Fatalf("waiting for %q on the serial line: %v; it wrote %q", want, p.err, seen)
				}
				seen += p.text
			case <-over.C:
				t.Fatalf("waited %v for %q of %q on the serial line; behind the text before, it wrote %q", time.Since(from).Round(time.Second), want, texts, seen)
			}
		}
		_, seen, _ = strings.Cut(seen, want)
	}
}
