package main

import (
	"strings"
	"testing"
)

// A command of the user's has what is shown in its environment, its output is bounded,
// and its failure is told.
func TestShell(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`echo "$THAW_THREAD_NAME"`:              "ep; rm -rf /\n",
		"echo out; echo err >&2; exit 3":        "out\nerr\n\n(exit status 3)",
		"cat":                                   "", // there is nothing to read
		"head -c 100000 /dev/zero | tr '\\0' x": strings.Repeat("x", shellBytes) + "\n(only the first 65536 bytes are shown)",
	} {
		if got := shell(line, []string{"THAW_THREAD_NAME=ep; rm -rf /"}); got != want {
			t.Errorf("%s: %.80q, want %.80q", line, got, want)
		}
	}
}
