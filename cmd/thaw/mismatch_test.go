package main

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/report"
)

// runningLab is a lab guest that nobody debugs, and that has restored its
// child.
func runningLab(t *testing.T) *qemu.VM {
	t.Helper()
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, "fiasco.image"), MemoryMB: 64, Running: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	readUntil(t, vm.Serial(), "Resto::", "1 sheep")
	return vm
}

// A snapshot shows the guest and leaves it running.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--caps")
	for _, s := range []string{"sheep_counter", "signal handler", "rcv_wait", "Timer::Session_client::msleep", "task ", "* Gate"} {
		if !strings.Contains(r.stdout, s) {
			t.Errorf("%q is not in the snapshot", s)
		}
	}
	r = thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--json")
	var out report.SnapshotJSON
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != exitOK {
		t.Fatalf("exit code %d: %v\n%s", r.code, err, r.stderr)
	}
	names := map[string]int{}
	for _, o := range out.Objects {
		if o.Thread != nil {
			names[o.Name]++
		}
	}
	if names["sheep_counter"] != 2 || names["ep"] != 3 || len(out.Problems) > 0 {
		t.Errorf("threads %v, problems %q", names, out.Problems)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps") // it runs on
}

// Another build of the kernel than the one that runs: every offset could be
// wrong, so nothing is shown.
func TestOtherKernel(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join(guestDir, "fiasco.image"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	for i := text.Offset; i < text.Offset+text.Size; i++ {
		data[i] ^= 0x55
	}
	other := filepath.Join(t.TempDir(), "fiasco.image")
	if err := os.WriteFile(other, data, 0o600); err != nil {
		t.Fatal(err)
	}
	vm := runningLab(t)
	r := thaw(t, "snapshot", vm.GDB(), "--kernel", other)
	if r.code != exitFailed || !strings.Contains(r.stderr, "the running kernel is not "+other) || !strings.Contains(r.stderr, "give the kernel ELF of the system that runs") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
}
