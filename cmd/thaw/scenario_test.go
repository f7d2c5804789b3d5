package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// golden compares output with a file in testdata, which -update writes anew.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as %s (go test ./cmd/thaw -run %s -update writes it anew):\n%s", file, t.Name(), got)
	}
}

// All that is wrong with a scenario is told at once, with what may have been meant.
func TestScenarioCheck(t *testing.T) {
	t.Parallel()
	r := thaw(t, "scenario", "check", "testdata/wrong.yaml", "--build", guestDir)
	if r.code != exitUnexpected || r.stderr != "" {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	golden(t, "wrong.txt", strings.ReplaceAll(r.stdout, guestDir, "BUILD"))
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"rtcr-2016", "--build", guestDir}, exitOK, "rtcr-2016: nothing is wrong, held against 4 programs of core, kernel, rtcr, sheep_counter\n"},
		{[]string{"rtcr-2019"}, exitOK, "--build holds it against the programs"},
		{[]string{"rtcr-2019", "--build", guestDir}, exitUnexpected, "component ld.lib.so: no debug info: looked for ld.lib.so"},
		{[]string{"rtcr-2017"}, exitFailed, "there is no scenario"},
		{[]string{"/nowhere/x.yaml"}, exitFailed, "/nowhere/x.yaml"},
		{[]string{"rtcr-2016", "--build", "/nowhere"}, exitFailed, "/nowhere"},
		{nil, exitFailed, "say what to check"},
	} {
		r := thaw(t, append([]string{"scenario", "check"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.stdout+r.stderr, c.says) || c.code == exitFailed && !oneSentence(r.stderr) {
			t.Errorf("%v: exit code %d: %s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
	r = thaw(t, "scenario", "schema")
	want, err := os.ReadFile("../../docs/scenario.schema.json")
	if err != nil || r.code != exitOK || r.stdout != string(want) {
		t.Errorf("exit code %d, %v: %.200s", r.code, err, r.stdout)
	}
}
