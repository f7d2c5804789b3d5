package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// lldbChecks are commands of lldb's, and what it says to them: expressions for one line each.
var lldbChecks = []struct {
	command string
	says    []string
}{
	{"process status", []string{`Process \d+ stopped`, `frame #0: .* rtcr`}},
	{"thread list", []string{`thread #1: tid = `, `thread #5: tid = `, `name = 'rtcr/ep'`, `name = 'rtcr/signal handler'`, `idle_main\(\) at syscall\.h:\d+`, `ipc_reply_wait\(`}},
	{"thread info", []string{`thread #1: .*signal SIGTRAP`}},
	{"thread select 2", []string{`thread #2, name = 'rtcr/ep'`}},
	{"thread backtrace", []string{`frame #0: .*idle_main`, `frame #1: .*idle_main\(\) at main\.cc:\d+`}},
	{"register read rip rsp", []string{`rip = 0x0+100`, `rsp = 0x0+40`}},
	{"register read rax", []string{`rax = 0x`}},
	{"register read xmm0", []string{`0xcc 0xcc`}}, // lldb's way to show what is not known
	{"memory read --size 8 --count 2 --format x $sp", []string{`^0x40[0-9a-f]+: 0x[0-9a-f]{16} 0x[0-9a-f]{16}`}},
	{"memory read --size 1 --count 4 --format x $pc", []string{`^0x0?100[0-9a-f]+: 0x`}},
	{"memory read 0x7f0000000120", []string{`error: memory read failed`}},
	{"memory write $sp 1", []string{`error: Memory write .* failed`}},
	{"register write rip 0", []string{`error: Failed to write register`}},
	{"disassemble --count 3 --pc", []string{`-> .*jmp`}},
	{"image list", []string{`/rtcr`}},
	{"image lookup -n Genode::sleep_ms", []string{`1 match found`, `base\.cc:\d+`}},
	{"frame variable", []string{`\(Sys_call\) op = Sys_ipc_wait`}},
	{"expression -- 1+1", []string{` = 2`}},
	{"frame select 1", []string{`frame #1: .*main\.cc`}},
	{"up", []string{`error: Already at the top`}},
	{"thread backtrace all", []string{`sleep_ms\(ms=1000\)`, `_start at crt0\.S`, `Target_child::serve\(this=0x`}},
	{"watchpoint set expression -- $sp", []string{`error: .*watchpoint packet failed`}},
	{"process plugin packet send qAttached", []string{`response: 1`}},
	{"process plugin packet monitor help", []string{`why the guest stands`}},
	{"process plugin packet monitor why", []string{`attached`}},
	{"process plugin packet monitor components", []string{`process \d+ .* rtcr  5 threads`, `sheep_counter .* capabilities`}},
	{"process plugin packet monitor breakpoints", []string{`^none`}},
	{"breakpoint set -H -n Genode::sleep_ms", []string{`Breakpoint 1: .*sleep_ms`}},
	{"process continue", []string{`thread #1, stop reason = breakpoint 1\.1`}},
	{"frame variable a", []string{`a = 1000`}},
	{"process plugin packet monitor breakpoints", []string{`hit 1×`}},
	{"thread step-inst", []string{`stop reason = instruction step into`}},
	{"process continue", []string{`stop reason = breakpoint 1\.1`}},
	{"process plugin packet monitor breakpoints", []string{`hit 2×`}},
	{"breakpoint delete --force", []string{`All breakpoints removed`}},
	{"thread step-over", []string{`stop reason = step over`, `sleep_ms\(ms=1000\)`}}, // a system call, in which the thread waits
	{"thread step-out", []string{`stop reason = step out`, `start\(.* at main\.cc`}},
	{"process detach", []string{`Process \d+ detached`}},
}

// checkedByLLDB has lldb look at one component, stop in it and step it.
func checkedByLLDB(t *testing.T, stub string) {
	socket, end := served(t, stub, "--build", guestDir, "--only", "rtcr")
	defer end()
	var script strings.Builder
	script.WriteString("target create " + filepath.Join(guestDir, "rtcr") + "\nprocess connect unix-connect://" + socket + "\n")
	for _, c := range lldbChecks {
		script.WriteString(c.command + "\n")
	}
	file := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("lldb", "--no-lldbinit", "--batch", "-o", "command source -e false -c false "+file).CombinedOutput()
	if err != nil {
		t.Errorf("lldb: %v", err)
	}
	text, checks := string(out), 0
	for n, c := range lldbChecks {
		_, rest, found := strings.Cut(text, "(lldb) "+c.command)
		if text = rest; !found {
			t.Fatalf("lldb did not come to %q:\n%s", c.command, out)
		}
		answer := rest // what it says of a stop may come behind the next command
		if n+2 < len(lldbChecks) {
			answer, _, _ = strings.Cut(rest, "(lldb) "+lldbChecks[n+2].command)
		}
		for _, want := range c.says {
			if checks++; !regexp.MustCompile("(?m)" + want).MatchString(answer) {
				t.Errorf("to %q lldb does not say %q:\n%s", c.command, want, answer)
			}
		}
	}
	if checks < 40 {
		t.Errorf("these are %d checks", checks)
	}
}
