package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/scenarios"
)

// The lab guest is deterministic: with -icount its clocks count instructions, and
// with idle=poll it executes some at any time. What is left of the host's time
// there is QEMU's own: a processor that stops for a debugger counts as idle until
// the machine is stopped, too, and idle time is taken from the host's clock (with
// sleep=off, it jumps to the next timer's instead: two such stops with interrupts
// off lose a tick, by gdb as by thaw). So QEMU's host clock is stopped. And the LOG goes
// to a file: a socket holds some 270 writes of a character each, and while it is full
// the guest's kernel waits with interrupts off. And the PC's clock follows the guest's:
// its firmware waits while that counts on, 244 us of every second of the host's.

// stillQEMU is a QEMU whose host's clock stands still.
var stillQEMU = sync.OnceValues(func() (string, error) {
	dir := filepath.Dir(program)
	lib, script := filepath.Join(dir, "stillclock.so"), filepath.Join(dir, "qemu-stillclock")
	if out, err := exec.Command("g++", "-x", "c", "-shared", "-fPIC", "-O", "-o", lib, "testdata/stillclock.c").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return script, os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\nLD_PRELOAD=%s exec qemu-system-x86_64 \"$@\"\n", lib), 0o755)
})

// mark is what the lab guest notes at a time: the timer's ticks and the processor's
// clock, in ns, as they were so many, the system calls that had finished, and the
// characters of its LOG (guest/kernel/thread.h).
type mark struct{ Ticks, Clock, Calls, Log uint64 }

// course is what a run of the lab guest has come to.
type course struct {
	marks []mark
	log   string // up to the last mark
}

// Marks that are compared, and the ticks between two of them, each of 4772 periods
// of the PC's 1193182 Hz.
const (
	courseMarks = 5
	markTicks   = 50
	tickNS      = 4772 / 1193182.0 * 1e9
	instrNS     = 8 // of guest.Clock
	tickInstrs  = 500000
	maxStepped  = 3000 // instructions for which an interrupt may wait: as many are single-stepped in a row
)

// courseOf is a run of the lab guest, in which do is called while the guest is at its
// reset vector. It is let go afterwards.
func courseOf(t *testing.T, dir, options string, do func(vm *qemu.VM), set ...func(*qemu.Config)) course {
	t.Helper()
	binary, err := stillQEMU()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	config := qemu.Config{Binary: binary, Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, ICount: guest.Clock,
		Append: "idle=poll " + options,
		Args:   []string{"-rtc", "clock=vm", "-set", "chardev.thaw-serial.backend=file", "-set", "chardev.thaw-serial.path=" + log}}
	for _, set := range set {
		set(&config)
	}
	vm, err := qemu.Start(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Stop(context.Background())
	do(vm)
	if status(t, vm) != "running" {
		qmp(t, vm, "cont")
	}
	runUntil(t, vm, (courseMarks+1)*markTicks*tickNS/instrNS)
	return readCourse(t, vm, dir, log)
}

// runUntil waits until a guest has executed so many instructions.
func runUntil(t *testing.T, vm *qemu.VM, instructions float64) {
	t.Helper()
	var done struct{ ICount uint64 }
	for end := time.Now().Add(limit); float64(done.ICount) < instructions; time.Sleep(5 * time.Millisecond) {
		if err := json.Unmarshal(qmp(t, vm, "query-replay"), &done); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			regs, err := vm.QMP(t.Context(), "human-monitor-command", map[string]string{"command-line": "info registers"})
			t.Fatalf("waited %v for %.0f instructions: the guest is %s behind %d\n%s %v", limit, instructions, status(t, vm), done.ICount, regs, err)
		}
	}
}

