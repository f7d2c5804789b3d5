package scenario

import (
	"strings"
	"testing"
	"time"

	"thaw/scenarios"
)

func TestEmbeddedScenarios(t *testing.T) {
	for _, name := range scenarios.Names() {
		data, err := scenarios.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != name || len(s.Expect[DefaultVariant].Threads) == 0 && len(s.Phases) > 0 || s.Source == "" {
			t.Errorf("%s: name %q, %d expectations, source %q", name, s.Name, len(s.Expect), s.Source)
		}
		EachPhase(s.Phases, 0, func(p *PhaseSpec, _ int) {
			if p.Component == "" {
				t.Errorf("%s: phase %s has no component", name, p.Name)
			}
		})
	}
}

const minimal = `name: x
components:
  k: {kernel: true, files: [k]}
  c: {files: [c]}
child: c
phases:
  - {name: p, component: c, function: f}
complete: {component: c, function: f}
`

func TestScenarioErrors(t *testing.T) {
	if s, err := Parse("minimal", []byte(minimal)); err != nil || time.Duration(s.Settle) != 5*time.Second {
		t.Fatalf("minimal scenario: %v, settle %v", err, s)
	}
	for _, c := range []struct{ change, to, want string }{
		{"name: x", "nme: x", `[1:1]`},
		{"name: x", "name: [x", `minimal`},
		{"name: x\n", "", "no name"},
		{"kernel: true, ", "", "kernel: true"},
		{"child: c", "child: d", `child "d"`},
		{"component: c, function: f}\ncomplete", "component: z, function: f}\ncomplete", `component "z"`},
		{"{name: p, component: c, function: f}", "{name: p, component: c}", "phase p names no function"},
		{"complete: {component: c,", "complete: {at: never, component: c,", `"never"`},
		{"child: c", "child: c\nchildren: [c, cc]", `child "cc" is not among its components`},
		{"child: c", "child: c\nsettle: soon", "soon"},
		{"child: c", "child: c\nsettle: 9000h", "between"},
	} {
		text := strings.Replace(minimal, c.change, c.to, 1)
		if text == minimal {
			t.Fatalf("%q is not in the scenario", c.change)
		}
		_, err := Parse("minimal", []byte(text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("with %q: error %v, want it to tell %q", c.to, err, c.want)
		}
	}
	if _, err := Load("/nowhere/x.yaml"); err == nil {
		t.Error("a missing file was loaded")
	}
}

func FuzzScenario(f *testing.F) {
	f.Add([]byte(minimal))
	for _, name := range scenarios.Names() {
		data, err := scenarios.Read(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, s := range []string{
		"", "{}", plainText, everyProblem, "name: [x", "[]", "7", "a: b", "name:\n", "name: ~\n", "{name: x, name: y}", "? [a]\n: b\n", "name: |\n  text\n", "--- a\n---\nname: x\n",
		"a: &b c\nd: *b\n", strings.Repeat(" ", 300) + "a: b\n", strings.Repeat("[", 100), strings.Repeat("- ", 300), strings.Repeat("a ", 40_000), strings.Repeat("x", maxScenario+1),
		"components: {k: {kernel: true, files: ['', .., '[', 'a/b']}, q: {kernel: true}}\nchild: kk\n", "components: []\nphases: {}\nname: []\nsettle: []\ntimeout: 0s\n",
		minimal + "memory: {}\ncancel: {component: k}\nstored: {lists: [~, 1, x]}\nrequests: [{}, {name: x}]\noperations: [{name: o}]\nattached: {}\ntimeout: '11m'\n",
		strings.Replace(minimal, "function: f}\ncomplete", "address: 0x1000, phases: [{name: q, function: ~}, {log: x}, {component: d, line: a.cc:1}, 7]}\ncomplete", 1),
		strings.Replace(minimal, "component: c, function: f}\ncomplete: {component: c, function: f}", "function: f}\ncomplete: {}", 1),
		minimal + "expect: {default: {missing: 1, threads: {1: killed, a: 2, b: [c], c: {d: e}}, again: [{pages: x}, 3]}}\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Parse("fuzz", data); err == nil {
			if name := s.KernelName(); len(s.Programs()) == 0 || !s.Components[name].Kernel {
				t.Errorf("%d programs, the kernel is %q", len(s.Programs()), name)
			}
			EachPhase(s.Phases, 0, func(p *PhaseSpec, _ int) {
				if p.Component == "" && p.Function != "" {
					t.Errorf("phase %s has no component", p.Name)
				}
			})
			rep := &Report{}
			if s.check(rep); len(rep.Problems()) > 0 {
				t.Errorf("an accepted scenario fails its own check: %v", rep.Problems())
			}
		}
	})
}

// A scenario of somebody else's names files, but opens none outside of the build
// directory; and a file without end is no scenario.
func TestScenarioNamesNoPaths(t *testing.T) {
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", "..", "core/core"} {
		bad := strings.Replace(string(text), `files: [core, "*.core"]`, `files: ["`+name+`"]`, 1)
		if _, err := Parse("s", []byte(bad)); err == nil || !strings.Contains(err.Error(), "by their names alone") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load("/dev/zero"); err == nil || !strings.Contains(err.Error(), "it is a device") {
		t.Errorf("/dev/zero: %v", err)
	}
}

// A verdict that is none would never be found.
func TestMisspelledVerdict(t *testing.T) {
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	bad := strings.Replace(string(text), "threads: {ep: applied,", "threads: {ep: aplied,", 1)
	if _, err := Parse("s", []byte(bad)); err == nil || !strings.Contains(err.Error(), `"aplied", which is no verdict; known are: ignored, killed, `) {
		t.Errorf("%v", err)
	}
	bad = strings.Replace(string(text), "phases:\n", "phases:\n  - {nam: x}\n", 1)
	if _, err := Parse("s", []byte(bad)); err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "nam") {
		t.Errorf("an unknown key: %v", err)
	}
}

