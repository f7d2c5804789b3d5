package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"thaw/recording"
)

// limitFiles makes files of a process end at a size, as a disk that is full does.
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	var now unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &now); err != nil {
		t.Fatal(err)
	}
	now.Cur = min(size, now.Max)
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &now, nil); err != nil {
		t.Fatal(err)
	}
}

// A recording that cannot be written is told at once, and by the exit code.
func TestRecordFullDisk(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	file := filepath.Join(t.TempDir(), "bug.thaw")
	cmd := exec.Command("sh", "-c", `ulimit -S -f 64 && exec "$0" "$@"`, program, "record", vm.GDB(), "--build", guestDir, "--no-cache", "-o", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	err := cmd.Run()
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	first := 0
	for i, l := range lines {
		if strings.Contains(l, "warning: recording: writing to "+file) && strings.Contains(l, "make room") {
			first = i
			break
		}
	}
	last := lines[len(lines)-1]
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || first == 0 || first > len(lines)/2 || !strings.HasPrefix(last, "thaw: ") || !strings.Contains(last, "in memory") {
		t.Errorf("exit code %d (%v), told in line %d of %d:\n%s", code, err, first, len(lines), &stderr)
	}
	rec, err := recording.Open(file)
	if err != nil || len(rec.Records()) == 0 || strings.Contains(rec.Damage(), "damaged") {
		t.Errorf("what was written before: %v", err)
	}
}

// A recording that cannot be written is told at once, and takes nothing away of what was
// found.
func TestCheckFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	running := runningLab(t)
	for name, c := range map[string]struct {
		args  []string
		shows string
		warns int
	}{
		"check":     {[]string{"check", frozenLab(t).GDB(), "--build", guestDir}, "expected of default", 1},
		"check for": {[]string{"check", running.GDB(), "--build", guestDir, "--for", "100ms"}, "no state of a thread was asked for", 1},
		"snapshot":  {[]string{"snapshot", running.GDB(), "--build", guestDir}, "sheep_counter", 0},
	} {
		args := append([]string{"-c", `ulimit -S -f 16 && exec "$0" "$@"`, program}, append(c.args, "--no-cache", "--record", filepath.Join(dir, name))...)
		cmd := exec.Command("sh", args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := runEnd(t, cmd)
		said := stderr.String()
		if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(stdout.String(), c.shows) ||
			strings.Count(said, "thaw: warning: recording: writing to ") != c.warns || strings.Count(said, "in memory") != c.warns+1 {
			t.Errorf("%s: %v: %s%s", name, err, said, &stdout)
		}
	}
}

// In the debugger, another file takes over what could not be written.
func TestRecordElsewhere(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.thaw"), filepath.Join(dir, "second.thaw")
	vm := frozenLab(t)
	term := newTerminal(t, 120, 40, "attach", vm.GDB(), "--build", guestDir, "--record", first)
	term.expect("n runs to the next phase")
	term.press("x", "n")
	term.expect("STOPPED", "1 of 31", "core.main")
	st, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	pid := term.process(t)
	limitFiles(t, pid, uint64(st.Size()))
	term.press("n")
	term.expect("NOT RECORDED: :record FILE goes on elsewhere")
	term.press("n")
	term.expect("stop 3 of 3", "NOT RECORDED")
	limitFiles(t, pid, unix.RLIM_INFINITY)
	term.tmux("send-keys", "-l", ":record "+second)
	term.press("Enter")
	term.expectNot("NOT RECORDED")
	term.press("q")
	term.expect("ended with 0")
	rec, err := recording.Open(second)
	if err != nil || len(rec.Records()) < 3 || rec.Damage() != "" {
		t.Fatalf("the second file: %v, %q", err, rec.Damage())
	}
	if rec, err = recording.Open(first); err != nil || len(rec.Records()) >= 3 {
		t.Errorf("the first file: %v", err)
	}
}
