package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"thaw/cast"
	"thaw/testwait"
)

// endsWithin is how long a command may take to end after SIGTERM, whatever it waits
// for.
const endsWithin = 2 * time.Second

// waiting starts a command that will wait for something for ever; until says when
// it does.
type waiting struct {
	args  []string
	env   []string // besides what the test has
	until func(t *testing.T, w *waiting) bool
	out   *os.File // the end of its standard output that nobody reads
	cmd   *exec.Cmd
}

// listens says that signals are caught: what comes next needs nothing else.
func listens(t *testing.T, w *waiting) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var caught uint64
	_, line, _ := strings.Cut(string(status), "SigCgt:")
	if _, err := fmt.Sscanf(line, "%x", &caught); err != nil {
		t.Fatal(err)
	}
	return caught&(1<<(syscall.SIGTERM-1)) != 0 && asleep(w.cmd.Process.Pid)
}

// asleep says that all threads of a process wait.
func asleep(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, f := range files {
		text, err := os.ReadFile(f)
		if i := bytes.LastIndexByte(text, ')'); err == nil && (i < 0 || !bytes.HasPrefix(text[i:], []byte(") S"))) {
			return false
		}
	}
	return len(files) > 0
}

// full says that the pipe of its output takes nothing more.
func full(t *testing.T, w *waiting) bool {
	n, err := unix.IoctlGetInt(int(w.out.Fd()), unix.TIOCINQ)
	if err != nil {
		t.Fatal(err)
	}
	return n > pipeSize-longestLine && asleep(w.cmd.Process.Pid)
}

const pipeSize, longestLine = 4096, 512

