package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// terminal is the program in a real terminal: tmux's.
type terminal struct {
	t      testing.TB
	socket string
}

func newTerminal(t testing.TB, width, height int, args ...string) *terminal {
	t.Helper()
	return newTerminalEnv(t, width, height, "LC_ALL=C.UTF-8", args...)
}

// newTerminalEnv is newTerminal with a variable of the environment set.
func newTerminalEnv(t testing.TB, width, height int, env string, args ...string) *terminal {
	t.Helper()
	// What the terminal is like before and after must be the same.
	return openTerminal(t, width, height, fmt.Sprintf("export XDG_CONFIG_HOME='%s'; stty -a; env '%s' '%s' '%s'; echo ended with $?; stty -a; cat", t.TempDir(), env, program, strings.Join(args, "' '")))
}

// newShell is an interactive shell.
func newShell(t testing.TB, width, height int) *terminal {
	t.Helper()
	return openTerminal(t, width, height, "exec bash --norc --noprofile -i")
}

func openTerminal(t testing.TB, width, height int, command string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatal("tmux is missing: `make deps` installs it")
	}
	term := &terminal{t, filepath.Join(t.TempDir(), "tmux")}
	term.tmux("new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), command)
	t.Cleanup(func() { exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	return term
}

func (term *terminal) tmux(args ...string) string {
	term.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-u", "-S", term.socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		term.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (term *terminal) screen() string { return term.tmux("capture-pane", "-p") }

func (term *terminal) press(keys ...string) {
	term.t.Helper()
	term.tmux(append([]string{"send-keys"}, keys...)...)
}

// expect waits until all texts are on the screen.
func (term *terminal) expect(texts ...string) string {
	term.t.Helper()
	var screen string
	defer func() {
		if term.t.Failed() {
			term.t.Logf("the screen:\n%s", screen)
		}
	}()
	poll(term.t, fmt.Sprintf("%q on the screen", texts), func() bool {
		screen = term.screen()
		for _, s := range texts {
			if !strings.Contains(screen, s) {
				return false
			}
		}
		return true
	})
	return screen
}

// expectNot waits until a text is not on the screen any more.
func (term *terminal) expectNot(text string) {
	term.t.Helper()
	poll(term.t, fmt.Sprintf("%q to go", text), func() bool { return !strings.Contains(term.screen(), text) })
}

// process is the program's.
func (term *terminal) process(t testing.TB) int {
	t.Helper()
	shell, err := strconv.Atoi(strings.TrimSpace(term.tmux("display-message", "-p", "#{pane_pid}")))
	if err != nil {
		t.Fatal(err)
	}
	return child(t, shell, "thaw")
}

// walk presses n until the restore has been judged.
func (term *terminal) walk() {
	term.t.Helper()
	last := ""
	poll(term.t, "the verdict", func() bool {
		screen := term.screen()
		status := screen[max(0, strings.LastIndex(screen, " stop ")):]
		if strings.Contains(screen, "STOPPED") && status != last && !strings.Contains(screen, "restore is complete") {
			last = status
			term.press("n")
		}
		return strings.Contains(screen, "restore is complete")
	})
}

// The default scenario from its start to the verdict, as a user sees it.
func TestTerminalWalk(t *testing.T) {
	t.Parallel()
	term := newTerminal(t, 120, 40, onLab("lab")...)
	term.expect("n runs to the next phase")
	term.press("x") // any key closes the greeting
	term.press("n")
	term.expect("1 of 31", "core.main", "rtcr", "1 sheep.")
	term.walk()
	screen := term.expect("≠ IGNORED", "≈ coincident", "complete", "msleep", "ipc_call", "pager copy", "lost", "Resto::restore()")
	if found := strings.Contains(screen, "▸ ≠ IGNORED    ep"); !found {
		t.Errorf("ep is not the first thread:\n%s", screen)
	}
	term.press("p")
	term.expect("HISTORY")
	term.press("?")
	term.expect("interrupt the running guest")
	term.press("NPage")
	term.expect("OVERWRITTEN")
	term.press("Escape")
	// Escape and a key at once would be Alt and that key.
	poll(t, "the end of the help", func() bool { return !strings.Contains(term.screen(), "OVERWRITTEN") })
	term.press("q")
	term.expect("ended with 0")
	term.asBefore()
}

// On a small screen the verdict is there, and nothing sticks out.
func TestTerminalSmall(t *testing.T) {
	t.Parallel()
	term := newTerminal(t, 80, 24, onLab("lab", "--bug", "overwritten")...)
	term.expect("n runs to the next phase")
	term.press("x", "n")
	term.walk()
	screen := term.expect("! OVERWRITTEN", "applied")
	for line := range strings.SplitSeq(screen, "\n") {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("line of %d characters: %s", utf8.RuneCountInString(line), line)
		}
	}
	term.press("q")
	term.expect("ended with 0")
}

// What a debugger user expects of the real program: a breakpoint in a component, a
// backtrace, members of an object and where pointers lead, on a small screen.
func TestTerminalDebugger(t *testing.T) {
	t.Parallel()
	term := newTerminal(t, 80, 24, onLab("lab")...)
	term.expect("n runs to the next phase")
	term.press("Escape")
	poll(t, "the end of the greeting", func() bool { return !strings.Contains(term.screen(), "n runs to the next phase") })
	command := func(text string) { term.tmux("send-keys", "-l", ":"+text); term.press("Enter") }
	command("b core: Genode::Platform_thread::state")
	term.expect("yours")
	term.press("n")
	term.expect("phase checkpoint")
	command("until core: Genode::ipc_reply_wait")
	term.expect("STOPPED", "breakpoint core: Genode::ipc_reply_wait")
	command("thread rtcr")
	term.press("w")
	term.expect("backtrace of", "Enter follow")
	term.press("Enter")
	term.expect("▸", "Esc back")
	term.press("q")
	poll(t, "the end of the overlay", func() bool { return !strings.Contains(term.screen(), "Esc back") })
	term.press("v")
	term.expect("a Thread_object at", "<Receiver>", "points to")
	term.tmux("send-keys", "-l", "/_rcv_regs")
	term.press("Enter", "Enter")
	term.expect("kernel: *(Syscall_frame*)0x", "_r15")
	term.press("q")
	poll(t, "the end of the overlay", func() bool { return !strings.Contains(term.screen(), "_r15") })
	command("delete all")
	term.press("6")
	poll(t, "the breakpoint to go", func() bool { return !strings.Contains(term.screen(), "yours") })
	term.press("q")
	term.expect("ended with 0")
}
