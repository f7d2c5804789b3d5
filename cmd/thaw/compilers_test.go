package main

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"slices"
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

// compiled are the lab's kernels: all bugs of each, those that are tried by default and
// with which compilers, where not with all, and what is not to be tried.
var compiled = []struct {
	kernel, target string
	all, bugs      []string
	compilers      []string
	not            func(compiler, bug string) bool
}{
	// Its thread keeps a pointer in a register that is lost, and goes on otherwise.
	{"foc", "all", variants, []string{"overwritten", "partial-registers"}, nil, func(compiler, bug string) bool {
		return bug == "blocked-receive" && strings.HasSuffix(compiler, "-O0")
	}},
	// Core's threads share ordinary variables: who sees all of it at once keeps them in
	// registers.
	{"hw", "hw", hwVariants, []string{"unstarted", "running"}, []string{"clang -O2"}, func(compiler, bug string) bool {
		return compiler == "g++ -flto"
	}},
}

// The verdicts do not depend on what compiled the guest, whichever of its kernels. In each
// build two bugs are tried, or those of THAW_BUGS; make compilers tries all.
func TestCompilers(t *testing.T) {
	for _, k := range compiled {
		bugs, with := k.bugs, k.compilers
		if only := os.Getenv("THAW_BUGS"); only != "" {
			bugs, with = slices.DeleteFunc(slices.Clone(k.all), func(bug string) bool {
				return only != "all" && !slices.Contains(strings.Split(only, ","), bug)
			}), nil
		}
		verdicts := func(t *testing.T, dir, bug string) string {
			t.Helper()
			r := thaw(t, "check", "lab:"+bug, "--kernel", k.kernel, "--guest", dir, "--json")
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
			tried := slices.DeleteFunc(slices.Clone(bugs), func(bug string) bool { return k.not(name, bug) })
			if len(tried) == 0 || with != nil && !slices.Contains(with, name) {
				continue
			}
			t.Run(k.kernel+" "+name, func(t *testing.T) {
				t.Parallel()
				if cxx, ok := strings.CutPrefix(vars[0], "CXX="); ok {
					if _, err := exec.LookPath(cxx); err != nil {
						t.Skipf("%v: `make compilers` installs it", err)
					}
				}
				dir := t.TempDir()
				if err := guest.BuildIn(t.Context(), dir, append([]string{k.target}, vars...)...); err != nil {
					t.Fatal(err)
				}
				for _, bug := range tried {
					if got := verdicts(t, dir, bug); got != want[bug] {
						t.Errorf("%s:\n%s\nwant\n%s", bug, cmp.Or(got, "nothing"), want[bug])
					}
				}
			})
		}
	}
}
