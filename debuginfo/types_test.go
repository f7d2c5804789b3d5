package debuginfo

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

func TestFieldPath(t *testing.T) {
	for _, flag := range dwarfVersions {
		f := load(t, fixture.Build(t, "shapes", flag))
		for _, c := range []struct {
			typ, path string
			off       int64
			bits      int64
			bitOff    int64
			of        string
		}{
			{"sys::Dbg", "_id", 40, 0, 0, "long unsigned int"},
			{"sys::Thread", "_id", 64, 0, 0, "long unsigned int"},
			{"sys::Thread", "_next", 56, 0, 0, "cxx::D_item*"},
			{"sys::Thread", "D_item::_prev", 48, 0, 0, "cxx::D_item*"},
			{"sys::Thread", "Base_a::shared", 16, 0, 0, "int"},
			{"sys::Thread", "sys::Base_b::shared", 40, 0, 0, "int"},
			{"sys::Thread", "pos.y", 94, 0, 0, "short int"},
			{"sys::Thread", "octets", 88, 0, 0, "unsigned char[4]"},
			{"sys::Thread", "octets[3]", 91, 0, 0, "unsigned char"},
			{"sys::Thread", "_name", 96, 0, 0, "char[16]"},
			{"sys::Thread", "table.items[2]", 152, 0, 0, "long unsigned int"},
			{"sys::Dbg", "_low", 52, 3, 0, "unsigned int"},
			{"sys::Dbg", "_mid", 52, 7, 3, "unsigned int"},
			{"sys::Dbg", "_signed_bits", 53, 5, 2, "int"},
			{"sys::Dbg", "_far", 56, 40, 0, "long long unsigned int"},
			{"sys::Late", "when", 8, 0, 0, "int"},
			{"cxx::Table<unsigned long, 3>", "items", 0, 0, 0, ""},
			{"cxx::Table<unsigned long, 3ul>", "items[1]", 8, 0, 0, ""},
		} {
			typ, err := f.Type(c.typ)
			if err != nil {
				t.Errorf("%s: %v", flag, err)
				continue
			}
			r, err := typ.FieldPath(c.path)
			if err != nil {
				t.Errorf("%s: %s.%s: %+v, %v", flag, c.typ, c.path, r, err)
				continue
			}
			if r.Offset != c.off || r.BitSize != c.bits || r.BitOffset != c.bitOff || c.of != "" && r.Type.Name != c.of {
				t.Errorf("%s: %s.%s is %d:%d:%d %s, want %d:%d:%d %s", flag, c.typ, c.path, r.Offset, r.BitOffset, r.BitSize, r.Type, c.off, c.bitOff, c.bits, c.of)
			}
		}
	}
}

