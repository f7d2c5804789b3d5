package live_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"thaw/debuginfo"
	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
	"thaw/kernel"
	"thaw/recording"
	"thaw/report"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/target"
	"thaw/session/view"
)

// newRun makes a place for a run.
func newRun(ctx context.Context, t *testing.T) *qemu.Run {
	t.Helper()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed")
	}
	run, err := qemu.NewRun(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(run.Remove)
	return run
}

// stopsAt is a target that keeps the positions at which breakpoints stopped it.
type stopsAt struct {
	*live.Target
	positions []uint64
}

func (s *stopsAt) Wait(ctx context.Context) (target.Stop, error) {
	stop, err := s.Target.Wait(ctx)
	if err == nil && stop.Signal == gdbremote.SignalTrap {
		var at uint64
		at, err = s.Position(ctx)
		s.positions = append(s.positions, at)
	}
	return stop, err
}

// recordLab records the lab guest to the scenario's end and tells where that is.
func recordLab(ctx context.Context, t *testing.T, run *qemu.Run, options string) (end uint64) {
	t.Helper()
	end, _ = recordStops(ctx, t, run, options)
	return end
}

// recordStops is recordLab that tells, too, where breakpoints stopped the recorded run.
func recordStops(ctx context.Context, t *testing.T, run *qemu.Run, options string) (end uint64, stops []uint64) {
	t.Helper()
	spy := &stopsAt{}
	e, _ := openSetup(ctx, t, setup{planted: strings.Contains(options, "plant="), vm: qemu.Config{Append: options, Run: run, Mode: qemu.Record, SharedRAM: true}, frozen: true,
		more: []func(*session.Config){func(c *session.Config) { spy.Target, c.Target = c.Target.(*live.Target), spy }}})
	if v := e.View(); v.Back != view.BackHistory || v.NoReverse == "" {
		t.Errorf("while it records: %s, %q", v.Back, v.NoReverse)
	}
	if err := e.ReverseStep(ctx); err == nil || !strings.Contains(err.Error(), "offers no reverse execution") {
		t.Errorf("a step back without the stub's offer: %v", err)
	}
	if err := e.RunThrough(ctx, 2*time.Second); err != nil {
		t.Fatal(err)
	}
	end, err := spy.RecordedEnd(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(ctx); err != nil {
		t.Fatal(err)
	}
	return end, spy.positions
}

// replayLab opens a session on the replay of a run.
func replayLab(ctx context.Context, t *testing.T, run *qemu.Run, options string, end uint64, snapshots bool) (*session.Engine, *live.Target) {
	t.Helper()
	return replayWith(ctx, t, run, options, end, snapshots, nil)
}

// replayPlanted is replayLab that tells the programs' files, too.
func replayPlanted(ctx context.Context, t *testing.T, run *qemu.Run, options string, end uint64, files *map[string]*debuginfo.File) (*session.Engine, *live.Target) {
	t.Helper()
	return replayWith(ctx, t, run, options, end, true, files)
}

func replayWith(ctx context.Context, t *testing.T, run *qemu.Run, options string, end uint64, snapshots bool, files *map[string]*debuginfo.File) (*session.Engine, *live.Target) {
	t.Helper()
	var target *live.Target
	e, _ := openSetup(ctx, t, setup{planted: strings.Contains(options, "plant="), vm: qemu.Config{Append: options, Run: run, Mode: qemu.Replay, SharedRAM: true}, target: live.Options{End: end},
		more: []func(*session.Config){func(c *session.Config) {
			target, c.VMSnapshots = c.Target.(*live.Target), snapshots
			if files != nil {
				*files = c.Files
			}
		}}})
	if v := e.View(); v.Back != view.BackReverse || v.NoReverse != "" {
		t.Errorf("in a replay: %s, %q", v.Back, v.NoReverse)
	}
	return e, target
}

// seenAt is all that a stop shows, but for when it was seen.
func seenAt(t *testing.T, v *view.View) string {
	t.Helper()
	s := v.Snapshot
	out := []string{s.Phase, fmt.Sprint(s.CPU), fmt.Sprint(s.Frames), fmt.Sprint(v.Complete, v.Finished)}
	for _, x := range []any{report.NewSnapshotJSON(s), verdicts(v), v.Caps, v.Memory, v.Waits, phases(v), v.Breakpoints} {
		text, err := json.MarshalIndent(x, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return stopNumber.ReplaceAllString(strings.Join(out, "\n"), "${1}N")
}

// stopNumber is how evidence names the stop at which it was seen.
var stopNumber = regexp.MustCompile(`(stop |(?i:"After"|"Checkpoint"): )\d+`)

// verdicts are a view's, without times and numbers of stops.
func verdicts(v *view.View) (out []view.ThreadVerdict) {
	for _, x := range v.Verdicts {
		x.History = append([]view.Happening(nil), x.History...)
		for i := range x.History {
			x.History[i].Time, x.History[i].Stop = 0, 0
		}
		for _, s := range []*view.Stage{&x.Checkpointed, &x.Requested, &x.Kernel, &x.Entered} {
			s.Time, s.Stop = 0, 0
		}
		out = append(out, x)
	}
	return out
}

func phases(v *view.View) (out []view.Phase) {
	for _, p := range v.Phases {
		p.Stop = 0
		out = append(out, p)
	}
	return out
}

// walk goes to the end, and tells what was seen at every stop, by position.
func walk(ctx context.Context, t *testing.T, e *session.Engine, target *live.Target) (positions []uint64, seen map[uint64]string) {
	t.Helper()
	seen = map[uint64]string{}
	for !e.View().Finished {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
		at, err := target.Position(ctx)
		if err != nil {
			t.Fatal(err)
		}
		positions = append(positions, at)
		seen[at] = seenAt(t, e.View())
	}
	return positions, seen
}

// The same record replayed twice gives the same snapshots, verdicts and counts
// at the same instructions, none of which is where a breakpoint stopped the run while it
// was recorded: a replay that QEMU stops there may stand still for ever.
func TestReplayIsDeterministic(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	end, stops := recordStops(ctx, t, run, "bug=overwritten")
	if len(stops) == 0 {
		t.Error("the recorded run was not stopped at the end of the restore")
	}
	var first map[uint64]string
	for round := range 2 {
		e, target := replayLab(ctx, t, run, "bug=overwritten", end, round > 0)
		positions, seen := walk(ctx, t, e, target)
		for _, at := range stops {
			if slices.Contains(positions, at) {
				t.Errorf("the replay stops at %d, as the recorded run did", at)
			}
		}
		if len(positions) < 20 || len(e.View().Verdicts) != 3 {
			t.Errorf("%d stops, %d verdicts", len(positions), len(e.View().Verdicts))
		}
		if round > 0 {
			if d := cmp.Diff(first, seen); d != "" {
				t.Errorf("the second replay differs (-first +second):\n%s", d)
			}
		}
		first = seen
		if err := e.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}

// is checks where the guest is, and that all is known there that was seen there
// before.
func is(ctx context.Context, t *testing.T, e *session.Engine, target *live.Target, position uint64, seen map[uint64]string) {
	t.Helper()
	v := e.View()
	at, err := target.Position(ctx)
	if err != nil || at != position || !v.Live {
		t.Fatalf("%s: at instruction %d, want %d; %v", v.Snapshot.Reason, at, position, err)
	}
	if d := cmp.Diff(seen[at], seenAt(t, v)); d != "" {
		t.Fatalf("%s: not what was seen there before (-before +now):\n%s", v.Snapshot.Reason, d)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// taskNamed is the task of a component.
func taskNamed(t *testing.T, v *view.View, component string) kernel.ID {
	t.Helper()
	for id, name := range v.Snapshot.Tasks {
		if name == component {
			return id
		}
	}
	t.Fatalf("no task runs %s", component)
	return 0
}

// taskOf is the task of a component that is not another one.
func taskOf(t *testing.T, v *view.View, component string, other kernel.ID) kernel.ID {
	t.Helper()
	for id, name := range v.Snapshot.Tasks {
		if name == component && id != other {
			return id
		}
	}
	t.Fatalf("no other task runs %s", component)
	return 0
}

// threadNamed is the thread of a name.
func threadNamed(t *testing.T, v *view.View, name string) kernel.ID {
	t.Helper()
	for _, o := range v.Snapshot.System.Threads() {
		if o.Name == name {
			return o.ID
		}
	}
	t.Fatalf("no thread is called %s", name)
	return 0
}

// copyAt is how evidence tells where core keeps a request.
var copyAt = regexp.MustCompile(`copy .* at 0x([0-9a-f]+): ip`)

// copyOf is where core keeps a thread's request.
func copyOf(t *testing.T, v *view.ThreadVerdict) uint64 {
	t.Helper()
	for _, text := range v.Evidence {
		if m := copyAt.FindStringSubmatch(text); m != nil {
			addr, err := strconv.ParseUint(m[1], 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return addr
		}
	}
	t.Fatalf("no copy in %q", v.Evidence)
	return 0
}

// In a replay the guest goes back by instructions, events and writes, and to any
// stop; what was found out later is forgotten, and found out again.
func TestGoBackInReplay(t *testing.T) {
	ctx := deadline(t)
	run, options := newRun(ctx, t), "bug=overwritten plant=all"
	end := recordLab(ctx, t, run, options)
	var files map[string]*debuginfo.File
	e, target := replayPlanted(ctx, t, run, options, end, &files)
	defer e.Close(ctx)
	positions, seen := walk(ctx, t, e, target)
	last := len(positions) - 1
	ep := verdictOf(t, e.View(), "ep")
	if ep.Verdict != view.Overwritten {
		t.Fatalf("ep: %s", ep.Verdict)
	}

	// Out of the middle of ep's way out of the kernel it comes back to user mode
	// by steps, and by running on.
	for range 2 {
		must(t, e.ReverseStep(ctx))
	}
	if v := verdictOf(t, e.View(), "ep"); v.Verdict != view.Pending || v.Entered.Known {
		t.Errorf("before ep came back: %s, %+v", v.Verdict, v.Entered)
	}
	for range 2 {
		must(t, e.StepInstruction(ctx))
	}
	is(ctx, t, e, target, positions[last], seen)
	for range 3 {
		must(t, e.ReverseStep(ctx))
	}
	must(t, e.NextPhase(ctx))
	is(ctx, t, e, target, positions[last], seen)

	// The last write of ep's frame is the one that its history tells last.
	all, err := e.LastWriteOf(ctx, view.Word{Thread: ep.Thread}, 1)
	must(t, err)
	v := e.View()
	writes := 0
	for _, h := range ep.History {
		if h.What == "written" && h.Where == "frame" {
			writes++
		}
	}
	if writes < 2 || len(all) != 1 || !strings.Contains(v.Snapshot.Reason, "last change of the saved rip of thread "+ep.Thread.String()) || !strings.Contains(v.Snapshot.Reason, "Thread_object::ex_regs") {
		t.Errorf("the last of %d writes: %+v, %s", writes, all, v.Snapshot.Reason)
	}
	// An interrupt pushes what is saved of core's timer: a watchpoint there ends QEMU.
	must(t, e.Restart(ctx, last+1))
	all, err = e.LastWriteOf(ctx, view.Word{Thread: threadNamed(t, e.View(), "timer")}, 1)
	must(t, err)
	if len(all) != 1 || all[0].Place.Component != "core" || all[0].Sure {
		t.Errorf("the last change of what an interrupt pushes: %+v", all)
	}

	// The request in core's copy came out of the dataspace that the restorer wrote it into;
	// that had the same bytes there already, which the checkpoint had left.
	must(t, e.Restart(ctx, last+1))
	core := view.Word{Task: taskNamed(t, e.View(), "core"), Addr: copyOf(t, &ep)}
	all, err = e.LastWriteOf(ctx, core, 4)
	must(t, err)
	var by []string
	for _, o := range all {
		by = append(by, fmt.Sprintf("%s %v %x", o.Place.Function, o.Sure, o.New))
	}
	want := []string{fmt.Sprintf("Genode::Platform_thread::state true %x", ep.Requested.IP), fmt.Sprintf("entrypoint_main true %x", ep.Requested.IP),
		fmt.Sprintf("Rtcr::Restorer::_restore_state_cpu_thread true %x", ep.Requested.IP)}
	if d := cmp.Diff(want, by[:min(len(by), 3)]); d != "" {
		t.Errorf("the origin of what was requested (-want +got):\n%s", d)
	}
	// Rtcr::Checkpointer put that there; where it had that from was not asked for.
	if len(all) != 5 || !strings.HasSuffix(all[3].Text, "so the checkpoint took it") || all[3].Phase != "checkpoint: CPU sessions" || all[4].End != view.EndCheckpoint || !strings.HasPrefix(all[4].Text, "the checkpoint's value, taken after stop 6 (checkpoint: CPU sessions); it was followed through 4 copies") {
		t.Errorf("the way to the checkpoint:\n%s", originText(all))
	}
	if v := e.View(); !strings.Contains(v.Snapshot.Reason, "back at the last change of") || !strings.HasPrefix(v.Snapshot.Frames[0].Place.Function, "Genode::Platform_thread::state") {
		t.Errorf("at the write: %s, in %s", v.Snapshot.Reason, v.Snapshot.Frames[0].Place)
	}
	// Who filled a slot of the child's table; and what was never mapped.
	must(t, e.Restart(ctx, last+1))
	child := e.View().Snapshot.System.Object(ep.Task)
	all, err = e.LastWriteOf(ctx, view.Word{Task: ep.Task, Table: true, Slot: child.PD.Caps[len(child.PD.Caps)-1].Slot}, 1)
	must(t, err)
	if len(all) == 0 || all[0].Place.Component != "kernel" || !all[0].Sure {
		t.Errorf("who filled a slot: %+v", all)
	}
	must(t, e.Restart(ctx, last+1))
	asksRun(ctx, t, e, positions, fmt.Sprintf("child.slot(%x)", child.PD.Caps[len(child.PD.Caps)-1].Slot), all[0])
	asksStates(ctx, t, e, positions, ep.Thread)
	// It was zeros as the run began, and is zero again since before the first stop.
	awake, err := files["sheep_counter"].Variable("Component::awake")
	must(t, err)
	must(t, e.Restart(ctx, last+1))
	all, err = e.LastWriteOf(ctx, view.Word{Task: taskOf(t, e.View(), "sheep_counter", ep.Task), Addr: awake.Addr, Size: 1}, 1)
	must(t, err)
	if len(all) == 0 || all[0].Place.Function != "Component::construct" || !all[0].Sure {
		t.Errorf("what was written before the first stop: %+v", all)
	}
	must(t, e.Restart(ctx, last+1))
	if _, err := e.LastWriteOf(ctx, view.Word{Task: ep.Task, Addr: 0x10}, 1); err == nil || !strings.Contains(err.Error(), "no translation") {
		t.Errorf("who wrote what is not mapped: %v", err)
	}
	must(t, e.Restart(ctx, last+1))
	asksOrigins(ctx, t, e, files, ep.Task, last+1, "kernel", "device", "same-value", "one-byte")

	// A search can be ended at any moment: the guest is where it was, and all is known.
	for moment := 1; moment <= 2; moment++ {
		told := 0
		e.Progress(func(string) {
			if told++; told == moment {
				must(t, e.Interrupt())
			}
		})
		_, err := e.LastWriteOf(ctx, core, 3)
		if err == nil || err.Error() != "given up" {
			t.Errorf("ended at moment %d of a search: %v", moment, err)
		}
		is(ctx, t, e, target, positions[last], seen)
	}
	e.Progress(nil)

	// A position that a breakpoint came before is not waited for behind a later VM snapshot.
	must(t, e.Restart(ctx, 5))
	if _, err := target.RunTowards(ctx, positions[7]); err != nil {
		t.Fatal(err)
	}
	if at, err := target.Position(ctx); err != nil || at >= positions[7] {
		t.Errorf("no breakpoint came before %d: %d, %v", positions[7], at, err)
	}
	must(t, e.Restart(ctx, last+1))
	is(ctx, t, e, target, positions[last], seen)

	// From event to event, and by single steps to the same places again.
	must(t, e.Restart(ctx, last+1))
	is(ctx, t, e, target, positions[last], seen)
	for i := last - 1; i > last-14; i-- {
		must(t, e.ReverseContinue(ctx))
		is(ctx, t, e, target, positions[i], seen)
	}
	for range 3 {
		must(t, e.ReverseStep(ctx))
	}
	for range 3 {
		must(t, e.StepInstruction(ctx))
	}
	is(ctx, t, e, target, positions[last-13], seen)

	// Back before the requests, all is found out once more.
	must(t, e.Restart(ctx, 14))
	is(ctx, t, e, target, positions[13], seen)
	if v := e.View(); len(v.Verdicts) > 0 && v.Verdicts[0].Requested.Known {
		t.Error("a request is known before it came")
	}
	for _, p := range positions[14:] {
		must(t, e.NextPhase(ctx))
		is(ctx, t, e, target, p, seen)
	}
	// The recorded run has an end.
	must(t, e.Continue(ctx))
	if v := e.View(); !strings.Contains(v.Snapshot.Reason, "the recorded run ends here") {
		t.Errorf("at the end: %s", v.Snapshot.Reason)
	}
	if at, err := target.Position(ctx); err != nil || at != end {
		t.Errorf("at the end: %d, not %d; %v", at, end, err)
	}
	must(t, e.StepInstruction(ctx))
	must(t, e.ReverseContinue(ctx))
	is(ctx, t, e, target, positions[last], seen)
}

// Without a recorded run the guest goes back to phases by VM snapshots, and finds
// the same from there.
func TestGoBackToVMSnapshots(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	e, _ := openSetup(ctx, t, setup{vm: qemu.Config{Append: "bug=overwritten", Run: run, SharedRAM: true},
		more: []func(*session.Config){func(c *session.Config) { c.VMSnapshots = true }}})
	defer e.Close(ctx)
	if v := e.View(); v.Back != view.BackSnapshots || v.NoReverse == "" {
		t.Errorf("%s, %q", v.Back, v.NoReverse)
	}
	must(t, e.RunAll(ctx, nil))
	end := judged(e.View())
	stops, requests := e.View().Stops, 0
	for _, b := range e.View().Breakpoints {
		if b.Purpose == "request" {
			requests += b.Hits
		}
	}
	// At stops between phases there is no snapshot.
	if err := e.Restart(ctx, stops); err == nil || !strings.Contains(err.Error(), "no VM snapshot") {
		t.Errorf("to a stop that no phase made: %v", err)
	}
	for round := range 2 {
		must(t, e.Restart(ctx, 20)) // before the requests
		v := e.View()
		if !v.Live || !strings.HasPrefix(v.Snapshot.Reason, "back at stop 20: phase ") || v.Stops != stops+1 {
			t.Errorf("stop %d: %s", v.Stops, v.Snapshot.Reason)
		}
		for _, x := range v.Verdicts {
			if x.Requested.Known || x.Entered.Known {
				t.Errorf("%s has a request before it came", x.Name)
			}
		}
		if n := len(v.Log); n == 0 || strings.Contains(v.Log[n-1], "restore complete") {
			t.Errorf("LOG of later: %q", v.Log)
		}
		must(t, e.RunAll(ctx, nil))
		v = e.View()
		if d := cmp.Diff(end, judged(v)); d != "" {
			t.Errorf("round %d ends otherwise (-first +now):\n%s", round, d)
		}
		now := 0
		for _, b := range v.Breakpoints {
			if b.Purpose == "request" {
				now += b.Hits
			}
		}
		if now != requests {
			t.Errorf("round %d counts %d requests, not %d", round, now, requests)
		}
		stops = v.Stops
	}
}

// What a session needs of QEMU it says, and QEMU without the offer lives on.
func TestNoWayBack(t *testing.T) {
	ctx := deadline(t)
	e, _ := openSetup(ctx, t, setup{vm: qemu.Config{SharedRAM: true}, frozen: true,
		more: []func(*session.Config){func(c *session.Config) { c.VMSnapshots = true }}})
	if err := e.Begin(ctx); err == nil || !strings.Contains(err.Error(), "need a drive of format qcow2") {
		t.Errorf("VM snapshots without a drive: %v", err)
	}
	must(t, e.Close(ctx))
	e, vm := openLab(ctx, t, "", true)
	must(t, e.NextPhase(ctx))
	must(t, e.NextPhase(ctx))
	v := e.View()
	thread := v.Snapshot.System.Threads()[3].ID
	_, writeErr := e.LastWriteOf(ctx, view.Word{Thread: thread}, 1)
	for what, err := range map[string]error{"step": e.ReverseStep(ctx), "continue": e.ReverseContinue(ctx), "write": writeErr} {
		if err == nil || !strings.Contains(err.Error(), "offers no reverse execution") {
			t.Errorf("reverse %s: %v", what, err)
		}
	}
	if err := e.Restart(ctx, 1); err == nil || !strings.Contains(err.Error(), "cannot be put back") {
		t.Errorf("restart: %v", err)
	}
	if v := e.View(); v.Back != view.BackHistory || vm.Exit() != nil {
		t.Errorf("%s; QEMU: %v", v.Back, vm.Exit())
	}
	must(t, e.NextPhase(ctx))
}

// attachReplay opens a session on a replaying QEMU that thaw did not start.
func attachReplay(ctx context.Context, t *testing.T, run *qemu.Run, options string, within time.Duration, more ...string) (*session.Engine, *qemu.VM) {
	t.Helper()
	return openSetup(ctx, t, setup{vm: qemu.Config{Append: options, Run: run, Mode: qemu.Replay, SharedRAM: true, Args: more},
		target: live.Options{ReverseWithin: within}, foreign: true})
}

// Attached to a QEMU that replays, thaw goes back through the stub alone, and
// leaves it alive.
// The user's breakpoint is an event on the way back, too: three requests lie between two
// phases.
func TestGoBackToOwnBreakpoint(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	end := recordLab(ctx, t, run, "bug=overwritten")
	e, target := replayLab(ctx, t, run, "bug=overwritten", end, true)
	defer e.Close(ctx)
	positions, seen := walk(ctx, t, e, target)
	behind := 0
	for i, p := range positions {
		if strings.HasPrefix(seen[p], "RM sessions\n") {
			behind = i + 1
		}
	}
	must(t, e.Restart(ctx, behind))
	const requests = "core: Genode::Platform_thread::state(Genode::Thread_state)"
	must(t, e.Break(ctx, requests, false))
	for range 3 {
		must(t, e.ReverseContinue(ctx))
		if r := e.View().Snapshot.Reason; !strings.Contains(r, "Platform_thread::state") {
			t.Errorf("back from behind the requests: %s", r)
		}
	}
	must(t, e.ReverseContinue(ctx))
	if r := e.View().Snapshot.Reason; !strings.Contains(r, "phase CPU threads") {
		t.Errorf("back from the first request: %s", r)
	}
}

func TestGoBackAttached(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	recordLab(ctx, t, run, "bug=overwritten")
	e, vm := attachReplay(ctx, t, run, "bug=overwritten", 0)
	if v := e.View(); v.Back != view.BackReverse {
		t.Errorf("%s", v.Back)
	}
	var stops []string
	for len(stops) < 4 {
		must(t, e.NextPhase(ctx))
		stops = append(stops, seenAt(t, e.View()))
	}
	must(t, e.ReverseStep(ctx))
	must(t, e.StepInstruction(ctx))
	if d := cmp.Diff(stops[3], seenAt(t, e.View())); d != "" {
		t.Errorf("a step back and forward leads elsewhere:\n%s", d)
	}
	for i := 2; i >= 0; i-- {
		must(t, e.ReverseContinue(ctx))
		if d := cmp.Diff(stops[i], seenAt(t, e.View())); d != "" {
			t.Errorf("%s: not what was seen there before:\n%s", e.View().Snapshot.Reason, d)
		}
	}
	if err := e.ReverseContinue(ctx); err == nil || !strings.Contains(err.Error(), "no earlier event") {
		t.Errorf("back from the first phase: %v", err)
	}
	if d := cmp.Diff(stops[0], seenAt(t, e.View())); d != "" {
		t.Errorf("still here:\n%s", d)
	}
	must(t, e.Break(ctx, "rtcr: Rtcr::Restorer::restore", false))
	must(t, e.NextPhase(ctx))
	must(t, e.Restart(ctx, 3))
	if d := cmp.Diff(stops[2], seenAt(t, e.View())); !strings.Contains(d, "Rtcr::Restorer::restore") {
		t.Errorf("the user's breakpoint is gone:\n%s", d)
	}
	must(t, e.Close(ctx))
	if err := vm.Exit(); err != nil {
		t.Errorf("QEMU was left, and has ended: %v", err)
	}
}

// A QEMU that is stuck on its way back is told from one that is slow by the time
// limit, and is ended. QEMU 7.2's vapic device makes it so.
func TestStuckOnTheWayBack(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	const vapic = "apic-common.vapic=on"
	e, _ := openSetup(ctx, t, setup{vm: qemu.Config{Run: run, Mode: qemu.Record, SharedRAM: true, Args: []string{"-global", vapic}}, frozen: true})
	must(t, e.RunThrough(ctx, time.Second))
	must(t, e.Close(ctx))
	e, vm := openSetup(ctx, t, setup{vm: qemu.Config{Run: run, Mode: qemu.Replay, SharedRAM: true, Args: []string{"-global", vapic}},
		target: live.Options{ReverseWithin: 3 * time.Second}})
	must(t, e.NextPhase(ctx))
	var err error
	for range 30 { // one of the first hangs; with each there are several ways back
		if err = e.ReverseContinue(ctx); err != nil && e.View().State == view.Ended {
			break
		}
		if err != nil { // so far back that there is no event
			if err = e.NextPhase(ctx); err != nil {
				break
			}
		}
	}
	if err == nil {
		t.Skip("this QEMU is not stuck with a vapic")
	}
	if v := e.View(); !strings.Contains(err.Error(), "QEMU is stuck") || !strings.Contains(err.Error(), "apic-common.vapic=off") || v.State != view.Ended {
		t.Errorf("%s, %v", v.State, err)
	}
	must(t, e.Close(ctx))
	select {
	case <-vm.Done():
	case <-ctx.Done():
		t.Error("the stuck QEMU was not ended")
	}
}

// A recording of a session that went back holds all its stops, each with what
// was known there, and the LOG as it was.
func TestRecordingOfGoingBack(t *testing.T) {
	ctx := deadline(t)
	run := newRun(ctx, t)
	path := filepath.Join(t.TempDir(), "session.thaw")
	var w *recording.Writer
	e, _ := openSetup(ctx, t, setup{vm: qemu.Config{Append: "bug=overwritten", Run: run, SharedRAM: true},
		recorder: recordTo(t, path, &w), more: []func(*session.Config){func(c *session.Config) { c.VMSnapshots = true }}})
	var stops []string
	var logs []int
	note := func() {
		stops, logs = append(stops, shown(t, e.View())), append(logs, len(e.View().Log))
	}
	must(t, e.RunAll(ctx, note))
	for range 2 {
		must(t, e.Restart(ctx, 10))
		note()
		must(t, e.RunAll(ctx, note))
	}
	must(t, e.Restart(ctx, len(stops)-4)) // at the restore's end, from before it
	note()
	must(t, e.Close(ctx))
	must(t, w.Close())
	r, rec := openReplay(t, path)
	if rec.Damage() != "" || r.Stops() != len(stops) {
		t.Fatalf("%d stops, want %d; damage %q", r.Stops(), len(stops), rec.Damage())
	}
	back := 0
	for n := range stops {
		v, err := r.View(n + 1)
		must(t, err)
		if d := cmp.Diff(stops[n], shown(t, v)); d != "" {
			t.Fatalf("stop %d (-live +replay):\n%s", n+1, d)
		}
		if n > 0 && logs[n] < logs[n-1] {
			back++
		}
		if d := len(v.Log) - logs[n]; n+1 < len(stops) && (d < -1 || d > 1) { // a line may just come
			t.Errorf("stop %d: %d LOG lines, there were %d", n+1, len(v.Log), logs[n])
		}
	}
	if back < 2 {
		t.Errorf("the LOG went back %d times: %d", back, logs)
	}
}
