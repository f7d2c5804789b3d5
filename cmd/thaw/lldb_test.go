package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// lldbCheck is a command of lldb's, and what it says to it: expressions for one line each.
type lldbCheck struct {
	command string
	says    []string
}

// lldbReads reads a component that stands, live or recorded.
func lldbReads(component string) []lldbCheck {
	named := `name = '` + regexp.QuoteMeta(component) + `/`
	return []lldbCheck{
		{"process status", []string{`Process \d+ stopped`}},
		{"thread list", []string{`thread #1: tid = .* ` + named, `thread #2: tid = .* ` + named, `thread #3: tid = .* ` + named}},
		{"thread info", []string{`thread #1: .*signal SIGTRAP`}},
		{"thread select 2", []string{`thread #2, ` + named}},
		{"thread backtrace", []string{`frame #0: 0x`}},
		{"register read rip rsp", []string{`rip = 0x0+[1-9a-f]`, `rsp = 0x0+[1-9a-f]`}},
		{"register read rax", []string{`rax = 0x`}},
		{"register read xmm0", []string{`xmm0 += error: unavailable`}}, // not 0, and not lldb's cc for x
		{"register read", []string{`\d+ registers were unavailable`}},
		{"memory read 0x7f0000000120", []string{`error: memory read failed`}},
		{"memory write $sp 1", []string{`error: Memory write .* failed`}},
		{"register write rip 0", []string{`error: Failed to write register`}},
		{"expression -- 1+1", []string{` = 2`}},
		{"thread backtrace all", []string{`^\* thread #2, `, `^  thread #1, `, `^    frame #0: 0x`}},
		{"watchpoint set expression -- $sp", []string{`error: Watchpoint creation failed`}},
		{"process plugin packet send qAttached", []string{`response: 1`}},
		{"process plugin packet monitor help", []string{`why the guest stands`}},
		{"process plugin packet monitor components", []string{`process \d+ .* ` + regexp.QuoteMeta(component) + `  \d+ threads`}},
		{"process plugin packet monitor breakpoints", []string{`^none`}},
		{"thread select 1", nil}, // what it says comes at any time
	}
}

// lldbOnLab are those of what the lab guest's restorer shows besides, and how lldb stops
// and steps it.
var lldbOnLab = []lldbCheck{
	{"thread list", []string{`name = 'rtcr/ep'`, `name = 'rtcr/signal handler'`, `thread #5: tid = `, `idle_main\(\).* at syscall\.h:\d+`, `ipc_reply_wait\(`}},
	{"thread select 2", []string{`thread #2, name = 'rtcr/ep'`}},
	{"thread backtrace", []string{`frame #0: .*idle_main`, `frame #1: .*idle_main\(\) at main\.cc:\d+`}},
	{"memory read --size 1 --count 4 --format x $pc", []string{`^0x0?100[0-9a-f]+: 0x`}},
	{"memory read --size 8 --count 2 --format x $sp", []string{`^0x40[0-9a-f]+: 0x[0-9a-f]{16} 0x[0-9a-f]{16}`}},
	{"disassemble --count 3 --pc", []string{`-> .*jmp`}},
	{"image list", []string{`0x0000000001000000 .*/rtcr`}},
	{"image lookup -n Genode::sleep_ms", []string{`1 match found`, `base\.cc:\d+`}},
	{"frame variable", []string{`\(Sys_call\) op = Sys_ipc_wait`}},
	{"frame select 1", []string{`frame #1: .*main\.cc`}},
	{"up", []string{`error: Already at the top`}},
	{"thread backtrace all", []string{`sleep_ms\(ms=1000\)`, `_start at crt0\.S`, `Target_child::serve\(this=0x`}},
	{"process plugin packet monitor why", []string{`attached`}},
	{"thread select 1", nil},
	{"breakpoint set -H -a $pc", []string{`Breakpoint 1: where = rtcr`}}, // where a thread waits: lldb steps it alone first
	{"process continue", []string{`thread #1, name = 'rtcr/\S+', stop reason = breakpoint 1\.1`}},
	{"breakpoint delete --force 1", []string{`1 breakpoints deleted`}},
	{"breakpoint set -H -n Genode::sleep_ms", []string{`Breakpoint 2: .*sleep_ms`}},
	{"process continue", []string{`thread #1, .*stop reason = breakpoint 2\.1`}},
	{"frame variable a", []string{`a = 1000`}},
	{"process plugin packet monitor breakpoints", []string{`hit 1×`}},
	{"thread step-inst", []string{`stop reason = instruction step into`}},
	{"process continue", []string{`stop reason = breakpoint 2\.1`}},
	{"process plugin packet monitor breakpoints", []string{`hit 2×`}},
	{"breakpoint delete --force", []string{`All breakpoints removed`}},
	{"thread step-over", []string{`stop reason = step over`, `sleep_ms\(ms=1000\)`}}, // a system call, in which the thread waits
	{"thread step-out", []string{`stop reason = step out`, `start\(.* at main\.cc`}},
	{"process detach", []string{`Process \d+ detached`}},
}

