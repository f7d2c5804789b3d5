package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"thaw/debuginfo"
	"thaw/gdbremote/qemu"
	"thaw/guest"
	"thaw/kernel/foc"
	"thaw/memory"
	"thaw/recording"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/scenario"
	"thaw/session/view"
	"thaw/session/watch"
	"thaw/testwait"
)

// openLab starts the lab guest and a session on it.
func openLab(ctx context.Context, t *testing.T, options string, shared bool) (*session.Engine, *qemu.VM) {
	t.Helper()
	return openLabWith(ctx, t, options, shared, nil)
}

// openLabWith is openLab with a recorder.
func openLabWith(ctx context.Context, t *testing.T, options string, shared bool, recorder func(files map[string]*debuginfo.File, s *scenario.Scenario) session.Recorder, more ...func(*session.Config)) (*session.Engine, *qemu.VM) {
	t.Helper()
	return openSetup(ctx, t, setup{vm: qemu.Config{SharedRAM: shared, Append: options}, recorder: recorder, more: more})
}

// recordTo makes a recorder to a new file, which is left in w.
func recordTo(t *testing.T, path string, w **recording.Writer) func(map[string]*debuginfo.File, *scenario.Scenario) session.Recorder {
	return func(files map[string]*debuginfo.File, s *scenario.Scenario) session.Recorder {
		var err error
		if *w, err = recording.Create(path, false, recording.About{Scenario: s.Text()}, files); err != nil {
			t.Fatal(err)
		}
		return *w
	}
}

// setup says how to start the lab guest, and how to open a session on it.
type setup struct {
	vm       qemu.Config
	target   live.Options
	recorder func(files map[string]*debuginfo.File, s *scenario.Scenario) session.Recorder
	more     []func(*session.Config)
	frozen   bool // do not begin
	foreign  bool // the session does not own QEMU
	process  bool // memory may be read from QEMU's process
	planted  bool // the guest with wrong pointers
}

// onLab is what a session on the lab guest is opened with, but for the target, and where
// the guest's files are.
func onLab(ctx context.Context, t *testing.T) (c session.Config, dir string) {
	t.Helper()
	dir, err := guest.Build(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return onGuest(t, dir), dir
}

// onGuest is onLab for a guest whose files are in a folder.
func onGuest(t *testing.T, dir string) (c session.Config) {
	t.Helper()
	data, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	c = session.Config{Paging: memory.AMD64{}, Files: map[string]*debuginfo.File{}}
	if c.Scenario, err = scenario.Parse(scenarios.Default, data); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]string{"kernel": guest.Kernel, "core": "core", "rtcr": "rtcr", "sheep_counter": "sheep_counter"} {
		c.Files[name] = loaded(t, dir, file)
	}
	if c.Decoder, err = foc.NewLayout(c.Files["kernel"].Tap()); err != nil {
		t.Fatal(err)
	}
	return c
}

