package live_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"thaw/gdbremote/qemu"
	"thaw/session"
	"thaw/session/live"
	"thaw/session/target"
	"thaw/session/view"
	"thaw/testwait"
)

// unguarded is a target that takes the protection away: whoever watches a word of a
// thread for being read has it watched for writes, too, and it stays so.
type unguarded struct {
	*live.Target
	set map[uint64]bool
}

func (u *unguarded) SetBreaks(ctx context.Context, list []target.Break) error {
	all := u.others(list)
	for _, b := range list {
		if b.Kind == target.WatchRead && !u.set[b.Addr] {
			u.set[b.Addr] = true
			all = append(all, target.Break{Kind: target.WatchWrite, Addr: b.Addr, Length: b.Length})
		}
	}
	return u.Target.SetBreaks(ctx, all)
}

func (u *unguarded) ClearBreaks(ctx context.Context, list []target.Break) error {
	return u.Target.ClearBreaks(ctx, u.others(list))
}

// others leaves out the write watches that stay.
func (u *unguarded) others(list []target.Break) []target.Break {
	return slices.DeleteFunc(slices.Clone(list), func(b target.Break) bool { return b.Kind == target.WatchWrite && u.set[b.Addr] })
}

// sheep counts those that the guest has counted.
func sheep(vm *qemu.VM) int { return strings.Count(string(vm.SerialOutput()), "sheep") }

// walked runs a lab bug through all phases and lets the guest go on until it has
// counted some more sheep, or time is over.
func walked(t *testing.T, bug string, change func(*session.Config)) (*view.View, error) {
	t.Helper()
	ctx := deadline(t)
	e, vm := openSetup(ctx, t, setup{vm: qemu.Config{SharedRAM: true, Append: "bug=" + bug}, more: []func(*session.Config){change}})
	defer e.Close(context.Background())
	if err := e.RunAll(ctx, nil); err != nil {
		return nil, err
	}
	v := e.View()
	begin := sheep(vm)
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		for sheep(vm) < begin+5 && limited.Err() == nil {
			select {
			case <-limited.Done():
			case <-vm.Done():
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
		e.Interrupt()
	}()
	var err error
	for err == nil && limited.Err() == nil && sheep(vm) < begin+5 {
		err = e.Continue(ctx)
	}
	cancel()
	testwait.For(t, counted, "the count of sheep")
	if n := sheep(vm) - begin; err == nil && n < 5 {
		err = errors.New("the guest counts no more sheep")
	}
	return v, err
}

// A thread that was never started comes to user mode in another task than the one
// it had at its request. Its saved state must not be watched there: without the
// guard that ends the guest.
func TestGuardSavesTheGuest(t *testing.T) {
	v, err := walked(t, "unstarted", func(*session.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, verdict := range v.Verdicts {
		if want := map[string]view.Verdict{"signal handler": view.Ignored}[verdict.Name]; want != "" && verdict.Verdict != want {
			t.Errorf("%s: %s, want %s", verdict.Name, verdict.Verdict, want)
		}
	}
	_, err = walked(t, "unstarted", func(c *session.Config) {
		c.Target = &unguarded{c.Target.(*live.Target), map[uint64]bool{}}
	})
	if err == nil {
		t.Error("the guest lives on without the guard: this test shows nothing")
	}
	t.Logf("without the guard: %v", err)
}

// lazy is a target whose steps do nothing now and then, as QEMU's; and one of which
// fails.
type lazy struct {
	*live.Target
	steps, fails int
}

func (l *lazy) Step(ctx context.Context, cpu int) (target.Stop, error) {
	l.steps++
	switch {
	case l.fails > 0 && l.steps == l.fails:
		return target.Stop{}, errors.New("made up")
	case l.steps%2 == 1:
		return target.Stop{CPU: cpu, Signal: 5}, nil
	}
	return l.Target.Step(ctx, cpu)
}

// Steps that QEMU returns from without having done anything change neither verdicts
// nor where threads part from their originals; and one that fails in the middle is
// told as such, and no verdict is lost.
func TestStepsThatDoNothing(t *testing.T) {
	told := func(change func(*session.Config)) (lines []string) {
		t.Helper()
		v, err := walked(t, "fixed", func(c *session.Config) {
			c.Divergence = true
			change(c)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, verdict := range v.Verdicts {
			lines = append(lines, string(verdict.Verdict)+" "+verdict.Name)
			if d := verdict.Divergence; d != nil {
				lines = append(lines, d.Lines()...)
			}
		}
		return lines
	}
	want := strings.Join(told(func(*session.Config) {}), "\n")
	if got := strings.Join(told(func(c *session.Config) { c.Target = &lazy{Target: c.Target.(*live.Target)} }), "\n"); got != want {
		t.Errorf("with steps that do nothing:\n%s\nwant:\n%s", got, want)
	}
	all := &lazy{}
	told(func(c *session.Config) { all.Target = c.Target.(*live.Target); c.Target = all })
	for _, fails := range []int{all.steps - 1, all.steps - 3} {
		lines := told(func(c *session.Config) { c.Target = &lazy{Target: c.Target.(*live.Target), fails: fails} })
		if n := len(lines); n == 0 || !strings.Contains(strings.Join(lines, "\n"), "made up") {
			t.Errorf("a step that fails: %q", lines)
		}
	}
}
