package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/recording"
)

// A system without a restorer can be looked at, on the screen and in a
// recording.
func TestLookAround(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	serial := filepath.Join(t.TempDir(), "serial.log") // as -serial file:PATH leaves it
	if err := os.WriteFile(serial, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	term := newTerminal(t, 120, 40, "attach", vm.GDB(), "--build", guestDir, "--scenario", "none", "--serial", serial)
	term.expect("no scenario")
	term.press("x", "n")
	term.expect("there is no scenario, so there are no phases", "core.main", "pager_ep")
	if err := os.WriteFile(serial, []byte("written while thaw looks\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	term.press("s", "5")
	term.expect("written while thaw looks")
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

// RAM that QEMU shares is read from its file, if it is that guest's.
func TestSharedRAM(t *testing.T) {
	t.Parallel()
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, "fiasco.image"), MemoryMB: 64, Running: true, SharedRAM: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	readUntil(t, vm.Serial(), "Resto::", "1 sheep")
	if vm.RAMPath() == "" {
		t.Skip("no room for shared RAM here")
	}
	r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--ram", vm.RAMPath())
	if r.code != exitOK || !strings.Contains(r.stdout, "signal handler") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	zeros := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(zeros, make([]byte, 64<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{zeros, filepath.Join(guestDir, "core")} {
		if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--ram", file); r.code != exitFailed || !strings.Contains(r.stderr, "is not the guest's RAM") {
			t.Errorf("%s: exit code %d: %s", file, r.code, r.stderr)
		}
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
}
