package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thaw/debuginfo"
)

// What a program lacks in debug info is asked of debuginfod by its build id, where the
// user names servers of it: for a file that was named, and for one of a build directory, as
// a last resort there.
func TestDebuginfod(t *testing.T) {
	dir, keeps, tools := t.TempDir(), t.TempDir(), t.TempDir()
	path, debug, source := filepath.Join(dir, "init"), filepath.Join(keeps, "debuginfo"), filepath.Join(keeps, "init.cc")
	if err := os.WriteFile(source, []byte("struct Pd { int id; } pd; int main() { return pd.id; }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][]string{
		{"g++", "-g", "-Wl,--build-id=0x0123456789abcdef", source, "-o", path},
		{"objcopy", "--only-keep-debug", path, debug},
		{"strip", path},
	} {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", c, err, out)
		}
	}
	// knows is a debuginfod-find whose servers know one build id.
	knows := func(id string) {
		t.Helper()
		script := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = 'debuginfo %s' ] && echo '%s'\n", id, debug)
		if err := os.WriteFile(filepath.Join(tools, "debuginfod-find"), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o := &programFiles{noCache: true}
	ways := map[string]func() (*debuginfo.File, error){
		"named":                func() (*debuginfo.File, error) { return o.loadNamed(path) },
		"in a build directory": func() (*debuginfo.File, error) { return o.findIn(dir, []string{"init"}) },
	}
	check := func(what string, says ...string) {
		t.Helper()
		for way, load := range ways {
			f, err := load()
			if len(says) > 0 {
				for _, s := range append(says, path+" has no debug info") {
					if err == nil || f != nil || !strings.Contains(err.Error(), s) {
						t.Errorf("%s, %s: %v, want %q", way, what, err, s)
					}
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", way, what, err)
			} else if _, err := f.Type("Pd"); err != nil {
				t.Errorf("%s, %s: %v", way, what, err)
			}
		}
	}
	old := os.Getenv("PATH")
	t.Setenv("DEBUGINFOD_URLS", "")
	t.Setenv("PATH", tools+":"+old)
	knows("0123456789abcdef")
	check("nobody names a server", "unstripped file")
	t.Setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9")
	check("a server has it")
	knows("ff")
	check("no server has it", "build id 0123456789abcdef")
	t.Setenv("PATH", t.TempDir())
	check("debuginfod-find is not there", "install debuginfod")
}
