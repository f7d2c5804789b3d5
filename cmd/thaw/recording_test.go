package main

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"thaw/recording"
	"thaw/report"
	"thaw/scenarios"
	"thaw/session/view"
)

// recorded is a recording of the lab guest, made by the program.
func recorded(t *testing.T, what string, flags ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "session.thaw")
	r := thaw(t, onLab(append([]string{"record", what, "-o", file}, flags...)...)...)
	if r.code != exitOK || r.stdout != "" || !strings.Contains(r.stderr, "restore complete") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	return file
}

// Every recording that comes with thaw is judged as its scenario expects, and
// each is of what the catalogue says.
func TestCatalogue(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "scenarios", "recordings", "*.thaw"))
	if err != nil || len(files) != len(scenarios.Catalogue()) {
		t.Errorf("%d recordings, %d entries (%v)", len(files), len(scenarios.Catalogue()), err)
	}
	out := thaw(t, "list", "--long").stdout
	for _, e := range scenarios.Catalogue() {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			rec, err := openRecording(e.Name)
			if err != nil {
				t.Fatal(err)
			}
			lab := rec.Guest() == "lab guest"
			if rec.Damage() != "" || !rec.Sparse() || lab != (e.From == "lab guest") || lab && rec.Variant() != e.Name {
				t.Errorf("damage %q, sparse %v, of %q (%q), variant %q", rec.Damage(), rec.Sparse(), rec.Target(), rec.Guest(), rec.Variant())
			}
			if r := thaw(t, "check", e.Name); r.code != exitOK {
				t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
			}
			if e.Title == "" || e.Story == "" || e.Shows == "" || !strings.Contains(out, e.Title) {
				t.Errorf("the catalogue tells too little: %+v", e)
			}
			if e.Log == "" {
				return
			}
			if log := logSinceRestore(t, e.Name); !strings.Contains(log, e.Log) {
				t.Errorf("the recording ends before the LOG says %q:\n%s", e.Log, log)
			}
		})
	}
}

