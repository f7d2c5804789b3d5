package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
		if got := shell(t.Context(), line, []string{"THAW_THREAD_NAME=ep; rm -rf /"}); got != want {
			t.Errorf("%s: %.80q, want %.80q", line, got, want)
		}
	}
}

// What a command of the user's started ends with it when the screen is left.
func TestShellEnds(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	config := filepath.Join(filepath.Dir(file), "thaw", "ui.yaml")
	text := "commands:\n  hangs: {key: F5, shell: 'sleep 60 & echo $! >" + file + "; wait'}\n"
	if err := errors.Join(os.Mkdir(filepath.Dir(config), 0o700), os.WriteFile(config, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	term := newTerminalEnv(t, 120, 40, "XDG_CONFIG_HOME="+filepath.Dir(file), "replay", "fixed")
	term.expect("stop 1 of 35")
	term.press("F5")
	var pid int
	poll(t, "the command to run", func() bool {
		text, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(text), &pid)
		return err == nil
	})
	begin := time.Now()
	term.press("q")
	term.expect("ended with 0")
	if took := time.Since(begin); took > endsWithin {
		t.Errorf("it ended after %v", took)
	}
	poll(t, "what the command started to end", func() bool { return syscall.Kill(pid, 0) != nil })
}
