package evidence

import (
	"testing"

	"thaw/kernel"
)

// Of several places the one that was put aside to counts, else the one that was written
// last, else the one that counted as the request came.
func TestKeptPlace(t *testing.T) {
	const unused = 0xffff
	p := &kernel.Platform{Places: []*kernel.PlaceKind{{Name: "frame"}, {Name: "call"}, {Name: "aside", Aside: true, Unused: unused}}}
	places := func(aside uint64) []Kept {
		return []Kept{{Name: "frame"}, {Name: "call"}, {Name: "aside", Saved: Saved{IP: aside}}}
	}
	for _, c := range []struct {
		t    Track
		want kernel.Source
	}{
		{Track{Places: places(unused)}, "frame"},
		{Track{Places: places(unused), Writes: []Write{{Where: "frame"}, {Where: "call"}}}, "call"},
		{Track{Places: places(unused), Writes: []Write{{Where: "call"}, {Where: "aside"}}}, "call"},
		{Track{Places: places(0x10), Writes: []Write{{Where: "call"}}}, "aside"},
	} {
		if k := c.t.kept(p); k.Name != c.want {
			t.Errorf("%+v: %s counts", c.t, k.Name)
		}
	}
}
