package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/report"
)

// served starts `thaw serve` and waits until it serves.
func served(t *testing.T, args ...string) (socket string, end func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "gdb")
	cmd := startedUntil(t, "served at", append(append([]string{"serve"}, args...), "--listen", socket)...)
	return socket, func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := waitEnd(t, cmd); err != nil {
			t.Errorf("ended by a signal: %v", err)
		}
	}
}

// lookedAt holds what top says of a guest that runs.
func lookedAt(t *testing.T, vm *qemu.VM) {
	r := thaw(t, "top", vm.GDB(), "--build", guestDir, "--once", "--json")
	var look report.LookJSON
	if err := json.Unmarshal([]byte(r.stdout), &look); err != nil || r.code != exitOK || look.Look != 1 || len(look.Threads) < 12 || len(look.PDs) < 5 {
		t.Errorf("exit code %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
	}
}

// msleep is called by ep of the lab's sheep_counter.
const msleep = "Timer::Session_client::msleep(unsigned long)"

// checkedByGDB has gdb check what is served, live or recorded. A thread calls function, or
// is in a loop ("here").
func checkedByGDB(t *testing.T, kind, socket, function, thread string) {
	t.Helper()
	out, err := exec.Command("gdb", "-nx", "-batch", "-ex", fmt.Sprintf("python where, kind, function, thread = %q, %q, %q, %q", socket, kind, function, thread),
		"-x", filepath.Join("testdata", "serve_checks.py")).CombinedOutput()
	if err != nil {
		t.Errorf("gdb: %v", err)
	}
	text := string(out)
	n := len(regexp.MustCompile(`(?m)^ok \d+ `).FindAllString(text, -1))
	if failed := regexp.MustCompile(`(?m)^FAILED.*`).FindAllString(text, -1); len(failed) > 0 || n < 40 || !strings.Contains(text, fmt.Sprintf("done: %d checks", n)) {
		t.Errorf("%d checks pass, %q fail:\n%s", n, failed, text)
	}
}

// checkServed has gdb see components as inferiors and kernel threads as their threads,
// live and recorded, by one script, and lldb one component.
func checkServed(t *testing.T, vm *qemu.VM) {
	checks := func(t *testing.T, kind string, serve ...string) {
		socket, end := served(t, serve...)
		checkedByGDB(t, kind, socket, msleep, "sheep_counter/ep")
		if r := thaw(t, "check", socket, "--build", guestDir); r.code == exitOK || !strings.Contains(r.stderr, "attach to the guest's own stub") {
			t.Errorf("a check of what is served: exit code %d, %s%s", r.code, r.stdout, r.stderr)
		}
		if kind == "live" {
			lookedAt(t, vm) // beside it
		}
		end()
	}
	t.Run("recorded", func(t *testing.T) { checks(t, "recorded", "rtcr-2016") })
	t.Run("live", func(t *testing.T) { checks(t, "live", vm.GDB(), "--build", guestDir) })
	t.Run("beside", func(t *testing.T) { checkBeside(t, vm.GDB()) })
	t.Run("fault", func(t *testing.T) { checkFault(t, vm) })
	t.Run("editor", func(t *testing.T) { checkEdited(t, vm.GDB()) })
	t.Run("editor by lldb", func(t *testing.T) { checkEditedByLLDB(t, vm.GDB()) })
	t.Run("lldb beside", func(t *testing.T) { checkBesideLLDB(t, vm.GDB()) })
	t.Run("lldb", func(t *testing.T) {
		servedToLLDB(t, append(lldbReads("rtcr"), lldbOnLab...), filepath.Join(guestDir, "rtcr"), vm.GDB(), "--build", guestDir, "--only", "rtcr")
	})
}

// Core of base-hw is a part of the kernel's program, in a protection domain like others.
func TestServeHW(t *testing.T) {
	t.Parallel()
	vm := runningKernel(t, guest.KernelHW)
	socket, end := served(t, vm.GDB(), "--build", filepath.Dir(filepath.Join(guestDir, guest.KernelHW)))
	checkedByGDB(t, "live", socket, msleep, "init -> rtcr -> sheep_counter/ep")
	end()
	readUntil(t, vm.Serial(), "sheep")
}
