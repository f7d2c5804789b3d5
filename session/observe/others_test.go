package observe

import (
	"context"
	"strings"
	"testing"

	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/target"
)

func (b *busy) Resume(context.Context) error { return nil }
func (b *busy) Running() bool                { return false }

// Wait tells that the first processor was stopped, as the second has come to user mode.
func (b *busy) Wait(context.Context) (target.Stop, error) { b.user = true; return target.Stop{}, nil }

// A processor that comes to user mode, or writes, in the moment in which another stops, is
// not told of.
func TestOtherProcessorsStop(t *testing.T) {
	const before, asked = 0x100, 0x280
	for _, c := range []struct {
		what      string
		user      bool // already, as the guest goes on
		ip, saved uint64
		entered   bool
		problem   string
	}{
		{what: "it stands where it came to", ip: asked, saved: asked, entered: true},
		{what: "it went on", ip: asked + 4, saved: asked, problem: "came back to user mode on processor 1 unseen"},
		{what: "it was there before", user: true, ip: before, saved: before},
	} {
		b := &busy{ip: c.ip, saved: c.saved, user: c.user}
		var ob *Observer
		m, d, made := newBusy(t, b, drive.Owner{
			GoesOn:  func(context.Context) (*drive.Event, error) { return nil, nil },
			Stopped: func(context.Context) (func() error, error) { return func() error { return nil }, nil },
			Others: func(ctx context.Context, stop target.Stop, back map[int]*evidence.Track) (*drive.Event, error) {
				return Others(ctx, ob, stop, back)
			},
		})
		ob = made
		if err := m.Look(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		tr := &evidence.Track{ID: 7, Block: object, TaskRoot: root, Places: []evidence.Kept{{Name: "regs", IPAddr: object + 0x10, SPAddr: object + 0x18, Saved: evidence.Saved{IP: c.saved, SP: 0x2000}}}}
		tr.Requests = []evidence.Request{{At: ob.Now(), IP: asked, SP: 0x2000}}
		if err := d.Guard.Arm(t.Context(), tr); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Run(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
		if (tr.Entered != nil) != (c.entered) || tr.Entered != nil && tr.Entered.IP != asked || !strings.Contains(tr.Requests[0].Problem, c.problem) || c.problem == "" && tr.Requests[0].Problem != "" {
			t.Errorf("%s: entered %+v, request %+v", c.what, tr.Entered, tr.Requests[0])
		}
		if m.Stopped != 0 {
			t.Errorf("%s: processor %d is the stopped one", c.what, m.Stopped)
		}
	}
}
