package live_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"thaw/kernel"
	"thaw/session"
	"thaw/session/view"
)

// verdictOf is what a view says about a thread of the restored child.
func verdictOf(t *testing.T, v *view.View, name string) view.ThreadVerdict {
	t.Helper()
	for _, x := range v.Verdicts {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("no verdict about %s: %+v", name, v.Verdicts)
	return view.ThreadVerdict{}
}

// untilComplete walks to the end of the restore, before any thread came back.
func untilComplete(ctx context.Context, t *testing.T, e *session.Engine) *view.View {
	t.Helper()
	for !e.View().Complete {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
	}
	return e.View()
}

func threadOf(t *testing.T, v *view.View, id kernel.ID) *kernel.Thread {
	t.Helper()
	o := v.Snapshot.System.Object(id)
	if o == nil || o.Thread == nil {
		t.Fatalf("there is no thread %s", id)
	}
	return o.Thread
}

// A state that is forced into a thread blocked in IPC: the wait is ended in the
// kernel's own way, so the thread goes on where it was asked to, and the guest
// lives on. Before that it can be taken back without a trace.
func TestForceBlocked(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "", true)
	v := untilComplete(ctx, t, e)
	ep := verdictOf(t, v, "ep")
	before := *threadOf(t, v, ep.Thread)
	if !before.Has("receive_wait") || before.Usual().IP == ep.Requested.IP {
		t.Fatalf("ep is to wait for the answer to its LOG request: %+v", before)
	}

	text, err := e.Force(ctx, ep.Thread)
	if err != nil || !strings.Contains(text, "its wait in IPC ends") {
		t.Fatalf("forcing: %q, %v", text, err)
	}
	if now := threadOf(t, e.View(), ep.Thread); now.Usual().IP != ep.Requested.IP || !now.Has("cancel") {
		t.Errorf("forced: ip %#x, state %v", now.Usual().IP, now.StateNames)
	}
	if err := e.StepInstruction(ctx); err == nil || !strings.Contains(err.Error(), "continue") {
		t.Errorf("a single step with a wait to end: %v", err)
	}
	if err := e.Unforce(ctx, ep.Thread); err != nil {
		t.Fatal(err)
	}
	if now := threadOf(t, e.View(), ep.Thread); now.Usual().IP != before.Usual().IP || now.Usual().SP != before.Usual().SP || now.State != before.State {
		t.Errorf("taken back: ip %#x, state %v, was %#x, %v", now.Usual().IP, now.StateNames, before.Usual().IP, before.StateNames)
	}

	if _, err := e.Force(ctx, ep.Thread); err != nil {
		t.Fatal(err)
	}
	cpu := e.View().Snapshot.CPU
	for !verdictOf(t, e.View(), "ep").Entered.Known {
		if err := e.NextPhase(ctx); err != nil {
			t.Fatal(err)
		}
	}
	got := verdictOf(t, e.View(), "ep")
	if got.Entered.IP != ep.Requested.IP || got.Entered.SP != ep.Requested.SP || got.Verdict != view.Unknown || got.Rule != "forced" {
		t.Errorf("ep enters %#x/%#x, verdict %s by %s; requested was %#x/%#x", got.Entered.IP, got.Entered.SP, got.Verdict, got.Rule, ep.Requested.IP, ep.Requested.SP)
	}
	if len(cpu) == 0 || e.Unforce(ctx, ep.Thread) == nil {
		t.Error("a state can be taken back though the guest ran on")
	}
	said := len(e.View().Log)
	if fate, err := e.Follow(ctx, ep.Thread, 500*time.Millisecond); err != nil || !strings.Contains(fate, "later it is in state ") {
		t.Errorf("what became of it: %q, %v", fate, err)
	}
	logged(ctx, t, e, said, "pf_addr")

	// What is forced later does not change the account of the return to user mode.
	account := verdictOf(t, e.View(), "ep").Kernel
	if _, err := e.Force(ctx, ep.Thread); err != nil {
		t.Fatal(err)
	}
	forced := verdictOf(t, e.View(), "ep").Kernel
	if err := e.Unforce(ctx, ep.Thread); err != nil {
		t.Fatal(err)
	}
	for _, now := range []view.Stage{forced, verdictOf(t, e.View(), "ep").Kernel} {
		if now.IP != account.IP || now.SP != account.SP {
			t.Errorf("the kernel's state is told as %#x/%#x, and was %#x/%#x as ep came back", now.IP, now.SP, account.IP, account.SP)
		}
	}
}