// everyProblem is a scenario in which much is wrong.
const everyProblem = `name: x
titel: y
components:
  kernel: {kernel: true, files: [k]}
  child: {files: [../c]}
child: chilt
phases:
  - name: p
    component: child
    optional: maybe
    phases:
      - {name: q, function: f}
complete: {component: child, function: f, at: never}
settle: soon
expect:
  default: {pages: many, threads: {ep: aplied, main: applied}}
  other: 3
`

// A wrong scenario says all that is wrong, each with its place, and what fits is read.
func TestAllProblems(t *testing.T) {
	text := everyProblem
	s, rep, err := Read([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`[2:1] there is no key "titel" here; did you mean title?`,
		`[5:19] component child has file "../c"`,
		`[6:8] child "chilt" is not among its components; did you mean child?`,
		`[8:5] phase p names no function`,
		`[10:15] phases[0].optional is "maybe": true or false`,
		`[13:47] complete.at is "never", which is neither entry nor return`,
		`[14:9] settle: soon is no duration`,
		`[16:20] expect.default.pages is "many": a number`,
		`[16:40] expect.default.threads.ep is "aplied", which is no verdict`,
		`[17:10] expect.other: names with values are expected here, not a single value`,
	}
	all := rep.Problems()
	for i, w := range want {
		if i >= len(all) || !strings.HasPrefix(all[i].String(), w) {
			t.Errorf("problem %d: want %s, have\n%v", i, w, all)
			break
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d problems, want %d: %v", len(all), len(want), all)
	}
	if s.Name != "x" || s.Phases[0].Phases[0].Component != "child" || s.Expect["default"].Threads["main"] != "applied" {
		t.Errorf("what fits was not read: %+v", s)
	}
	if _, err := Parse("x", []byte(text)); err == nil || !strings.Contains(err.Error(), "and 9 things more that are wrong") || strings.Contains(err.Error(), "\n") {
		t.Errorf("one sentence: %v", err)
	}
}
