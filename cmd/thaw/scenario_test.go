package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"thaw/guest"
	"thaw/report"
	"thaw/session/view"
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

// A scenario is made of the lab guest's debug info and of a run of it, and serves as well
// as the one that was written by hand.
func TestScenarioNew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "made.yaml")
	r := thaw(t, "scenario", "new", "--build", guestDir, "--out", file)
	if r.code != exitOK || !strings.Contains(r.stderr, "restorer: rtcr (") || !strings.Contains(r.stderr, "child: sheep_counter (rtcr has its name") {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	golden(t, "lab.yaml", r.stdout)
	if data, err := os.ReadFile(file); err != nil || string(data) != r.stdout {
		t.Errorf("%v: %s", err, data)
	}
	if r := thaw(t, "scenario", "new", "--build", guestDir, "--out", file); r.code != exitFailed || !oneSentence(r.stderr[strings.LastIndex(r.stderr, "thaw:"):]) || !strings.Contains(r.stderr, "--force") {
		t.Errorf("a file was overwritten: exit code %d: %s", r.code, r.stderr)
	}
	if r := thaw(t, "scenario", "check", file, "--build", guestDir); r.code != exitOK {
		t.Errorf("what was made is wrong: %s", r.stdout)
	}
	made, own := decodeCheck(t, thaw(t, onLab("check", "lab", "--json", "--scenario", file)...)), decodeCheck(t, thaw(t, onLab("check", "lab", "--json")...))
	sameVerdicts(t, made, own)
	r = thaw(t, onLab("scenario", "new", "--from-run", "lab:fixed")...)
	if r.code != exitOK || !strings.Contains(r.stdout, "# In a run of lab guest, bug=fixed 36 of 36 proposed functions came by") || !strings.Contains(r.stdout, "_restore_state_cpu_thread\"} # 3 times") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--build", guestDir, "--restorer", "counter"}, `no program "counter" may be the restorer: --restorer takes one of rtcr`},
		{[]string{"--build", guestDir, "--child", "rtcr"}, `no program "rtcr" may be the child: --child takes one of sheep_counter`},
		{[]string{"--build", t.TempDir()}, "no kernel"},
		{nil, "--build DIRECTORY"},
		{[]string{"--build", guestDir, "--from-run", "/nowhere/gdb.sock"}, "/nowhere/gdb.sock"},
	} {
		r := thaw(t, append([]string{"scenario", "new"}, c.args...)...)
		if r.code != exitFailed || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%v: exit code %d: %s%s", c.args, r.code, r.stdout, r.stderr)
		}
	}
}

// sameVerdicts holds the verdicts by a scenario that was made against those by the one that
// was written, of a run with the same bug.
func sameVerdicts(t *testing.T, made, written report.CheckJSON) {
	t.Helper()
	if len(made.Threads) != 3 || len(made.Threads) != len(written.Threads) {
		t.Fatalf("%d threads, and %d by the scenario that was written", len(made.Threads), len(written.Threads))
	}
	for i, th := range written.Threads {
		if m := made.Threads[i]; m.Name != th.Name || m.Verdict != th.Verdict || m.Rule != th.Rule {
			t.Errorf("%s is %s by %s, and %s is %s by %s by the scenario that was written", m.Name, m.Verdict, m.Rule, th.Name, th.Verdict, th.Rule)
		}
	}
}