// TestAgainstGDB compares all members that ptype /o shows of some types.
func TestAgainstGDB(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	line := regexp.MustCompile(`^/\* +(\d+)(?:: *(\d+))? +\| +(\d+) \*/ +[^{]*?([a-z_A-Z]\w*)(?:\[\d+\])?(?: : \d+)?;`)
	seen := 0
	for _, name := range []string{"sys::Thread", "sys::Dbg", "sys::Late"} {
		typ, err := f.Type(name)
		if err != nil {
			t.Fatal(err)
		}
		out := gdb(t, f.Path(), "ptype /o "+name)
		for l := range strings.SplitSeq(out, "\n") {
			m := line.FindStringSubmatch(l)
			if m == nil || m[4] == "x" || m[4] == "y" || m[4] == "items" {
				continue
			}
			r, err := typ.FieldPath(m[4])
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			seen++
			if got := fmt.Sprint(r.Offset); got != m[1] {
				t.Errorf("%s.%s is at %s, gdb says %s", name, m[4], got, m[1])
			}
			if m[2] != "" && fmt.Sprint(r.BitOffset) != m[2] {
				t.Errorf("%s.%s begins at bit %d, gdb says %s", name, m[4], r.BitOffset, m[2])
			}
			if r.BitSize == 0 && fmt.Sprint(r.Type.Size) != m[3] {
				t.Errorf("%s.%s has %d bytes, gdb says %s", name, m[4], r.Type.Size, m[3])
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d members compared", seen)
	}
}

func TestTypeErrors(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	thread, err := f.Type("sys::Thread")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{"shared", "ambiguous: sys::Base_a::shared or sys::Base_b::shared"},
		{"_nam", "did you mean _name"},
		{"_objects", "static"},
		{"Never::x", "no base class Never"},
		{"pos.z", "no member z"},
		{"_id.x", "is no struct"},
		{"octets[4]", "no element"},
	} {
		if r, err := thread.FieldPath(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %+v, %v, want %q", c.path, r, err, c.want)
		}
	}
	if _, err := f.Type("sys::Thraed"); err == nil || !strings.Contains(err.Error(), "did you mean sys::Thread") {
		t.Errorf("suggestion: %v", err)
	}
	never, err := f.Type("sys::Never")
	if err != nil || !never.Incomplete {
		t.Fatalf("a declared class: %+v, %v", never, err)
	}
	if _, err := never.FieldPath("x"); err == nil || !strings.Contains(err.Error(), "only declared") {
		t.Errorf("member of a declared class: %v", err)
	}
}

func TestTypes(t *testing.T) {
	for _, flag := range append([]string{"-gdwarf-3"}, dwarfVersions...) {
		f := load(t, fixture.Build(t, "shapes", flag))
		for _, c := range []struct {
			name string
			kind Kind
			size int64
		}{
			{"sys::Late", KindClass, 16}, {"::sys::Late", KindClass, 16}, {"class sys::Late", KindClass, 16},
			{"unsigned long", KindBase, 8}, {"Mword", KindTypedef, 8}, {"char", KindBase, 1}, {"sys::Dbg::Flags", KindEnum, 4},
			{"sys::Thread::Mode", KindEnum, 1}, {"Private", KindStruct, 16}, {"(anonymous namespace)::Private", KindStruct, 16},
			{"sys::Late*", KindPointer, 8}, {"sys::Late const &", KindRef, 8}, {"unsigned char**", KindPointer, 8}, {"void*", KindPointer, 8},
		} {
			typ, err := f.Type(c.name)
			if err != nil || typ.Kind != c.kind || typ.Size != c.size {
				t.Errorf("%s: %s: %+v, %v", flag, c.name, typ, err)
			}
		}
		thread, _ := f.Type("sys::Thread")
		for _, c := range []struct {
			base string
			off  int64
			ok   bool
		}{{"sys::Base_a", 0, true}, {"Dbg", 24, true}, {"cxx::D_item", 48, true}, {"D_item", 48, true}, {"Base", 0, false}} {
			off, ok := thread.BaseOffset(c.base)
			if off != c.off || ok != c.ok {
				t.Errorf("%s: base %s at %d, %v", flag, c.base, off, ok)
			}
		}
		if m, err := f.Variable("matrix"); err != nil || m.Type.Name != "int[2][3]" || m.Type.Size != 24 || m.Type.Elem.Count != 3 {
			t.Errorf("%s: matrix: %+v, %v", flag, m.Type, err)
		}
	}
}

func TestConstants(t *testing.T) {
	for _, flag := range dwarfVersions {
		f := load(t, fixture.Build(t, "shapes", flag))
		for name, want := range map[string]int64{
			"sys::Dbg::FLAG_DEAD": 0x200, "sys::Dbg::Flags::FLAG_WAIT": 2, "sys::Dbg::HIDDEN": -5, "sys::Dbg::BIG": 0xf5000000,
			"sys::Thread::Mode::BUSY": 7, "sys::Thread::FLAG_READY": 1, "sys::Dbg::limit": 42, "PAGE": 4096,
		} {
			if v, err := f.Enumerator(name); err != nil || v != want {
				t.Errorf("%s: %s is %d, %v", flag, name, v, err)
			}
		}
		for _, name := range []string{"sys::Thread::BUSY", "sys::Dbg::FLAG", "nothing"} {
			if v, err := f.Enumerator(name); err == nil {
				t.Errorf("%s: %s is %d", flag, name, v)
			}
		}
		typ, err := f.Type("sys::Dbg::Flags")
		if err != nil {
			t.Fatal(err)
		}
		if e := typ.Enumerators; len(e) != 3 || e[2] != (Enumerator{"FLAG_DEAD", 0x200}) {
			t.Errorf("%s: %v", flag, e)
		}
		if names, rest := typ.FlagNames(0x1201); strings.Join(names, "|") != "FLAG_READY|FLAG_DEAD" || rest != 0x1000 {
			t.Errorf("%s: %v %#x", flag, names, rest)
		}
	}
}

func TestVariables(t *testing.T) {
	for _, flag := range dwarfVersions {
		f := load(t, fixture.Build(t, "shapes", flag))
		for name, raw := range map[string]string{
			"sys::Dbg::_objects": "_ZN3sys3Dbg8_objectsE", "late_pointer": "late_pointer", "sys::second": "_ZN3sys6secondE",
			"local_static::alloc": "_ZZ12local_staticiE5alloc", "local_static(int)::inner": "_ZZ12local_staticiE5inner",
			"private_object": "_ZN12_GLOBAL__N_114private_objectE",
		} {
			v, err := f.Variable(name)
			sym, serr := f.Symbol(raw)
			if err != nil || serr != nil || v.Addr != sym.Addr || v.Type == nil {
				t.Errorf("%s: %s: %+v, %v; symbol %+v, %v", flag, name, v, err, sym, serr)
			}
		}
		if _, err := f.Variable("sys::secand"); err == nil || !strings.Contains(err.Error(), "did you mean sys::second") {
			t.Errorf("%s: %v", flag, err)
		}
	}
}

func TestVTables(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	s, err := f.Symbol("vtable for sys::Thread")
	if err != nil {
		t.Fatal(err)
	}
	if class, off, ok := f.VTableAt(s.Addr + 16); class != "sys::Thread" || off != 16 || !ok {
		t.Errorf("%s %d %v", class, off, ok)
	}
	if class, _, ok := f.VTableAt(s.Addr + s.Size - 8); class != "sys::Thread" || !ok {
		t.Errorf("secondary base: %s %v", class, ok)
	}
	if s, err = f.Symbol("vtable for (anonymous namespace)::Private"); err != nil {
		t.Fatal(err)
	}
	if class, _, ok := f.VTableAt(s.Addr); class != "Private" || !ok {
		t.Errorf("anonymous namespace: %s %v", class, ok)
	}
	for _, addr := range []uint64{0, f.Entry(), ^uint64(0)} {
		if class, _, ok := f.VTableAt(addr); ok {
			t.Errorf("%#x is in the vtable of %s", addr, class)
		}
	}
}

// TestOwnBase looks for members of a class that damaged debug info has made its own base:
// what that costs does not grow with the square of how far it is followed.
func TestOwnBase(t *testing.T) {
	integer := &Type{Kind: KindBase, Name: "int", Size: 4}
	base := &Type{Kind: KindStruct, Name: "B", Size: 4, Fields: []Field{{Name: "q", Type: integer}}}
	own := &Type{Kind: KindStruct, Name: "S", Size: 4}
	own.Fields = []Field{{Name: "B", Type: base, IsBase: true}, {Name: "S", Type: own, IsBase: true, Offset: 8}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := own.FieldPath("q"); err == nil || !strings.Contains(err.Error(), "ambiguous") {
		t.Errorf("q: %v", err)
	}
	if off, ok := own.BaseOffset("B"); !ok || off != 0 {
		t.Errorf("B is at %d, %v", off, ok)
	}
	if off, ok := own.BaseOffset("S"); !ok || off != 8 {
		t.Errorf("S is at %d, %v", off, ok)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 8<<20 {
		t.Errorf("it took %d MiB", took>>20)
	}
}