// logged is the LOG from a line on, once it says something, however slow the machine is.
func logged(ctx context.Context, t *testing.T, e *session.Engine, from int, text string) string {
	t.Helper()
	for {
		lines := strings.Join(e.View().Log[from:], "\n")
		if strings.Contains(lines, text) {
			return lines
		}
		if err := e.RunFor(ctx, 500*time.Millisecond, nil); err != nil {
			t.Fatalf("running until the LOG says %q: %v; it says %q", text, err, lines)
		}
	}
}

// A child that was checkpointed while it computed goes on rightly, wherever its thread is
// as the state is forced: all registers come, and the flags that it may set. It would
// notice a lost one.
func TestForceComputing(t *testing.T) {
	for _, c := range []struct {
		name  string
		bug   string
		to    func(ctx context.Context, t *testing.T, e *session.Engine)
		where string
		kept  bool // the kernel put something of its own into registers meanwhile
	}{
		{"as it comes back", "computing", func(_ context.Context, t *testing.T, e *session.Engine) { untilEntered(t, e, "ep") }, "processor's registers", false},
		{"in IPC", "computing", func(ctx context.Context, t *testing.T, e *session.Engine) { untilComplete(ctx, t, e) }, "entry frame", true},
		{"in IPC, long after", "fixed", func(ctx context.Context, t *testing.T, e *session.Engine) {
			untilEntered(t, e, "ep")
			if err := e.Until(ctx, "rtcr: Genode::sleep_ms"); err != nil {
				t.Fatal(err)
			}
		}, "entry frame", false}, // its wait was cancelled at the checkpoint, too
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			e, _ := openLab(ctx, t, "bug="+c.bug, true)
			c.to(ctx, t, e)
			ep := verdictOf(t, e.View(), "ep")
			said, err := e.Force(ctx, ep.Thread)
			if err != nil || !strings.Contains(said, "with 16 other registers") || !strings.Contains(said, "into the "+c.where) {
				t.Fatalf("forcing: %q, %v", said, err)
			}
			if c.kept {
				untilEntered(t, e, "ep")
			}
			from := len(e.View().Log)
			fate, err := e.Follow(ctx, ep.Thread, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if log := logged(ctx, t, e, from, "sheeps"); strings.Contains(log, "lost count") || strings.Contains(log, "sheep_counter] 1 ") {
				t.Errorf("it does not go on rightly: %s; the LOG says %s", fate, log)
			}
			for _, r := range ep.Requested.Registers {
				if want := fmt.Sprintf("%s %x", r.Name, r.Value); !strings.Contains(fate, want) {
					t.Errorf("nothing is said of %s: %s", want, fate)
				}
			}
			if got := strings.Contains(fate, "where the kernel had put something else"); got != c.kept || strings.Contains(fate, "; not ") {
				t.Errorf("what was set is told as %s", fate)
			}
		})
	}
}

// All registers that were checkpointed come with a forced state.
func TestForceRegisters(t *testing.T) {
	ctx := deadline(t)
	e, _ := openLab(ctx, t, "bug=exregs-blocked", true)
	ep := verdictOf(t, untilComplete(ctx, t, e), "ep")
	if _, err := e.Force(ctx, ep.Thread); err != nil {
		t.Fatal(err)
	}
	untilEntered(t, e, "ep")
	got := verdictOf(t, e.View(), "ep").Entered
	if got.IP != ep.Requested.IP || len(ep.Requested.Registers) == 0 {
		t.Fatalf("ep enters %#x with %v", got.IP, got.Registers)
	}
	for _, r := range ep.Requested.Registers {
		if v, ok := kernel.RegisterIn(got.Registers, r.Name); !ok || v != r.Value {
			t.Errorf("%s is %#x, requested was %#x", r.Name, v, r.Value)
		}
	}
}
