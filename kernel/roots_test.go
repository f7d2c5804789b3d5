package kernel

import "testing"

// Page tables of any processor are their protection domain's.
func TestPDByRoot(t *testing.T) {
	sys := NewSystem([]*Object{{ID: 1, Addr: 0x10, PD: &PD{Root: 0x1000, Roots: []uint64{0x2000, 0x3000}}}, {ID: 2, Addr: 0x20, PD: &PD{}}}, nil)
	for root, want := range map[uint64]ID{0x1000: 1, 0x3000: 1, 0x4000: 0, 0: 0} {
		if o := sys.PDByRoot(root); (o == nil) != (want == 0) || o != nil && o.ID != want {
			t.Errorf("root %#x: %+v", root, o)
		}
	}
}

// What a decoder adds at one stop does not reach objects that were given out.
func TestOwn(t *testing.T) {
	given := []*Object{{ID: 1, Addr: 0x10, PD: &PD{}}, {ID: 2, Addr: 0x20, Thread: &Thread{}}}
	sys := NewSystem(append([]*Object{}, given...), nil)
	o := sys.Own(0x20)
	if o == nil || sys.Object(2) != o {
		t.Fatalf("%+v", o)
	}
	if o.Thread.Running = true; given[1].Thread.Running {
		t.Error("the object that was given out changed")
	}
	if sys.Own(0x10) != nil || sys.Own(0x11) != nil {
		t.Error("what is no thread was changed")
	}
}
