package debuginfo

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
	"thaw/debuginfo/syntax"
)

func entryOf(t testing.TB, f *File, name string) uint64 {
	t.Helper()
	fns, err := f.Functions(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range fns[0].Locations {
		if l.Kind != Inlined {
			return l.Addr
		}
	}
	t.Fatalf("%s has no entry", name)
	return 0
}

func addrOf(t testing.TB, f *File, name string) uint64 {
	t.Helper()
	v, err := f.Variable(name)
	if err != nil {
		t.Fatal(err)
	}
	return v.Addr
}

func TestEvalAtEntry(t *testing.T) {
	for _, flags := range [][]string{{"-gdwarf-5"}, {"-gdwarf-4"}, {"-O0"}, {"-O1", "-gdwarf-4"}} {
		f := load(t, fixture.Build(t, "calls", flags...))
		thread := addrOf(t, f, "app::thread")
		typ, _ := f.Type("app::Thread")
		at := func(path string) uint64 {
			r, err := typ.FieldPath(path)
			if err != nil {
				t.Fatal(err)
			}
			return thread + uint64(r.Offset)
		}
		const sp = 0x7000_0000
		mem := wordsAt{map[uint64]uint64{
			sp: 0x401234, sp + 8: 0x1111, sp + 16: 0x2222, sp + 24: 0x3333, // a State, passed by value
			at("badge"): 0x55, at("kept.ip"): 0x1000, at("kept.sp"): 0x2000, at("kept.regs[3]"): 0x33, at("next"): thread,
			0x6000_0000: 0xabcd, 0x6000_0008: 7,
		}, f}
		regs := unwound{"rsp": sp, "rdi": thread, "rsi": 3, "rdx": 4, "rcx": 0x6000_0000, "r8": 8, "r9": 9}
		scope := Scope{File: f, Mem: mem, Regs: regs}
		for _, c := range []struct {
			fn, expr string
			want     uint64
		}{
			{"app::Thread::state(app::State)", "s.ip", 0x1111},
			{"app::Thread::state(app::State)", "s.sp", 0x2222},
			{"app::Thread::state(app::State)", "s.regs[0]", 0x3333},
			{"app::Thread::state(app::State)", "&s.sp", sp + 16},
			{"app::Thread::state(app::State)", "this->kept.ip", 0x1000},
			{"app::Thread::state(app::State)", "kept.sp", 0x2000},
			{"app::Thread::state(app::State)", "next->next->badge", 0x55},
			{"app::Thread::state(app::State)", "this", thread},
			{"app::Thread::state(app::State)", "app::some == this", 1},
			{"app::Thread::state(app::State)", "some->badge", 0}, // see below
			{"app::Thread::take", "r.ip", 0xabcd},
			{"app::Thread::take", "r->sp", 7},
			{"app::Thread::take", "&r", 0x6000_0000},
			{"app::Thread::many", "a * 100 + b", 304},
			{"app::Thread::many", "e", 9},
			{"app::Thread::many", "f", 0x1111},
			{"app::Thread::many", "h", 0x3333},
			{"app::Thread::many", "$rsp", sp},
			{"app::leaf", "depth", thread & 0xffffffff},
		} {
			scope.PC = entryOf(t, f, c.fn)
			v, err := scope.Eval(c.expr)
			if err == nil {
				var n uint64
				n, err = v.Uint64()
				if c.expr == "some->badge" {
					c.want = 0x55
				}
				if n != c.want {
					t.Errorf("%v: %s: %s is %#x, want %#x", flags, c.fn, c.expr, n, c.want)
				}
			}
			if err != nil {
				t.Errorf("%v: %s: %v", flags, c.fn, err)
			}
		}
		scope.PC = entryOf(t, f, "app::Thread::take")
		if v, err := scope.Eval("s.a + s.b"); err != nil {
			t.Errorf("%v: struct in registers: %v", flags, err)
		} else if n, _ := v.Int64(); n != 7 {
			t.Errorf("%v: struct in registers: %d", flags, n)
		}
		if addr, after, err := scope.ReturnAddress(); addr != 0x401234 || after != sp+8 || err != nil {
			t.Errorf("%v: returns to %#x, sp %#x, %v", flags, addr, after, err)
		}
	}
}

func TestOptimisedOut(t *testing.T) {
	f := load(t, fixture.Build(t, "calls"))
	scope := Scope{File: f, Mem: f, Regs: unwound{"rdi": 1, "rsi": 2, "rsp": 0x7000}, PC: entryOf(t, f, "app::always")}
	v, err := scope.Eval("mode")
	if err == nil { // the clone's debug info may tell the constant
		if n, _ := v.Int64(); n != 7 {
			t.Errorf("mode is %d", n)
		}
	} else if !IsOptimisedOut(err) {
		t.Errorf("%v", err)
	}
	// Behind the last instruction of a leaf the parameter register is reused.
	scope.PC = entryOf(t, f, "app::leaf") + 6
	if v, err := scope.Eval("depth"); err != nil && !IsOptimisedOut(err) && !strings.Contains(err.Error(), "reading") {
		t.Errorf("%+v, %v", v, err)
	}
}

// operatorCases are expressions over the fixture shapes, with what they are.
var operatorCases = map[string]int64{
	"1 + 2 * 3": 7, "(1 + 2) * 3": 9, "7 / 2": 3, "-7 / 2": -3, "-7 % 3": -1, "1 << 12 | 5": 4101, "0xff & ~0xf": 0xf0, "6 ^ 3": 5,
	"10 - 3 - 2": 5, "2 < 3 && 3 <= 3": 1, "1 == 2 || 0": 0, "!5": 0, "!0": 1, "-1 < 0": 1, "-1 < 0u": 0, "'a' + 1": 98, "'\\n'": 10,
	"0xffffffff + 1": 0, "0xffffffffUL + 1": 1 << 32, "sizeof(int)": 4, "sizeof(sys::Thread)": 160, "sizeof sys::first": 160, "sizeof(unsigned long)": 8,
	"sys::Dbg::FLAG_DEAD | 1": 0x201, "sys::Dbg::HIDDEN": -5, "sys::Thread::Mode::BUSY": 7, "PAGE / 2": 2048, "sys::Dbg::limit": 42,
	"matrix[1][2]": 6, "*matrix[1]": 4, "**matrix": 1, "&matrix[1] - &matrix[0]": 1, "*(&matrix[1][0] + 1)": 5, "&matrix[1][0] - &matrix[0][0]": 3,
	"(char)0x141": 0x41, "(unsigned char)-1": 255, "(short)0xffff": -1, "(bool)12": 1, "(int)(1 + 1)": 2, "local_static::alloc": 5,
	"greeting[1]": 'e', "&sys::second - &sys::first != 0": 1, "(sys::Thread*)0 == 0": 1, "$rsp": 16, "(long)(int*)8 + 1": 9, "((int*)8 + 1) == (int*)12": 1,
	"(sys::Dbg*)(sys::Thread*)0x1000 == (sys::Dbg*)0x1018": 1, "(sys::Thread*)(sys::Dbg*)0x1018 == (sys::Thread*)0x1000": 1,
	"(long)(cxx::D_item*)(sys::Thread*)0x1000": 0x1030, "(long)&((sys::Thread*)0x1000)->_name": 0x1060, "sizeof(cxx::Table<unsigned long, 3>)": 24,
	"(long)&((cxx::Table<unsigned long, 3>*)0x100)->items[1]": 0x108, "1 < 2": 1, "3 > 2": 1, "sys::first.mode == sys::Thread::Mode::IDLE": 1,
	"1 - -1": 2, "- - 1": 1, "5 % 3": 2, "1 >> 1": 0, "-8 >> 1": -4, "0x80000000 >> 31": 1, "7u / 2": 3, "-1 / 1": -1,
	"(-0x7fffffffffffffffL - 1) / -1": math.MinInt64, "(-0x7fffffffffffffffL - 1) % -1": 0, "(-0x7fffffff - 1) / -1": math.MinInt32,
}

func TestEvalOperators(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	scope := Scope{File: f, Mem: f, Regs: unwound{"rsp": 16}}
	for expr, want := range operatorCases {
		v, err := scope.Eval(expr)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if n, err := v.Int64(); err != nil || n != want {
			t.Errorf("%s is %d, %v, want %d", expr, n, err, want)
		}
	}
}

// wrongExpressions are refused, with a part of what is said of them.
var wrongExpressions = map[string]string{
	"":                           "column 1: expected a name, a number or (",
	"1 +":                        "column 4: expected a name, a number or (",
	"(1 + 2":                     "column 7: expected )",
	"matrix[1":                   "column 9: expected ]",
	"a.":                         "column 3: expected the name of a member",
	"1 2":                        "column 3: expected an operator or the end",
	"a # b":                      "column 3: expected a name, a number or an operator",
	"0x":                         "column 1: expected a number",
	"1 / 0":                      "division by zero",
	"1u / (unsigned)0x100000000": "division by zero",
	"1 % (char)0x100":            "division by zero",
	"1 << 77":                    "shifting",
	"nothing":                    "unknown name nothing",
	"*1":                         "is no pointer",
	"&1":                         "has no address",
	"sys::first.nam":             "did you mean",
	"$rax":                       "register rax is not known",
	"matrix[7]":                  "outside",
	"late_pointer->when":         "null",
	"never_pointer->x":           "null",
	"*(int*)8":                   "no segment",
	"sys::first + 1":             "is no number",
	"late_pointer * 2":           "cannot be applied",
	"sys::first.shared":          "ambiguous",
	"&sys::first._low":           "bit field",
	"sizeof(sys::Never)":         "not known",
	strings.Repeat("(", 3000):    "nested less",
	strings.Repeat("-", 3000):    "nested less",
	strings.Repeat("a", 5000):    "too long",
}

func TestEvalErrors(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	scope := Scope{File: f, Mem: f, Regs: unwound{}}
	for expr, want := range wrongExpressions {
		v, err := scope.Eval(expr)
		if err == nil {
			_, err = v.Uint64()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", expr, err, want)
		}
	}
	var syntax *syntax.Error
	if _, err := scope.Eval("1 + )"); !errors.As(err, &syntax) || syntax.Column != 5 {
		t.Errorf("%v", err)
	}
}

// objects is memory with three threads in a list, and lists of H_items.
func objects(t *testing.T, f *File) (Scope, []uint64) {
	thread, err := f.Type("sys::Thread")
	if err != nil {
		t.Fatal(err)
	}
	item, _ := thread.BaseOffset("cxx::D_item")
	next, _ := thread.FieldPath("_next")
	dbg, _ := thread.BaseOffset("sys::Dbg")
	id, _ := thread.FieldPath("_id")
	bits, _ := thread.FieldPath("_low")
	far, _ := thread.FieldPath("_far")
	name, _ := thread.FieldPath("_name")
	head := addrOf(t, f, "sys::Dbg::_objects")
	ths := []uint64{0x10000, 0x20000, 0x30000}
	at := map[uint64]uint64{head: ths[0] + uint64(dbg)}
	for i, a := range ths {
		at[a+uint64(next.Offset)] = ths[(i+1)%3] + uint64(item) // from one D_item to the next
		at[a+uint64(id.Offset)] = uint64(i + 1)
		at[(a+uint64(bits.Offset))&^7] = (5 | 100<<3 | 0x1d<<10) << 32
		at[a+uint64(far.Offset)] = 0xab_1234_5678_9abc // 40 of these bits count
		at[a+uint64(name.Offset)] = 0x0064616572687431 // "1thread"
	}
	return Scope{File: f, Mem: wordsAt{at, f}, Regs: unwound{}}, ths
}

func TestWalkList(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	scope, ths := objects(t, f)
	list, err := scope.Eval("sys::Dbg::_objects")
	if err != nil {
		t.Fatal(err)
	}
	got, err := WalkList(list, "_first", "_next", 100)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d elements, %v", len(got), err)
	}
	for i, v := range got {
		if id, err := v.Field("_id"); err != nil {
			t.Error(err)
		} else if n, _ := id.Uint64(); n != uint64(i+1) || v.Type.Name != "sys::Dbg" || v.Addr-ths[i] != 24 {
			t.Errorf("element %d: id %d, %s at %#x", i, n, v.Type, v.Addr)
		}
	}
	if got, err := WalkList(list, "_first", "_next", 2); err == nil || len(got) != 2 {
		t.Errorf("bound: %d elements, %v", len(got), err)
	}
	mem := scope.Mem.(wordsAt)
	thread, _ := f.Type("sys::Thread")
	next, _ := thread.FieldPath("_next")
	mem.at[ths[2]+uint64(next.Offset)] = mem.at[ths[0]+uint64(next.Offset)] // to the second, not to the first
	if got, err := WalkList(list, "_first", "_next", 100); err == nil || !strings.Contains(err.Error(), "itself") || len(got) != 3 {
		t.Errorf("cycle: %d elements, %v", len(got), err)
	}
	delete(mem.at, ths[1]+uint64(next.Offset))
	if got, err := WalkList(list, "_first", "_next", 100); err == nil || len(got) != 2 {
		t.Errorf("unreadable: %d elements, %v", len(got), err)
	}
	if _, err := WalkList(Value{}, "_first", "_next", 1); err == nil {
		t.Error("the zero value has a list")
	}
}

