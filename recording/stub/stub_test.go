package stub

import (
	"context"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/recording/stub/stubtest"
	"thaw/session"
	"thaw/testwait"
)

// server is a recording that is served.
type server struct {
	addr string
	stub *Stub
	end  func()
}

// serve serves a recording on a port of its own. The replay belongs to the
// server until it is stopped.
func serve(t *testing.T, r *session.Replay, rec session.Recorded) *server {
	t.Helper()
	s, err := New(r, rec)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		srv := gdbremote.Server{Handler: s, NoAckMode: true}
		if err := srv.ListenAndServe(ctx, ":0", func(a string) { ready <- a }); !errors.Is(err, context.Canceled) {
			t.Errorf("server: %v", err)
			close(ready)
		}
	})
	end := func() { cancel(); wg.Wait() }
	t.Cleanup(end)
	return &server{testwait.For(t, ready, "the server's address"), s, end}
}

// stop ends the server and tells at which stop it was left.
func (s *server) stop() int {
	s.end()
	return s.stub.Stop()
}

// said makes sure that a text has pieces in this order.
func said(t *testing.T, text string, pieces ...string) {
	t.Helper()
	rest := text
	for _, p := range pieces {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Fatalf("no %q where it should be in:\n%s", p, text)
		}
		rest = after
	}
}

var gdb = []string{"gdb"}

func TestGDBReadsTheRecording(t *testing.T) {
	r, rec := stubtest.Lab(t)
	s := serve(t, stubtest.Replay(t, rec), rec)
	v, err := r.View(1)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Machine(1)
	if err != nil {
		t.Fatal(err)
	}
	space, registers := m.Space(0), rec.Records()[0].CPUs[0].Registers
	var commands, want []string
	add := func(command, says string) { commands, want = append(commands, command), append(want, says) }
	add("target remote "+s.addr, fmt.Sprintf("%#016x in ", v.Snapshot.PC.Addr))
	o := v.Snapshot.System.Object(v.Snapshot.Thread)
	add("info threads", fmt.Sprintf("CPU#0 [user] runs %s %s of %s (task %s)", o.ID, o.Name, v.Snapshot.TaskName(o.Thread.PD), o.Thread.PD))
	for _, reg := range registers {
		add("p/x $"+reg.Name, fmt.Sprintf(" = %#x\n", reg.Value))
	}
	add("p $xmm3", "<unavailable>")
	add("p $st0", "<unavailable>")

	var object [16]byte
	if err := space.ReadMemory(o.Addr, object[:]); err != nil {
		t.Fatal(err)
	}
	add(fmt.Sprintf("x/16xb %#x", o.Addr), bytesOf(object[:8]))
	add("# ", bytesOf(object[8:]))
	_, phys, err := space.Translate(o.Addr)
	if err != nil {
		t.Fatal(err)
	}
	add("maintenance packet Qqemu.PhyMemMode:1", "received: \"OK\"")
	add(fmt.Sprintf("x/8xb %#x", phys), bytesOf(object[:8]))
	add("maintenance packet Qqemu.PhyMemMode:0", "received: \"OK\"")
	add("x/gx 0xdead0000000", "Cannot access memory at address 0xdead0000000")

	add("set $rbx = 0x1234", "Could not write register")
	add("p/x $rbx", fmt.Sprintf(" = %#x\n", registers[1].Value))
	add(fmt.Sprintf("set *(long *)%#x = 1", o.Addr), "Cannot access memory")
	out := stubtest.GDB(t, gdb, commands...)
	said(t, out, want...)
}

// bytesOf is how gdb prints bytes.
func bytesOf(p []byte) string {
	text := ""
	for _, b := range p {
		text += fmt.Sprintf("\t0x%02x", b)
	}
	return text
}

var inFrame = regexp.MustCompile(`(?m)^(0x[0-9a-f]+) in \?\?`)

// gdb walks all stops forward and back, and is told of both ends.
func TestGDBWalksTheHistory(t *testing.T) {
	r, rec := stubtest.Lab(t)
	s := serve(t, stubtest.Replay(t, rec), rec)
	commands, want := []string{"target remote " + s.addr}, []string{}
	at := func(n int) { want = append(want, fmt.Sprintf("%#016x", ip(s.stub.stops[n-1]))) }
	at(1)
	last := r.Stops()
	step := func(command string, to int) {
		commands = append(commands, command)
		at(min(max(to, 1), last))
	}
	for n := 1; n <= last; n++ {
		step([]string{"continue", "stepi"}[n%2], n+1) // the last one stays at the end
	}
	for n := last; n >= 1; n-- {
		step([]string{"reverse-continue", "reverse-stepi"}[n%2], n-1)
	}
	commands = append(commands, "watch *(long *)0x1000", "continue")
	out := stubtest.GDB(t, gdb, commands...)
	var got []string
	for _, m := range inFrame.FindAllStringSubmatch(out, -1) {
		got = append(got, m[1])
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("gdb was at\n%v\nwant\n%v\n%s", got, want, out)
	}
	if n := strings.Count(out, "No more reverse-execution history."); n != 2 {
		t.Errorf("%d ends of history, want 2:\n%s", n, out)
	}
	if !strings.Contains(out, "Could not insert hardware watchpoint") {
		t.Errorf("a watchpoint that will never fire was taken:\n%s", out)
	}
}

