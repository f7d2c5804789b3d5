package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"thaw/gdbremote/qemu"
	"thaw/session"
	"thaw/session/beside"
	"thaw/session/scenario"
	"thaw/session/view"
	"thaw/testwait"
)

// besideScreen is what a screen sees of a session that gdb has, too.
type besideScreen struct {
	*beside.Controller
	t *testing.T
}

// until waits for a view.
func (s besideScreen) until(what string, ok func(v *view.View) bool) *view.View {
	s.t.Helper()
	v := s.View()
	for !ok(v) {
		v = testwait.For(s.t, s.Updates(), fmt.Sprintf("%s: it is %s, %q", what, v.State, v.Message))
	}
	return v
}

// probes counts the breakpoints that are set.
func (s besideScreen) probes() (n int) {
	s.t.Helper()
	loan, err := session.Lend(s.Controller.Controller, "the test", func() {})
	if err != nil {
		s.t.Fatal(err)
	}
	defer loan.Return("")
	_, _, driver := loan.Parts()
	if err := loan.Do(func(context.Context) error { n = len(driver.Breaks.Probes); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// besideGDB is a gdb that is told what to do line by line.
type besideGDB struct {
	*exec.Cmd
	io.Writer
	lines chan string
}

func startGDB(t *testing.T) *besideGDB {
	t.Helper()
	g := &besideGDB{Cmd: exec.Command("gdb", "-nx", "-q"), lines: make(chan string, 10_000)}
	in, err := g.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	g.Stderr = g.Stdout // which monitor writes to
	if err := g.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(g.lines)
		for all := bufio.NewScanner(out); all.Scan(); {
			g.lines <- all.Text() + "\n"
		}
	}()
	t.Cleanup(func() {
		_ = g.Process.Kill()
		for l := range g.lines {
			t.Log(l)
		}
		_ = g.Wait()
	})
	g.Writer = in
	g.say("set pagination off", "set confirm off", "set architecture i386:x86-64", "set osabi none", "set sysroot /", "set schedule-multiple on")
	return g
}

func (g *besideGDB) say(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(g, l)
	}
}

// until reads what gdb says up to a line.
func (g *besideGDB) until(t *testing.T, text string) {
	t.Helper()
	for said := ""; !strings.Contains(said, text); {
		line := testwait.For(t, g.lines, fmt.Sprintf("gdb to say %q, which said %s", text, said))
		if line == "" {
			t.Fatalf("gdb did not say %q: %s", text, said)
		}
		said += line
	}
}

// startBeside begins a session whose guest, or one component of it, can be served; end ends
// it.
func startBeside(t *testing.T, stub, only string) (s besideScreen, end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	o := options{scenario: noScenario, programFiles: programFiles{build: guestDir}}
	op, err := o.openAddr(ctx, scenario.Plain(), stub)
	if err != nil {
		t.Fatal(err)
	}
	if err := op.engine.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	s = besideScreen{beside.New(ctx, session.NewController(ctx, op.engine), only), t}
	return s, func() {
		s.Hide()
		cancel()
		testwait.For(t, s.Done(), "the session to end")
		if err := op.close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// checkBesideLLDB has a screen's session and lldb on one guest.
func checkBesideLLDB(t *testing.T, stub string) {
	s, end := startBeside(t, stub, "rtcr")
	defer end()
	socket := filepath.Join(t.TempDir(), "lldb")
	probes := s.probes()
	if err := s.Listen(socket); err != nil {
		t.Fatal(err)
	}
	checkedByLLDB(t, append(lldbReads("rtcr"), lldbOnLab...), filepath.Join(guestDir, "rtcr"), socket)
	s.until("lldb to leave", func(v *view.View) bool {
		return v.NoRun == "" && v.State == view.Stopped && v.Message == "the debugger has left: the guest is the screen's alone"
	})
	if n := s.probes(); n != probes {
		t.Errorf("%d addresses have breakpoints after lldb has left, %d before", n, probes)
	}
}

// checkBeside has a screen's session and gdb on one guest.
func checkBeside(t *testing.T, stub string) {
	s, end := startBeside(t, stub, "")
	defer end()
	socket := filepath.Join(t.TempDir(), "gdb")
	listen := func() {
		t.Helper()
		if err := s.Listen(socket); err != nil {
			t.Fatal(err)
		}
	}
	probes := s.probes()

	listen()
	s.Continue()
	s.until("a guest that runs", func(v *view.View) bool { return v.State == view.Running })
	checkedByGDB(t, "live", socket, msleep, "sheep_counter/ep") // it stops the guest by coming
	s.until("gdb to leave", func(v *view.View) bool { return v.NoRun == "" && v.State == view.Stopped })
	if n := s.probes(); n != probes {
		t.Errorf("%d addresses have breakpoints after gdb has left, %d before", n, probes)
	}

	g := startGDB(t)
	g.say("target extended-remote "+socket, "stepi 0") // else it is quiet about the first stop of the inferior that it begins with
	s.until("gdb", func(v *view.View) bool { return v.NoRun != "" })
	s.Break("sheep_counter: Timer::Session_client::msleep(unsigned long)", false)
	own := func(v *view.View) bool {
		return slices.ContainsFunc(v.Breakpoints, func(b view.BreakpointInfo) bool { return b.Own() })
	}
	v := s.until("a breakpoint of the screen's", func(v *view.View) bool { return v.State == view.Stopped && own(v) })
	s.Continue()
	stops := s.until("a refusal", func(v *view.View) bool { return strings.Contains(v.Message, "believes that it stands") }).Stops
	if stops != v.Stops {
		t.Errorf("%d stops, and %d after what was refused", v.Stops, stops)
	}
	g.say("python [t for i in gdb.inferiors() for t in i.threads() if t.name == 'core/core.main'][0].switch()", `eval "hbreak *%lu", (unsigned long)$pc`, // $pc itself would be another one's when gdb comes back
		"continue") // from another inferior than gdb began with
	g.until(t, "SIGTRAP")
	g.say("monitor why")
	g.until(t, "breakpoint sheep_counter: Timer::Session_client::msleep")
	s.until("the same stop", func(v *view.View) bool {
		return v.Stops > stops && strings.HasPrefix(v.Snapshot.Reason, "breakpoint sheep_counter: ")
	})
	s.Delete("")
	s.until("no breakpoint of the screen's", func(v *view.View) bool { return v.State == view.Stopped && !own(v) })

	runs := func(v *view.View) bool { return v.State == view.Running && v.Message == "running for gdb" }
	g.say("continue")
	s.until("gdb to let the guest go", runs)
	s.Interrupt()
	s.until("the guest to stand", func(v *view.View) bool { return v.State == view.Stopped && v.NoRun != "" })
	g.until(t, "SIGTRAP")
	g.say("monitor why")
	g.until(t, "interrupted")

	g.say("continue")
	s.until("gdb to let the guest go", runs)
	s.Hide()
	g.until(t, "Remote connection closed")
	s.until("the guest to stand", func(v *view.View) bool { return v.State == view.Stopped && v.NoRun == "" })

	listen()
	g.say("target extended-remote "+socket, "continue")
	s.until("gdb to let the guest go", runs)
	if err := g.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.until("gdb's end to be noticed", func(v *view.View) bool { return v.State == view.Stopped && v.NoRun == "" })
	if n := s.probes(); n != probes {
		t.Errorf("%d addresses have breakpoints after gdb's sudden end, %d before", n, probes)
	}
}

// checkFault has a fault of thaw's own end a session: who has the guest beside the screen
// is told, what was seen stays, and the guest goes on as it is closed.
func checkFault(t *testing.T, vm *qemu.VM) {
	s, end := startBeside(t, vm.GDB(), "")
	s.Break("sheep_counter: Timer::Session_client::msleep(unsigned long)", false)
	stops := s.until("a breakpoint", func(v *view.View) bool { return v.State == view.Stopped && len(v.Breakpoints) > 0 }).Stops
	lost := make(chan bool, 1)
	loan, err := session.Lend(s.Controller.Controller, "the test", func() { lost <- true })
	if err != nil {
		t.Fatal(err)
	}
	const what = "thaw itself has a fault (of the test's in cmd/thaw.checkFault"
	err = loan.Do(func(context.Context) error { panic("of the test's") })
	if err == nil || !strings.HasPrefix(err.Error(), what) {
		t.Errorf("the command: %v", err)
	}
	testwait.For(t, lost, "the other debugger to be told")
	loan.Return("")
	v := s.until("the end", func(v *view.View) bool { return v.State == view.Ended })
	if v.Lost || v.Stops != stops || v.Snapshot == nil || v.Err == nil || !strings.HasPrefix(v.Err.Error(), what) {
		t.Errorf("lost %v, %d stops of %d, %v", v.Lost, v.Stops, stops, v.Err)
	}
	end()
	goesOn(t, vm, "after the fault")
}