// Of another restorer a scenario is made, too: none of its names is rtcr's, and its states
// are in arrays within a tree. The verdicts are those by the scenario that was written for
// rtcr. Phases of loops stop the guest once until a run has told which those are.
func TestAnotherRestorer(t *testing.T) {
	t.Parallel()
	if err := guest.BuildIn(t.Context(), guestDir, "cryo"); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(guestDir, "cryo")
	r := thaw(t, "scenario", "new", "--build", dir)
	if r.code != exitOK || !strings.Contains(r.stderr, "restorer: cryo (Cryo::Freezer, ") || !strings.Contains(r.stderr, "child: sheep_counter (cryo has its name") {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	golden(t, "cryo.yaml", r.stdout)
	// The restore is complete after a stop at each of 12 phases, some of which come 3 and 5 times.
	r = thaw(t, "check", "lab", "--scenario", "new", "--guest", dir)
	for _, want := range []string{"≠ IGNORED        ep ", "≈ COINCIDENT     sheep_counter ", "≈ COINCIDENT     signal handler ", " at stop 13: 18 the same, 0 missing"} {
		if r.code != exitOK || !strings.Contains(r.stdout, want) {
			t.Errorf("exit code %d, %q is not in\n%s", r.code, want, r.stdout)
		}
	}
	if !regexp.MustCompile(`freeze room +done +5×`).MatchString(r.stdout) {
		t.Errorf("what comes again is not counted:\n%s", r.stdout)
	}
	file := filepath.Join(t.TempDir(), "ran.yaml")
	if r = thaw(t, "scenario", "new", "--guest", dir, "--from-run", "lab:fixed", "--out", file); r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	golden(t, "cryo-ran.yaml", r.stdout)
	if r := thaw(t, "scenario", "check", file, "--build", dir); r.code != exitOK {
		t.Errorf("what was made is wrong: %s", r.stdout)
	}
	sameVerdicts(t, decodeCheck(t, thaw(t, "check", "lab:wrong-thread", "--scenario", file, "--guest", dir, "--json")), decodeCheck(t, thaw(t, "check", "wrong-thread", "--json")))
}

// A scenario need not name core, which takes the requests for threads' states: it is found
// beside the others. Where it is not there, check says so, and so does the run.
func TestScenarioWithoutCore(t *testing.T) {
	t.Parallel()
	file := edited(t, "  core:\n    files: [core, \"*.core\"]\n", "")
	r := thaw(t, "scenario", "check", file, "--build", guestDir)
	if r.code != exitOK || !strings.Contains(r.stdout, "held against 4 programs of core, kernel, rtcr, sheep_counter\n") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	sameVerdicts(t, decodeCheck(t, thaw(t, onLab("check", "lab", "--scenario", file, "--json")...)), decodeCheck(t, thaw(t, onLab("check", "lab", "--json")...)))
	program := func(name string) string { return filepath.Join(guestDir, name) }
	some := []string{"--kernel", program("fiasco.image"), "--symbols", program("rtcr"), "--symbols", program("sheep_counter")}
	const says = "no request for a thread's state would be seen: core takes them, and its debug info is not there; give --build DIRECTORY or --symbols core=FILE"
	if r := thaw(t, append([]string{"scenario", "check", file}, some...)...); r.code != exitUnexpected || !strings.Contains(r.stdout, says) {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := thaw(t, append([]string{"check", frozenLab(t).GDB(), "--scenario", file}, some...)...); r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, says) {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if r := thaw(t, append([]string{"scenario", "check", file, "--symbols", "core=" + program("core")}, some...)...); r.code != exitOK {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
}

// No file is needed to begin with: a session makes its scenario itself.
func TestScenarioMade(t *testing.T) {
	t.Parallel()
	r := thaw(t, onLab("check", "lab:overwritten", "--scenario", "new", "--json")...)
	out := decodeCheck(t, r)
	if r.code != exitOK || len(out.Threads) != 3 || out.Threads[0].Name != "ep" || out.Threads[0].Verdict != view.Overwritten {
		t.Errorf("exit code %d, %+v: %s", r.code, out.Threads, r.stderr)
	}
}

// A recording is an expectation: what is otherwise is told row by row.
func TestExpectFrom(t *testing.T) {
	t.Parallel()
	if r := thaw(t, "check", "fixed", "--expect-from", "fixed"); r.code != exitOK || !strings.Contains(r.stdout, "expected of fixed: ep and sheep_counter and signal handler applied; 0 missing") || !strings.HasSuffix(r.stdout, ": met\n") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	junit := filepath.Join(t.TempDir(), "j.xml")
	r := thaw(t, "check", "missing-caps", "rtcr-2016", "--expect-from", "fixed", "--junit", junit)
	if r.code != exitUnexpected || strings.Count(r.stdout, "not as expected: capabilities: missing 002") != 4 ||
		!strings.Contains(r.stdout, "not as expected: thread ep: expected applied, found ignored\n") || !strings.Contains(r.stdout, "not as expected: memory: page 401ff000 stack of ep, which was not expected\n") {
		t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	if data, err := os.ReadFile(junit); err != nil || !strings.Contains(string(data), `<property name="expectations" value="fixed">`) {
		t.Errorf("%v: %.800s", err, data)
	}
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"fixed", "--expect-from", "fxed"}, "did you mean fixed"},
		{[]string{"fixed", "--expect-from", "lab"}, "no recording that comes with thaw"},
		{[]string{"fixed", "--expect-from", "fixed", "--expect", "default"}, "expect"},
	} {
		if r := thaw(t, append([]string{"check"}, c.args...)...); r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%v: exit code %d: %s", c.args, r.code, r.stderr)
		}
	}
}

// Phases begin at functions by a pattern, at a line of the source, and at a line of the LOG.
// Stored states are read out of an array, without its elements that are not in use.
func TestPhasePlaces(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"scenario", "check", "testdata/places.yaml", "--build", guestDir}, onLab("check", "lab:fixed", "--scenario", "testdata/places.yaml")} {
		r := thaw(t, args...)
		if r.code != exitOK {
			t.Fatalf("%v: exit code %d: %s%s", args, r.code, r.stdout, r.stderr)
		}
		if args[0] != "check" {
			continue
		}
		phases, verdicts, _ := strings.Cut(r.stdout, "\n\n- NOT-REQUESTED")
		if strings.Count(phases, "done     1×") != 22 || strings.Contains(phases, "skipped") {
			t.Errorf("not all phases came by once:\n%s", phases)
		}
		if a, b := strings.Index(phases, "first sheep"), strings.Index(phases, "restore state timer sessions"); a < 0 || b < a {
			t.Errorf("phases are out of order:\n%s", phases)
		}
		if strings.Count(verdicts, "(rtcr's stored state at 0x") != 3 || strings.Count(verdicts, "another state was requested for it than was checkpointed") != 3 {
			t.Errorf("the array was not read:\n%s", verdicts)
		}
	}
}
