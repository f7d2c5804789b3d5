package containers

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/fixture"
)

// data is a variable's memory.
type data struct {
	at    uint64
	bytes []byte
}

func (d data) ReadMemory(addr uint64, buf []byte) error {
	if addr < d.at || addr+uint64(len(buf)) > d.at+uint64(len(d.bytes)) {
		return fmt.Errorf("nothing at %#x", addr)
	}
	copy(buf, d.bytes[addr-d.at:])
	return nil
}

// built are programs that were built, by their flags.
var built = map[string]debuginfo.Scope{}

// boxes builds testdata/boxes.cc and runs it: the scope of its data.
func boxes(t *testing.T, flag string) debuginfo.Scope {
	t.Helper()
	if s, ok := built[flag]; ok {
		return s
	}
	prog := fixture.Compile(t, "g++", "testdata/boxes.cc", flag, "-O1", "-std=c++20", "-no-pie", "-fno-pie", "-Wno-invalid-offsetof")
	out, err := exec.Command(prog).Output()
	if err != nil {
		t.Fatal(err)
	}
	f, err := debuginfo.Load(prog, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	v, err := f.Variable("all")
	if err != nil {
		t.Fatal(err)
	}
	built[flag] = debuginfo.Scope{File: f, Mem: data{v.Addr, out}}
	return built[flag]
}

func TestWalk(t *testing.T) {
	for _, flags := range []string{"-gdwarf-5", "-gdwarf-4"} {
		scope := boxes(t, flags)
		for _, c := range []struct{ expr, member, elem, want string }{
			{"list", "ip", "State", "35 25"},
			{"fifo", "ip", "State", "25 35"},
			{"tree", "ip", "State", "10 15 20 30"},
			{"wrapped", "ip", "State", "20 10"},
			{"dictionary", "ip", "Entry", "1 2"},
			{"registry", "ip", "State", "15 30"},
			{"ids", "ip", "Twice", "3 1 2"},
			{"twice", "ip", "Twice", "1 2 3"},
			{"constructed", "ip", "State", "5"},
			{"none", "ip", "State", ""},
			{"array", "ip", "State", "1 2 3 4"},
			{"pointers", "ip", "State", "1 2"},
			{"chain", "ip", "", "11 12"},
			{"reference", "ip", "State", "10 15 20 30"},
			{"pointer", "ip", "State", "10 15 20 30"},
			{"empty", "ip", "State", ""},
			{"sessions", "kept[2] != 0", "Session", "0 1"},
		} {
			v, err := scope.Eval("all.box." + c.expr)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Walk(v, 100)
			if err != nil {
				t.Errorf("%s: %v", c.expr, err)
			}
			var ips []string
			for _, e := range got {
				m, err := e.Path(c.member)
				if err != nil {
					t.Fatalf("%s: %v", c.expr, err)
				}
				n, err := m.Uint64()
				if err != nil {
					t.Fatalf("%s: %v", c.expr, err)
				}
				ips = append(ips, fmt.Sprint(n))
			}
			if strings.Join(ips, " ") != c.want {
				t.Errorf("%s %v: %v, want %s", c.expr, flags, ips, c.want)
			}
			elem, ok := Element(v.Type)
			if c.elem == "" {
				elem, ok = Chained(v.Type)
				c.elem = "Chain"
			}
			if !ok || elem.Name != c.elem {
				t.Errorf("%s holds %v, %v, want %s", c.expr, elem, ok, c.elem)
			}
		}
	}
}

// A tree of Avl_string_base does not tell what its elements are: they are of the class
// that the caller names.
func TestAvlString(t *testing.T) {
	scope := boxes(t, "-gdwarf-5")
	v, err := scope.Eval("all.box.strings")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Walk(v, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		n, err := As(e, scope.File, "Named")
		if err != nil {
			t.Fatal(err)
		}
		name, err := n.Path("_str_buf")
		if err != nil {
			t.Fatal(err)
		}
		text, err := name.String()
		ip, ierr := n.Path("ip")
		if err != nil || ierr != nil {
			t.Fatal(err, ierr)
		}
		num, _ := ip.Uint64()
		got = append(got, fmt.Sprint(text, num))
	}
	if want := []string{"child9", "ep7", "signal8"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if _, err := As(all[0], scope.File, "Other"); err == nil || !strings.Contains(err.Error(), "Other") {
		t.Errorf("an unrelated class: %v", err)
	}
}

// Memory may hold anything: a walk ends, keeps what it found, and says what was wrong.
func TestHostile(t *testing.T) {
	scope := boxes(t, "-gdwarf-5")
	for _, c := range []struct {
		expr string
		max  int
		n    int
		want string
	}{
		{"wild", 10, 0, "0xdead0008"},
		{"tree", 2, 0, "more than 2"},
		{"list", 1, 1, "more than 1"},
		{"array", 3, 2, "more than 3"},
		{"number", 10, 0, "no container"},
		{"constructed", 10, 1, ""},
	} {
		v, err := scope.Eval("all.box." + c.expr)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Walk(v, c.max)
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.expr, err, c.want)
		}
		if len(got) < c.n || len(got) > c.max {
			t.Errorf("%s: %d elements, want %d to %d", c.expr, len(got), c.n, c.max)
		}
	}
}
