package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
	for kernel, want := range map[string][]string{"hw": hwVariants, "foc": variants} {
		r := thaw(t, "__complete", "lab", "--kernel", kernel, "--bug", "")
		var got []string
		for line := range strings.Lines(r.stdout) {
			if name, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(name, ":") {
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if want = slices.Sorted(slices.Values(want)); !slices.Equal(got, want) {
			t.Errorf("bugs of %s: %q, want %q", kernel, got, want)
		}
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

// reference writes docs/commands.md: every command as --help tells it.
func reference(w io.Writer, root *cobra.Command) {
	fmt.Fprint(w, "# Commands\n\n`thaw help COMMAND` tells the same. This file is written by `go test ./cmd/thaw -update`.\n`thaw completion SHELL` writes a completion script, `thaw man DIRECTORY` manual pages.\n")
	references(w, root, "")
}

// references writes the commands below one; those of a group follow it.
func references(w io.Writer, parent *cobra.Command, group string) {
	for _, c := range parent.Commands() {
		if c.Hidden || c.Name() == "help" || c.Name() == "completion" {
			continue
		}
		fmt.Fprintf(w, "\n## %s%s\n\n    thaw %s%s\n\n%s\n", group, c.Name(), group, c.Use, cmp.Or(c.Long, sentenceOf(c.Short)))
		if c.Example != "" {
			fmt.Fprintf(w, "\n```\n%s\n```\n", unindent(c.Example))
		}
		var rows []string
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			value, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if value != "" {
				name += " " + value
			}
			rows = append(rows, fmt.Sprintf("| `%s` | %s |", name, strings.ReplaceAll(usage, "|", "\\|")))
		})
		if len(rows) > 0 {
			fmt.Fprintf(w, "\n| flag | |\n| --- | --- |\n%s\n", strings.Join(rows, "\n"))
		}
		references(w, c, group+c.Name()+" ")
	}
}

func sentenceOf(short string) string { return strings.ToUpper(short[:1]) + short[1:] + "." }

// unindent takes the indentation of cobra's examples away.
func unindent(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, "  ")
	}
	return strings.Join(lines, "\n")
}
