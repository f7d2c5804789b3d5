package live_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/gdbremote/wiretest"
	"thaw/guest"
	"thaw/recording"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/target"
	"thaw/session/view"
	"thaw/testwait"
)

// bench is a session on a lab guest of somebody else's, over a wire.
type bench struct {
	*wiretest.Wire
	e      *session.Engine
	target *live.Target
	vm     *qemu.VM
	dir    string
	writer *recording.Writer
	file   string // the recording
}

func startLab(ctx context.Context, t *testing.T, bug string, running bool) *qemu.VM {
	t.Helper()
	dir, err := guest.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	vm, err := qemu.Start(ctx, qemu.Config{Kernel: filepath.Join(dir, guest.Kernel), MemoryMB: 64, Append: bug, Running: running})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	return vm
}

func newBench(ctx context.Context, t *testing.T) *bench {
	t.Helper()
	b := &bench{vm: startLab(ctx, t, "", false), file: filepath.Join(t.TempDir(), "session.thaw")}
	b.Wire = wiretest.New(t, b.vm.GDB())
	cfg, dir := onLab(ctx, t)
	b.dir = dir
	var err error
	if b.writer, err = recording.Create(b.file, false, recording.About{Scenario: cfg.Scenario.Text()}, cfg.Files); err != nil {
		t.Fatal(err)
	}
	cfg.Recorder = b.writer
	b.e, b.target = begin(ctx, t, cfg, b.Path, live.Options{})
	return b
}

// phase runs to a phase, whatever number its stop has.
func (b *bench) phase(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	for b.e.View().Snapshot == nil || b.e.View().Snapshot.Phase != name {
		if err := b.e.NextPhase(ctx); err != nil {
			t.Fatalf("on the way to %s: %v", name, err)
		}
	}
}

// breaks lets the session notice that its connection is gone.
func (b *bench) breaks(ctx context.Context, t *testing.T, to string) {
	t.Helper()
	b.Cut(to)
	if err := b.e.NextPhase(ctx); err == nil {
		t.Fatal("a connection that was cut reached the next phase")
	}
	if v := b.e.View(); v.State != view.Ended || !v.Lost || v.Err == nil {
		t.Fatalf("after the cut: %s, lost %v, %v", v.State, v.Lost, v.Err)
	}
}

// end walks to the end, and closes all.
func (b *bench) end(ctx context.Context, t *testing.T) []string {
	t.Helper()
	if err := b.e.RunAll(ctx, nil); err != nil {
		t.Fatal(err)
	}
	return b.close(ctx, t)
}

// close closes all, and replays the recording: it must show what was seen.
func (b *bench) close(ctx context.Context, t *testing.T) []string {
	t.Helper()
	v := b.e.View()
	want := shown(t, v)
	if err := b.e.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := b.writer.Close(); err != nil {
		t.Error(err)
	}
	r, rec := openReplay(t, b.file)
	if rec.Damage() != "" || r.Stops() != v.Stops {
		t.Fatalf("%d stops in the recording, want %d; damage %q", r.Stops(), v.Stops, rec.Damage())
	}
	last, err := r.View(r.Stops())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, shown(t, last)); diff != "" {
		t.Errorf("the last stop (-live +replay):\n%s", diff)
	}
	return judged(v)
}

// verdicts that an undisturbed run comes to.
func undisturbed(ctx context.Context, t *testing.T) []string {
	t.Helper()
	return newBench(ctx, t).end(ctx, t)
}