// logSinceRestore is what the LOG said since the restore began, at a recording's last stop.
func logSinceRestore(t *testing.T, what string) string {
	t.Helper()
	r, _, err := openReplay(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	last, err := r.View(r.Stops())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(last.Phases, func(p view.Phase) bool { return p.Name == "restore" })
	begin, err := r.View(last.Phases[i].Stop)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(last.Log[len(begin.Log):], "\n")
}

// A recording goes on until its LOG says what was asked for, and does not wait for
// ever for what it never says.
func TestRecordUntil(t *testing.T) {
	t.Parallel()
	if log := logSinceRestore(t, recorded(t, "lab:rom-data", "--until", "4 sheeps")); !strings.Contains(log, "Going to bed.") || !strings.Contains(log, "4 sheeps") {
		t.Errorf("the LOG at the last stop:\n%s", log)
	}
	file := filepath.Join(t.TempDir(), "vain.thaw")
	r := thaw(t, onLab("record", "lab:wrong-object", "-o", file, "--until", "4 sheeps", "--timeout", "2s")...)
	if r.code != exitFailed || !strings.Contains(r.stderr, `waited 2s for a LOG line with "4 sheeps", in vain: `) {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
	if run, err := lastOf(t.Context(), file); err != nil || run.views[0].Snapshot.Reason != `the LOG did not say "4 sheeps" within 2s` {
		t.Errorf("what was recorded is lost: %v", err)
	}
}

// A recording is a regression test: judged like the live session, and told in
// the same forms.
func TestCheckRecording(t *testing.T) {
	t.Parallel()
	file := recorded(t, "lab:missing-caps")
	live, again := thaw(t, onLab("check", "lab:missing-caps", "--json")...), thaw(t, "check", file, "--json")
	a, b := decodeCheck(t, live), decodeCheck(t, again)
	if live.code != exitOK || again.code != exitOK || verdicts(a) != verdicts(b) {
		t.Errorf("exit codes %d and %d; live:\n%s\nrecorded:\n%s", live.code, again.code, verdicts(a), verdicts(b))
	}
	junit := filepath.Join(t.TempDir(), "result.xml")
	r := thaw(t, "check", file, "rtcr-2016", filepath.Join(t.TempDir(), "none.thaw"), "--expect", "fixed", "--json", "--junit", junit)
	if r.code != exitFailed || !strings.Contains(r.stderr, "none.thaw") {
		t.Errorf("one is missing: exit code %d: %s", r.code, r.stderr)
	}
	var all []report.CheckJSON
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil || len(all) != 2 || all[0].Expected || all[1].Expected {
		t.Errorf("%v\n%s", err, r.stdout)
	}
	var suites struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name string `xml:"name,attr"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(junit)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &suites); err != nil || len(suites.Suites) != 3 || suites.Failures < 3 || suites.Errors != 1 {
		t.Errorf("%v: %+v", err, suites)
	}
	if r := thaw(t, "check", file, "--junit", junit); r.code != exitFailed || !strings.Contains(r.stderr, "--force") {
		t.Errorf("over an existing file: exit code %d: %s", r.code, r.stderr)
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	r := thaw(t, "export", "rtcr-2016", "--report", at("a.html"), "--core", at("a.core"), "--cast", at("a.cast"), "--perfetto", at("a.json"), "--stop", "30")
	if r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.stderr)
	}
	for name, parts := range map[string][]string{
		"a.html": {"<!DOCTYPE html>", "ignored", "1014e1a", "core&#39;s pager copy", "Genode 16.08"},
		"a.json": {`"name":"requested: Genode::Platform_thread::state`, `"cat":"phase"`, `"process_name"`, `1 sheep`},
		"a.cast": {`{"version":2,"width":120,"height":40`, "stop 1 of 32", "IGNORED"},
	} {
		text, err := os.ReadFile(at(name))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			if !bytes.Contains(text, []byte(p)) {
				t.Errorf("%s does not hold %q", name, p)
			}
		}
	}
	core, err := elf.Open(at("a.core"))
	if err != nil {
		t.Fatal(err)
	}
	if core.Type != elf.ET_CORE || core.Machine != elf.EM_X86_64 || len(core.Progs) < 10 {
		t.Errorf("core of type %v for %v with %d segments", core.Type, core.Machine, len(core.Progs))
	}
	core.Close()
	if r := thaw(t, "export", "rtcr-2016", "--report", "-"); r.code != exitOK || !strings.Contains(r.stdout, "| requested |") && !strings.Contains(r.stdout, "requested") {
		t.Errorf("Markdown to the standard output: exit code %d: %s%s", r.code, r.stdout, r.stderr)
	}
	for _, c := range []struct {
		says string
		args []string
	}{
		{"exists: give another name", []string{"rtcr-2016", "--report", at("a.html")}},
		{"must end in .html or .md", []string{"rtcr-2016", "--report", at("b.pdf")}},
		{"say what to write", []string{"rtcr-2016"}},
		{"has stops 1 to 32", []string{"rtcr-2016", "--core", at("b.core"), "--stop", "33"}},
		{"no id of a kernel object", []string{"rtcr-2016", "--core", at("b.core"), "--task", "ep"}},
		{"no size of a screen", []string{"rtcr-2016", "--cast", at("b.cast"), "--size", "big"}},
		{"did you mean rtcr-2016", []string{"rtcr2016", "--report", at("b.md")}},
	} {
		r := thaw(t, append([]string{"export"}, c.args...)...)
		if r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, c.says) {
			t.Errorf("%v: exit code %d: %s", c.args, r.code, r.stderr)
		}
	}
	if left, _ := filepath.Glob(at("b.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		says []string
		args []string
	}{
		{exitUnexpected, []string{"ep", "sheep_counter", "memory:"}, []string{"rtcr-2016@14", "rtcr-2016"}},
		{exitOK, []string{"no differences in 38 threads"}, []string{"rtcr-2016@14", "rtcr-2016@14"}},
		{exitUnexpected, []string{"ep"}, []string{"rtcr-2016", "missing-caps"}},
		{exitFailed, []string{"has stops 1 to 32, not 33"}, []string{"rtcr-2016@33", "rtcr-2016"}},
		{exitFailed, []string{"no number of a stop"}, []string{"rtcr-2016@0", "rtcr-2016"}},
		{exitFailed, []string{"no number of a stop"}, []string{"rtcr-2016@one", "rtcr-2016"}},
	} {
		r := thaw(t, append([]string{"diff"}, c.args...)...)
		for _, s := range c.says {
			if r.code != c.code || !strings.Contains(r.stdout+r.stderr, s) {
				t.Errorf("%v: exit code %d, want %d and %q:\n%s%s", c.args, r.code, c.code, s, r.stdout, r.stderr)
			}
		}
	}
	r := thaw(t, "diff", "rtcr-2016@14", "rtcr-2016", "--json")
	var d report.DifferenceJSON
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Errorf("%v\n%s", err, r.stdout)
	}
}