func ip(r *session.StopRecord) uint64 {
	for _, reg := range r.CPUs[r.CPU].Registers {
		if reg.Name == "rip" || reg.Name == "pc" {
			return reg.Value
		}
	}
	return 0
}

func TestGDBMonitor(t *testing.T) {
	r, rec := stubtest.Lab(t)
	s := serve(t, stubtest.Replay(t, rec), rec)
	last := r.Stops()
	out := stubtest.GDB(t, gdb, "target remote "+s.addr, "monitor stops", "monitor verdicts", fmt.Sprintf("monitor stop %d", last),
		"maintenance flush register-cache", "maintenance flush dcache", "p/x $rip", "monitor verdicts", "monitor stop 0", "monitor stop", "monitor fly", "monitor help")
	said(t, out, ">   1  "+s.stub.stops[0].Phase, s.stub.stops[0].Reason, s.stub.stops[last-1].Reason, "Nothing was restored up to stop 1.\n",
		fmt.Sprintf("Stop %d: ", last), fmt.Sprintf("= %#x\n", ip(s.stub.stops[last-1])))
	v, err := r.View(last)
	if err != nil {
		t.Fatal(err)
	}
	for _, verdict := range v.Verdicts {
		said(t, out, string(verdict.Verdict), verdict.Thread.String()+" "+verdict.Name+" of "+verdict.TaskName+": "+verdict.Cause)
	}
	said(t, out, fmt.Sprintf("\"0\" is none of stops 1 to %d.", last), "Say which", "There is no command \"fly\"", "  stop N     show stop N", "detached")
}

// Software watchpoints run to the stop where a value has changed.
func TestGDBFindsAChange(t *testing.T) {
	h := &stubtest.Hand{Arch: elf.EM_X86_64}
	for _, rbx := range []uint64{7, 7, 7, 8, 8} {
		h.Stop(t, "stop", []kernel.Register{{Name: "rip", Value: 0x1000}, {Name: "rbx", Value: rbx}, {Name: "cr3"}})
	}
	s := serve(t, h.Replay(t, nil), h)
	out := stubtest.GDB(t, gdb, "target remote "+s.addr, "set can-use-hw-watchpoints 0", "watch $rbx", "continue")
	said(t, out, "Old value = 7", "New value = 8")
	if at := s.stop(); at != 4 {
		t.Errorf("at stop %d, want 4", at)
	}
}

