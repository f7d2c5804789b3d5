package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mute listens and never says a word, like a stub that another debugger has.
func mute(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mute")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return path
}

// More bad input, with what is told held to one line.
func TestBadFlags(t *testing.T) {
	dir := t.TempDir()
	kernel := filepath.Join(guestDir, "fiasco.image")
	stripped := filepath.Join(dir, "core")
	if out, err := exec.Command("strip", "-o", stripped, filepath.Join(guestDir, "core")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cut := filepath.Join(dir, "cut.image")
	data, err := os.ReadFile(kernel)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	const nobody = "/nowhere/gdb.sock"
	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"stub that says nothing", []string{"snapshot", mute(t), "--build", guestDir}, []string{"no answer in time", "another debugger may be attached"}},
		{"nobody to watch", []string{"top", nobody, "--build", guestDir}, []string{nobody, "listens there", "--ram"}},
		{"watched too often", []string{"top", nobody, "--build", guestDir, "--interval", "1ms"}, []string{"--interval 1ms", "100ms"}},
		{"watched without a kernel", []string{"top", nobody}, []string{"--kernel ELF"}},
		{"RAM that is none", []string{"top", nobody, "--build", guestDir, "--ram", kernel}, []string{"not in the guest's memory", kernel}},
		{"port in words", []string{"snapshot", "localhost:gdb-stub", "--build", guestDir}, []string{`"gdb-stub" is not a port number`}},
		{"socket without a slash", []string{"serve", "fixed", "--listen", "sock"}, []string{"HOST:PORT", "./sock"}},
		{"port out of range", []string{"snapshot", ":99999", "--build", guestDir}, []string{`"99999" is not a port number`}},
		{"empty address", []string{"snapshot", "", "--build", guestDir}, []string{"HOST:PORT"}},
		{"two addresses", []string{"snapshot", ":1", ":2", "--build", guestDir}, []string{":1234"}},
		{"remote name", []string{"attach", "stub.invalid:1234", "--build", guestDir}, []string{"stub.invalid", "ssh tunnel"}},
		{"file as address", []string{"attach", kernel, "--build", guestDir}, []string{kernel, "-gdb unix:"}},
		{"no end of a check", []string{"check", nobody, "--build", guestDir, "--scenario", "none"}, []string{"check --for TIME"}},
		{"no end of a recording", []string{"record", nobody, "--build", guestDir, "--scenario", "state-requests", "-o", filepath.Join(dir, "x.thaw")}, []string{"check --for TIME", "--record FILE"}},
		{"nothing to check", []string{"check"}, []string{"lab:BUG"}},
		{"directory as kernel", []string{"snapshot", nobody, "--kernel", dir}, []string{dir, "directory"}},
		{"device as kernel", []string{"snapshot", nobody, "--kernel", "/dev/null"}, []string{"/dev/null", "not an ELF"}},
		{"half a kernel", []string{"snapshot", nobody, "--kernel", cut}, []string{cut}},
		{"no kernel in the build directory", []string{"snapshot", nobody, "--build", dir}, []string{dir, "--kernel ELF"}},
		{"no components in the build directory", []string{"check", nobody, "--build", t.TempDir(), "--kernel", kernel}, []string{"no debug info for core", "--symbols core=FILE"}},
		{"no build directory", []string{"snapshot", nobody, "--build", filepath.Join(dir, "none")}, []string{filepath.Join(dir, "none") + ": no such file or directory"}},
		{"file as build directory", []string{"check", nobody, "--build", kernel}, []string{kernel + ": not a directory"}},
		{"recording as address", []string{"attach", "fixed", "--build", guestDir}, []string{"recording that comes with thaw", "gdbstub's address"}},
		{"first missing component", []string{"check", nobody, "--kernel", kernel}, []string{"component core:", "--symbols core=FILE"}},
		{"missing symbols", []string{"snapshot", nobody, "--build", guestDir, "--symbols", "core=/nowhere/core"}, []string{"/nowhere/core", "no such file"}},
		{"stripped symbols", []string{"snapshot", nobody, "--build", guestDir, "--symbols", stripped}, []string{stripped + " has no debug info", "-g"}},
		{"stripped symbols for a check", []string{"check", nobody, "--build", guestDir, "--symbols", stripped}, []string{stripped + " has no debug info", "-g"}},
		{"symbols without a file", []string{"check", nobody, "--build", guestDir, "--symbols", "core="}, []string{"NAME=FILE"}},
		{"missing serial line", []string{"snapshot", nobody, "--build", guestDir, "--serial", "/nowhere/serial"}, []string{"serial line", "/nowhere/serial"}},
		{"wire log nowhere", []string{"check", "lab", "--guest", guestDir, "--wire-log", "/nowhere/wire"}, []string{"wire log", "/nowhere/wire"}},
		{"directory as scenario", []string{"check", "lab", "--scenario", dir}, []string{"scenario", dir}},
		{"empty scenario", []string{"check", "lab", "--scenario", written(t, "")}, []string{"scenario"}},
		{"unknown component of a phase", []string{"check", "lab", "--guest", guestDir, "--scenario", edited(t, "component: rtcr\n    function: Rtcr::Restorer::restore", "component: wolf\n    function: Rtcr::Restorer::restore")}, []string{"wolf"}},
		{"unknown expectations", []string{"check", "lab", "--guest", guestDir, "--expect", "nosuch"}, []string{`"nosuch"`, "--expect takes one of", "overwritten"}},
		{"unknown bug", []string{"lab", "--guest", guestDir, "--bug", "nosuch"}, []string{`"nosuch"`, "--bug takes one of", "overwritten"}},
		{"unknown kernel of the lab", []string{"lab", "--guest", guestDir, "--kernel", "nosuch"}, []string{`"nosuch"`, "--kernel takes one of", "hw"}},
		{"bug of another kernel", []string{"lab", "--guest", guestDir, "--kernel", "hw", "--bug", "overwritten"}, []string{`"overwritten"`, "--bug takes one of", "zero"}},
		{"unknown way to spoil a pointer", []string{"lab", "--guest", guestDir, "--plant", "nosuch"}, []string{`"nosuch"`, "--plant takes one of", "copy-of-copy"}},
		{"pointer of another kernel", []string{"lab", "--guest", guestDir, "--kernel", "hw", "--plant", "core"}, []string{"leave out --kernel"}},
		{"a question about stops between them", []string{"query-run", "lab", "any(verdicts, true)"}, []string{"belong to stops"}},
		{"a recording between its stops", []string{"query-run", "rtcr-2016", "pc"}, []string{"rtcr-2016", "give lab or lab:BUG"}},
		{"two processors recorded", []string{"lab", "--guest", guestDir, "--kernel", "hw", "--bug", "running", "--rr"}, []string{"running", "leave out --rr"}},
		{"a recording recorded", []string{"check", "fixed", "--record", "x.thaw"}, []string{"fixed is a recording", "leave out --record"}},
		{"a recording's packets", []string{"snapshot", "fixed", "--wire-log", "x"}, []string{"leave out --wire-log"}},
		{"nothing to record", []string{"doctor", "--record", "x.thaw"}, []string{"leave out --record"}},
		{"no run whose packets to write", []string{"scenario", "new", "--build", guestDir, "--wire-log", "x"}, []string{"leave out --wire-log"}},
		{"no question", []string{"query", "fixed"}, []string{"was given 1 argument: write thaw query FILE|NAME EXPR"}},
		{"one side", []string{"diff", "fixed"}, []string{"write thaw diff A[@STOP] B[@STOP]"}},
		{"nothing to show", []string{"snapshot"}, []string{"give one thing", "a recording", "the gdbstub's address"}},
		{"misspelt command", []string{"chek", "fixed"}, []string{`unknown command "chek" for "thaw"; did you mean check?`}},
		{"no time to watch", []string{"check", nobody, "--build", guestDir, "--for", "0s"}, []string{"--for 0s is over before it begins"}},
		{"restores to check", []string{"check", "fixed", "--restores", "-1"}, []string{"--restores -1"}},
		{"restores to record", []string{"record", nobody, "--build", guestDir, "-o", "x.thaw", "--restores", "0"}, []string{"--restores 0", "1 or more"}},
		{"unknown flag", []string{"check", "lab", "--frobnicate"}, []string{"--frobnicate"}},
		{"no serial line to compare", []string{"compare-jdb", nobody, "--build", guestDir}, []string{"--serial"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, c.args...)
			if r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) {
				t.Errorf("exit code %d, stdout %q, stderr %q", r.code, r.stdout, r.stderr)
			}
			for _, s := range c.says {
				if !strings.Contains(r.stderr, s) {
					t.Errorf("%q is not told: %s", s, r.stderr)
				}
			}
		})
	}
}

