package debuginfo

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thaw/debuginfo/elffile"
)

const formsSource = `namespace sys { struct Thread { int id; Thread *next; }; Thread first; int add(Thread *t, int x) { return t->id + x; } }
int main(int c, char **) { return sys::add(&sys::first, c); }
`

// built builds a program in a folder of its own.
func built(t testing.TB, flags ...string) string {
	t.Helper()
	return builtBy(t, "g++", flags...)
}

func builtBy(t testing.TB, compiler string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "a.cc")
	if err := os.WriteFile(source, []byte(formsSource), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a")
	command(t, dir, compiler, append(flags, "-g", "-Wl,--build-id", source, "-o", path)...)
	return path
}

func command(t testing.TB, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q (`make deps` installs it): %v\n%s", name, args, err, out)
	}
}

// What is not read is refused in one sentence, which names the compiler's option.
func TestForms(t *testing.T) {
	dwz := built(t, "-gdwarf-4")
	for _, name := range []string{"b", "c"} {
		command(t, filepath.Dir(dwz), "cp", "a", name)
	}
	command(t, filepath.Dir(dwz), "dwz", "-m", "shared.debug", "b", "c")
	split := built(t, "-gdwarf-5", "-gsplit-dwarf")
	dwo, err := filepath.Glob(filepath.Join(filepath.Dir(split), "*.dwo"))
	if err != nil || len(dwo) != 1 {
		t.Fatalf("%q, %v", dwo, err)
	}
	for name, c := range map[string]struct{ path, says string }{
		"type units, DWARF 4": {built(t, "-gdwarf-4", "-fdebug-types-section"), "build with -fno-debug-types-section"},
		"type units, DWARF 5": {built(t, "-gdwarf-5", "-fdebug-types-section"), "build with -fno-debug-types-section"},
		"split, DWARF 4":      {built(t, "-gdwarf-4", "-gsplit-dwarf"), "build without -gsplit-dwarf"},
		"split, DWARF 5":      {split, "build without -gsplit-dwarf"},
		"the split-off part":  {dwo[0], "give the program"},
		"64 bits, clang":      {builtBy(t, "clang++", "-gdwarf-5", "-gdwarf64"), "build without -gdwarf64"},
		"shared parts":        {filepath.Join(filepath.Dir(dwz), "b"), "before dwz -m"},
	} {
		f, err := Load(c.path, "", nil)
		if f != nil || !errors.Is(err, elffile.ErrForm) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, flag := range []string{"-gdwarf-4", "-gdwarf-5"} {
		f, err := Load(built(t, flag), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Type("sys::Thread"); err != nil {
			t.Error(err)
		}
	}
}

// Debug info in a folder by build id.
func TestBuildIDFolder(t *testing.T) {
	path := built(t)
	e, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	id := elffile.BuildID(e)
	e.Close()
	dir := filepath.Join(filepath.Dir(path), ".build-id", id[:2])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	debug := filepath.Join(dir, id[2:]+".debug")
	command(t, "", "objcopy", "--only-keep-debug", path, debug)
	command(t, "", "strip", path)
	f, err := Load(path, "", nil)
	if err != nil || f.DebugPath() != debug {
		t.Fatalf("%v, %v", f, err)
	}
	if _, err := f.Type("sys::Thread"); err != nil {
		t.Error(err)
	}
}
