package live_test

import (
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/session/live"
	"thaw/session/view"
)

// Whoever comes in the middle of it is told of what is under way, by the backtrace of the
// thread that does it, however many children there are by then.
func TestAttachedInThePhases(t *testing.T) {
	for _, c := range []struct {
		phase, says string
		late        bool
		missed      int
	}{
		{"checkpoint", "is in Rtcr::Checkpointer::checkpoint: the checkpoint began before thaw came", false, 1},
		{"capability space", "is in Rtcr::Restorer::_restore_cap_space: the restore began before thaw came", true, 30},
	} {
		t.Run(c.phase, func(t *testing.T) {
			t.Parallel()
			ctx := deadline(t)
			e, vm := openSetup(ctx, t, setup{vm: qemu.Config{Append: "bug=fixed"}, foreign: true})
			for e.View().Snapshot == nil || e.View().Snapshot.Phase != c.phase {
				if err := e.NextPhase(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := e.Close(ctx); err != nil { // the guest stands, as it did before it booted
				t.Fatal(err)
			}
			v := attached(t, vm)
			missed := 0
			for _, p := range v.Phases {
				if p.State == view.PhaseMissed {
					missed++
				}
			}
			if (v.Late != "") != c.late || !strings.Contains(v.Snapshot.Reason, c.says) || missed != c.missed {
				t.Errorf("%d phases are missed; late is %q: %s", missed, v.Late, v.Snapshot.Reason)
			}
		})
	}
}

// attached opens a session on a guest that boots already, and is what it shows first.
func attached(t *testing.T, vm *qemu.VM) *view.View {
	t.Helper()
	ctx := deadline(t)
	cfg, _ := onLab(ctx, t)
	e, _ := begin(ctx, t, cfg, vm.GDB(), live.Options{})
	t.Cleanup(func() {
		if err := e.Close(deadline(t)); err != nil {
			t.Error(err)
		}
	})
	return e.View()
}
