package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A restore that began before thaw came is recognised, what was missed is told, and
// the wait for what cannot come ends.
func TestCheckTooLate(t *testing.T) {
	t.Parallel()
	vm := frozenLab(t)
	qmp(t, vm, "cont")
	readUntil(t, vm.Serial(), "7 sheeps", "8 sheeps")
	r := thaw(t, "check", vm.GDB(), "--build", guestDir, "--json", "--timeout", "3s")
	out := decodeCheck(t, r)
	const late = "the restored child exists already (task "
	if r.code != exitFailed || out.Expected || !strings.HasPrefix(out.Late, late) || !strings.Contains(r.stderr, "waited 3s for what is still to come of the restore, in vain: "+late) || !oneSentence(r.stderr) {
		t.Errorf("exit code %d, expected %v, late %q\n%s", r.code, out.Expected, out.Late, r.stderr)
	}
	if len(out.Failures) == 0 || !strings.HasPrefix(out.Failures[0], "waited 3s for ") {
		t.Errorf("failures %q", out.Failures)
	}
	for _, p := range out.Phases {
		if p.State != "missed" || p.Hits > 0 {
			t.Errorf("phase %s is %s, %d times", p.Name, p.State, p.Hits)
		}
	}
	if len(out.Threads) > 0 {
		t.Errorf("judged, and no request was seen: %+v", out.Threads)
	}
	readUntil(t, vm.Serial(), "9 sheeps", "10 sheeps")
}

// Waiting ends for a guest that does not boot, and for phases that nothing calls.
func TestTimeout(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "out.thaw")
	for _, c := range []struct {
		name string
		args []string
		says string
	}{
		{"flag", onLab("check", "lab", "--timeout", "1ms"), "waited 1ms for "},
		{"scenario", onLab("record", "lab", "-o", file, "--scenario", edited(t, "settle: 5s", "settle: 5s\ntimeout: 1ms")), "waited 1ms for the guest's kernel to start, in vain: the guest has not booted"},
		{"negative", onLab("check", "lab", "--timeout", "-1s"), "--timeout -1s is over before it begins"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, c.args...)
			if r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, c.says) {
				t.Errorf("exit code %d: %s", r.code, r.stderr)
			}
		})
	}
}

// Whatever else is asked for, what --json prints is JSON and nothing else.
func TestJSONIsJSON(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	junit := func(n string) string { return filepath.Join(dir, n) }
	rec := "fixed"
	for _, c := range [][]string{
		onLab("check", "lab", "--force-state", "ep"),
		onLab("check", "lab", "--force-state", "ep", "--divergence", "--junit", junit("a")),
		onLab("check", "lab", "--no-shared-ram", "--record", junit("b.thaw"), "--with-code", "--sparse", "--wire-log", junit("w")),
		onLab("check", "lab", "--timeout", "1ms"),
		onLab("check", "lab", "--for", "3s"),
		onLab("check", "lab:restored-twice", "--restores", "2"),
		{"check", rec, "overwritten", "--junit", junit("c")},
		{"check", rec, "--expect", "overwritten"},
		{"snapshot", rec + "@3", "--caps", "--ipc"},
		{"diff", rec, "overwritten"},
		{"list"}, {"list", "--long"}, {"list", "--causes"}, {"list", "--long", "--causes"},
	} {
		t.Run(strings.Join(c, " "), func(t *testing.T) {
			t.Parallel()
			r := thaw(t, append(slices.Clone(c), "--json")...)
			if !json.Valid([]byte(r.stdout)) {
				t.Errorf("%q: exit code %d, no JSON:\n%.300s\n%s", c, r.code, r.stdout, r.stderr)
			}
		})
	}
}
