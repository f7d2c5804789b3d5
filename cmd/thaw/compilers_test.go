package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"thaw/guest"
)

// compilers are ways to build the lab guest, as variables of its Makefile. What
// they share is that arguments and registers stand elsewhere in each.
var compilers = map[string][]string{
	"g++ -O0":   {"EXTRA=-O0"},
	"g++ -Og":   {"EXTRA=-Og"},
	"g++ -O2":   {"known="}, // aggregates are taken apart (SRA)
	"g++ -O3":   {"EXTRA=-O3"},
	"g++ -Os":   {"EXTRA=-Os"},
	"g++ -flto": {"EXTRA=-flto", "LINK=-flto -O2"},
	"clang -O0": {"CXX=clang++", "EXTRA=-O0"},
	"clang -O2": {"CXX=clang++"},
}

// The verdicts do not depend on what compiled the guest. In each build two bugs
// are tried, or those of THAW_BUGS; make compilers tries all.
func TestCompilers(t *testing.T) {
	bugs := []string{"overwritten", "partial-registers"}
	switch only := os.Getenv("THAW_BUGS"); only {
	case "":
	case "all":
		bugs = variants
	default:
		bugs = strings.Split(only, ",")
	}
	verdicts := func(t *testing.T, dir, bug string) string {
		t.Helper()
		r := thaw(t, "check", "lab:"+bug, "--guest", dir, "--json")
		if r.code != exitOK {
			t.Errorf("%s: exit code %d: %s", bug, r.code, r.stderr)
			return ""
		}
		out := decodeCheck(t, r)
		var b strings.Builder
		for _, v := range out.Threads {
			fmt.Fprintf(&b, "%s: %s by %s\n", v.Name, v.Verdict, v.Rule)
		}
		return b.String()
	}
	want := map[string]string{}
	for _, bug := range bugs {
		want[bug] = verdicts(t, guestDir, bug)
	}
	for name, vars := range compilers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if cxx, ok := strings.CutPrefix(vars[0], "CXX="); ok {
				if _, err := exec.LookPath(cxx); err != nil {
					t.Skipf("%v: `make compilers` installs it", err)
				}
			}
			dir := t.TempDir()
			if err := guest.BuildIn(t.Context(), dir, vars...); err != nil {
				t.Fatal(err)
			}
			for _, bug := range bugs {
				if bug == "blocked-receive" && strings.Contains(name, "-O0") {
					continue // its thread keeps a pointer in a register that is lost, and goes on otherwise
				}
				if got := verdicts(t, dir, bug); got != want[bug] {
					t.Errorf("%s:\n%s\nwant\n%s", bug, cmp.Or(got, "nothing"), want[bug])
				}
			}
		})
	}
}