func TestValues(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	scope, _ := objects(t, f)
	v, err := scope.Eval("*(sys::Thread*)0x10000")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int64{"_low": 5, "_mid": 100, "_signed_bits": -3, "_far": 0x12_3456_789a_bc & 0xff_ffff_ffff, "_id + 1": 2} {
		if path == "_far" {
			want = 0x34_5678_9abc
		}
		m, err := v.Path(path)
		if err != nil {
			t.Error(err)
			continue
		}
		if n, err := m.Int64(); err != nil || n != want {
			t.Errorf("%s is %#x, %v, want %#x", path, n, err, want)
		}
	}
	if name, err := v.Path("_name"); err != nil {
		t.Error(err)
	} else if s, err := name.String(); s != "" && err != nil || err == nil && s != "1thread" {
		t.Errorf("%q, %v", s, err)
	}
	g, err := scope.Eval("greeting")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := g.String(); s != "hello" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	for expr, want := range map[string]string{
		"matrix": "{{1, 2, 3}, {4, 5, 6}}", "ratio": "1.5", "sys::Dbg::limit": "42", "sys::late": "{_vptr.Late = 0x", "sys::first.mode": "IDLE",
		"(sys::Dbg::Flags)0x201": "(FLAG_READY | FLAG_DEAD)", "(sys::Dbg::Flags)0x1200": "(FLAG_DEAD | 0x1000)", "(sys::Dbg::Flags)2": "FLAG_WAIT",
		"'a' == 97": "true", "(char)'a'": "97 'a'", "greeting": `"hello"`, "callback": "<local_static(int)>", "(int*)0": "0x0", "(Private*)0": "0x0",
	} {
		v, err := scope.Eval(expr)
		if err != nil {
			t.Error(err)
		} else if got := v.Format(3); !strings.Contains(got, want) {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
	if got := (Value{}).Format(2); got != "<no value>" {
		t.Errorf("zero value: %s", got)
	}
	if _, err := (Value{}).Path("x"); err == nil {
		t.Error("the zero value has members")
	}
}

// TestStopsAgainstGDB compares evaluation, inlined copies and backtraces with
// GDB at real stops.
func TestStopsAgainstGDB(t *testing.T) {
	for _, flag := range append([]string{"-O0", "-O1"}, dwarfVersions...) {
		f := load(t, fixture.Build(t, "calls", flag))
		for _, c := range []struct {
			fn    string
			exprs []string
		}{
			{"app::Thread::state(app::State)", []string{"s.ip", "s.sp", "this->badge", "badge"}},
			{"app::Thread::take", []string{"r.ip", "this"}},
			{"app::Thread::many", []string{"a", "b", "c", "d", "e", "f", "g", "h"}},
			{"app::leaf", []string{"depth"}},
		} {
			addr := entryOf(t, f, c.fn)
			var cmds []string
			for _, e := range c.exprs {
				// Code that is not optimised stores its parameters first.
				if flag == "-O0" {
					continue
				}
				cmds = append(cmds, "print/d (long)("+e+")")
			}
			s := stopAt(t, f, addr, append(cmds, "bt")...)
			scope := s.scope()
			for i, e := range c.exprs {
				v, err := scope.Eval(e)
				if err != nil {
					t.Errorf("%s: %v", flag, err)
					continue
				}
				n, err := v.Int64()
				if want := fmt.Sprintf("$%d = %d\n", i+1, n); err != nil || flag != "-O0" && !strings.Contains(s.log, want) {
					t.Errorf("%s: %s: %s is %d, %v; gdb says\n%s", flag, c.fn, e, n, err, s.log)
				}
				if flag == "-O0" && c.fn == "app::Thread::many" && n != int64(i+1) {
					t.Errorf("-O0: %s is %d", e, n)
				}
			}
			compareBacktrace(t, flag, s)
		}
	}
}

func compareBacktrace(t *testing.T, flag string, s *stopped) {
	t.Helper()
	frames, why := s.scope().Backtrace(20)
	var want []string
	for l := range strings.SplitSeq(s.log, "\n") {
		if strings.HasPrefix(l, "#") {
			l = strings.TrimSpace(l[3:])
			if _, after, ok := strings.Cut(l, " in "); ok && strings.HasPrefix(l, "0x") {
				l = after
			}
			name, _, _ := strings.Cut(l, " (")
			want = append(want, name)
		}
	}
	var got []string
	for _, fr := range frames {
		got = append(got, fr.Func)
		if fr.Line == 0 {
			t.Errorf("%s: %s at %#x has no line", flag, fr.Func, fr.PC)
		}
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: backtrace %q, gdb %q", flag, got, want)
	}
	if why == "" {
		t.Errorf("%s: the backtrace does not tell why it ends", flag)
	}
}

// What a clone of a function does not take any more is optimised out: DWARF 4 leads to
// the parameter of the function that it was cloned from.
func TestParameterReference(t *testing.T) {
	fr := &frame{}
	if _, err := fr.locate([]byte{0xfa, 1, 2, 3, 4, 0x9f}); !IsOptimisedOut(err) {
		t.Errorf("%v", err)
	}
}
