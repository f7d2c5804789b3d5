package memcompare

import (
	"slices"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
	"thaw/kernel"
)

// What is attached to an address space, also within other region maps; maps that
// lie about themselves end.
func TestRegionWalk(t *testing.T) {
	f, err := debuginfo.Load(fixture.Compile(t, "g++", "testdata/regions.cc", fixture.Bare...), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	spec := &kernel.Attached{List: "_regions", Region: "_region", Base: "_base", Size: "_size", Writable: "_write", Dataspace: "_dsc", Offset: "_off",
		Physical: "_phys_addr", Managed: "_managed", Nested: "_ds"}
	tree := *spec
	tree.List, tree.Region, tree.Tree, tree.Element, tree.Used = "", "", "_tree", "Genode::Block", "_used"
	for _, c := range []struct {
		name  string
		want  []Attachment
		fails bool
	}{
		{"tree", []Attachment{{0x1000, 0x4000, 0x100000, false}, {0x20000, 0x3000, 0x205000, true}}, false},
		{"loop", nil, true},
		{"outer", []Attachment{{0x1000, 0x4000, 0x100000, false}, {0x20000, 0x3000, 0x205000, true}, {0x40000, 0x1000, 0x301000, true}}, false},
		{"inner", []Attachment{{0x3000, 0x2000, 0x300000, true}}, false},
		{"knot", nil, true},
		{"ring", []Attachment{{0x3000, 0x2000, 0x300000, true}, {0x1000, 0x4000, 0x100000, false}}, true},
	} {
		s, err := f.Symbol(c.name)
		if err != nil {
			t.Fatal(err)
		}
		spec, class := spec, "Genode::Region_map_component"
		if c.name == "tree" || c.name == "loop" {
			spec, class = &tree, "Genode::Tree_map"
		}
		w := &regionWalk{spec: spec, left: maxRegions, class: class, scope: debuginfo.Scope{File: f, Mem: f}}
		err = w.walk(s.Addr, 0, ^uint64(0), 0, maxNested)
		if (err != nil) != c.fails || !slices.Equal(w.found, c.want) {
			t.Errorf("%s: %+v, %v; want %+v", c.name, w.found, err, c.want)
		}
	}
}
