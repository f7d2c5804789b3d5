package kernel_test

import (
	"testing"

	"thaw/kernel"
)

func TestWait(t *testing.T) {
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 0xa, Addr: 0xa000, Size: 0x1000, Kind: kernel.KindThread, Thread: &kernel.Thread{}},
		{ID: 0xb, Addr: 0xb000, Size: 0x100, Kind: kernel.KindIRQ},
		{ID: 0xc, Addr: 0xc000, Size: 0x100, Kind: kernel.KindOther},
	}, nil)
	for _, c := range []struct {
		partner kernel.ID
		states  []string
		want    string
	}{
		{0xa, []string{"receive_wait"}, "a"},
		{0xb, []string{"ready", "receive_wait"}, "b*"},
		{0xc, []string{"receive_wait"}, "c?"},
		{0, []string{"receive_wait"}, "-"},
		{0xbad, []string{"receive_wait"}, "-"},
		{0xa, []string{"receive_wait", "receive_in_progress"}, ""}, // gets its message now
		{0xa, []string{"send_wait"}, "a"},
		{0xa, []string{"send_wait", "receive_wait"}, "a"},
		{0, []string{"send_wait"}, ""},
		{0xa, []string{"ready"}, ""},
	} {
		if got := sys.Wait(&kernel.Thread{Partner: c.partner, StateNames: c.states}); got != c.want {
			t.Errorf("%v on %s: %q, want %q", c.states, c.partner, got, c.want)
		}
	}
}