// lldbOnRecording walks rtcr-2016: every breakpoint and step is the next stop.
var lldbOnRecording = []lldbCheck{
	{"process plugin packet monitor why", []string{`stop 1 of 32: phase checkpoint`}},
	{"process continue", []string{`thread #1, name = 'rtcr/ep', stop reason = signal SIGTRAP`}},
	{"process plugin packet monitor why", []string{`stop 2 of 32`}},
	{"thread step-inst", []string{`Process \d+ stopped`}},
	{"process plugin packet monitor why", []string{`stop 3 of 32`}},
	{"thread list", []string{`name = 'rtcr/signal handler'`, `name = 'rtcr/resources ep'`, `name = 'rtcr/child ep'`}},
	{"breakpoint set -H -a 0x1000", []string{`Breakpoint 1: address = 0x0000000000001000`}},
	{"process continue", []string{`Process \d+ stopped`}},
	{"process plugin packet monitor why", []string{`stop 4 of 32`}},
	{"breakpoint delete --force", []string{`All breakpoints removed`}},
	{"process plugin packet monitor components", []string{`sheep_counter  3 threads  \d+ capabilities`, ` core  8 threads`}},
	{"thread backtrace all", []string{`thread #2, name = 'rtcr/target_restorer-'`, `thread #6, name = 'rtcr/managed dataspac'`}},
	{"process detach", []string{`Process \d+ detached`}},
}

// lldbOnProbe are those of the probe on a real system. Threads that never go on stand at
// the breakpoint, too, which lldb wants to step over alone, in any order, and meanwhile
// takes off (so lldb 19 calls the stop a trace).
var lldbOnProbe = []lldbCheck{
	{"image list", []string{`0x0000000001000000 .*/probe`, `0x0000000000030000 .*/ld-\w+\.lib\.so`}},
	{"memory read --size 8 --count 2 --format x $sp", []string{`^0x40[0-9a-f]+: 0x[0-9a-f]{16} 0x[0-9a-f]{16}`}},
	{"image lookup -n Spinner::entry", []string{`1 match found`, `main\.cc:\d+`}},
	{"thread list", []string{`/spinner'`, `/paused'`, `/caller1'`, `/t3-ipc'`, `Spinner::entry\(this=0x`}},
	{"thread backtrace all", []string{`Genode::Thread::_thread_start\(\)`, `probe.Caller::entry`, `Blocker::entry\(`, `Genode::Entrypoint::_process_incoming_signals\(`}},
	{"process plugin packet monitor why", []string{`attached`}},
	{"breakpoint set -H -n Spinner::entry", []string{`Breakpoint 1: where = .*Spinner::entry`}},
	{"process continue", []string{`name = '.*/spinner', stop reason = (breakpoint 1\.1|trace)`, `frame #0: .*Spinner::entry\(this=0x`}},
	{"frame variable this->n", []string{`n = \d+`}},
	{"process plugin packet monitor breakpoints", []string{`hit 1×, 0× in other`}},
	{"process continue", []string{`name = '.*/spinner', stop reason = (breakpoint 1\.1|trace)`}},
	{"process plugin packet monitor breakpoints", []string{`hit 2×, 0× in other`}},
	{"breakpoint delete --force", []string{`All breakpoints removed`}},
	{"thread step-inst", []string{`stop reason = instruction step into`}},
	{"process detach", []string{`Process \d+ detached`}},
}

// servedToLLDB has lldb do what stands in a table, with a component that thaw serves.
func servedToLLDB(t *testing.T, table []lldbCheck, program string, serve ...string) {
	t.Helper()
	socket, end := served(t, serve...)
	defer end()
	checkedByLLDB(t, table, program, socket)
}

// checkedByLLDB has lldb do what stands in a table, with the component at a socket.
func checkedByLLDB(t *testing.T, table []lldbCheck, program, socket string) {
	t.Helper()
	var script strings.Builder
	if program != "" {
		script.WriteString("target create " + program + "\n")
	}
	script.WriteString("process connect unix-connect://" + socket + "\n")
	for _, c := range table {
		script.WriteString(c.command + "\n")
	}
	file := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute) // it waits for a stop that does not come for ever
	defer cancel()
	out, err := exec.CommandContext(ctx, "lldb", "--no-lldbinit", "--batch", "-o", "command source -e false -c false "+file).CombinedOutput()
	if err != nil {
		t.Errorf("lldb: %v", err)
	}
	text := string(out)
	for n, c := range table {
		_, rest, found := strings.Cut(text, "(lldb) "+c.command)
		if text = rest; !found {
			t.Fatalf("lldb did not come to %q:\n%s", c.command, out)
		}
		answer := rest // what it says of a stop may come behind the next command
		if n+2 < len(table) {
			answer, _, _ = strings.Cut(rest, "(lldb) "+table[n+2].command)
		}
		for _, want := range c.says {
			if !regexp.MustCompile("(?m)" + want).MatchString(answer) {
				t.Errorf("to %q lldb does not say %q:\n%s", c.command, want, answer)
			}
		}
	}
}

// A component of a recording has no program: whose it was is somewhere else.
func TestServeLLDBARecording(t *testing.T) {
	t.Parallel()
	servedToLLDB(t, append(lldbReads("rtcr"), lldbOnRecording...), "", "rtcr-2016", "--only", "rtcr")
}

// A real system with the probe in it is not there in general: THAW_PROBE is where its stub
// is, THAW_PROBE_BUILD its build directory, and THAW_PROBE_NAME what its kernel calls the
// probe.
func TestServeProbe(t *testing.T) {
	stub, build, name := os.Getenv("THAW_PROBE"), os.Getenv("THAW_PROBE_BUILD"), os.Getenv("THAW_PROBE_NAME")
	if stub == "" {
		t.Skip("THAW_PROBE does not name the stub of a real system")
	}
	t.Run("gdb", func(t *testing.T) {
		socket, end := served(t, stub, "--build", build)
		defer end()
		checkedByGDB(t, "live", socket, "here", name+"/spinner")
	})
	t.Run("lldb", func(t *testing.T) {
		servedToLLDB(t, append(lldbReads(name), lldbOnProbe...), filepath.Join(build, "bin", "probe"), stub, "--build", build, "--only", name)
	})
}
