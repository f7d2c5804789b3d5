package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// The screen comes up in every character set, with glyphs where that is UTF-8.
func TestCharacterSets(t *testing.T) {
	t.Parallel()
	for locale, glyphs := range map[string]bool{"C.utf8": true, "en_US.utf-8": true, "en_US.UTF-8": true, "C": false, "POSIX": false, "de_DE.ISO-8859-1": false, "ru_RU.KOI8-R": false, "zh_CN.GB18030": false, "xx_XX.NONSENSE": false} {
		for _, args := range [][]string{{"replay", "fixed"}, {"replay", "fixed", "--ascii"}} {
			term := newTerminalEnv(t, 80, 24, "LC_ALL="+locale, args...)
			screen := term.expect("RECORDING")
			if got := strings.Contains(screen, "▸") || strings.Contains(screen, "─"); got != (glyphs && len(args) == 2) {
				t.Errorf("%s, %q: glyphs: %v\n%s", locale, args, got, screen)
			}
			term.press("x", "q")
			term.expect("ended with 0")
		}
	}
}

func TestUnknownTerminal(t *testing.T) {
	t.Parallel()
	if r := thawEnv(t, []string{"TERM=nonsense"}, "replay", "fixed"); r.code != exitFailed || !oneSentence(r.stderr) || !strings.Contains(r.stderr, `TERM="nonsense": set it to what yours is, such as xterm-256color`) {
		t.Errorf("exit code %d: %s", r.code, r.stderr)
	}
}

// Ctrl-Z hands the terminal to the shell, and fg brings the whole screen back; the
// guest is none the worse.
func TestSuspend(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Fatal("bash is missing")
	}
	term := newShell(t, 120, 40)
	term.tmux("send-keys", "-l", fmt.Sprintf("PS1='shell: '; XDG_CONFIG_HOME=%s %s lab --guest %s", t.TempDir(), program, guestDir))
	term.press("Enter")
	term.expect("n runs to the next phase")
	term.press("x", "n")
	before := term.expect("STOPPED", "1 of 31", "core.main")
	term.press("C-z")
	term.expect("Stopped", "shell: ")
	term.tmux("send-keys", "-l", "clear; echo something else; fg")
	term.press("Enter")
	term.expect("STOPPED", "1 of 31", "core.main")
	poll(t, "the whole screen", func() bool { return term.screen() == before })
	term.press("n")
	term.expect("2 of 31")
	term.press("C-z")
	term.expect("Stopped")
	term.tmux("send-keys", "-l", "fg")
	term.press("Enter")
	term.expect("2 of 31")
	term.press("q")
	term.expectNot("2 of 31")
	term.tmux("send-keys", "-l", "echo ended with $?")
	term.press("Enter")
	term.expect("ended with 0")
}
