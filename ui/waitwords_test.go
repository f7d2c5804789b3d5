package ui

import (
	"testing"

	"thaw/kernel"
	"thaw/session/view"
)

// What a thread waits for where that is no object is said in the kernel's words: one at a
// blockade does not wait for anybody.
func TestWaitWords(t *testing.T) {
	for _, what := range []string{"anybody", "a wakeup, at a blockade", "its start"} {
		th := &kernel.Thread{Wait: kernel.Wait{Verb: "waits for", What: what}}
		s := &view.Snapshot{System: kernel.NewSystem([]*kernel.Object{{ID: 1, Thread: th}}, kernel.Problems{})}
		if got := waitWords(s, th); got != "-  "+what {
			t.Errorf("%q, want %q", got, "-  "+what)
		}
	}
}