// readCourse reads the marks that a guest has reached.
func readCourse(t *testing.T, vm *qemu.VM, dir, log string) course {
	t.Helper()
	file, err := debuginfo.Load(filepath.Join(dir, guest.Kernel), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	sym, err := file.Symbol("sched_marks")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	client, err := gdbremote.Dial(ctx, vm.GDB(), gdbremote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := course{marks: make([]mark, courseMarks)}
	buf := make([]byte, binary.Size(c.marks))
	if err := client.ReadMemory(ctx, gdbremote.Virtual, sym.Addr, buf); err != nil {
		t.Fatal(err)
	}
	if err := client.Detach(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := binary.Decode(buf, binary.LittleEndian, c.marks); err != nil {
		t.Fatal(err)
	}
	last := c.marks[courseMarks-1].Log
	text, err := os.ReadFile(log)
	if err != nil || uint64(len(text)) < last {
		t.Fatalf("%d characters of %d in the LOG: %v", len(text), last, err)
	}
	c.log = string(text[:last])
	return c
}

// compare holds a run against one that nobody looked at.
func (c course) compare(t *testing.T, what string, want course) {
	t.Helper()
	near := func(a, b float64) bool { return math.Abs(a-b) <= maxStepped*instrNS }
	first := c.marks[0]
	for i, m := range c.marks {
		if ns := float64(m.Clock - first.Clock); !near(ns, float64(m.Ticks-first.Ticks)*tickNS) {
			t.Errorf("%s: mark %d: %d ticks took %.0f ns: some were lost", what, i, m.Ticks-first.Ticks, ns)
		}
		w := want.marks[i]
		if !near(float64(m.Clock), float64(w.Clock)) {
			t.Errorf("%s: mark %d is reached at %d ns, want %d", what, i, m.Clock, w.Clock)
		}
		m.Clock, w.Clock = 0, 0
		if m != w {
			t.Errorf("%s: mark %d: %+v, want %+v", what, i, m, w)
		}
	}
	if c.log != want.log || c.log == "" {
		t.Errorf("%s: the LOG is %q, want %q", what, c.log, want.log)
	}
}

// The guest goes on as if nobody had looked: its timer, its system calls and its LOG
// are the same. THAW_RUNS (make undisturbed) repeats everything, for all bugs or those
// of THAW_BUGS.
func TestUndisturbed(t *testing.T) {
	runs := numberOf(t, "THAW_RUNS", 1)
	bugs := []string{"unstarted"}
	if runs > 1 {
		bugs = variants
	}
	if only := os.Getenv("THAW_BUGS"); only != "" {
		bugs = strings.Split(only, ",")
	}
	for _, bug := range bugs {
		t.Run(bug, func(t *testing.T) {
			t.Parallel()
			flags := []string{"--expect", cmp.Or(map[string]string{"state-ignored": "default"}[bug], bug)}
			signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT}
			for n := range runs {
				// Each run has the timer's ticks at other instructions.
				options := fmt.Sprintf("bug=%s phase=%d", bug, n*tickInstrs/1000/runs)
				want := courseOf(t, guestDir, options, func(*qemu.VM) {})
				shared := true
				try := func(way string, p *teller, sig syscall.Signal, flags ...string) (packets int64) {
					t.Helper()
					begin := time.Now()
					got := courseOf(t, guestDir, options, func(vm *qemu.VM) { packets, _ = checkThrough(t, vm, p, sig, flags...) },
						func(c *qemu.Config) { c.SharedRAM = shared })
					got.compare(t, options+", "+way, want)
					t.Logf("%s, %s: %d packets, %v", options, way, packets, time.Since(begin).Round(time.Millisecond))
					return packets
				}
				// So slow that thaw executes instructions under breakpoints itself.
				try("slow stub", &teller{delay: 2500 * time.Microsecond}, 0, flags...)
				shared = n%25 > 0 // where all memory is read through the stub, nine packets of ten do nothing else
				packets := try("check", &teller{}, 0, flags...)
				diverge := append(slices.Clone(flags), "--divergence")
				diverged := try("divergence", &teller{}, 0, diverge...)
				for i, sig := range signals {
					way, all, flags := "", packets, flags
					if (n+int64(i))%2 > 0 {
						way, all, flags = " of divergence", diverged, diverge
					}
					k := all * (n*int64(len(signals)) + int64(i) + 1) / (runs*int64(len(signals)) + 1)
					try(fmt.Sprintf("%v at packet %d%s", sig, k, way), &teller{k: k}, sig, flags...)
				}
			}
		})
	}
}

// So it does where a breakpoint is lifted while the child runs through it.
func TestUndisturbedByLifting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := guest.BuildIn(t.Context(), dir, "EXTRA=-DMEETING"); err != nil {
		t.Fatal(err)
	}
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	const first = "      - {name: capability map,"
	file, wire := filepath.Join(dir, "lift.yaml"), filepath.Join(dir, "wire")
	changed := strings.Replace(string(text), first, "      - {name: nobody, function: 'Rtcr::Target_child::answer_log'}\n"+first, 1)
	if err := os.WriteFile(file, []byte(changed), 0o666); err != nil {
		t.Fatal(err)
	}
	want := courseOf(t, dir, "bug=fixed", func(*qemu.VM) {})
	got := courseOf(t, dir, "bug=fixed", func(vm *qemu.VM) {
		thaw(t, "check", vm.GDB(), "--build", dir, "--expect", "fixed", "--scenario", file, "--wire-log", wire)
	})
	got.compare(t, "lifting", want)
	sent, err := os.ReadFile(wire)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(sent), "-> $z1,1000000,1"); n < 3 {
		t.Errorf("the breakpoint was off %d times", n)
	}
}

