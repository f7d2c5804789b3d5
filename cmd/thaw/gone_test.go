package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"thaw/gdbremote/qemu"
)

// A check whose guest ends, as the replay of a record does, or whose QEMU is killed tells
// what was seen before, why there is no more, and what to do.
func TestGuestEnds(t *testing.T) {
	t.Parallel()
	restored := regexp.MustCompile(`(?s)restore.*[2-9] sheeps`)
	ignored := regexp.MustCompile(`IGNORED +ep `)
	for name, c := range map[string]struct {
		end       func(t *testing.T, vm *qemu.VM)
		says, not string
	}{
		"ends": {func(t *testing.T, vm *qemu.VM) { qmp(t, vm, "quit") }, "-no-shutdown keeps", "may stand"},
		"is killed": {func(t *testing.T, vm *qemu.VM) {
			if err := syscall.Kill(vm.PID(), syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}, "the same command attaches again", "-no-shutdown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vm := frozenLab(t)
			cmd := exec.Command(program, "check", vm.GDB(), "--build", guestDir, "--for", "1m")
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			poll(t, "the restored child to count", func() bool { return restored.Match(vm.SerialOutput()) })
			c.end(t, vm)
			waitEnd(t, cmd)
			if code := cmd.ProcessState.ExitCode(); code != exitFailed || !oneSentence(stderr.String()) || !strings.Contains(stderr.String(), c.says) || strings.Contains(stderr.String(), c.not) {
				t.Errorf("exit code %d: %s", code, &stderr)
			}
			if out := stdout.String(); !ignored.MatchString(out) || !strings.Contains(out, "not as expected: ") {
				t.Errorf("what was seen: %s", out)
			}
		})
	}
}