// Every command ends soon when it is told to.
func TestEndsWhenToldTo(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := syscall.Mkfifo(at("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	stub, build := mute(t), []string{"--build", guestDir}
	real, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Fatal(err)
	}
	hangs := []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	for _, name := range []string{"qemu-system-x86_64", "qemu-img"} {
		// What a program has started holds its output, even if it is ended itself.
		if err := os.WriteFile(at(name), []byte("#!/bin/sh\n[ $1 = --version ] && [ $THAW_QEMU ] && exec $THAW_QEMU --version\n: >$0.$THAW_CASE\nsleep 20\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ran := func(file string) func(*testing.T, *waiting) bool {
		return func(*testing.T, *waiting) bool { _, err := os.Stat(at(file)); return err == nil }
	}
	for name, w := range map[string]waiting{
		"attach a mute stub":     {args: append([]string{"attach", stub}, build...), until: listens},
		"snapshot a mute stub":   {args: append([]string{"snapshot", stub}, build...), until: listens},
		"check a mute stub":      {args: append([]string{"check", stub}, build...), until: listens},
		"record a mute stub":     {args: append([]string{"record", stub, "-o", at("bug.thaw")}, build...), until: listens},
		"doctor and a mute stub": {args: append([]string{"doctor", stub}, build...), until: listens},
		"query-run":              {args: append([]string{"query-run", stub, "pc"}, build...), until: listens},
		"scenario new":           {args: append([]string{"scenario", "new", "--from-run", stub}, build...), until: listens},
		"version of QEMU":        {args: []string{"version"}, env: append(hangs, "THAW_CASE=version"), until: ran("qemu-system-x86_64.version")},
		"doctor of QEMU":         {args: []string{"doctor"}, env: append(hangs, "THAW_CASE=doctor"), until: ran("qemu-system-x86_64.doctor")},
		"qemu-img":               {args: onLab("query-run", "lab", "pc"), env: append(hangs, "THAW_QEMU="+real, "THAW_CASE=image"), until: ran("qemu-img.image")},
		"compare-jdb":            {args: append([]string{"compare-jdb", stub, "--serial", mute(t)}, build...), until: listens},
		"replay a pipe":          {args: []string{"replay", at("pipe")}, until: listens},
		"demo of a pipe":         {args: []string{"demo", at("pipe")}, until: listens},
		"export a pipe":          {args: []string{"export", at("pipe"), "--report", "-"}, until: listens},
		"diff of a pipe":         {args: []string{"diff", "fixed", at("pipe")}, until: listens},
		"serve a pipe":           {args: []string{"serve", at("pipe")}, until: listens},
		"serve":                  {args: []string{"serve", "fixed", "--listen", at("s")}, until: listens},
		"check a pipe":           {args: []string{"check", at("pipe")}, until: listens},
		"snapshot for nobody":    {args: []string{"snapshot", "rtcr-2016", "--caps"}, until: full},
		"check for nobody":       {args: []string{"check", "rtcr-2016", "--json"}, until: full},
		"export for nobody":      {args: []string{"export", "rtcr-2016", "--report", "-"}, until: full},
		"diff for nobody":        {args: []string{"diff", "rtcr-2016@1", "rtcr-2016", "--json"}, until: full},
		"list for nobody":        {args: []string{"list", "--long"}, until: full},
	} {
		t.Run(name, func(t *testing.T) { w.ends(t) })
	}
}

// ends runs the command until it waits, and tells it to end.
func (w *waiting) ends(t *testing.T) {
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer out.Close()
	if _, err := unix.FcntlInt(out.Fd(), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		t.Fatal(err)
	}
	w.out, w.cmd = r, exec.Command(program, w.args...)
	var stderr bytes.Buffer
	w.cmd.Stdout, w.cmd.Stderr, w.cmd.Env = out, &stderr, append(os.Environ(), w.env...)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { w.cmd.Wait(); close(ended) }()
	t.Cleanup(func() { w.cmd.Process.Kill(); testwait.For(t, ended, "the killed process to end") })
	poll(t, "it to wait", func() bool {
		select {
		case <-ended:
			t.Fatalf("%q ended by itself: %v: %s", w.args, w.cmd.ProcessState, &stderr)
		default:
		}
		return w.until(t, w)
	})
	begin := time.Now()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(limit):
		t.Fatalf("%q goes on for %v", w.args, limit)
	}
	if took := time.Since(begin); took > endsWithin {
		t.Errorf("%q ended after %v", w.args, took)
	}
	if code := w.cmd.ProcessState.ExitCode(); code != exitFailed && w.args[0] != "serve" {
		t.Errorf("%q: %v: %s", w.args, w.cmd.ProcessState, &stderr)
	}
}

// Filming ends when told to, even while it waits for what will not be drawn any more.
func TestFilmEnds(t *testing.T) {
	t.Parallel()
	screen, err := cast.NewScreen(80, 24)
	if err != nil {
		t.Fatal(err)
	}
	film, err := cast.NewFilm(io.Discard, screen, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), endsWithin/4)
	defer cancel()
	begin := time.Now()
	if err := walk(ctx, film, screen, &drawing{}, 2); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > endsWithin {
		t.Errorf("after %v: %v", time.Since(begin), err)
	}
}

// What stands where something is to be written is refused at once if it is no plain
// file, and what is read is not overwritten.
func TestOutputPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join("..", "..", "scenarios", "recordings", "fixed.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	bug, md := filepath.Join(dir, "bug.thaw"), filepath.Join(dir, "bug.md")
	for _, file := range []string{bug, md} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(".", filepath.Join(dir, "loop")); err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(dir, "pipe.md")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ram := filepath.Join(dir, "ram")
	if err := os.WriteFile(ram, data, 0o600); err != nil {
		t.Fatal(err)
	}
	kernel := filepath.Join(dir, "fiasco.image")
	image, err := os.ReadFile(filepath.Join(guestDir, "fiasco.image"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(kernel, image, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"is a pipe", []string{"export", "fixed", "--report", pipe, "--force"}},
		{"is a pipe", []string{"export", "fixed", "--core", pipe, "--force"}},
		{"is a pipe", []string{"export", "fixed", "--cast", pipe, "--force"}},
		{"is a pipe", []string{"check", "fixed", "--junit", pipe, "--force"}},
		{"is a pipe", onLab("check", "lab", "--record", pipe, "--force")},
		{"is a pipe", onLab("check", "lab", "--wire-log", pipe, "--force")},
		{"in use by this very command", []string{"export", md, "--report", md, "--force"}},
		{"in use by this very command", []string{"export", bug, "--core", bug, "--force"}},
		{"in use by this very command", []string{"check", bug, "--junit", bug, "--force"}},
		{"in use by this very command", []string{"export", bug, "--report", filepath.Join(dir, "new.md"), "--core", filepath.Join(dir, "new.md"), "--force"}},
		{"in use by this very command", []string{"check", bug, "--junit", filepath.Join(dir, "loop", "bug.thaw"), "--force"}},
		{"in use by this very command", []string{"snapshot", frozenLab(t).GDB(), "--build", guestDir, "--ram", ram, "--wire-log", ram, "--force"}},
		{"in use by this very command", []string{"check", frozenLab(t).GDB(), "--kernel", kernel, "--build", guestDir, "--record", kernel, "--force", "--scenario", "none", "--for", "5s"}},
	} {
		if r := thaw(t, c.args...); r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%q: exit code %d: %s", c.args, r.code, r.stderr)
		}
	}
	for file, want := range map[string][]byte{bug: data, md: data, ram: data, kernel: image} {
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is another one now: %v", file, err)
		}
	}
}

