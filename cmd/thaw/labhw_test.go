package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/session/view"
)

// hwVariants are the bugs of the lab's other kernel.
var hwVariants = []string{"fixed", "running", "unstarted", "zero"}

// On the lab's other kernel each bug has its own verdict and cause, too.
func TestLabHW(t *testing.T) {
	t.Parallel()
	type verdict struct {
		view.Verdict
		rule, says string
	}
	applied := verdict{view.Applied, "applied", "Kernel::Core_thread::_call"}
	waits := verdict{view.Pending, "written-blocked", "takes effect once the thread's wait"}
	for _, c := range []struct {
		bug               string
		ep, sheep, signal verdict
		changed           int
	}{
		{"fixed", applied, waits, waits, 0},
		{"unstarted", applied, waits, verdict{view.Overwritten, "overwritten", "then Core::Platform_thread::start wrote"}, 1},
		{"running", applied, verdict{view.Ignored, "ran-meanwhile", "was running on processor 1"}, waits, 0},
		{"zero", verdict{view.Killed, "killed", "way to user mode faulted"}, waits, waits, 0},
	} {
		t.Run(c.bug, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, onLab("check", "lab:"+c.bug, "--kernel", "hw", "--json")...)
			out := decodeCheck(t, r)
			if r.code != exitOK || len(out.Threads) != 3 || out.Capabilities == nil || len(out.Capabilities.Missing) != 0 || len(out.Capabilities.Changed) != c.changed {
				t.Fatalf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
			}
			for _, j := range out.Threads {
				want := map[string]verdict{"ep": c.ep, "sheep_counter": c.sheep, "signal handler": c.signal}[j.Name]
				if j.Verdict != want.Verdict || j.Rule != want.rule || !strings.Contains(j.Cause, want.says) {
					t.Errorf("%s: %s (%s): %s", j.Name, j.Verdict, j.Rule, j.Cause)
				}
			}
		})
	}
}

// A store to other memory is none, although QEMU 7.2 tells of it where it is not aligned:
// nobody else is said to have written a requested state again.
func TestLabHWUnaligned(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "hw"), os.DirFS(filepath.Join(guestDir, "hw"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "hw", "o", "core", "hw", "thread.o")); err != nil {
		t.Fatal(err)
	}
	if err := guest.BuildIn(t.Context(), dir, "hw", "EXTRA=-DUNALIGNED"); err != nil {
		t.Fatal(err)
	}
	if elf, err := os.ReadFile(filepath.Join(dir, guest.KernelHW)); err != nil || !strings.Contains(string(elf), "restate_fault") {
		t.Fatalf("the kernel stores nothing beside: %v", err)
	}
	r := thaw(t, "check", "lab:fixed", "--kernel", "hw", "--guest", dir, "--json")
	out := decodeCheck(t, r)
	if r.code != exitOK || len(out.Threads) != 3 || strings.Contains(r.stdout, "restate_fault") {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	for _, j := range out.Threads {
		if !strings.Contains(j.Cause, "Kernel::Core_thread::_call") {
			t.Errorf("%s: %s", j.Name, j.Cause)
		}
	}
}

// An independent reader sees the same objects: while a thread of core runs in the
// kernel's mode with another processor at work, and amid an entry and an exit of the
// kernel.
func TestLabHWOracle(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(filepath.Join(guestDir, guest.KernelHW))
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, guest.KernelHW), CPUs: 2, MemoryMB: 64, Args: guest.TwoProcessors, Append: "bug=running"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	for _, at := range []string{"hbreak Core::Platform_thread::state(Genode::Thread_state)", "hbreak Kernel::Thread::_save", "hbreak Kernel::Thread::proceed"} {
		r := thaw(t, "compare-gdb", vm.GDB(), "--build", dir, "--json", "--do", at, "--do", "continue")
		var stops []gdbStop
		if err := json.Unmarshal([]byte(r.stdout), &stops); err != nil || r.code != exitOK || len(stops) != 1 || stops[0].Rows < 100 || len(stops[0].Problems) > 0 {
			t.Errorf("%s: exit code %d: %v\n%s%s", at, r.code, err, r.stdout, r.stderr)
		}
	}
}
