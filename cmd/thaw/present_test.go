package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A second terminal follows the one that is presented, with notes for the speaker, and
// ends with it. Neither keys nor the end of a follower reach the presenter.
func TestPresent(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "present")
	r := thaw(t, "follow", socket)
	if r.code != exitFailed || !strings.Contains(r.stderr, "nobody presents at "+socket) || !oneSentence(r.stderr) {
		t.Errorf("nobody there: exit code %d: %s", r.code, r.stderr)
	}
	stage := newTerminal(t, 120, 40, "demo", "overwritten", "--present="+socket)
	stage.expect("step 1 of ")
	notes, other := newTerminal(t, 160, 40, "follow", socket), newTerminal(t, 80, 24, "follow", socket)
	notes.expect("step 1 of ", "then: The screen", "n next phase")
	other.expect("step 1 of ")
	stage.press("Space", "2", "j")
	stage.expect(" Space  2  j", "┌──")
	notes.expect("step 2 of ", " Space  2  j", "then: The checkpoint begins")
	notes.press("n", "Space", "Tab")
	other.press("q")
	other.expect("ended with 0")
	stage.press("Space")
	notes.expect("step 3 of ", "then: What was stored")
	if s := stage.expect("step 3 of "); !strings.Contains(s, "stop 1 of ") {
		t.Errorf("a follower's key reached the presenter:\n%s", s)
	}
	stage.press("q", "y")
	stage.expect("ended with 0")
	notes.expect("ended with 0")
}