// A client that comes later finds the stop where the one before has left it.
func TestOwnClient(t *testing.T) {
	_, rec := stubtest.Lab(t)
	s := serve(t, stubtest.Replay(t, rec), rec)
	ctx, cancel := context.WithTimeout(context.Background(), stubtest.Limit)
	defer cancel()
	for turn := range 3 {
		c, err := gdbremote.Dial(ctx, s.addr, gdbremote.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f := c.Features(); !f.ReverseContinue || !f.ReverseStep || !c.HasPhysical() {
			t.Errorf("%+v", f)
		}
		regs, err := c.ReadRegisters(ctx, gdbremote.ThreadID{})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range s.stub.stops[turn].CPUs[0].Registers {
			if got, ok := regs.Uint64(want.Name); !ok || got != want.Value {
				t.Errorf("stop %d: %s is %#x (%v), want %#x", turn+1, want.Name, got, ok, want.Value)
			}
		}
		if _, ok := regs.Bytes("xmm0"); ok {
			t.Error("xmm0 is known, and was not recorded")
		}
		if err := c.ReadMemory(ctx, gdbremote.Virtual, 0, make([]byte, 8)); !errors.Is(err, gdbremote.ErrMemory) {
			t.Errorf("a read of what was not recorded: %v", err)
		}
		if err := c.Insert(ctx, gdbremote.WatchWrite, 0x1000, 8); !gdbremote.IsUnsupported(err) {
			t.Errorf("a watchpoint: %v", err)
		}
		if err := c.Insert(ctx, gdbremote.SoftwareBreak, 0x1000, 1); err != nil {
			t.Error(err)
		}
		if stop, err := c.Step(ctx, gdbremote.ThreadID{}); err != nil || stop.Reason != gdbremote.ReasonTrap {
			t.Errorf("%v, %v", stop, err)
		}
		if err := c.Detach(ctx); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if at := s.stop(); at != 4 {
		t.Errorf("at stop %d, want 4", at)
	}
}

// armHand is two stops of an ARM machine with two processors, one in user mode
// at the page 0x8000 (physical 0x10000), one in the kernel.
func armHand(t *testing.T) *stubtest.Hand {
	h := &stubtest.Hand{Arch: elf.EM_ARM}
	h.Put32(0x4000, 0x8000|stubtest.ARMTable)
	for i := range uint64(4) {
		h.Page(0x4000 + i*0x1000)
	}
	h.Put32(0x8000+8*4, 0x10000|stubtest.ARMPage)
	h.Put32(0x10000, 0xe3a00001, 0xdeadbeef)
	regs := func(pc, cpsr uint64) []kernel.Register {
		return []kernel.Register{{Name: "r0", Value: 0x11}, {Name: "r11"}, {Name: "r12", Value: 0xcc}, {Name: "sp", Value: 0x8ffc}, {Name: "lr", Value: 0x8008},
			{Name: "pc", Value: pc}, {Name: "cpsr", Value: cpsr}, {Name: "TTBR0", Value: 0x404a}, {Name: "odd\"<\x1b>", Value: 1 << 40}}
	}
	h.Stop(t, "first \x1b[31m", regs(0x8000, 0x10), regs(0xf0001000, 0x13))
	h.Stop(t, "second", regs(0x8004, 0x10), regs(0xf0001004, 0x13))
	return h
}

func TestARM(t *testing.T) {
	h := armHand(t)
	s := serve(t, h.Replay(t, nil), h)
	ctx, cancel := context.WithTimeout(context.Background(), stubtest.Limit)
	defer cancel()
	c, err := gdbremote.Dial(ctx, s.addr, gdbremote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	regs, err := c.ReadRegisters(ctx, gdbremote.ThreadID{PID: 1, TID: 2})
	if err != nil || c.Description().Architecture != "arm" {
		t.Fatal(c.Description(), err)
	}
	for name, want := range map[string]uint64{"r0": 0x11, "r12": 0xcc, "pc": 0xf0001000, "TTBR0": 0x404a} {
		if got, ok := regs.Uint64(name); !ok || got != want {
			t.Errorf("%s is %#x (%v), want %#x", name, got, ok, want)
		}
	}
	if _, ok := regs.Uint64("r3"); ok {
		t.Error("r3 is known, and was not recorded")
	}
	var buf [8]byte
	if err := c.ReadMemory(ctx, gdbremote.Virtual, 0x8000, buf[:]); err != nil || hex.EncodeToString(buf[:]) != "0100a0e3efbeadde" {
		t.Errorf("%x, %v", buf, err)
	}
	if text, err := c.Monitor(ctx, "stops"); err != nil || strings.Contains(text, "\x1b") {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := c.ThreadExtra(ctx, gdbremote.ThreadID{PID: 1, TID: 2}); err != nil || text != "CPU#1 [kernel]" {
		t.Errorf("%q, %v", text, err)
	}
}

// Debian's gdb knows ARM only as gdb-multiarch.
func TestGDBOnARM(t *testing.T) {
	h := armHand(t)
	s := serve(t, h.Replay(t, nil), h)
	out := stubtest.GDB(t, []string{"gdb-multiarch"}, "target remote "+s.addr, "info threads", "p/x $r12", "p $r3", "x/2xw $pc", "x/i $pc", "stepi", "thread 2", "p/x $pc")
	said(t, out, "CPU#0 [user]", "CPU#1 [kernel]", "= 0xcc", "<unavailable>", "0xe3a00001\t0xdeadbeef", "mov\tr0, #1", "0x00008004", "= 0xf0001004")
}

// What was not recorded of a page is an error, and the rest of it is served.
func TestHolesAreErrors(t *testing.T) {
	h := armHand(t)
	h.Known = map[uint64]*memory.Mask{0x10000: {}}
	h.Known[0x10000].Set(0, 4)
	s := serve(t, h.Replay(t, nil), h)
	ctx, cancel := context.WithTimeout(context.Background(), stubtest.Limit)
	defer cancel()
	c, err := gdbremote.Dial(ctx, s.addr, gdbremote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for mode, base := range map[gdbremote.AddressMode]uint64{gdbremote.Virtual: 0x8000, gdbremote.Physical: 0x10000} {
		if err := c.ReadMemory(ctx, mode, base, make([]byte, 4)); err != nil {
			t.Errorf("what was recorded at %#x: %v", base, err)
		}
		for _, from := range []uint64{0, 2, 4, 0xffc} {
			if err := c.ReadMemory(ctx, mode, base+from, make([]byte, 8)); !errors.Is(err, gdbremote.ErrMemory) {
				t.Errorf("what was not recorded at %#x: %v", base+from, err)
			}
		}
	}
}
