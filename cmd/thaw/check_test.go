package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/report"
	"thaw/scenarios"
	"thaw/session/view"
)

func decodeCheck(t *testing.T, r result) report.CheckJSON {
	t.Helper()
	var out report.CheckJSON
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil {
		t.Fatalf("exit code %d, no JSON: %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return out
}

// Each bug of the lab guest has its own verdict and cause.
func TestCheckVariants(t *testing.T) {
	type verdict struct {
		view.Verdict
		rule, says string
	}
	applied := verdict{view.Applied, "applied", "copy_utcb_to_ts"}
	coincident := verdict{view.Coincident, "coincident", "coincidence"}
	for _, c := range []struct {
		bug               string
		ep, sheep, signal verdict
		missing, changed  int
		changedTo         string
	}{
		{"state-ignored", verdict{view.Ignored, "stays-in-copy", "core's pager copy"}, coincident, coincident, 0, 0, ""},
		{"fixed", applied, applied, applied, 0, 0, ""},
		{"exregs-in-exception", verdict{view.Ignored, "ex_regs-in-exception", "without the cancel flag"}, applied, applied, 0, 0, ""},
		{"overwritten", verdict{view.Overwritten, "overwritten", "ex_regs wrote ip"}, applied, applied, 0, 0, ""},
		{"missing-thread", applied, applied, verdict{view.NotRequested, "no-request", "holds no thread of this name"}, 0, 0, ""},
		{"missing-caps", applied, applied, applied, 4, 0, ""},
		{"irq-unattached", applied, applied, applied, 0, 1, "none"},
		{"partial-registers", verdict{view.Partial, "partial-registers", "came back with other values"}, applied, applied, 0, 0, ""},
	} {
		t.Run(c.bug, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, onLab("check", "lab:"+c.bug, "--json")...)
			out := decodeCheck(t, r)
			if r.code != exitOK || !out.Expected || len(out.Failures) > 0 {
				t.Errorf("exit code %d, failures %q", r.code, out.Failures)
			}
			if len(out.Threads) != 3 {
				t.Fatalf("%d threads", len(out.Threads))
			}
			want := map[string]verdict{"ep": c.ep, "sheep_counter": c.sheep, "signal handler": c.signal}
			for _, th := range out.Threads {
				w := want[th.Name]
				if th.Verdict != w.Verdict || th.Rule != w.rule || !strings.Contains(th.Cause, w.says) || len(th.Evidence) == 0 {
					t.Errorf("%s: %s by %s: %s; want %s by %s with %q", th.Name, th.Verdict, th.Rule, th.Cause, w.Verdict, w.rule, w.says)
				}
			}
			d := out.Capabilities
			if d == nil || len(d.Missing) != c.missing || len(d.Changed) != c.changed || len(d.Extra) != 0 {
				t.Fatalf("capabilities: %+v", d)
			}
			if c.changed > 0 && d.Changed[0].After.Receiver != c.changedTo {
				t.Errorf("changed: %+v", d.Changed)
			}
		})
	}
}

// The four places of the real bug, by value: requested and entered differ, and
// nothing lies between the frame and the entry.
func TestCheckStages(t *testing.T) {
	out := decodeCheck(t, thaw(t, onLab("check", "lab", "--json")...))
	for _, th := range out.Threads {
		if th.Requested == nil || th.Checkpointed == nil || th.Kernel == nil {
			t.Fatalf("%s: stages missing", th.Name)
		}
		if th.Checkpointed.IP != th.Requested.IP || !strings.HasPrefix(th.Requested.IP, "0x100") || !strings.HasPrefix(th.Requested.SP, "0x40") {
			t.Errorf("%s: checkpointed %+v, requested %+v", th.Name, th.Checkpointed, th.Requested)
		}
		switch {
		case th.Name != "ep":
			if th.Kernel.IP != th.Requested.IP || th.Entered != nil {
				t.Errorf("%s: kernel %s, requested %s, entered %v", th.Name, th.Kernel.IP, th.Requested.IP, th.Entered)
			}
		case th.Entered == nil || th.Entered.IP != th.Kernel.IP || th.Entered.IP == th.Requested.IP || th.Entered.Function != "Genode::ipc_call" || th.Requested.Function != "Timer::Session_client::msleep":
			t.Errorf("ep: requested %+v, kernel %+v, entered %+v", th.Requested, th.Kernel, th.Entered)
		}
	}
	var names []string
	for _, p := range out.Phases {
		names = append(names, p.Name)
		if p.Hits != 1 {
			t.Errorf("phase %s: %d hits", p.Name, p.Hits)
		}
	}
	if len(names) != 31 || names[0] != "checkpoint" || names[13] != "restore" || names[23] != "CPU threads" {
		t.Errorf("phases: %q", names)
	}
}

func TestCheckUnexpected(t *testing.T) {
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "ep: ignored, sheep", "ep: applied, sheep", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r := thaw(t, onLab("check", "lab", "--scenario", file)...)
	if r.code != exitUnexpected || !strings.Contains(r.stdout, "thread ep: expected applied, found ignored") {
		t.Errorf("exit code %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	if !strings.Contains(r.stdout, "≠ IGNORED") || !strings.Contains(r.stdout, "core's pager copy") {
		t.Errorf("the text report lacks the verdict:\n%s", r.stdout)
	}
}

// Without a scenario the requests that come are judged alike: the kernel's platform
// knows where they arrive.
func TestCheckWithoutScenario(t *testing.T) {
	want, got := checked(t, "lab"), checked(t, "lab", "--for", "20s")
	if len(want) < 3 || !maps.Equal(want, got) {
		t.Errorf("with its scenario %v, without one %v", want, got)
	}
}

// checked are the verdicts by thread.
func checked(t *testing.T, args ...string) map[string]string {
	t.Helper()
	verdicts := map[string]string{}
	for _, th := range decodeCheck(t, thaw(t, onLab(append([]string{"check", "--json"}, args...)...)...)).Threads {
		verdicts[th.Name] = string(th.Verdict) + " " + th.Rule
	}
	return verdicts
}
