package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"thaw/scenarios"
	"thaw/session/scenario"
)

// linked makes a folder with links to the lab guest's files.
func linked(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(guestDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fiasco.image", "core", "rtcr", "sheep_counter"} {
		if err := os.Symlink(filepath.Join(abs, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// clutter fills a build directory with what must not be read: pipes, of which
// reading waits, sockets, links in circles, a disk image, and thousands of files.
func clutter(t *testing.T, dir string) {
	t.Helper()
	for _, sub := range []string{"bin", "debug", "var/run", "core.d"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
		at := func(name string) string { return filepath.Join(dir, sub, name) }
		for _, pipe := range []string{"serial.in", "a.debug", "a.core", "kernel"} {
			if err := syscall.Mkfifo(at(pipe), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("loop", at("loop")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(".", at("here")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/zero", at("zeros.core")); err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("unix", at("s"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	image, err := os.Create(filepath.Join(dir, "bin", "disk.img"))
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	if err := image.Truncate(64 << 30); err != nil { // no room is taken
		t.Fatal(err)
	}
	for i := range 10000 {
		if err := os.WriteFile(filepath.Join(dir, "bin", fmt.Sprintf("a%05d", i)), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClutteredBuildDirectory(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "thaw-build-") // short, for the sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	clutter(t, dir)
	for _, name := range []string{"fiasco.image", "core", "rtcr", "sheep_counter"} { // behind all others
		abs, err := filepath.Abs(filepath.Join(guestDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(abs, filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := (&options{scenario: scenarios.Default}).loadScenario(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, load := range map[string]func(*options, *scenario.Scenario) (int, error){
		"all": func(o *options, s *scenario.Scenario) (int, error) { f, err := o.loadAll(s); return len(f), err },
		"scenario": func(o *options, s *scenario.Scenario) (int, error) {
			f, err := o.loadFiles(s, o.build)
			return len(f), err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		defer cancel()
		begin := time.Now()
		n, err := await(ctx, name, func() (int, error) { return load(&options{programFiles: programFiles{build: dir}}, s) })
		if err != nil || n != 4 {
			t.Errorf("%s: %d files: %v", name, n, err)
		}
		t.Logf("%s: %v", name, time.Since(begin))
	}
}

// What is left out is told in one sentence.
func TestUntoldPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	linked(t, dir)
	if paths, untold := buildDir(dir).programs(); len(paths) != 4 || untold != "" {
		t.Errorf("%d programs, %q", len(paths), untold)
	}
	core, err := filepath.Abs(filepath.Join(guestDir, "core"))
	if err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, []byte("\x7fELF"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, maxProgram+1); err != nil { // no room is taken
		t.Fatal(err)
	}
	paths, untold := buildDir(dir).programs()
	if want := "1 program left out for more than 512 MiB, the first: " + huge + "; name what you need with --symbols FILE"; len(paths) != 4 || !strings.Contains(untold, want) {
		t.Errorf("%d programs, %q", len(paths), untold)
	}
	for i := range maxPrograms {
		if err := os.Symlink(core, filepath.Join(dir, fmt.Sprintf("p%d", i))); err != nil {
			t.Fatal(err)
		}
	}
	paths, untold = buildDir(dir).programs()
	if want := fmt.Sprintf("4 programs beyond the first %d are left out, ", maxPrograms); len(paths) != maxPrograms || !strings.Contains(untold, want) {
		t.Errorf("%d programs, %q", len(paths), untold)
	}
}
