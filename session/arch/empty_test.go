package arch_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"thaw/session/arch"
)

// Functions that do nothing, and such that do something, as compilers make them.
const functions = `
struct State { unsigned long ip, sp, regs[22]; };
struct Thread { long kept; void empty(State); void one(State); void calls(State); void reads(State *); };
long sink; void other();
void Thread::empty(State) { }
void Thread::one(State s) { kept = s.ip; }
void Thread::calls(State) { other(); }
void Thread::reads(State *s) { s->ip = 1; }
`

// A function is empty where its instructions say so, by whatever compiler.
func TestReturnsAtOnce(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "functions.cc")
	if err := os.WriteFile(source, []byte(functions), 0o600); err != nil {
		t.Fatal(err)
	}
	of := func(cxx string, flags ...string) map[string]bool {
		out := filepath.Join(dir, "functions.o")
		if text, err := exec.Command(cxx, append(flags, "-c", "-o", out, source)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		f, err := elf.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		is, err := arch.Of(f.Machine)
		if err != nil {
			t.Fatal(err)
		}
		syms, err := f.Symbols()
		if err != nil {
			t.Fatal(err)
		}
		empty := map[string]bool{}
		for _, s := range syms {
			if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
				code, err := f.Sections[s.Section].Data()
				if err != nil {
					t.Fatal(err)
				}
				empty[s.Name] = is.ReturnsAtOnce(code[s.Value:])
			}
		}
		return empty
	}
	for _, c := range []struct {
		cxx   string
		flags []string
	}{
		{"g++", []string{"-O2"}}, {"g++", []string{"-O0"}}, {"g++", []string{"-O2", "-fcf-protection"}}, {"clang++", []string{"-O0"}}, {"clang++", []string{"-Os"}},
		{"aarch64-linux-gnu-g++", []string{"-O2"}}, {"aarch64-linux-gnu-g++", []string{"-O2", "-mbranch-protection=bti"}},
	} {
		if _, err := exec.LookPath(c.cxx); err != nil {
			t.Logf("not tried: %v", err)
			continue
		}
		for name, empty := range of(c.cxx, c.flags...) {
			if want := name == "_ZN6Thread5emptyE5State"; empty != want {
				t.Errorf("%s %v: %s is empty: %v", c.cxx, c.flags, name, empty)
			}
		}
	}
	if (arch.Arch{}).ReturnsAtOnce([]byte{0xc3}) || x86.ReturnsAtOnce(nil) || x86.ReturnsAtOnce([]byte{0x90}) || x86.ReturnsAtOnce([]byte{0xf3}) {
		t.Error("what is not known is taken for empty")
	}
}
