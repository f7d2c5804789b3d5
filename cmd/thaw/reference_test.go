package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/commands.md and docs/casts anew")

// The reference is what the commands say of themselves, and the README knows
// every command.
func TestReference(t *testing.T) {
	var out bytes.Buffer
	root := newRoot()
	reference(&out, root)
	file := filepath.Join("..", "..", "docs", "commands.md")
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(old, out.Bytes()) {
		t.Errorf("docs/commands.md is not what the commands say (%v): go test ./cmd/thaw -update", err)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range root.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		if !strings.Contains(string(readme), "thaw "+c.Name()) && !strings.Contains(string(readme), "./run "+c.Name()) {
			t.Errorf("the README does not tell of %s", c.Name())
		}
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s has no example", c.Name())
		}
	}
}

func TestManualAndCompletion(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if r := thaw(t, "man", dir); r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	page, err := os.ReadFile(filepath.Join(dir, "thaw-check.1"))
	if err != nil || !bytes.Contains(page, []byte("--junit")) && !bytes.Contains(page, []byte(`\-\-junit`)) {
		t.Errorf("%v\n%s", err, page)
	}
	if r := thaw(t, "completion", "bash"); r.code != exitOK || !strings.Contains(r.stdout, "thaw") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if r := thaw(t, "__complete", "replay", "irq"); r.code != exitOK || !strings.Contains(r.stdout, "irq-unattached") {
		t.Errorf("completing a name: %s", r.stdout)
	}
	if r := thaw(t, "__complete", "lab", "--bug", "over"); !strings.Contains(r.stdout, "overwritten") {
		t.Errorf("completing a bug: %s", r.stdout)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	r := thawEnv(t, []string{"TERM=xterm-256color", "LANG=C.UTF-8"}, onLab("doctor")...)
	if r.code != exitOK || !strings.Contains(r.stdout, "ok  QEMU") || !strings.Contains(r.stdout, "ok  lab guest") || !strings.Contains(r.stdout, "ok  recordings") {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	vm := runningLab(t)
	if r := thaw(t, "doctor", vm.GDB(), "--build", guestDir); r.code != exitOK || !strings.Contains(r.stdout, "ok  guest") || !strings.Contains(r.stdout, "threads") {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
	readUntil(t, vm.Serial(), "8 sheeps", "9 sheeps")
	r = thawEnv(t, []string{"TERM=nonsense", "PATH=/nowhere"}, "doctor", "/nowhere/gdb.sock", "--build", guestDir)
	if r.code != exitFailed || !strings.Contains(r.stdout, "!!  terminal") || !strings.Contains(r.stdout, "--  QEMU") || !strings.Contains(r.stdout, "!!  guest") || !oneSentence(r.stderr) {
		t.Errorf("exit code %d:\n%s%s", r.code, r.stdout, r.stderr)
	}
}
