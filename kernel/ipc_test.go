package kernel_test

import (
	"slices"
	"testing"

	"thaw/kernel"
)

func TestWaits(t *testing.T) {
	waits := func(id, partner kernel.ID) *kernel.Object {
		th := &kernel.Thread{PD: 1}
		if partner != 0 {
			th.Wait = kernel.Wait{Verb: "receives from", For: partner, What: "anybody"}
		}
		return &kernel.Object{ID: id, Addr: uint64(id) << 12, Size: 1, Kind: "Thread", Thread: th}
	}
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 1, Addr: 0x1000, Size: 1, Kind: "Task", PD: &kernel.PD{Caps: []kernel.Capability{{Slot: 7, Object: 0x20}, {Slot: 9, Object: 0x21}, {Slot: 12, Object: 0x20}}}},
		waits(0x10, 0x20), waits(0x11, 0x12), waits(0x12, 0x13), waits(0x13, 0x12), waits(0x14, 0x21), waits(0x15, 0), waits(0x16, 0x16), waits(0x17, 0x99),
		{ID: 0x20, Addr: 0x20000, Size: 1, Kind: "Gate", Links: []kernel.Link{{Name: "receiver", To: 0x11, None: "no thread bound"}}, Values: []kernel.Value{{Name: "label"}}},
		{ID: 0x21, Addr: 0x21000, Size: 1, Kind: "IRQ", Event: true, Links: []kernel.Link{{Name: "thread", To: 0x14, None: "not attached"}}, Values: []kernel.Value{{Name: "label"}}},
	}, nil)
	for _, c := range []struct {
		id    kernel.ID
		chain []kernel.ID
		cycle int
	}{
		{0x10, []kernel.ID{0x10, 0x11, 0x12, 0x13}, 2},
		{0x14, []kernel.ID{0x14}, -1}, // at its own IRQ
		{0x15, []kernel.ID{0x15}, -1},
		{0x16, []kernel.ID{0x16}, 0}, // for itself
		{0x17, []kernel.ID{0x17}, -1},
		{0x20, []kernel.ID{0x20}, -1},
	} {
		if chain, cycle := sys.Chain(c.id); !slices.Equal(chain, c.chain) || cycle != c.cycle {
			t.Errorf("chain of %s: %v, cycle at %d; want %v, %d", c.id, chain, cycle, c.chain, c.cycle)
		}
	}
	rings := sys.Cycles()
	if len(rings) != 1 || !slices.Equal(rings[0], []kernel.ID{0x12, 0x13}) {
		t.Errorf("rings %v", rings)
	}
	if h := sys.Holders(0x20); len(h) != 2 || h[0] != (kernel.Holder{PD: 1, Slot: 7}) || h[1].Slot != 12 {
		t.Errorf("holders %v", h)
	}
}

// The kernel's first object has the id 0, as has an unknown one.
func TestNamed(t *testing.T) {
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 0, Addr: 0x8000, Size: 0x40, Class: "Factory", Kind: kernel.KindOther},
		{ID: 5, Addr: 0x9000, Size: 0x40, Kind: kernel.KindOther},
	}, nil)
	for _, c := range []struct {
		cap  kernel.Capability
		want string
	}{
		{kernel.Capability{Pointer: 0x8010}, "Factory"},
		{kernel.Capability{Object: 5, Pointer: 0x9000}, ""},
	} {
		if o := sys.Named(c.cap); o == nil || o.Class != c.want {
			t.Errorf("%+v names %+v", c.cap, o)
		}
	}
	if o := sys.Named(kernel.Capability{Pointer: 0xdead000}); o != nil {
		t.Errorf("a pointer to nothing names %+v", o)
	}
}
