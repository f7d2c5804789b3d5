package kernel_test

import (
	"testing"

	"thaw/kernel"
)

func TestWait(t *testing.T) {
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 0xa, Addr: 0xa000, Size: 0x1000, Kind: "Thread", Thread: &kernel.Thread{}},
		{ID: 0xb, Addr: 0xb000, Size: 0x100, Kind: "IRQ", Event: true},
		{ID: 0xc, Addr: 0xc000, Size: 0x100, Kind: kernel.KindOther},
	}, nil)
	receives := func(from kernel.ID) kernel.Wait {
		return kernel.Wait{Verb: "receives from", For: from, What: "anybody"}
	}
	ending := receives(0xa)
	ending.Ending = true
	for _, c := range []struct {
		wait kernel.Wait
		want string
	}{
		{receives(0xa), "a"},
		{receives(0xb), "b*"}, // ended by an interrupt
		{receives(0xc), "c?"},
		{receives(0), "-"},
		{receives(0xbad), "-"},
		{ending, ""}, // gets its message now
		{kernel.Wait{Verb: "sends to", For: 0xa}, "a"},
		{kernel.Wait{Verb: "sends to"}, ""},
		{kernel.Wait{For: 0xa}, ""}, // does not wait
	} {
		if got := sys.Wait(&kernel.Thread{Wait: c.wait}); got != c.want {
			t.Errorf("%+v: %q, want %q", c.wait, got, c.want)
		}
	}
}
