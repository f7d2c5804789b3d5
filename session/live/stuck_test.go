package live_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thaw/gdbremote"
	"thaw/gdbremote/wiretest"
	"thaw/memory"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/view"
	"thaw/testwait"
)

// signal sends QEMU a signal.
func (b *bench) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(b.vm.PID(), sig); err != nil {
		t.Fatal(err)
	}
}

// A QEMU that was stopped is given up on in time, whether its guest stands or
// runs; when it goes on, so does the session.
func TestStoppedQEMU(t *testing.T) {
	ctx := deadline(t)
	b := newBench(ctx, t)
	t.Cleanup(func() { syscall.Kill(b.vm.PID(), syscall.SIGCONT) })
	b.phase(ctx, t, "checkpoint")
	stops := b.e.View().Stops

	b.signal(t, syscall.SIGSTOP)
	if err := b.e.NextPhase(ctx); !errors.Is(err, gdbremote.ErrTimeout) {
		t.Fatalf("a stopped QEMU, its guest standing: %v", err)
	}
	if v := b.e.View(); v.State != view.Ended || !v.Lost {
		t.Fatalf("%s, lost %v", v.State, v.Lost)
	}
	b.signal(t, syscall.SIGCONT)
	if err := b.e.Reconnect(ctx); err != nil {
		t.Fatal(err)
	}
	if v := b.e.View(); v.Stops != stops+1 || !strings.Contains(v.Snapshot.Reason, "reconnected") {
		t.Errorf("%d stops after %d, %q", v.Stops, stops, v.Snapshot.Reason)
	}

	c := &control{session.NewController(ctx, b.e), t, ctx}
	for {
		stops = c.View().Stops
		c.Continue()
		c.until("a running guest", func(v *view.View) bool { return v.State == view.Running })
		for !b.target.Running() && c.View().State == view.Running {
			runtime.Gosched()
		}
		b.signal(t, syscall.SIGSTOP)
		c.Interrupt()
		v := c.until("the end of the wait", func(v *view.View) bool { return v.State != view.Running })
		b.signal(t, syscall.SIGCONT)
		if v.State == view.Ended {
			if !errors.Is(v.Err, gdbremote.ErrTimeout) || !v.Lost {
				t.Errorf("a stopped QEMU: %v, lost %v", v.Err, v.Lost)
			}
			break
		}
	}
	c.Reconnect()
	c.until("the guest", func(v *view.View) bool { return v.State == view.Stopped && v.Stops == stops+1 })
}

// A QEMU that gets next to no time is waited for, and judged as ever.
func TestSlowQEMU(t *testing.T) {
	ctx := deadline(t)
	want := undisturbed(ctx, t)
	b := newBench(ctx, t)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		defer syscall.Kill(b.vm.PID(), syscall.SIGCONT)
		for sig := syscall.SIGSTOP; ; {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			syscall.Kill(b.vm.PID(), sig)
			sig ^= syscall.SIGSTOP ^ syscall.SIGCONT
		}
	}()
	got := b.end(ctx, t)
	close(done)
	testwait.For(t, ended, "the stopping and going on to end")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("verdicts (-undisturbed +slow):\n%s", diff)
	}
}

// Reading from a stub that does not answer ends as soon as nobody wants to know
// any more, and the guest is left in order after it.
func TestAbort(t *testing.T) {
	ctx := deadline(t)
	vm := startLab(ctx, t, "", true)
	readLog(t, vm, "1 sheep")
	wire := wiretest.New(t, vm.GDB())
	target, err := live.Attach(ctx, wire.Path, live.Options{GDB: gdbremote.Options{Timeout: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	release := wire.Hold()
	ended := make(chan error, 1)
	go func() { ended <- target.ReadPhysical([]memory.Request{{Addr: 0x1000, Buf: make([]byte, 4096)}}) }()
	target.Abort()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	case <-ctx.Done():
		t.Fatal("reading goes on")
	}
	release()
	if err := target.Close(ctx); err != nil {
		t.Error(err)
	}
	readLog(t, vm, "5 sheeps") // the guest runs on
}