// thaw that is killed leaves its watchpoints behind, on words that the processor pushes,
// too: the guest stops before it does. The next look takes them off.
func TestUndisturbedByKill(t *testing.T) {
	t.Parallel()
	const options = "bug=unstarted"
	want := courseOf(t, guestDir, options, func(*qemu.VM) {})
	got := courseOf(t, guestDir, options, func(vm *qemu.VM) {
		checkThrough(t, vm, &teller{k: 1, of: "$vCont;c", after: "$Z2"}, syscall.SIGKILL)
		poll(t, "the guest to stop at what was left", func() bool { return status(t, vm) == "debug" })
		if r := thaw(t, "doctor", vm.GDB(), "--build", guestDir); !strings.Contains(r.stdout, "ended without letting it go on") {
			t.Errorf("thaw doctor: %s%s", r.stdout, r.stderr)
		}
		if r := thaw(t, "snapshot", vm.GDB(), "--build", guestDir); r.code != exitOK {
			t.Errorf("snapshot: exit code %d: %s", r.code, r.stderr)
		}
	})
	got.compare(t, "killed", want)
}

// A signal while the processor executes one instruction of what a thread would do does not
// keep it there: it is put back first.
func TestUndisturbedByStep(t *testing.T) {
	t.Parallel()
	const options, steps = "bug=state-ignored", "$vCont;s"
	want := courseOf(t, guestDir, options, func(*qemu.VM) {})
	check := func(p *teller) (c course, packets int64) {
		c = courseOf(t, guestDir, options, func(vm *qemu.VM) {
			packets, _ = checkThrough(t, vm, p, syscall.SIGHUP, "--expect", "default", "--divergence")
		})
		return c, packets
	}
	_, last := check(&teller{of: steps})
	// thaw knows of the signal before the step is made.
	got, _ := check(&teller{of: steps, k: last - 5, hold: 200 * time.Millisecond})
	got.compare(t, fmt.Sprintf("SIGHUP at step %d of %d", last-5, last), want)
}

// A signal at any packet while a wait in IPC is ended by a call of the kernel, in
// another thread's name, leaves a guest that goes on as without it or as with it.
func TestUndisturbedByForce(t *testing.T) {
	t.Parallel()
	through := func(p *teller, sig syscall.Signal, flags ...string) (c course, packets int64) {
		c = courseOf(t, guestDir, "bug=fixed", func(vm *qemu.VM) {
			packets, _ = checkThrough(t, vm, p, sig, append(flags, "--expect", "fixed")...)
		})
		return c, packets
	}
	force := []string{"--force-state", "sheep_counter"}
	plain, first := through(&teller{}, 0)
	forced, last := through(&teller{}, 0, force...)
	calls := func(c course) uint64 { return c.marks[courseMarks-1].Calls }
	if calls(plain) == calls(forced) {
		t.Fatal("force changes nothing")
	}
	t.Logf("%d packets, with force %d", first, last)
	tries, with := numberOf(t, "THAW_SIGNALS", 2), 0
	for i := range tries {
		k := first - 20 + (last-first+20)*i/tries
		got, _ := through(&teller{k: k}, syscall.SIGTERM, force...)
		want := plain
		if calls(got) == calls(forced) {
			want = forced
			with++
		}
		got.compare(t, fmt.Sprintf("terminated at packet %d", k), want)
	}
	t.Logf("of %d runs, %d went on with the forced state", tries, with)
}
