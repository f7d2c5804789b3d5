package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"thaw/report"
)

// A second restore in one session is judged like the first, on its own, live and from
// the recording; each is held against what is expected of it.
func TestCheckRestoredAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "twice.thaw")
	live := thaw(t, onLab("check", "lab:restored-twice", "--restores", "2", "--json", "--record", file)...)
	recorded := thaw(t, "check", file, "--json")
	for name, r := range map[string]result{"live": live, "recorded": recorded} {
		var out []report.CheckJSON
		if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != exitOK || len(out) != 2 {
			t.Fatalf("%s: exit code %d, %d results, %v\n%s", name, r.code, len(out), err, r.stderr)
		}
		for i, want := range []struct {
			restore int
			verdict string
		}{{0, "applied"}, {2, "ignored"}} {
			got := out[i]
			if got.Restore != want.restore || len(got.Threads) != 3 || string(got.Threads[0].Verdict) != want.verdict || got.Threads[0].Name != "ep" || !got.Expected {
				t.Errorf("%s: result %d is of restore %d with %+v, expected %v", name, i, got.Restore, got.Threads, got.Expected)
			}
			for _, p := range got.Phases {
				if p.Hits != 1 {
					t.Errorf("%s: result %d counts phase %s %d times", name, i, p.Name, p.Hits)
				}
			}
			if len(got.Capabilities.Missing)+len(got.Capabilities.Extra) > 0 || got.Memory == nil || len(got.Memory.Pages) > 0 {
				t.Errorf("%s: result %d: %+v, %+v", name, i, got.Capabilities, got.Memory)
			}
		}
	}
	if r := thaw(t, "check", file); !strings.Contains(r.stdout, "bug=restored-twice, restore 2\n") {
		t.Errorf("which restore it is about is not told:\n%s", r.stdout)
	}
	if r := thaw(t, "check", file, "--restores", "3"); r.code != exitFailed || !strings.Contains(r.stderr, "holds 2 restores, and --restores says 3") {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// One that does not come is told, with the verdicts of those that came.
func TestCheckNotRestoredAgain(t *testing.T) {
	t.Parallel()
	r := thaw(t, onLab("check", "lab:fixed", "--restores", "2", "--timeout", "6s")...)
	if r.code != exitFailed || !strings.Contains(r.stdout, "= APPLIED        ep") || strings.Contains(r.stdout, "restore 2") ||
		!strings.Contains(r.stderr, "waited 6s for the next restore to begin, in vain: there was no other restore after 1 restore") {
		t.Errorf("exit code %d\n%s\n%s", r.code, r.stdout, r.stderr)
	}
}
