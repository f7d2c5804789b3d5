package main

import (
	"path/filepath"
	"strings"
	"testing"

	"thaw/recording"
)

// A system without a restorer can be looked at, on the screen and in a
// recording.
func TestLookAround(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	term := newTerminal(t, 120, 40, "attach", vm.GDB(), "--build", guestDir, "--scenario", "none")
	term.expect("no scenario")
	term.press("x", "n")
	term.expect("there is no scenario, so there are no phases", "core.main", "pager_ep")
	term.press("q")
	term.expect("ended with 0")
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")

	file := filepath.Join(t.TempDir(), "look.thaw")
	if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--scenario", "none", "--record", file); r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	rec, err := recording.Open(file)
	if err != nil || rec.Damage() != "" {
		t.Fatalf("%v, damage %q", err, rec.Damage())
	}
	r := thaw(t, "snapshot", file, "--caps")
	if r.code != exitOK || !strings.Contains(r.stdout, "signal handler") || !strings.Contains(r.stdout, "* Gate") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}
