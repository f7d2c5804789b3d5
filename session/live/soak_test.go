package live_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/view"
	"thaw/testwait"
)

// footprint is what a session must give back.
type footprint struct {
	heap       uint64
	goroutines int
	files      int
}

func measure(t *testing.T) footprint {
	t.Helper()
	runtime.GC()
	runtime.GC() // what the first one's finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return footprint{m.HeapAlloc, runtime.NumGoroutine(), len(fds)}
}

// rounds of a soak that are made before its first measurement, in make test,
// and stops in each.
const (
	warmUp     = 3
	soakRounds = 8
	soakStops  = 8
)

// A session that continues and interrupts the guest again and again, and closes,
// leaves nothing behind, however often. THAW_SOAK is how long to go on (make
// soak: an hour).
func TestSoak(t *testing.T) {
	long, err := time.ParseDuration("0" + os.Getenv("THAW_SOAK"))
	if err != nil {
		t.Fatalf("THAW_SOAK: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), long+90*time.Second)
	defer cancel()
	s := newSoak(ctx, t)
	end := time.Now().Add(long)
	var first footprint
	rounds := 0
	for ; rounds < warmUp+soakRounds || time.Now().Before(end); rounds++ {
		if rounds == warmUp {
			first = measure(t)
		}
		// Both ways in each: the decoder keeps what it made of the last stop.
		s.round(ctx, t, true)
		s.round(ctx, t, false)
	}
	last := measure(t)
	t.Logf("after %d rounds: %+v, after %d: %+v", warmUp, first, rounds, last)
	first.flat(t, last)
}

// noise is by how much the heap may differ for no reason, in bytes.
const noise = 1 << 20

// flat makes sure that nothing grew.
func (first footprint) flat(t *testing.T, last footprint) {
	t.Helper()
	if last.heap > first.heap+first.heap/10+noise {
		t.Errorf("the heap grew from %d to %d bytes", first.heap, last.heap)
	}
	if last.goroutines > first.goroutines || last.files > first.files {
		t.Errorf("from %d goroutines and %d files to %d and %d", first.goroutines, first.files, last.goroutines, last.files)
	}
}

// One session that continues and interrupts the guest for as long has a full
// history and grows no more. In make test it keeps fewer stops.
func TestSoakOfOneSession(t *testing.T) {
	long, err := time.ParseDuration("0" + os.Getenv("THAW_SOAK"))
	if err != nil {
		t.Fatalf("THAW_SOAK: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), long+90*time.Second)
	defer cancel()
	s, most := newSoak(ctx, t), 2000
	if long == 0 {
		most = 100
	}
	e := s.open(ctx, t, true, most)
	run, cancelRun := context.WithCancel(ctx)
	defer cancelRun()
	c := &control{session.NewController(run, e), t, ctx}
	stops := c.View().Stops
	goOn := func(until int) {
		for ; stops < until; stops++ {
			s.stop(c, stops+1)
		}
	}
	goOn(2 * most) // a full history, and all its slots used again
	first, begin, end := measure(t), stops, time.Now().Add(long)
	for stops < 4*most || time.Now().Before(end) {
		goOn(stops + most)
	}
	last := measure(t)
	t.Logf("after %d stops: %+v, after %d: %+v", begin, first, stops, last)
	first.flat(t, last)
	cancelRun()
	testwait.For(t, c.Done(), "the session to end")
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
}

// soak is a guest that sessions come to and go from.
type soak struct {
	vm     *qemu.VM
	config session.Config
}

func newSoak(ctx context.Context, t *testing.T) *soak {
	t.Helper()
	cfg, dir := onLab(ctx, t)
	s := &soak{config: cfg}
	var err error
	if s.vm, err = qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, SharedRAM: true, Running: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.vm.Stop(context.Background()) })
	over := time.AfterFunc(time.Minute, func() { s.vm.Stop(context.Background()) }) // ends the reading
	defer over.Stop()
	serial, buf, seen := s.vm.Serial(), make([]byte, 4096), ""
	for !restored.MatchString(seen) {
		n, err := serial.Read(buf)
		if err != nil {
			t.Fatalf("waiting for %v on the serial line, for a minute at most: %v; it wrote %q", restored, err, seen)
		}
		seen += string(buf[:n])
	}
	return s
}

// round is one session, through shared RAM or the stub.
func (s *soak) round(ctx context.Context, t *testing.T, shared bool) {
	t.Helper()
	e := s.open(ctx, t, shared, 0)
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &control{session.NewController(run, e), t, ctx}
	for n := range soakStops {
		s.stop(c, n+2)
	}
	cancel()
	testwait.For(t, c.Done(), "the session to end")
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// stop continues the guest and interrupts it, for a stop of the given number.
func (s *soak) stop(c *control, number int) {
	c.t.Helper()
	c.Continue()
	c.until("a running guest", func(v *view.View) bool { return v.State == view.Running })
	c.Interrupt()
	v := c.until("the interrupt", stoppedAt(number))
	if len(v.Snapshot.System.Problems) > 0 || len(v.Snapshot.System.Threads()) < 10 {
		c.t.Fatalf("stop %d: %d threads, problems %q", number, len(v.Snapshot.System.Threads()), v.Snapshot.System.Problems)
	}
}

// open attaches and begins a session that keeps so many stops (0: as usual).
func (s *soak) open(ctx context.Context, t *testing.T, shared bool, most int) *session.Engine {
	t.Helper()
	var o live.Options
	if shared {
		o.RAM = s.vm.RAMPath()
	}
	cfg := s.config
	cfg.MaxStops = most
	e, _ := begin(ctx, t, cfg, s.vm.GDB(), o)
	return e
}
