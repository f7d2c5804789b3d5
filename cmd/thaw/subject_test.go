package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"thaw/testwait"
)

// One rule for all commands says what an argument means.
func TestResolve(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"bug.thaw", "plain", "a@b/bug.thaw", "bug.thaw@2", "localhost:1"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"lab", "fixed"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", "gdb.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()

	const all = subjectAddress | subjectLab | subjectRecorded | subjectStop
	for _, c := range []struct {
		arg   string
		takes subjectKind
		want  subject
		says  string // if it is refused
	}{
		{"bug.thaw", all, subject{kind: subjectFile, name: "bug.thaw"}, ""},
		{"plain", all, subject{kind: subjectFile, name: "plain"}, ""},
		{"plain@3", all, subject{kind: subjectFile, name: "plain", stop: 3}, ""},
		{"a@b/bug.thaw", all, subject{kind: subjectFile, name: "a@b/bug.thaw"}, ""},
		{"a@b/bug.thaw@14", all, subject{kind: subjectFile, name: "a@b/bug.thaw", stop: 14}, ""},
		{"bug.thaw@2", all, subject{kind: subjectFile, name: "bug.thaw@2"}, ""},
		{"bug.thaw@1", all, subject{kind: subjectFile, name: "bug.thaw", stop: 1}, ""},
		{"localhost:1", all, subject{kind: subjectFile, name: "localhost:1"}, ""},
		{"pipe", all, subject{kind: subjectFile, name: "pipe"}, ""},
		{"fixed", all, subject{kind: subjectNamed, name: "fixed"}, ""},
		{"fixed@2", all, subject{kind: subjectNamed, name: "fixed", stop: 2}, ""},
		{"lab", all, subject{kind: subjectLab, name: "lab"}, ""},
		{"lab:fixed", all, subject{kind: subjectLab, name: "lab:fixed", bug: "fixed"}, ""},
		{":1234", all, subject{kind: subjectAddress, name: ":1234"}, ""},
		{"1234", all, subject{kind: subjectAddress, name: "1234"}, ""},
		{"[::1]:1234", all, subject{kind: subjectAddress, name: "[::1]:1234"}, ""},
		{"somewhere:1234", all, subject{kind: subjectAddress, name: "somewhere:1234"}, ""},
		{"gdb.sock", all, subject{kind: subjectAddress, name: "gdb.sock"}, ""},
		{"/nowhere/gdb.sock", all, subject{kind: subjectAddress, name: "/nowhere/gdb.sock"}, ""},
		{"unix:/nowhere/gdb.sock", all, subject{kind: subjectAddress, name: "unix:/nowhere/gdb.sock"}, ""},

		{"bugg.thaw", all, subject{}, "did you mean bug.thaw?"},
		{"a@b/bgu.thaw", all, subject{}, "did you mean a@b/bug.thaw?"},
		{"bug", all, subject{}, "did you mean bug.thaw?"},
		{"FIXED", all, subject{}, "did you mean fixed?"},
		{"fixed.thaw", all, subject{}, "did you mean fixed?"},
		{"overwriten", all, subject{}, "did you mean overwritten?"},
		{"overwriten@3", all, subject{}, "did you mean overwritten?"},
		{"labb", all, subject{}, "did you mean lab?"},
		{"labb", subjectAddress | subjectLab, subject{}, "labb is not lab, and no gdbstub's address such as :1234; did you mean lab?"},
		{"/nowhere/x.thaw", all, subject{}, "/nowhere/x.thaw is no file"},
		{"quite-another", subjectRecorded, subject{}, "`thaw list`"},
		{"fixed@x", all, subject{}, `"x" is no number of a stop`},
		{"fixed@0", all, subject{}, `"0" is no number of a stop`},
		{":1234@3", all, subject{}, `"3" is no number of a stop`},
		{"fixed@2", subjectRecorded, subject{}, "no recording that comes with thaw"},
		{":1234", subjectRecorded, subject{}, "a gdbstub's address: give a recording"},
		{"gdb.sock", subjectRecorded, subject{}, "a gdbstub's address: give a recording"},
		{"bug.thaw", subjectAddress, subject{}, "bug.thaw is a file: give the gdbstub's address"},
		{"fixed", subjectAddress, subject{}, "fixed is a recording that comes with thaw: give the gdbstub's address"},
		{"/dev/null", all, subject{}, "/dev/null is a device"},
		{".", all, subject{}, ". is a directory"},
		{"bug.thaw/x", all, subject{}, "not a directory"},
	} {
		got, err := resolve(c.arg, c.takes)
		switch {
		case c.says == "" && (err != nil || got != c.want):
			t.Errorf("%s: %+v, %v", c.arg, got, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, not %q", c.arg, err, c.says)
		}
	}
}

// What no command may take for an address: the answer names the file.
func TestMisspelt(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check", "overwriten"}, {"snapshot", "overwriten"}, {"replay", "overwriten"}, {"demo", "overwriten"},
		{"serve", "overwriten"}, {"diff", "fixed", "overwriten@2"}, {"export", "overwriten", "--report", "-"}} {
		if r := thaw(t, args...); r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) || !strings.Contains(r.stderr, "did you mean overwritten?") {
			t.Errorf("%q: exit code %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
	}
}

// A recording that another program writes to a pipe.
func TestRecordingFromPipe(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "..", "scenarios", "recordings", "fixed.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(pipe, data, 0) }()
	if r := thaw(t, "snapshot", pipe); r.code != exitOK || !strings.Contains(r.stdout, "sheep_counter") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if err := testwait.For(t, written, "the pipe to be read"); err != nil {
		t.Error(err)
	}
}