// A report that cannot be written is no success.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{onLab("check", "lab", "--json"), onLab("doctor"), {"help"}, {"check", "--help"}} {
		var stderr strings.Builder
		cmd := exec.Command(program, args...)
		cmd.Stdout, cmd.Stderr = full, &stderr
		err = runEnd(t, cmd)
		if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) || !strings.Contains(stderr.String(), "no space left") {
			t.Errorf("%q: exit code %d (%v): %s", args, code, err, &stderr)
		}
	}
}

// The guest built a second time, with other flags: the same program with other
// addresses and offsets, which a user has at hand easily.
func TestOtherBuild(t *testing.T) {
	t.Parallel()
	other := t.TempDir()
	if out, err := exec.Command("make", "-s", "-C", filepath.Join("..", "..", "guest"), "OUT="+other, "CXX=g++ -fno-inline").CombinedOutput(); err != nil {
		t.Fatalf("building the lab guest again (`make deps` installs what it needs): %v\n%s", err, out)
	}
	kernel := filepath.Join(other, "fiasco.image")
	running := runningLab(t)
	for _, args := range [][]string{
		{"snapshot", running.GDB(), "--build", other},
		{"snapshot", running.GDB(), "--build", guestDir, "--kernel", kernel},
		{"check", running.GDB(), "--build", other},
		{"check", frozenLab(t).GDB(), "--build", guestDir, "--kernel", kernel, "--json"},
	} {
		r := thaw(t, args...)
		if r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) || !strings.Contains(r.stderr, "the running kernel is not "+kernel) {
			t.Errorf("thaw %q: exit code %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
	if s := status(t, running); s != "running" {
		t.Errorf("the guest is %s", s)
	}
	// A component's file of another build names nothing in it, and is told.
	r := thaw(t, "snapshot", running.GDB(), "--build", guestDir, "--symbols", "rtcr="+filepath.Join(other, "rtcr"))
	if r.code != exitFailed || !strings.Contains(r.stderr, "what runs as rtcr") || strings.Contains(r.stdout, "at rtcr:") || !strings.Contains(r.stdout, "at sheep_counter: Timer::Session_client::msleep") {
		t.Errorf("exit code %d: %s%s", r.code, r.stderr, r.stdout)
	}
}