// begin attaches a session to a guest, and sets the scenario's breakpoints.
func begin(ctx context.Context, t *testing.T, c session.Config, gdb string, o live.Options) (*session.Engine, *live.Target) {
	t.Helper()
	target, err := live.Attach(ctx, gdb, o)
	if err != nil {
		t.Fatal(err)
	}
	c.Target = target
	e, err := session.Open(ctx, c)
	if err == nil {
		err = e.Begin(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e, target
}

func openSetup(ctx context.Context, t *testing.T, o setup) (*session.Engine, *qemu.VM) {
	t.Helper()
	dir, err := guest.Build(ctx)
	if o.planted {
		dir, err = guest.BuildPlant(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	cfg := onGuest(t, dir)
	o.vm.Kernel, o.vm.MemoryMB = filepath.Join(dir, guest.Kernel), 64
	o.vm.ICount = guest.Clock
	o.target.StubOnly = !o.vm.SharedRAM && !o.process
	vm, err := qemu.Start(ctx, o.vm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	if o.target.Serial = vm.Serial(); !o.foreign {
		o.target.VM = vm
	}
	if cfg.Target, err = live.Attach(ctx, vm.GDB(), o.target); err != nil {
		t.Fatal(err)
	}
	if o.recorder != nil {
		cfg.Recorder = o.recorder(cfg.Files, cfg.Scenario)
	}
	for _, f := range o.more {
		f(&cfg)
	}
	e, err := session.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if o.frozen {
		return e, vm
	}
	if err := e.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	return e, vm
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// control drives a controller as a screen does.
type control struct {
	*session.Controller
	t   *testing.T
	ctx context.Context
}

func (c *control) until(what string, ok func(v *view.View) bool) *view.View {
	c.t.Helper()
	if v := c.View(); ok(v) {
		return v
	}
	for {
		select {
		case v, open := <-c.Updates():
			if !open {
				c.t.Fatalf("waiting for %s: the controller ended", what)
			}
			if ok(v) {
				return v
			}
		case <-c.ctx.Done():
			c.t.Fatalf("waiting for %s: %v; state %s, %q", what, c.ctx.Err(), c.View().State, c.View().Message)
		}
	}
}

func stoppedAt(stops int) func(v *view.View) bool {
	return func(v *view.View) bool { return v.State == view.Stopped && v.Stops == stops }
}

func TestController(t *testing.T) {
	ctx := deadline(t)
	e, vm := openLab(ctx, t, "", true)
	run, cancel := context.WithCancel(ctx)
	c := &control{session.NewController(run, e), t, ctx}
	c.LookBy(func() (k watch.Kernel, err error) {
		files, _ := onLab(ctx, t)
		return watch.Kernel{File: files.Files["kernel"], Decoder: files.Decoder, Paging: files.Paging}, nil
	})

	c.NextPhase()
	first := c.until("the first phase", stoppedAt(1))
	if first.Snapshot.Phase != "checkpoint" || len(first.Snapshot.System.Threads()) < 10 || len(first.Log) == 0 {
		t.Errorf("first stop: phase %q, %d threads, %d LOG lines", first.Snapshot.Phase, len(first.Snapshot.System.Threads()), len(first.Log))
	}
	before, err := json.Marshal(report.NewSnapshotJSON(first.Snapshot))
	if err != nil {
		t.Fatal(err)
	}

	c.StepInstruction()
	second := c.until("a step", stoppedAt(2))
	if second.Snapshot.PC.Addr == first.Snapshot.PC.Addr {
		t.Error("a step did not move the processor")
	}
	c.Back()
	back := c.until("the stop before", func(v *view.View) bool { return !v.Live })
	if back.Snapshot != first.Snapshot || back.Stops != 2 {
		t.Errorf("back shows stop %d", back.Snapshot.Number)
	}
	c.Back() // there is none before: nothing happens
	c.NextPhase()
	c.until("the live stop", func(v *view.View) bool { return v.Live && v.Stops == 2 })

	var last *view.View
	for stops := 3; ; stops++ {
		c.NextPhase()
		if last = c.until("the next event", stoppedAt(stops)); last.Finished {
			break
		}
	}
	if !last.Complete || len(last.Verdicts) != 3 {
		t.Errorf("at the end: complete %v, %d verdicts", last.Complete, len(last.Verdicts))
	}
	c.NextPhase()
	c.until("the word that all is done", func(v *view.View) bool { return strings.Contains(v.Message, "final") })

	// The child counts on for ever: it takes an interrupt to stop.
	c.Continue()
	c.until("a running guest", func(v *view.View) bool { return v.State == view.Running })
	c.until("LOG lines of a running guest", func(v *view.View) bool { return len(v.Log) > len(last.Log)+2 })
	if v := c.View(); v.Running != nil || v.NoLive != "" {
		t.Errorf("nobody wants to see it while it runs, and may: %+v, %q", v.Running, v.NoLive)
	}
	c.Live(true)
	looked := c.until("a look while it runs", func(v *view.View) bool { return v.Running != nil && v.Running.Number > 1 })
	if l := looked.Running; looked.State != view.Running || len(l.Threads) < len(first.Snapshot.System.Threads()) || len(l.Problems) > 0 {
		t.Errorf("while it is %s: %+v", looked.State, l)
	}
	c.Interrupt()
	c.until("the interrupt", func(v *view.View) bool { return v.Running == nil && stoppedAt(last.Stops+1)(v) })

	changeScenario(t, c)

	// History does not change, whatever came later.
	after, err := json.Marshal(report.NewSnapshotJSON(first.Snapshot))
	if err != nil || string(before) != string(after) {
		t.Errorf("the first snapshot has changed: %v", err)
	}
	cancel()
	testwait.For(t, c.Done(), "the session to end")
	if err := e.Close(ctx); err != nil {
		t.Error(err)
	}
	select {
	case <-vm.Done():
	case <-ctx.Done():
		t.Error("QEMU runs on after the session")
	}
}

// changeScenario makes a function a phase, which stops the guest from then on, and saves
// the scenario.
func changeScenario(t *testing.T, c *control) {
	t.Helper()
	c.Ask(view.Query{Kind: view.QueryFunctions, Expr: "rtcr: restorer::_trans"})
	v := c.until("functions", func(v *view.View) bool { return v.State == view.Stopped && v.Peek != nil })
	if f := v.Peek.Functions; len(f) != 1 || f[0].Name != "Rtcr::Restorer::_translate" || f[0].Component != "rtcr" || f[0].Place.Line == 0 || v.Peek.Err != "" {
		t.Errorf("functions: %+v", v.Peek)
	}
	const function = "Rtcr::Restorer::_translate"
	own := func(v *view.View) bool {
		return slices.ContainsFunc(v.Breakpoints, func(b view.BreakpointInfo) bool { return b.Own() && b.Function == function })
	}
	if v.Draft == nil || v.Draft.Changed || v.Draft.In[view.PhaseKey("rtcr", function)] || own(v) {
		t.Fatalf("before: %+v", v.Draft)
	}
	c.TogglePhase("rtcr", function)
	v = c.until("a phase more", func(v *view.View) bool { return v.State == view.Stopped && v.Draft.Changed })
	if !v.Draft.In[view.PhaseKey("rtcr", function)] || !own(v) {
		t.Errorf("%+v, breakpoints %+v", v.Draft, v.Breakpoints)
	}
	path := filepath.Join(t.TempDir(), "saved.yaml")
	c.SaveScenario(path)
	c.until("a saved scenario", func(v *view.View) bool { return v.State == view.Stopped && !v.Draft.Changed && v.Draft.Saved == path })
	saved, err := scenario.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	scenario.EachPhase(saved.Phases, 0, func(p *scenario.PhaseSpec, depth int) { found = found || p.Function == function && depth == 1 })
	if !found || len(saved.Expect) < 10 {
		t.Errorf("%+v", saved.Phases)
	}
	c.SaveScenario(path)
	c.until("the word that the file exists", func(v *view.View) bool { return v.State == view.Stopped && strings.Contains(v.Message, "saved.yaml") })
	c.TogglePhase("rtcr", function)
	if v = c.until("a phase less", func(v *view.View) bool { return v.State == view.Stopped && v.Draft.Changed }); own(v) {
		t.Error("its breakpoint is left")
	}
}

// Through the stub alone thaw sees the same as through shared RAM.
func TestStubAndSharedRAM(t *testing.T) {
	ctx := deadline(t)
	results := make([]report.CheckJSON, 2)
	for i, shared := range []bool{true, false} {
		e, _ := openLab(ctx, t, "bug=fixed", shared)
		if err := e.RunAll(ctx, nil); err != nil {
			t.Fatal(err)
		}
		results[i] = report.NewCheckJSON(e.View(), nil)
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
	a, b := results[0], results[1]
	for i := range a.Threads {
		x, y := a.Threads[i], b.Threads[i]
		if x.Verdict != view.Applied || y.Verdict != view.Applied || x.Requested.IP != y.Requested.IP || x.Entered.SP != y.Entered.SP {
			t.Errorf("%s: %s with shared RAM, %s without", x.Name, x.Verdict, y.Verdict)
		}
	}
	if len(a.Threads) != 3 || len(b.Threads) != 3 || len(a.Capabilities.Missing)+len(b.Capabilities.Missing) != 0 {
		t.Errorf("%d and %d threads, %v and %v missing", len(a.Threads), len(b.Threads), a.Capabilities.Missing, b.Capabilities.Missing)
	}
}

// A guest that dies in the middle of a phase ends the session with a reason.
func TestGuestDies(t *testing.T) {
	ctx := deadline(t)
	e, vm := openLab(ctx, t, "", true)
	if err := e.NextPhase(ctx); err != nil {
		t.Fatal(err)
	}
	if err := vm.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	err := e.NextPhase(ctx)
	if err == nil {
		t.Fatal("a dead guest reached the next phase")
	}
	if v := e.View(); v.State != view.Ended || v.Err == nil || v.Stops != 1 {
		t.Errorf("after the end: %s, %v, %d stops", v.State, v.Err, v.Stops)
	}
	if err := e.Close(ctx); err != nil && !strings.Contains(err.Error(), "QEMU ended") {
		t.Errorf("closing: %v", err)
	}
}

// What hits elsewhere is counted, and what belongs to nobody is not shown.
func TestForeignHits(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	if err := e.RunAll(ctx, nil); err != nil {
		t.Fatal(err)
	}
	v := e.View()
	foreign := 0
	for _, b := range v.Breakpoints {
		foreign += b.Foreign
		if b.Purpose == "phase" && b.Component != "rtcr" {
			t.Errorf("phase breakpoint of %s", b.Component)
		}
	}
	if i := slices.IndexFunc(v.Breakpoints, func(b view.BreakpointInfo) bool { return b.Purpose == "request" }); i < 0 || v.Breakpoints[i].Hits != 3 {
		t.Errorf("request breakpoints: %+v", v.Breakpoints)
	}
	t.Logf("%d hits in other address spaces", foreign)
}

// A machine that was not started has nothing to compare a RAM file with. It is used
// from the first stop on at which there is something, if it is that machine's.
func TestRAMOfAMachineThatWasNotStarted(t *testing.T) {
	ctx := deadline(t)
	for _, own := range []bool{true, false} {
		// Without a kernel, RAM is empty until the firmware runs.
		vm, err := qemu.Start(ctx, qemu.Config{MemoryMB: 64, SharedRAM: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { vm.Stop(context.Background()) })
		path := vm.RAMPath()
		if path == "" {
			t.Skip("no room for shared RAM here")
		}
		if !own {
			path = filepath.Join(t.TempDir(), "zeros")
			if err := os.WriteFile(path, make([]byte, 64<<20), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		target, err := live.Attach(ctx, vm.GDB(), live.Options{RAM: path})
		if err != nil {
			t.Fatal(err)
		}
		if target.At(0, 8) != nil {
			t.Error("a file that nothing speaks for is used")
		}
		warning := ""
		for len(warning) == 0 && target.At(0, 8) == nil && ctx.Err() == nil {
			err := target.Resume(ctx)
			time.Sleep(50 * time.Millisecond) // for the firmware
			if err := errors.Join(err, target.Interrupt()); err != nil {
				t.Fatal(err)
			}
			if _, err := target.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := target.CPUs(ctx); err != nil {
				t.Fatal(err)
			}
			warning = target.Warning()
		}
		if used := target.At(0, 8) != nil; used != own || (warning == "") != own {
			t.Errorf("own file %v: used %v, warning %q", own, used, warning)
		}
		if !own && (!strings.Contains(warning, "is not the guest's RAM") || !strings.Contains(warning, "through the stub") || target.Warning() != "") {
			t.Errorf("warning %q", warning)
		}
		req := []memory.Request{{Addr: 1 << 20, Buf: make([]byte, 8)}}
		if err := target.ReadPhysical(req); err != nil || req[0].Err != nil {
			t.Errorf("own file %v: %v, %v", own, err, req[0].Err)
		}
		if err := target.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// cutShort is a target whose user leaves while a stop is read.
type cutShort struct {
	session.Target
	leave func() // nil: not so far
	after int    // batches
}

func (c *cutShort) ReadPhysical(reqs []memory.Request) error {
	if c.leave != nil {
		if c.after--; c.after < 0 {
			c.leave()
			return fmt.Errorf("reading the guest's memory: %w", context.Canceled)
		}
	}
	return c.Target.ReadPhysical(reqs)
}

// Leaving while a stop is read is no error of the session.
func TestLeavingWhileAStopIsRead(t *testing.T) {
	cut := 0
	for _, after := range []int{0, 3, 6} {
		ctx := deadline(t)
		target := &cutShort{}
		e, _ := openLabWith(ctx, t, "", false, nil, func(c *session.Config) {
			target.Target = c.Target
			c.Target = target
		})
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
		leaving, leave := context.WithCancel(ctx)
		target.leave, target.after = leave, after
		if err := e.StepInstruction(leaving); errors.Is(err, context.Canceled) {
			cut++
		} else if err != nil {
			t.Errorf("the step: %v", err)
		}
		leave()
		if v := e.View(); v.State == view.Ended || v.Err != nil {
			t.Errorf("after %d batches the session is %s: %v", after, v.State, v.Err)
		}
	}
	if cut == 0 {
		t.Error("no step was cut short")
	}
}

// On a screen c goes on behind the end of a restore: the next one begins anew, and p
// shows the one before.
func TestRestoredAgain(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "bug=restored-twice", true)
	if err := e.RunAll(ctx, nil); err != nil {
		t.Fatal(err)
	}
	first := e.View()
	for e.View().Restore == 1 {
		if err := e.Continue(ctx); err != nil {
			t.Fatal(err)
		}
	}
	v := e.View()
	if v.Complete || v.Finished || v.Snapshot.Phase != "restore" || v.Phases[0].Hits != 1 || len(v.Verdicts) != 3 {
		t.Errorf("as the second restore begins: complete %v, phase %s, %+v, %+v", v.Complete, v.Snapshot.Phase, v.Phases[0], v.Verdicts)
	}
	for _, x := range v.Verdicts {
		if x.Verdict != view.Pending {
			t.Errorf("%s is %s before anything was asked for", x.Name, x.Verdict)
		}
	}
	if err := e.RunAll(ctx, nil); err != nil {
		t.Fatal(err)
	}
	last := e.View()
	a, b := verdictOf(t, first, "ep"), verdictOf(t, last, "ep")
	if a.Verdict != view.Applied || b.Verdict != view.Ignored || a.Task == b.Task || a.Original != b.Original || last.Restore != 2 {
		t.Errorf("restore %d of task %s: ep is %s; restore %d of task %s: %s", first.Restore, a.Task, a.Verdict, last.Restore, b.Task, b.Verdict)
	}
}
