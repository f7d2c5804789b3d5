package gdbremote_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
)

// TestLiveInterrupts interrupts a guest that also meets a breakpoint all the
// time: whichever wins, the client must keep its place.
func TestLiveInterrupts(t *testing.T) {
	c := attach(t, startQEMU(t, qemu.Config{MemoryMB: 16}))
	ctx := live(t)
	loadCode(t, c, counter)
	value := func() uint32 {
		var b [4]byte
		if err := c.ReadMemory(ctx, gdbremote.Physical, counterAt, b[:]); err != nil {
			t.Fatal(err)
		}
		return binary.LittleEndian.Uint32(b[:])
	}
	for i := range 40 {
		with := i%2 == 1
		if with {
			if err := c.Insert(ctx, gdbremote.HardwareBreak, codeBase+5, 1); err != nil {
				t.Fatal(err)
			}
		}
		before := value()
		regs, err := c.ReadRegisters(ctx, gdbremote.ThreadID{})
		if err != nil {
			t.Fatal(err)
		}
		// Standing at the breakpoint it stops there at once.
		ip, _ := regs.Uint64("rip")
		mayStand := with && ip == codeBase+5
		resume(t, c)
		var wg sync.WaitGroup
		wg.Go(func() {
			for range i % 4 { // none is enough only with a breakpoint
				c.Interrupt()
			}
			if !with {
				c.Interrupt()
			}
		})
		s, err := c.Wait(ctx)
		wg.Wait()
		if err != nil || s.Signal != gdbremote.SignalTrap && s.Signal != gdbremote.SignalInterrupt {
			t.Fatalf("round %d: %v, %v", i, s, err)
		}
		if s.Signal == gdbremote.SignalTrap && value() == before && !mayStand {
			t.Fatalf("round %d: %v, and the guest did not run", i, s)
		}
		if with {
			if err := c.Remove(ctx, gdbremote.HardwareBreak, codeBase+5, 1); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := c.Step(ctx, gdbremote.ThreadID{}); err != nil {
			t.Fatalf("round %d: step: %v", i, err)
		}
	}
}

// TestLiveBehindOurBack lets the guest run through QMP while a client is
// attached, so that a request stops it instead of being answered.
func TestLiveBehindOurBack(t *testing.T) {
	vm := startQEMU(t, qemu.Config{MemoryMB: 16})
	c := attach(t, vm)
	ctx := live(t)
	loadCode(t, c, counter)
	for range 3 {
		unasked := c.UnaskedStops()
		if _, err := vm.QMP(ctx, "cont", nil); err != nil {
			t.Fatal(err)
		}
		var b [4]byte
		if err := c.ReadMemory(ctx, gdbremote.Physical, codeBase, b[:]); err != nil || !bytes.Equal(b[:], counter[:4]) {
			t.Fatalf("%x, %v", b, err)
		}
		if c.UnaskedStops() == unasked {
			t.Error("the stop was not noticed")
		}
		if _, err := c.Step(ctx, gdbremote.ThreadID{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLiveLeaving(t *testing.T) {
	vm := startQEMU(t, qemu.Config{MemoryMB: 16})
	ctx := live(t)
	c := attach(t, vm)
	loadCode(t, c, counter)
	status := func(want string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			p, err := vm.QMP(ctx, "query-status", nil)
			if err == nil && bytes.Contains(p, []byte(`"status": "`+want+`"`)) {
				return
			}
			if err != nil || time.Now().After(end) {
				t.Fatalf("status %s, %v; want %s", p, err, want)
			}
		}
	}
	resume(t, c)
	if err := c.Detach(ctx); err != nil {
		t.Fatal(err)
	}
	status("running")
	// Attach to a running guest; drop the connection while it is stopped.
	c = attach(t, vm)
	if c.UnaskedStops() == 0 {
		t.Error("no unasked stop on late attach")
	}
	status("paused")
	// A second client waits, and is told why.
	_, err := gdbremote.Dial(ctx, vm.GDB(), gdbremote.Options{Timeout: 200 * time.Millisecond})
	if !errors.Is(err, gdbremote.ErrTimeout) || !strings.Contains(err.Error(), "another debugger may be attached") {
		t.Errorf("second client: %v", err)
	}
	c.Close()
	attach(t, vm)
	status("paused")
}

// TestLiveReverse records a short run and goes back in its replay, without QEMU's
// vapic device: with it, QEMU 7.2 locks itself up on the way back.
func TestLiveReverse(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed")
	}
	dir := t.TempDir()
	disk, log := filepath.Join(dir, "snapshots.qcow2"), filepath.Join(dir, "record")
	if out, err := exec.Command("qemu-img", "create", "-f", "qcow2", disk, "16M").CombinedOutput(); err != nil {
		t.Fatalf("qemu-img: %v: %s", err, out)
	}
	config := func(mode string) qemu.Config {
		return qemu.Config{MemoryMB: 16, Args: []string{
			"-icount", "shift=auto,rr=" + mode + ",rrfile=" + log + ",rrsnapshot=init",
			"-drive", "file=" + disk + ",if=none,id=rr", "-global", "apic-common.vapic=off",
		}}
	}
	ctx := live(t)
	vm := startQEMU(t, config("record"))
	c := attach(t, vm)
	for range 20 {
		if _, err := c.Step(ctx, gdbremote.ThreadID{}); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	if err := vm.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		goBack(t, startQEMU(t, config("replay")))
	}
}

// goBack steps forward and back again.
func goBack(t *testing.T, vm *qemu.VM) {
	t.Helper()
	defer vm.Stop(context.Background())
	c := attach(t, vm)
	if f := c.Features(); !f.ReverseStep || !f.ReverseContinue {
		t.Fatalf("%+v", f)
	}
	var rips []uint64
	for range 5 {
		rips = append(rips, register(t, c, "rip"))
		if _, err := c.Step(live(t), gdbremote.ThreadID{}); err != nil {
			t.Fatal(err)
		}
	}
	for i := len(rips) - 1; i > 0; i-- {
		s, err := c.ReverseStep(live(t))
		if err != nil || s.Signal != gdbremote.SignalTrap {
			t.Fatalf("back to step %d: %v, %v", i, s, err)
		}
		if rip := register(t, c, "rip"); rip != rips[i] {
			t.Errorf("back at step %d: rip %#x, want %#x", i, rip, rips[i])
		}
	}
}
