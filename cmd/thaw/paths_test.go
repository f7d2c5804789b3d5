package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"thaw/scenarios"
)

// oddNames are names of folders that mean something to a shell, to a glob, or to
// ourselves elsewhere.
var oddNames = []string{
	"plain", "b[1]", "b*", "b?", `b\1`, "a b", "a\nb", "-dash", "--build", "a=b", "core=b", "a@b", "a@3", "@", "a:b", "~", "größe", "\xff\xfe",
}

// pathOptions are the options of each command that take a path, all of which
// TestOddPaths tries.
var pathOptions = map[string][]string{
	"attach":      {"build", "guest", "kernel", "ram", "record", "scenario", "serial", "serve", "source", "symbols", "wire-log"}, // as snapshot, but serve
	"check":       {"build", "guest", "junit", "kernel", "ram", "record", "scenario", "serial", "source", "symbols", "wire-log"},
	"compare-gdb": {"build", "kernel"},                                                                                  // as snapshot
	"compare-jdb": {"build", "kernel", "record", "scenario", "serial", "wire-log"},                                      // as snapshot
	"doctor":      {"build", "guest", "kernel", "ram", "record", "scenario", "serial", "source", "symbols", "wire-log"}, // as snapshot
	"export":      {"cast", "core", "perfetto", "report"},
	"lab":         {"guest", "record", "scenario", "serve", "source", "wire-log"},                                       // as check, but serve
	"query-run":   {"build", "guest", "kernel", "ram", "record", "scenario", "serial", "source", "symbols", "wire-log"}, // as snapshot
	"record":      {"build", "guest", "kernel", "output", "ram", "record", "scenario", "serial", "source", "symbols", "wire-log"},
	"serve":       {"build", "kernel", "listen", "ram", "symbols"}, // as snapshot, but listen
	"snapshot":    {"build", "guest", "kernel", "ram", "record", "scenario", "serial", "source", "symbols", "wire-log"},
	"top":         {"build", "kernel", "ram"},
}

// Every option that takes a path is in the table above.
func TestPathOptions(t *testing.T) {
	pathy := regexp.MustCompile(`(?i)file|directory|folder|path|elf`)
	found := map[string][]string{}
	for _, c := range newRoot().Commands() {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "string" || f.Value.Type() == "stringArray" {
				if name, usage := pflag.UnquoteUsage(f); pathy.MatchString(name) || pathy.MatchString(usage) && name == "address" || f.Name == "scenario" {
					found[c.Name()] = append(found[c.Name()], f.Name)
				}
			}
		})
	}
	for name, options := range found {
		slices.Sort(options)
		if c, _, err := newRoot().Find([]string{name}); err == nil && c.Hidden {
			continue
		}
		if !slices.Equal(options, pathOptions[name]) {
			t.Errorf("%s has %q, the table %q", name, options, pathOptions[name])
		}
	}
	if len(found) < len(pathOptions) {
		t.Errorf("of %d commands only %d have such options", len(pathOptions), len(found))
	}
}

// Paths are paths, whatever is in their names: relative and through a link.
func TestOddPaths(t *testing.T) {
	t.Parallel()
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	vm := runningLab(t)
	all := t.TempDir()
	elsewhere := filepath.Join(all, "elsewhere")
	if err := os.Mkdir(elsewhere, 0o700); err != nil {
		t.Fatal(err)
	}
	// What a pattern would find instead is empty.
	for _, decoy := range []string{"b1", "bx", "ba", "bb", "b"} {
		if err := os.Mkdir(filepath.Join(all, decoy), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range oddNames {
		dir := filepath.Join(all, name)
		linked(t, dir)
		for file, data := range map[string][]byte{"serial": nil, "scenario.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(strings.TrimPrefix(vm.GDB(), "unix:"), filepath.Join(dir, "gdb.sock")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..", name), filepath.Join(elsewhere, name)); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			oddPath(t, all, name)
			if name == oddNames[1] {
				oddPath(t, elsewhere, name)
			}
		})
	}
}

// oddPath runs the commands in a folder with paths that begin with a name.
func oddPath(t *testing.T, dir, name string) {
	in := func(args ...string) {
		t.Helper()
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil && cmd.ProcessState.ExitCode() != exitUnexpected {
			t.Errorf("%q in %s: %v: %s", args, dir, err, out)
		}
	}
	at := func(file string) string { return name + "/" + file }
	made := []string{"wire", "bug.thaw", "report.md", "ep.core", "result.xml"}
	in("snapshot", "--build", name, "--kernel", at("fiasco.image"), "--symbols", at("core"), "--symbols", "rtcr="+at("rtcr"), "--source", name,
		"--scenario", at("scenario.yaml"), "--serial", at("serial"), "--wire-log", at("wire"), "--record", at("bug.thaw"), "--title", name, "--", at("gdb.sock"))
	in("top", "--once", "--build", name, "--kernel", at("fiasco.image"), "--", at("gdb.sock"))
	in("export", "--report", at("report.md"), "--core", at("ep.core"), "--", at("bug.thaw"))
	in("check", "--junit", at("result.xml"), "--", at("bug.thaw"))
	in("snapshot", "--", at("bug.thaw@1"))
	in("diff", "--", at("bug.thaw"), at("bug.thaw@1"))
	for _, file := range made {
		path := filepath.Join(dir, name, file)
		if st, err := os.Lstat(path); err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
			t.Errorf("%q is not there, or empty: %v", path, err)
		}
		os.Remove(path)
	}
}

// What a name begins with is no option and no program: a file that is there
// counts.
func TestSymbolsArg(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("a=b", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"a=b/core", "c=d"} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for arg, want := range map[string][2]string{
		"core": {"", "core"}, "x=core": {"x", "core"}, "x=a=b/core": {"x", "a=b/core"}, "a=b/core": {"", "a=b/core"}, "c=d": {"", "c=d"},
		"./a=b/missing": {"", "./a=b/missing"}, "core=": {"core", ""}, "x=/y": {"x", "/y"},
	} {
		if name, path := symbolsArg(arg); [2]string{name, path} != want {
			t.Errorf("%s: %q, not %q", arg, [2]string{name, path}, want)
		}
	}
}
