package debuginfo

import (
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

// A function is entered at the thunks that are copies of it, too, and not at those that
// lead to it. At any of them the arguments are the function's, and this is moved.
func TestThunks(t *testing.T) {
	const sp, table = 0x7000_0000, 0x5000_0000
	noipa, noinline := "-DKEEP=__attribute__((noipa))", "-DKEEP=__attribute__((noinline))"
	for _, c := range []struct {
		cxx, flags string
		copies     int // of the three functions, -1: as the compiler likes
	}{
		{"g++", "-O2", 3}, {"g++", "-O2 -fPIC -mcmodel=large", 3}, {"g++", "-O0", 0}, {"g++", "-O2 " + noipa, 0}, {"g++", "-O2 -fPIC -mcmodel=large " + noipa, 0},
		{"clang++", "-O2", -1}, {"clang++", "-O2 " + noinline, -1},
		{"aarch64-linux-gnu-g++", "-O2", 3}, {"aarch64-linux-gnu-g++", "-O2 " + noipa, 0}, {"aarch64-linux-gnu-g++", "-O0", 0},
		{"arm-linux-gnueabi-g++", "-O2", 3}, {"arm-linux-gnueabi-g++", "-O2 " + noipa, 0}, {"arm-linux-gnueabi-g++", "-O0", 0},
	} {
		t.Run(c.cxx+" "+c.flags, func(t *testing.T) {
			f := load(t, fixture.BuildBy(t, c.cxx, "thunks", strings.Fields(c.flags)...))
			var copies []uint64
			for _, name := range []string{"state", "give", "shared"} {
				fns, err := f.Functions("Component::" + name)
				if err != nil || len(fns) != 1 {
					t.Fatalf("%s: %v, %v", name, fns, err)
				}
				for _, l := range fns[0].Locations {
					if l.Kind == Thunk {
						copies = append(copies, l.Addr)
					}
				}
			}
			if c.copies >= 0 && len(copies) != c.copies {
				t.Errorf("%d copies, want %d: %x", len(copies), c.copies, copies)
			}
			this := addrOf(t, f, "component")
			typ, _ := f.Type("Component")
			kept, err := typ.FieldPath("kept")
			if err != nil {
				t.Fatal(err)
			}
			tried := 0
			for _, s := range f.Symbols() {
				th, ok := thunkOf(s.Raw)
				if !ok || !s.Func || strings.Contains(s.Raw, "VTT") {
					continue
				}
				tried++
				at := this - uint64(th.by) // where the base stands
				mem := wordsAt{map[uint64]uint64{}, f}
				put := func(addr, v uint64) {
					if f.PtrSize() == 4 {
						v &= 1<<32 - 1
					}
					mem.at[addr&^7] |= v << (8 * (addr & 7))
				}
				put(this+uint64(kept.Offset), 0x77)
				if th.vcall != 0 {
					at = this + 0x40
					put(at, table)
					put(uint64(int64(table)+th.vcall), ^uint64(0x40)+1)
				}
				regs := unwound{f.arch.sp: sp}
				for i, name := range f.arch.args {
					regs[name] = uint64(i)
				}
				first := f.arch.args[0]
				if strings.Contains(s.Raw, "4give") && first != "x0" { // which goes first says where the result is to go
					first = f.arch.args[1]
				}
				regs[first] = at
				scope := Scope{File: f, Mem: mem, Regs: regs, PC: s.Addr}
				number := uint64(slices.Index(f.arch.args, first)) + 1
				wants := map[string]uint64{"this": this, "kept & 0xff": 0x77}
				switch {
				case strings.Contains(s.Raw, "6shared"):
					wants["n"], wants["$arg1"] = number, number
				case strings.Contains(s.Raw, "4give"):
					wants["&s"] = number
				case first == "rdi":
					put(sp+8, 0x1111)
					wants["s.ip"], wants["$arg1.ip"] = 0x1111, 0x1111
				}
				for expr, want := range wants {
					v, err := scope.Eval(expr)
					var n uint64
					if err == nil {
						n, err = v.Uint64()
					}
					if err != nil || n != want {
						t.Errorf("%s: %s is %#x, %v; want %#x", s.Raw, expr, n, err, want)
					}
				}
			}
			if tried < 3 {
				t.Errorf("%d thunks", tried)
			}
		})
	}
}

// What is no thunk's symbol is none.
func TestThunkSymbols(t *testing.T) {
	for raw, want := range map[string]thunk{
		"_ZThn136_N4Core6Thread5stateEv": {"_ZN4Core6Thread5stateEv", -136, 0},
		"_ZTv0_n24_N9Component6sharedEi": {"_ZN9Component6sharedEi", 0, -24},
		"_ZTch0_h16_N1C5cloneEv":         {"_ZN1C5cloneEv", 0, 0},
		"_ZTcv8_n32_v0_n40_N1C5cloneEv":  {"_ZN1C5cloneEv", 8, -32},
		"_ZTV9Component":                 {},
		"_ZTh":                           {}, "_ZTv0_": {}, "_ZThx_N1C1fEv": {}, "_ZTc": {}, "": {}, "_ZTh99999999999999999999_N1C1fEv": {},
	} {
		if got, ok := thunkOf(raw); ok != (want.function != "") || ok && got != want {
			t.Errorf("%s: %+v, %v", raw, got, ok)
		}
	}
}
