package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/report"
)

// frozenLab is a lab guest at its reset vector, as `qemu -S` starts it.
func frozenLab(t *testing.T, set ...func(*qemu.Config)) *qemu.VM {
	t.Helper()
	config := qemu.Config{Kernel: filepath.Join(guestDir, "fiasco.image"), MemoryMB: 64}
	for _, set := range set {
		set(&config)
	}
	vm, err := qemu.Start(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	return vm
}

// status is what QEMU says of its guest: running, paused, debug (stopped by a
// debugger), prelaunch.
func status(t *testing.T, vm *qemu.VM) string {
	t.Helper()
	var s struct{ Status string }
	if err := json.Unmarshal(qmp(t, vm, "query-status"), &s); err != nil {
		t.Fatal(err)
	}
	return s.Status
}

func qmp(t *testing.T, vm *qemu.VM, command string) json.RawMessage {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	answer, err := vm.QMP(ctx, command, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

var breakRequest = regexp.MustCompile(`-> \$([Zz])([0-4],[0-9a-f]+,[0-9a-f]+)`)

// balanced makes sure that every breakpoint of a wire log was removed, and that
// there were some if any are wanted.
func balanced(t *testing.T, wire string, wanted bool) {
	t.Helper()
	text, err := os.ReadFile(wire)
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	requests := breakRequest.FindAllStringSubmatch(string(text), -1)
	for _, m := range requests {
		if m[1] == "Z" {
			left[m[2]] = true
		} else {
			delete(left, m[2])
		}
	}
	if len(left) > 0 || wanted != (len(requests) > 0) {
		t.Errorf("%d requests about breakpoints leave %v", len(requests), left)
	}
}

// A guest that its owner stopped is looked at, stays where it is, and runs on
// when the owner says so.
func TestSnapshotOfStopped(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	qmp(t, vm, "stop")
	before := string(vm.SerialOutput())
	pcs := map[string]bool{}
	for range 2 {
		wire := filepath.Join(t.TempDir(), "wire")
		r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir, "--json", "--wire-log", wire)
		var out report.SnapshotJSON
		if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != exitOK || r.stderr != "" {
			t.Fatalf("exit code %d: %v\n%s", r.code, err, r.stderr)
		}
		pcs[out.PC] = true
		balanced(t, wire, false)
		if s := status(t, vm); s == "running" {
			t.Error("the guest runs after a snapshot, and stood before it")
		}
	}
	if after := string(vm.SerialOutput()); len(pcs) != 1 || after != before {
		t.Errorf("the guest moved: program counters %v, and wrote %q", pcs, strings.TrimPrefix(after, before))
	}
	qmp(t, vm, "cont")
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
}

// Before the guest has booted there is nothing to show, and it stays frozen.
func TestSnapshotOfFrozen(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir)
	if r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) || !strings.Contains(r.stderr, "not booted so far") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if s := status(t, vm); s == "running" || len(vm.SerialOutput()) > 0 {
		t.Errorf("the guest is %s after the snapshot and wrote %q", s, vm.SerialOutput())
	}
	qmp(t, vm, "cont")
	readUntil(t, vm.Serial(), "1 sheep", "2 sheeps")
}

// A check of a guest that somebody else started: found frozen, left standing,
// and without a breakpoint it runs on.
func TestCheckAddress(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	wire := filepath.Join(t.TempDir(), "wire")
	r := thaw(t, "check", vm.GDB(), "--build", guestDir, "--json", "--wire-log", wire)
	out := decodeCheck(t, r)
	if r.code != exitOK || !out.Expected || len(out.Threads) != 3 {
		t.Errorf("exit code %d: %+v\n%s", r.code, out.Failures, r.stderr)
	}
	balanced(t, wire, true)
	if s := status(t, vm); s == "running" {
		t.Error("the guest runs, and stood before the check")
	}
	qmp(t, vm, "cont")
	readUntil(t, vm.Serial(), "Resto::", "1 sheep", "2 sheeps")
	if s := status(t, vm); s != "running" {
		t.Errorf("the guest is %s: it met a breakpoint that was left", s)
	}
}

// Whatever ends a check, a guest that ran before it runs after it.
func TestCheckAddressKilled(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			vm := runningLab(t)
			wire := filepath.Join(t.TempDir(), "wire")
			cmd := exec.Command(program, "check", vm.GDB(), "--build", guestDir, "--wire-log", wire)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { cmd.Process.Kill() })
			// The restore is over: it waits for a phase that never comes.
			poll(t, "the guest to run on", func() bool {
				text, _ := os.ReadFile(wire)
				return strings.Contains(string(text), "$Z1,") && strings.Contains(string(text), "$vCont;c")
			})
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			waitEnd(t, cmd)
			if sig == syscall.SIGKILL {
				// Nobody could tell QEMU; it must be alive and can be looked at.
				if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir); r.code != exitOK {
					t.Errorf("after %v: exit code %d: %s", sig, r.code, r.stderr)
				}
				return
			}
			if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) {
				t.Errorf("exit code %d: %s", code, &stderr)
			}
			balanced(t, wire, true)
			seen := strings.Count(string(vm.SerialOutput()), "sheeps.")
			poll(t, "the guest to count on", func() bool { return strings.Count(string(vm.SerialOutput()), "sheeps.") > seen+3 })
		})
	}
}

// A reader that goes away (`thaw snapshot … | head -1`) ends thaw, not the
// guest's run.
func TestReaderGoesAway(t *testing.T) {
	t.Parallel()
	vm := runningLab(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	cmd := exec.Command(program, "snapshot", vm.GDB(), "--build", guestDir)
	cmd.Stdout = w
	err = runEnd(t, cmd)
	w.Close()
	if cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("exit: %v", err)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
}

// meterLine is what a busy machine lets thaw tell before: that it still waits.
var meterLine = regexp.MustCompile(`(?m)^thaw: .* … \d+ s.*\n`)

// oneSentence says whether an error is told as one line, by thaw and not by a
// panic.
func oneSentence(stderr string) bool {
	stderr = meterLine.ReplaceAllString(stderr, "")
	return strings.HasPrefix(stderr, "thaw: ") && strings.HasSuffix(stderr, "\n") && strings.Count(stderr, "\n") == 1 &&
		!strings.Contains(stderr, "goroutine ") && !strings.Contains(stderr, fmt.Sprint(nil))
}
