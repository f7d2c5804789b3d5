package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"thaw/report"
)

// answered reads what query-run --json has printed.
func answered(t *testing.T, text string) (a report.RunQueryJSON) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return a
}

// Without a screen, too, a question may be about what lies between two stops.
func TestQueryRunBetweenStops(t *testing.T) {
	t.Parallel()
	r := thaw(t, onLab("query-run", "lab", "4-6 len(threads)", "--json")...)
	if r.code == exitFailed {
		t.Fatal(r.stderr)
	}
	a := answered(t, r.stdout)
	if a.Expr != "len(threads)" || a.Entries == 0 || a.From >= a.To || a.Ended != "" {
		t.Errorf("%+v", a.RunAnswer)
	}
	if r := thaw(t, onLab("query-run", "lab", "4-999 pc")...); r.code != exitFailed || !strings.Contains(r.stderr, "there is no such stop of the recorded run: its history has 1 to ") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// A signal ends a question with what was seen so far, and says that it did.
func TestQueryRunGivenUp(t *testing.T) {
	t.Parallel()
	wire := filepath.Join(t.TempDir(), "wire")
	slow := "count(objects, any(objects, .id == 1 and .name matches 'none'))"
	cmd := exec.Command(program, onLab("query-run", "lab", slow, "--json", "--wire-log", wire)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	poll(t, "the way back to where the question begins", func() bool {
		text, _ := os.ReadFile(wire)
		return strings.Contains(string(text), hex.EncodeToString([]byte("loadvm ")))
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, cmd)
	if a := answered(t, stdout.String()); a.Ended != "given up" || len(a.Changes) != 1 {
		t.Errorf("%+v", a.RunAnswer)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), "thaw: stopped, by a signal") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}

// What is printed as a signal comes is not lost on a reader who is there.
func TestLastWordsArePrinted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		var out bytes.Buffer
		if n, err := (&patientWriter{ctx: ctx, w: &out}).Write([]byte("answer")); err != nil || n != 6 || out.String() != "answer" {
			t.Fatalf("%q, %d: %v", &out, n, err)
		}
	}
}