// What cannot be written is told before the work, and the report that was asked for is
// made even if nobody reads what is printed.
func TestOutputsFirst(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "old.md")
	if err := os.WriteFile(old, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(old)
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, args := range [][]string{
		{"check", "fixed", "--junit", old},
		{"check", "fixed", "--junit", at("none/new.xml")},
		{"export", "fixed", "--core", at("new.core"), "--report", at("new.md"), "--cast", old},
		{"export", "fixed", "--core", at("new.core"), "--perfetto", at("none/new.json")},
		onLab("scenario", "new", "--from-run", "lab", "--out", old),
	} {
		if r := thaw(t, args...); r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) {
			t.Errorf("%q: exit code %d: %s%s", args, r.code, r.stderr, r.stdout)
		}
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd := exec.Command(program, "check", "fixed", "--junit", at("new.xml"))
	cmd.Stdout = full
	if err := runEnd(t, cmd); cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("check for a full disk: %v", err)
	}
	if text, err := os.ReadFile(at("new.xml")); err != nil || !bytes.Contains(text, []byte("</testsuites>")) {
		t.Errorf("%v: %s", err, text)
	}
}

// A socket is made where nothing stands, and else it is told what to do.
func TestServeElsewhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(file, []byte("another's"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{file: "what stands there is left alone", file + strings.Repeat("x", 107): "107 bytes at most"} {
		if r := thaw(t, "serve", "fixed", "--listen", path); r.code != exitFailed || !strings.Contains(r.stderr, says) {
			t.Errorf("%s: exit code %d: %s", path, r.code, r.stderr)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "another's" {
		t.Errorf("%q, %v", text, err)
	}
}

// serve removes its own socket, and nothing that took its place.
func TestServeRemovesItsOwn(t *testing.T) {
	t.Parallel()
	for _, replaced := range []bool{false, true} {
		socket := filepath.Join(t.TempDir(), "s")
		cmd := exec.Command(program, "serve", "fixed", "--listen", socket)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cmd.Process.Kill() })
		poll(t, "its socket", func() bool {
			st, err := os.Lstat(socket)
			return err == nil && st.Mode().Perm() == 0o600
		})
		if replaced {
			if err := os.Remove(socket); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(socket, []byte("another's"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		waitEnd(t, cmd)
		if _, err := os.Lstat(socket); (err == nil) != replaced {
			t.Errorf("replaced: %v, then %v", replaced, err)
		}
	}
}
