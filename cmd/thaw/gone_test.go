package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"thaw/gdbremote/qemu"
)

// guestEnds are the ways in which a guest ends, and what is to do then.
var guestEnds = map[string]struct {
	end       func(t *testing.T, vm *qemu.VM)
	says, not string
}{
	"ends": {func(t *testing.T, vm *qemu.VM) { qmp(t, vm, "quit") }, "-no-shutdown keeps", "may stand"},
	"is killed": {func(t *testing.T, vm *qemu.VM) {
		if err := syscall.Kill(vm.PID(), syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}, "the same command attaches again", "-no-shutdown"},
}

// A check whose guest ends, as the replay of a record does, or whose QEMU is killed tells
// what was seen before, why there is no more, and what to do.
func TestGuestEnds(t *testing.T) {
	t.Parallel()
	restored := regexp.MustCompile(`(?s)restore.*[2-9] sheeps`)
	ignored := regexp.MustCompile(`IGNORED +ep `)
	for name, c := range guestEnds {
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

// A scenario is made of what came by before the guest ended, or was killed: that is told,
// and the scenario says what is missing. Where nothing came by, there is none.
func TestScenarioOfGuestThatEnds(t *testing.T) {
	t.Parallel()
	for name, c := range guestEnds {
		for when, log := range map[string]string{"in the checkpoint": "checkpoint", "before": "1 sheep"} {
			t.Run(name+" "+when, func(t *testing.T) {
				t.Parallel()
				vm := frozenLab(t)
				file := filepath.Join(t.TempDir(), "made.yaml")
				cmd := exec.Command(program, "scenario", "new", "--build", guestDir, "--from-run", vm.GDB(), "-o", file)
				var stdout, stderr bytes.Buffer
				cmd.Stdout, cmd.Stderr = &stdout, &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				poll(t, log+" in the LOG", func() bool { return bytes.Contains(vm.SerialOutput(), []byte(log)) })
				c.end(t, vm)
				waitEnd(t, cmd)
				// Of a guest that stands as it ends, only the connection's end is seen.
				told := strings.Contains(stderr.String(), c.says) || strings.Contains(stderr.String(), "connection to the stub is broken")
				if when == "before" {
					if _, err := os.Stat(file); cmd.ProcessState.ExitCode() != exitFailed || err == nil || !told {
						t.Errorf("%v, %v: %s", cmd.ProcessState, err, &stderr)
					}
					return
				}
				text, err := os.ReadFile(file)
				if err != nil || cmd.ProcessState.ExitCode() != exitOK || !strings.Contains(stderr.String(), "only what came by before this: ") || !told {
					t.Fatalf("%v, %v: %s", cmd.ProcessState, err, &stderr)
				}
				for _, want := range []string{"# Missing: the run did not come to ", "function: \"Rtcr::Checkpointer::checkpoint\""} {
					if !strings.Contains(string(text), want) {
						t.Errorf("%q is not in\n%s", want, text)
					}
				}
				if r := thaw(t, "scenario", "check", file, "--build", guestDir); r.code != exitOK {
					t.Errorf("what was made is wrong: %s", r.stdout)
				}
			})
		}
	}
}
