package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"thaw/scenarios"
)

// edited writes a copy of the default scenario with one change.
func edited(t *testing.T, old, new string) string {
	t.Helper()
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%q is not in the scenario", old)
	}
	return written(t, strings.Replace(string(text), old, new, 1))
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// listener is somebody who listens and is no stub.
func listener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "HTTP/1.0 400 Bad Request\r\n\r\n")
			defer c.Close()
		}
	}()
	return l.Addr().String()
}

// Bad input: one sentence that says what is wrong and what to do, exit code 2.
func TestBadInput(t *testing.T) {
	stripped := filepath.Join(t.TempDir(), "fiasco.image")
	if out, err := exec.Command("objcopy", "--strip-all", filepath.Join(guestDir, "fiasco.image"), stripped).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := closed.Addr().String()
	closed.Close()

	for _, c := range []struct {
		name string
		args []string
		says []string
	}{
		{"no stub", []string{"snapshot", free, "--build", guestDir}, []string{"nothing listens there", "start QEMU with"}},
		{"no socket", []string{"snapshot", "/nowhere/gdb.sock", "--build", guestDir}, []string{"no such socket", "-gdb unix:"}},
		{"another server", []string{"snapshot", listener(t), "--build", guestDir}, []string{"stub at"}},
		{"no address", []string{"attach"}, []string{"gdbstub's address", ":1234"}},
		{"nonsense address", []string{"snapshot", "1:2:3", "--build", guestDir}, []string{"HOST:PORT"}},
		{"remote host", []string{"snapshot", "192.0.2.1:1234", "--build", guestDir}, []string{"192.0.2.1", "no authentication"}},
		{"no kernel", []string{"snapshot", free}, []string{"--kernel ELF"}},
		{"missing kernel", []string{"snapshot", free, "--kernel", "/nowhere/fiasco.image"}, []string{"/nowhere/fiasco.image", "no such file"}},
		{"no ELF", []string{"snapshot", free, "--kernel", written(t, "text")}, []string{"not an ELF"}},
		{"stripped kernel", []string{"snapshot", free, "--kernel", stripped}, []string{"no debug info", "-g"}},
		{"another program as kernel", []string{"snapshot", free, "--kernel", filepath.Join(guestDir, "core")}, []string{"Fiasco.OC's kernel ELF"}},
		{"no debug info for a component", []string{"check", free, "--kernel", filepath.Join(guestDir, "fiasco.image")}, []string{"--symbols"}},
		{"unknown component", []string{"check", free, "--build", guestDir, "--symbols", "nobody=" + stripped}, []string{"nobody", "NAME=FILE"}},
		{"missing scenario", []string{"check", "lab", "--scenario", "/nowhere/x.yaml"}, []string{"/nowhere/x.yaml"}},
		{"unknown scenario", []string{"check", "lab", "--scenario", "nonsuch"}, []string{"nonsuch", "rtcr-2016"}},
		{"broken YAML", []string{"check", "lab", "--scenario", written(t, "name: x\nphases: [")}, []string{"[2:"}},
		{"unknown key", []string{"check", "lab", "--scenario", edited(t, "\nsettle:", "\nsetle:")}, []string{"setle"}},
		{"unknown function", []string{"check", "lab", "--guest", guestDir, "--scenario", edited(t, "::_prepare_cpu_sessions", "::_prepare_cpu_session")}, []string{"_prepare_cpu_session in", "did you mean Rtcr::Checkpointer::_prepare_cpu_sessions"}},
		{"unknown child", []string{"check", "lab", "--scenario", edited(t, "child: sheep_counter", "child: wolf")}, []string{`"wolf"`, "components"}},
		{"unknown bug", []string{"check", "lab:nosuch", "--guest", guestDir}, []string{"nosuch", "overwritten"}},
		{"guest not built", []string{"check", "lab", "--guest", t.TempDir()}, []string{"make guest"}},
		{"unknown command", []string{"frobnicate"}, []string{"frobnicate"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := thaw(t, c.args...)
			if r.code != exitFailed || r.stdout != "" {
				t.Errorf("exit code %d, stdout %q", r.code, r.stdout)
			}
			if !strings.HasPrefix(r.stderr, "thaw: ") {
				t.Errorf("stderr: %q", r.stderr)
			}
			for _, s := range c.says {
				if !strings.Contains(r.stderr, s) {
					t.Errorf("%q is not told: %s", s, r.stderr)
				}
			}
		})
	}
}

func TestBadSurroundings(t *testing.T) {
	if r := thawEnv(t, []string{"PATH=/nowhere"}, onLab("check", "lab")...); r.code != exitFailed || !strings.Contains(r.stderr, "apt-get install qemu-system-x86") {
		t.Errorf("without QEMU: exit code %d, %s", r.code, r.stderr)
	}
	if r := thawEnv(t, []string{"TERM=dumb"}, onLab("lab")...); r.code != exitFailed || !strings.Contains(r.stderr, "thaw check") {
		t.Errorf("on a dumb terminal: exit code %d, %s", r.code, r.stderr)
	}
}

// children lists the processes that a process started.
func children(pid int) []int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range threads {
		more, _ := os.ReadFile(f)
		text = append(append(text, ' '), more...)
	}
	var out []int
	for f := range strings.FieldsSeq(string(text)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// endless is a check that never comes to its end, and its QEMU once that runs.
func endless(t *testing.T) (cmd *exec.Cmd, stderr *strings.Builder, qemu int) {
	t.Helper()
	scenario := edited(t, "function: Rtcr::Restorer::restore\n  at: return", "function: Rtcr::Target_child::resume\n  at: entry")
	wire := filepath.Join(t.TempDir(), "wire")
	cmd = exec.Command(program, onLab("check", "lab", "--scenario", scenario, "--wire-log", wire)...)
	stderr = &strings.Builder{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	// The first request for a thread's state has come: its watchpoints are set.
	poll(t, "a phase", func() bool {
		text, _ := os.ReadFile(wire)
		return strings.Contains(string(text), "$Z3,")
	})
	for _, pid := range children(cmd.Process.Pid) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); strings.HasPrefix(string(name), "qemu-system") {
			qemu = pid
		}
	}
	if qemu == 0 {
		t.Fatal("thaw runs without QEMU")
	}
	return cmd, stderr, qemu
}

// gone says whether a process has ended.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// A guest that dies in the middle: the reason, exit code 2, nothing hangs.
func TestQEMUKilled(t *testing.T) {
	cmd, stderr, qemu := endless(t)
	if err := syscall.Kill(qemu, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitEnd(t, cmd)
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), "QEMU ended: signal killed") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

// However thaw ends, its QEMU ends with it.
func TestThawKilled(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd, stderr, qemu := endless(t)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			waitEnd(t, cmd)
			poll(t, "the end of QEMU", func() bool { return gone(qemu) })
			if code := cmd.ProcessState.ExitCode(); sig != syscall.SIGKILL && code != exitFailed {
				t.Errorf("exit code %d: %s", code, stderr)
			}
		})
	}
}
