package debuginfo

import (
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

func TestFunctions(t *testing.T) {
	for _, flag := range dwarfVersions {
		f := load(t, fixture.Build(t, "calls", flag))
		for _, c := range []struct {
			name, sig, params string
			kinds             string // of the locations
		}{
			{"app::Thread::state(app::State)", "app::Thread::state(app::State)", "s", "entry"},
			{"app::Thread::state()", "app::Thread::state() const", "", "entry"},
			{"app::Thread::state() const", "app::Thread::state() const", "", "entry"},
			{"app::Thread::take(app::Small, const app::State&)", "app::Thread::take(app::Small, app::State const&)", "s r", "entry"},
			{"app::Thread::take(app::Small, app::State const &)", "app::Thread::take(app::Small, app::State const&)", "s r", "entry"},
			{"app::Thread::many", "app::Thread::many(int, int, int, int, int, int, int, long)", "a b c d e f g h", "entry"},
			{"app::Thread::small", "app::Thread::small(int)", "x", "inlined"},
			{"app::always", "app::always(int, int)", "mode x", "clone"},
			{"app::rare", "app::rare(app::Thread*, long int)", "t v", "clone inlined inlined inlined"},
			{"app::unused_parameter(int, int)", "app::unused_parameter(int, int)", "used ", "entry"},
			{"run", "run()", "", "entry"},
		} {
			fns, err := f.Functions(c.name)
			if err != nil || len(fns) != 1 {
				t.Errorf("%s: %s: %+v, %v", flag, c.name, fns, err)
				continue
			}
			fn := fns[0]
			var kinds []string
			for _, l := range fn.Locations {
				kinds = append(kinds, l.Kind.String())
				if l.Kind == Inlined && l.InlinedInto != "run" {
					t.Errorf("%s: %s is inlined into %s", flag, c.name, l.InlinedInto)
				}
				if stack := f.InlineStackAt(l.Addr); l.Kind == Inlined && (len(stack) < 2 || stack[len(stack)-1] != "run" || !strings.Contains(strings.Join(stack, " "), fn.Name)) {
					t.Errorf("%s: %s at %#x is in %v", flag, c.name, l.Addr, stack)
				}
				if l.Kind == Inlined {
					continue
				}
				if name, off, ok := f.FunctionAt(l.Addr); name != fn.Name || off != 0 || !ok {
					t.Errorf("%s: FunctionAt(%#x) is %s+%d, want %s", flag, l.Addr, name, off, fn.Name)
				}
			}
			if fn.Signature != c.sig || strings.Join(fn.Params, " ") != c.params || strings.Join(kinds, " ") != c.kinds {
				t.Errorf("%s: %s: signature %q, parameters %q, locations %q", flag, c.name, fn.Signature, fn.Params, kinds)
			}
		}
		if fns, err := f.Functions("app::Thread::state"); err != nil || len(fns) != 2 {
			t.Errorf("%s: overloads: %+v, %v", flag, fns, err)
		}
	}
}

func TestUnknownFunction(t *testing.T) {
	f := load(t, fixture.Build(t, "calls"))
	for name, want := range map[string]string{
		"app::Thread::stat":       "did you mean app::Thread::state",
		"Thread::state":           "did you mean app::Thread::state",
		"app::Thread::state(int)": "did you mean app::Thread::state() const or app::Thread::state(app::State)",
		"":                        "no function",
		"app::":                   "no function",
		"(((":                     "no function",
		"app::Thread":             "no function",
	} {
		if fns, err := f.Functions(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", name, fns, err)
		}
	}
}

// TestCold checks that every place found is the start of a function symbol,
// unless it is inlined.
func TestEntriesAreSymbols(t *testing.T) {
	f := load(t, fixture.Build(t, "calls"))
	for _, name := range []string{"app::rare", "app::always", "app::leaf"} {
		fns, err := f.Functions(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range fns[0].Locations {
			if s, off, ok := f.SymbolAt(l.Addr); l.Kind != Inlined && (!ok || off != 0 || s.Raw != l.Symbol) {
				t.Errorf("%s: %+v is %s+%d", name, l, s.Raw, off)
			}
		}
	}
}

func TestLines(t *testing.T) {
	for _, flag := range dwarfVersions {
		f := load(t, fixture.Build(t, "calls", flag))
		fns, err := f.Functions("app::leaf")
		if err != nil {
			t.Fatal(err)
		}
		addr := fns[0].Locations[0].Addr
		file, line, ok := f.LineAt(addr)
		if !ok || !strings.HasSuffix(file, "testdata/calls.cc") || line == 0 {
			t.Fatalf("%s: %s:%d %v", flag, file, line, ok)
		}
		found := false
		for _, a := range f.AddrsForLine("calls.cc", line) {
			found = found || a == addr
			if _, l, _ := f.LineAt(a); l != line {
				t.Errorf("%s: %#x is of line %d, not %d", flag, a, l, line)
			}
		}
		if !found {
			t.Errorf("%s: %#x is not among the addresses of line %d", flag, addr, line)
		}
		if _, _, ok := f.LineAt(1); ok {
			t.Errorf("%s: a line at 1", flag)
		}
		none := 1
		for len(f.AddrsForLine("calls.cc", none)) > 0 || len(f.AddrsForLine("calls.cc", none+1)) == 0 {
			none++
		}
		if n := f.NearLine("calls.cc", none); n != none+1 {
			t.Errorf("%s: line %d is near %d, which has no code; %d has some", flag, n, none, none+1)
		}
		if n := f.NearLine("calls.cc", 100_000); n != 0 {
			t.Errorf("%s: line %d is near 100000", flag, n)
		}
		if as := f.AddrsForLine("alls.cc", line); len(as) > 0 {
			t.Errorf("%s: part of a file name matches: %#x", flag, as)
		}
	}
}

func TestSymbolsWithoutDWARF(t *testing.T) {
	f := load(t, fixture.Build(t, "calls", "-g0"))
	if f.HasDWARF() {
		t.Fatal("built with -g0")
	}
	fns, err := f.Functions("app::Thread::state")
	if err != nil || len(fns) != 2 {
		t.Errorf("%+v, %v", fns, err)
	}
	if fns, err = f.Functions("app::rare"); err != nil || len(fns) != 1 || fns[0].Locations[0].Kind != Clone {
		t.Errorf("%+v, %v", fns, err)
	}
	if _, err := f.Type("app::Thread"); err == nil || !strings.Contains(err.Error(), "build with -g") {
		t.Errorf("%v", err)
	}
	if name, off, ok := f.FunctionAt(fns[0].Locations[0].Addr + 2); name != "app::rare" || off != 2 || !ok {
		t.Errorf("%s+%d %v", name, off, ok)
	}
}
