package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// lab is `thaw lab` in a terminal of its own, with the processes and folders
// that belong to it.
type lab struct {
	*terminal
	thaw, qemu int
	dirs       []string
}

// startLab starts it and waits until the guest stands at its first phase.
func startLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{terminal: newTerminal(t, 120, 40, onLab("lab")...)}
	l.expect("n runs to the next phase")
	l.press("x", "n")
	l.expect("STOPPED", "1 of 31", "core.main")
	l.thaw = l.process(t)
	l.qemu = child(t, l.thaw, "qemu-system")
	l.dirs = dirsOf(t, l.qemu)
	return l
}

// child finds the process that another one started.
func child(t testing.TB, parent int, name string) int {
	t.Helper()
	for _, pid := range children(parent) {
		if comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.HasPrefix(string(comm), name) {
			return pid
		}
	}
	t.Fatalf("process %d has no child %s", parent, name)
	return 0
}

// dirsOf are the folders that thaw made for a QEMU: that of its RAM, and those
// of its lock files and sockets, which thaw has open.
func dirsOf(t testing.TB, qemu int) []string {
	t.Helper()
	dirs := map[string]bool{}
	for _, pid := range append(parents(t, qemu), qemu) {
		links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, link := range links {
			if file, err := os.Readlink(link); err == nil && strings.Contains(file, "/thaw-qemu-") {
				dirs[filepath.Dir(file)] = true
			}
		}
	}
	var out []string
	for dir := range dirs {
		if _, err := os.Stat(dir); err == nil {
			out = append(out, dir)
		}
	}
	if len(out) == 0 {
		t.Fatal("thaw has made no folder for its QEMU")
	}
	return out
}

func parents(t testing.TB, pid int) []int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	ppid, err := strconv.Atoi(strings.Fields(rest)[1])
	if err != nil {
		t.Fatal(err)
	}
	return []int{ppid}
}

// noneLeft waits for the end of a QEMU and of its folders.
func noneLeft(t *testing.T, qemu int, dirs []string) {
	t.Helper()
	poll(t, "the end of QEMU", func() bool { return gone(qemu) })
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is left (%v)", dir, err)
		}
	}
}

// asBefore makes sure that the terminal is as it was before thaw: its modes,
// the cursor, the screen, the mouse.
func (term *terminal) asBefore() {
	term.t.Helper()
	if flags := strings.TrimSpace(term.tmux("display-message", "-p", "#{cursor_flag} #{alternate_on} #{mouse_any_flag} #{keypad_flag}")); flags != "1 0 0 0" {
		term.t.Errorf("cursor, alternate screen, mouse, keypad: %s, want 1 0 0 0", flags)
	}
	var text, before, after string
	poll(term.t, "the terminal's modes at the end", func() bool {
		text = term.tmux("capture-pane", "-p", "-J", "-S", "-100")
		var rest string
		before, rest, _ = strings.Cut(text, "ended with ")
		_, after, _ = strings.Cut(rest, "\n")
		return strings.Contains(after, " echo ")
	})
	// Between the modes before and the line about the end is what thaw told.
	before, _, _ = strings.Cut(before, "thaw: ")
	if strings.TrimSpace(before) != strings.TrimSpace(after) || !strings.Contains(before, " echo ") {
		term.t.Errorf("the terminal is not as it was:\n%s", text)
	}
}

// A signal ends a check, its QEMU, and the folders made for it.
func TestCheckLeavesNothing(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			cmd, stderr, qemu := endless(t)
			dirs := dirsOf(t, qemu)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			waitEnd(t, cmd)
			noneLeft(t, qemu, dirs)
			if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}

// A QEMU that does not answer any more ends with thaw, too.
func TestStuckQEMU(t *testing.T) {
	t.Parallel()
	cmd, stderr, qemu := endless(t)
	dirs := dirsOf(t, qemu)
	if err := syscall.Kill(qemu, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, cmd)
	noneLeft(t, qemu, dirs)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// A signal ends the debugger and gives the terminal back.
func TestLabKilled(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			l := startLab(t)
			if err := syscall.Kill(l.thaw, sig); err != nil {
				t.Fatal(err)
			}
			l.expect("ended with ")
			noneLeft(t, l.qemu, l.dirs)
			l.asBefore()
		})
	}
	t.Run("killed", func(t *testing.T) {
		t.Parallel()
		l := startLab(t)
		if err := syscall.Kill(l.thaw, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		poll(t, "the end of QEMU", func() bool { return gone(l.qemu) })
		for _, dir := range l.dirs { // the next start would, a minute later
			os.RemoveAll(dir)
		}
	})
	t.Run("terminal closed", func(t *testing.T) {
		t.Parallel()
		l := startLab(t)
		if out, err := exec.Command("tmux", "-S", l.socket, "kill-server").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		poll(t, "the end of thaw", func() bool { return gone(l.thaw) })
		noneLeft(t, l.qemu, l.dirs)
	})
}

// The guest dies under the debugger: the reason is on the screen, what was seen
// stays there, and is told once more when the screen is gone.
func TestLabQEMUKilled(t *testing.T) {
	t.Parallel()
	l := startLab(t)
	if err := syscall.Kill(l.qemu, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	poll(t, "the end of QEMU", func() bool { return gone(l.qemu) })
	l.press("n")
	l.expect("ENDED", "QEMU ended: signal killed", "core.main")
	l.press("n") // there is nothing to run any more
	l.press("q")
	screen := l.expect("ended with 2")
	if !strings.Contains(strings.Join(strings.Fields(screen), " "), "QEMU ended: signal killed") {
		t.Errorf("the reason is not told after the screen:\n%s", screen)
	}
	noneLeft(t, l.qemu, l.dirs)
	l.asBefore()
}