// A connection that was cut while the guest stood is made again, and the session
// goes on as if nothing had been: with the breakpoints, the watched threads and
// the evidence.
func TestReconnectWhereItStood(t *testing.T) {
	ctx := deadline(t)
	want := undisturbed(ctx, t)
	for _, phase := range []string{"checkpoint", "dataspace contents", "CPU threads"} {
		t.Run(phase, func(t *testing.T) {
			b := newBench(ctx, t)
			b.phase(ctx, t, phase)
			before := b.e.View()
			b.breaks(ctx, t, "")
			if err := b.e.Reconnect(ctx); err == nil || !b.e.View().Lost {
				t.Fatalf("reconnected to nobody: %v", err)
			}
			b.Cut(b.vm.GDB())
			if err := b.e.Reconnect(ctx); err != nil {
				t.Fatal(err)
			}
			v := b.e.View()
			if v.State != view.Stopped || v.Lost || v.Err != nil || v.Stops != before.Stops+1 || v.Snapshot.Reason != "reconnected: the guest stands where it stood" {
				t.Errorf("%s, %d stops after %d: %q, %v", v.State, v.Stops, before.Stops, v.Snapshot.Reason, v.Err)
			}
			if diff := cmp.Diff(before.Phases, v.Phases); diff != "" {
				t.Errorf("phases (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(want, b.end(ctx, t)); diff != "" {
				t.Errorf("verdicts (-undisturbed +reconnected):\n%s", diff)
			}
		})
	}
}

// What the guest did while nobody looked is not judged.
func TestReconnectToGuestThatRanOn(t *testing.T) {
	ctx := deadline(t)
	b := newBench(ctx, t)
	for len(b.e.View().Verdicts) < 3 || b.e.View().Snapshot.Phase == "CPU threads" { // all requests were seen
		if err := b.e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
	}
	b.Cut("")
	other, err := live.Attach(ctx, b.vm.GDB(), live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := other.Step(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := other.Close(ctx); err != nil { // it stood, and stands
		t.Fatal(err)
	}
	stops := b.e.View().Stops
	b.breaks(ctx, t, b.vm.GDB())
	if err := b.e.Reconnect(ctx); err != nil {
		t.Fatal(err)
	}
	v := b.e.View()
	if v.Stops != stops+1 || !strings.Contains(v.Snapshot.Reason, "was not seen") || v.Complete || len(v.Verdicts) != 0 {
		t.Errorf("%d stops after %d: %q, %d verdicts", v.Stops, stops, v.Snapshot.Reason, len(v.Verdicts))
	}
	if slices.ContainsFunc(v.Phases, func(p view.Phase) bool { return p.Hits > 0 }) {
		t.Errorf("phases that were entered before: %+v", v.Phases)
	}
	// The restore's later phases still come. Its end is waited for in a function
	// that was entered before.
	for range 3 {
		if err := b.e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if verdicts := judged(b.e.View()); len(verdicts) > 0 { // all requests were before that
		t.Errorf("judged on evidence that nobody saw: %q", verdicts)
	}
	b.close(ctx, t)
}

// A QEMU that was started anew is known by its kernel objects, and walked from
// the start; one whose kernel is another is refused, and left running.
func TestReconnectToAnotherGuest(t *testing.T) {
	ctx := deadline(t)
	want := undisturbed(ctx, t)

	t.Run("not booted", func(t *testing.T) {
		b := newBench(ctx, t)
		b.phase(ctx, t, "CPU threads")
		stops := b.e.View().Stops
		b.breaks(ctx, t, startLab(ctx, t, "", false).GDB())
		if err := b.e.Reconnect(ctx); err == nil || !strings.Contains(err.Error(), "not booted so far") {
			t.Fatalf("reconnecting: %v", err)
		}
		if v := b.e.View(); v.State != view.Stopped || v.Stops != stops || v.Lost {
			t.Errorf("%s, %d stops after %d", v.State, v.Stops, stops)
		}
		if diff := cmp.Diff(want, b.end(ctx, t)); diff != "" {
			t.Errorf("verdicts (-undisturbed +anew):\n%s", diff)
		}
	})
	t.Run("booting", func(t *testing.T) {
		b := newBench(ctx, t)
		if err := b.e.RunAll(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if err := b.e.StepInstruction(ctx); err != nil { // all phases were walked
			t.Fatal(err)
		}
		// Another one, at its first phase.
		first := startLab(ctx, t, "", false)
		other, err := live.Attach(ctx, first.GDB(), live.Options{})
		if err != nil {
			t.Fatal(err)
		}
		core := loaded(t, b.dir, "core")
		if err := other.SetBreaks(ctx, target.At(core.Entry())); err != nil {
			t.Fatal(err)
		}
		if err := other.Resume(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if err := other.ClearBreaks(ctx, target.At(core.Entry())); err != nil {
			t.Fatal(err)
		}
		if err := other.Close(ctx); err != nil {
			t.Fatal(err)
		}
		b.Cut(first.GDB())
		if err := b.e.StepInstruction(ctx); err == nil || !b.e.View().Lost {
			t.Fatalf("stepped over a connection that was cut: %v", err)
		}
		if err := b.e.Reconnect(ctx); err != nil {
			t.Fatal(err)
		}
		if v := b.e.View(); !strings.Contains(v.Snapshot.Reason, "another guest, or one that was started anew") {
			t.Errorf("%q", v.Snapshot.Reason)
		}
		if diff := cmp.Diff(want, b.end(ctx, t)); diff != "" {
			t.Errorf("verdicts (-undisturbed +anew):\n%s", diff)
		}
	})
	t.Run("another kernel", func(t *testing.T) {
		b := newBench(ctx, t)
		b.phase(ctx, t, "checkpoint")
		foreign := startLab(ctx, t, "", true)
		readLog(t, foreign, "1 sheep")
		spoil(ctx, t, foreign, loaded(t, b.dir, guest.Kernel))
		b.breaks(ctx, t, foreign.GDB())
		err := b.e.Reconnect(ctx)
		if err == nil || !strings.Contains(err.Error(), "another system runs there now") {
			t.Fatalf("a kernel with another text: %v", err)
		}
		if v := b.e.View(); v.State != view.Ended || !v.Lost {
			t.Errorf("%s, lost %v", v.State, v.Lost)
		}
		// The one that it was is taken again.
		b.Cut(b.vm.GDB())
		if err := b.e.Reconnect(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.end(ctx, t)); diff != "" {
			t.Errorf("verdicts (-undisturbed +reconnected):\n%s", diff)
		}
	})
}

func loaded(t *testing.T, dir, name string) *debuginfo.File {
	t.Helper()
	f, err := debuginfo.Load(filepath.Join(dir, name), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// readLog waits for a guest's LOG.
func readLog(t *testing.T, vm *qemu.VM, text string) {
	t.Helper()
	over := time.AfterFunc(time.Minute, func() { vm.Stop(context.Background()) }) // ends the reading
	defer over.Stop()
	var seen []byte
	for buf := make([]byte, 4096); !bytes.Contains(seen, []byte(text)); {
		n, err := vm.Serial().Read(buf)
		if err != nil {
			t.Fatalf("waiting for %q on the serial line, for a minute at most: %v; it wrote %q", text, err, seen)
		}
		seen = append(seen, buf[:n]...)
	}
}

// spoil overwrites most of a kernel's text in a guest that runs already.
func spoil(ctx context.Context, t *testing.T, vm *qemu.VM, kernel *debuginfo.File) {
	t.Helper()
	c, err := gdbremote.Dial(ctx, vm.GDB(), gdbremote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, r := range kernel.Text() {
		for a := r.Start; a < r.End; a += 2048 {
			c.WriteMemory(ctx, gdbremote.Virtual, a, bytes.Repeat([]byte{0xcc}, int(min(r.End-a, 1024))))
		}
	}
}

// A serial line that is not there yet is no reason to give up the connection: it can be
// tried again.
func TestReconnectWithoutSerialLine(t *testing.T) {
	ctx := deadline(t)
	vm := startLab(ctx, t, "", false)
	wire := wiretest.New(t, vm.GDB())
	var missing error
	target, err := live.Attach(ctx, wire.Path, live.Options{OpenSerial: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), missing }})
	if err != nil {
		t.Fatal(err)
	}
	wire.Cut(vm.GDB())
	if _, err := target.CPUs(ctx); err == nil || !target.Lost() {
		t.Fatalf("a connection that was cut: %v, lost %v", err, target.Lost())
	}
	missing = errors.New("no such socket")
	if err := target.Reconnect(ctx); !errors.Is(err, missing) || !target.Lost() {
		t.Errorf("without a serial line: %v, lost %v", err, target.Lost())
	}
	missing = nil
	if err := target.Reconnect(ctx); err != nil || target.Lost() {
		t.Errorf("with it: %v, lost %v", err, target.Lost())
	}

	// The machine ends while it stands: nothing is asked any more, and it is lost all the same.
	if _, err := target.CPUs(ctx); err != nil {
		t.Fatal(err)
	}
	if err := vm.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	testwait.For(t, target.Gone(), "the machine's end")
	if _, err := target.CPUs(ctx); !target.Lost() {
		t.Errorf("a machine that has ended is not lost: %v", err)
	}
	target.Close(ctx)
}

// A session on a screen is told of the loss, and goes on when it is asked to.
func TestControllerReconnects(t *testing.T) {
	ctx := deadline(t)
	b := newBench(ctx, t)
	run, cancel := context.WithCancel(ctx)
	c := &control{session.NewController(run, b.e), t, ctx}
	c.Reconnect() // there is nothing to reconnect
	c.NextPhase()
	c.until("the first phase", stoppedAt(1))
	b.Cut("") // while the guest stands, and nobody asks anything
	v := c.until("the loss", func(v *view.View) bool { return v.State == view.Ended && v.Lost })
	if v.Err == nil || !strings.Contains(v.Err.Error(), "lost while the guest stood") {
		t.Errorf("the loss is told as %q, %v", v.Message, v.Err)
	}
	c.Reconnect()
	c.until("the word why not", func(v *view.View) bool {
		return v.State == view.Ended && v.Err != nil && strings.Contains(v.Err.Error(), "reconnecting")
	})
	b.Cut(b.vm.GDB())
	c.Reconnect()
	v = c.until("the guest", stoppedAt(2))
	if v.Err != nil || !v.Live || !strings.Contains(v.Message, "stands where it stood") {
		t.Errorf("%q, %v", v.Message, v.Err)
	}
	c.Back()
	c.until("the history", func(v *view.View) bool { return v.Snapshot.Number == 1 && !v.Live })
	c.Forward()
	c.NextPhase()
	c.until("the next phase", stoppedAt(3))

	// The guest runs as the connection breaks.
	c.Continue()
	c.until("a running guest", func(v *view.View) bool { return v.State == view.Running })
	b.Cut(b.vm.GDB())
	c.until("the loss", func(v *view.View) bool { return v.State == view.Ended && v.Lost })
	c.Reconnect()
	v = c.until("the guest", func(v *view.View) bool { return v.State == view.Stopped })
	if !strings.Contains(v.Snapshot.Reason, "reconnected") {
		t.Errorf("%q", v.Snapshot.Reason)
	}
	cancel()
	testwait.For(t, c.Done(), "the session to end")
	if err := b.e.Close(ctx); err != nil {
		t.Error(err)
	}
}