// Bad recordings are told in one sentence, and nothing is touched.
func TestBadRecordings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole, err := os.ReadFile(filepath.Join("..", "..", "scenarios", "recordings", "rtcr-2016.thaw"))
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	later := bytes.Clone(whole)
	later[8] = recording.Major + 1
	for _, c := range []struct{ file, says string }{
		{write("empty.thaw", nil), "not a thaw recording"},
		{write("text.thaw", []byte("once upon a time, there was a sheep")), "not a thaw recording"},
		{write("later.thaw", later), "format 2, and this thaw reads format 1"},
		{write("head.thaw", whole[:40]), "head.thaw"},
		{dir, "directory"},
		{filepath.Join(dir, "none.thaw"), "is no file, and no recording that comes with thaw"},
		{"none", "comes with thaw"},
	} {
		for _, command := range []string{"replay", "check", "export", "serve", "snapshot"} {
			if c.file == dir && (command == "check" || command == "snapshot") || c.file == "none" && (command == "check" || command == "snapshot") {
				continue // taken for an address
			}
			args := []string{command, c.file}
			if command == "export" {
				args = append(args, "--report", "-")
			}
			r := thaw(t, args...)
			if r.code != exitFailed || r.stdout != "" || !oneSentence(r.stderr) || !strings.Contains(r.stderr, c.says) {
				t.Errorf("%s %s: exit code %d: %s", command, c.file, r.code, r.stderr)
			}
		}
	}
	// What is left of a cut one is shown, with a warning.
	cut := write("cut.thaw", whole[:len(whole)*2/3])
	r := thaw(t, "export", cut, "--report", "-")
	if r.code != exitOK || !strings.Contains(r.stderr, "last whole stop") || !strings.Contains(r.stdout, "sheep_counter") {
		t.Errorf("a cut recording: exit code %d: %s", r.code, r.stderr)
	}
	// The file that is there stays.
	before := write("there.thaw", []byte("mine"))
	if r := thaw(t, onLab("record", "lab", "-o", before)...); r.code != exitFailed || !strings.Contains(r.stderr, "--force") {
		t.Errorf("over an existing file: exit code %d: %s", r.code, r.stderr)
	}
	if text, err := os.ReadFile(before); err != nil || string(text) != "mine" {
		t.Errorf("the file that was there holds %q (%v)", text, err)
	}
}

// A recording whose thaw is killed in the middle opens up to its last stop.
func TestRecordKilled(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "killed.thaw")
	cmd := startedUntil(t, "stop 12:", onLab("record", "lab", "-o", file)...)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, cmd)
	rec, err := recording.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	stops := 0
	for _, s := range rec.Records() {
		if !s.Aside {
			stops++
		}
	}
	if stops < 12 || rec.Damage() == "" {
		t.Errorf("%d stops, damage %q", stops, rec.Damage())
	}
	if r := thaw(t, "snapshot", fmt.Sprintf("%s@%d", file, stops)); r.code != exitOK || !strings.Contains(r.stdout, "sheep_counter") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// gdb walks a recording that thaw serves.
func TestServe(t *testing.T) {
	t.Parallel()
	socket, end := served(t, "rtcr-2016", "--processors")
	out, err := exec.Command("gdb", "-nx", "-batch", "-ex", "target remote "+socket, "-ex", "continue", "-ex", "monitor verdicts", "-ex", "monitor stop 30",
		"-ex", "monitor verdicts", "-ex", "maintenance flush register-cache", "-ex", "info registers rip rsp", "-ex", "reverse-continue", "-ex", "detach").CombinedOutput()
	if err != nil {
		t.Fatalf("gdb: %v\n%s", err, out)
	}
	for _, s := range []string{"ignored", "0x1014b45", "0x401ff4b0"} {
		if !strings.Contains(strings.ToLower(string(out)), s) {
			t.Errorf("%q is not in what gdb says:\n%s", s, out)
		}
	}
	end()
}

// The real system's recording in a terminal: forward to the verdict, and back.
func TestReplayInTerminal(t *testing.T) {
	t.Parallel()
	term := newTerminal(t, 120, 40, "replay")
	term.expect("stop 1 of 32")
	term.press("x") // the greeting goes
	for range 31 {
		term.press("n")
	}
	term.expect("stop 32 of 32", "IGNORED", "1014e1a", "1014b45")
	term.press("p", "p")
	term.expect("stop 30 of 32")
	term.press("s")
	term.expect("recording")
	term.press("q")
	term.expect("ended with 0")
	term.asBefore()
}
