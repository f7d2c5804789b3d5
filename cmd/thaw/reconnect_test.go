package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thaw/gdbremote/wiretest"
	"thaw/recording"
)

// A connection that breaks under the debugger can be made again, with what was
// seen still there.
func TestReconnectInTerminal(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	wire := wiretest.New(t, vm.GDB())
	file := filepath.Join(t.TempDir(), "attached.thaw")
	term := newTerminal(t, 120, 40, "attach", wire.Path, "--build", guestDir, "--record", file)
	term.expect("n runs to the next phase")
	term.press("x", "n")
	term.expect("STOPPED", "stop 1 of 1", "checkpoint")
	wire.Cut("")
	term.press("n")
	term.expect("ENDED", "R reconnects", "core.main")
	term.press("R")
	term.expect("ENDED", "reconnecting")
	wire.Cut(vm.GDB())
	term.press(":")
	term.press("-l", "reconnect")
	term.press("Enter")
	term.expect("STOPPED", "stop 2 of 2", "the guest stands where it stood")
	term.press("p")
	term.expect("stop 1 of 2, HISTORY")
	term.press("f")
	term.expect("stop 2 of 2, live")
	term.walk()
	term.expect("≠ IGNORED", "≈ coincident")
	term.press("q")
	term.expect("ended with 0")
	term.asBefore()
	r, rec, err := openReplay(t.Context(), file)
	if err != nil || rec.Damage() != "" {
		t.Fatalf("%v, %s", err, rec.Damage())
	}
	if v, err := r.View(2); err != nil || !strings.Contains(v.Snapshot.Reason, "reconnected") {
		t.Errorf("stop 2: %v, %v", v.Snapshot.Reason, err)
	}
}

// Without a screen the loss ends a command; it says how to go on, and what it
// has recorded is kept.
func TestCheckLosesConnection(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	wire := wiretest.New(t, vm.GDB())
	file := filepath.Join(t.TempDir(), "lost.thaw")
	cmd := exec.Command(program, "check", wire.Path, "--build", guestDir, "--record", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	stops := func() int {
		rec, err := recording.Open(file)
		if err != nil {
			return 0
		}
		return len(rec.Records())
	}
	poll(t, "some stops", func() bool { return stops() >= 5 })
	wire.Cut("")
	waitEnd(t, cmd)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) ||
		!strings.Contains(stderr.String(), "attaches again") || !strings.Contains(stderr.String(), file+" holds the ") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if rec, err := recording.Open(file); err != nil || rec.Damage() != "" {
		t.Errorf("the recording: %v", err)
	}
	if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir); r.code != exitOK {
		t.Errorf("attaching again: %s", r.stderr)
	}
}
