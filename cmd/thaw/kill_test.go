package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/recording"
)

// killSignals are those that end thaw in this test; it cannot see the first.
var killSignals = []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP}

// numberOf is an environment variable as a number.
func numberOf(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// thaw is killed at any moment, THAW_KILLS times (make kill): its QEMU goes
// with it, a guest that somebody else started stays as it was, and the
// recording opens. THAW_SEED repeats the moments of a run.
func TestKilledAtAnyMoment(t *testing.T) {
	seed := numberOf(t, "THAW_SEED", time.Now().UnixNano())
	kills := int(numberOf(t, "THAW_KILLS", 12))
	begin := time.Now()
	recorded(t, "lab")
	whole := time.Since(begin) // in which a moment is chosen
	var alive atomic.Int32
	t.Run("kills", func(t *testing.T) {
		for i := range kills {
			// Both ways, each with each signal.
			k := &killing{sig: killSignals[i/2%len(killSignals)], rnd: rand.New(rand.NewSource(seed + int64(i))), whole: whole, alive: &alive}
			name, run := "own", k.own
			if i%2 == 1 {
				name, run = "attached", k.attached
			}
			t.Run(fmt.Sprintf("%d %s %v", i, name, k.sig), func(t *testing.T) {
				t.Parallel()
				run(t)
			})
		}
	})
	if t.Failed() {
		t.Logf("THAW_SEED=%d", seed)
	}
	if alive.Load() == 0 {
		t.Errorf("thaw had ended before each of %d kills", kills)
	}
}

// killing is one kill.
type killing struct {
	sig   syscall.Signal
	rnd   *rand.Rand
	whole time.Duration // that a run takes which nobody kills
	alive *atomic.Int32 // counts the kills that came while thaw ran
}

// run starts thaw, kills it, and waits until all processes that it started have
// ended.
func (k *killing) run(t *testing.T, args ...string) (killed bool) {
	t.Helper()
	mark := fmt.Sprintf("THAW_TEST_KILL=%s", t.TempDir()) // which the processes that thaw starts inherit
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), mark)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	at := time.Duration(k.rnd.Int63n(int64(k.whole)))
	time.Sleep(at)
	if err := cmd.Process.Signal(k.sig); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, cmd)
	poll(t, "the end of all that thaw started", func() bool { return len(marked(mark)) == 0 })
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok {
		t.Fatalf("no status: %v", cmd.ProcessState)
	}
	code := cmd.ProcessState.ExitCode()
	// A program that has just started has no handler so far.
	killed = status.Signaled() || code == exitFailed
	if status.Signaled() && status.Signal() != k.sig || !killed && code != exitOK || code == exitFailed && !oneSentence(out.String()) {
		t.Errorf("%v after %v: %v, %s", k.sig, at, cmd.ProcessState, &out)
	}
	t.Logf("%v after %v of %v: %v", k.sig, at, k.whole, cmd.ProcessState)
	if killed {
		k.alive.Add(1)
	}
	return killed
}

// marked are the processes that have a string in their environment.
func marked(mark string) []string {
	var out []string
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		if env, err := os.ReadFile(f); err == nil && bytes.Contains(env, append([]byte(mark), 0)) {
			out = append(out, f)
		}
	}
	return out
}

// own kills a check that has started its QEMU itself.
func (k *killing) own(t *testing.T) {
	file := filepath.Join(t.TempDir(), "own.thaw")
	killed := k.run(t, onLab("check", "lab", "--record", file)...)
	k.opens(t, file, killed)
}

// attached kills a check of a guest that was just started by somebody else, in
// the middle of its phases or of its boot.
func (k *killing) attached(t *testing.T) {
	vm, err := qemu.Start(context.Background(), qemu.Config{Kernel: filepath.Join(guestDir, "fiasco.image"), MemoryMB: 64, Running: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	file := filepath.Join(t.TempDir(), "attached.thaw")
	killed := k.run(t, "check", vm.GDB(), "--build", guestDir, "--record", file)
	k.opens(t, file, killed)
	if killed && k.sig == syscall.SIGKILL {
		// Nobody could tell QEMU: the guest may stand, and can be looked at again.
		if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir); r.code != exitOK && !strings.Contains(r.stderr, "not booted so far") {
			t.Errorf("attaching again: exit code %d: %s", r.code, r.stderr)
		}
		// Breakpoints that were left, at which it may have stopped since, are gone now.
		debugged := status(t, vm) == "debug"
		if r := thaw(t, "doctor", vm.GDB(), "--build", guestDir); debugged != strings.Contains(r.stdout, "ended without letting it go on") {
			t.Errorf("stopped for a debugger: %v, and thaw doctor says:\n%s", debugged, r.stdout)
		}
		return
	}
	if s := status(t, vm); s != "running" {
		t.Errorf("the guest is %s", s)
	}
	readUntil(t, vm.Serial(), "Resto::", "1 sheep", "3 sheeps")
}

// opens makes sure that a recording is whole up to its last stop, or not begun.
func (k *killing) opens(t *testing.T, file string, killed bool) {
	t.Helper()
	rec, err := recording.Open(file)
	switch {
	case errors.Is(err, os.ErrNotExist) && killed:
		return // it was not begun
	case err != nil:
		if st, serr := os.Stat(file); !killed || serr != nil || st.Size() > 0 && k.sig != syscall.SIGKILL || !strings.Contains(err.Error(), "not a thaw recording") && !strings.Contains(err.Error(), "whole stop") {
			t.Errorf("killed by %v: %v", k.sig, err)
		}
		return
	case rec.Damage() != "" && (!killed || k.sig != syscall.SIGKILL):
		t.Errorf("thaw ended in order, and its recording did not: %s", rec.Damage())
	case strings.Contains(rec.Damage(), "checksum"):
		t.Errorf("half a record looks like a whole one: %s", rec.Damage())
	}
	stops := 0
	for _, s := range rec.Records() {
		if !s.Aside {
			stops++
		}
	}
	t.Logf("%d stops recorded", stops)
	if stops == 0 {
		return
	}
	r, _, err := openReplay(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if r.Stops() != stops {
		t.Errorf("%d stops, %d replay", stops, r.Stops())
	}
	if _, err := r.Snapshots(); err != nil {
		t.Errorf("of %d stops: %v", stops, err)
	}
	if _, err := r.View(stops); err != nil {
		t.Errorf("stop %d: %v", stops, err)
	}
}
