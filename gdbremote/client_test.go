package gdbremote

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"thaw/testwait"
)

// modes are the ways to talk that everything must work with.
var modes = []struct {
	name   string
	server Server
	opts   Options
}{
	{"acks", Server{}, Options{}},
	{"no acks", Server{NoAckMode: true}, Options{}},
	{"one at a time", Server{}, Options{Window: 1}},
	{"small packets", Server{PacketSize: 128}, Options{Window: 7}},
}

// inModes runs a test once per mode, each time with a fresh machine.
func inModes(t *testing.T, f func(t *testing.T, c *Client, m *machine)) {
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			m := newMachine()
			srv := mode.server
			srv.Handler = m
			f(t, serve(t, &srv, mode.opts), m)
		})
	}
}

func TestFeatures(t *testing.T) {
	c := serve(t, &Server{Handler: newMachine(), NoAckMode: true}, Options{})
	f := c.Features()
	if f.PacketSize != 4096 || !f.VCont || !f.Multiprocess || !f.TargetXML || !f.NoAckMode || f.ReverseStep || f.ReverseContinue {
		t.Errorf("%+v", f)
	}
	if !c.HasPhysical() || c.Description().Architecture != "i386:x86-64" || c.LastStop().Thread != (ThreadID{1, 1}) {
		t.Errorf("physical %v, %+v, %v", c.HasPhysical(), c.Description(), c.LastStop())
	}
	for in, want := range map[string]int{"PacketSize=0": smallestPacketSize, "PacketSize=ffffffff": largestPacketSize, "": fallbackPacketSize, "PacketSize=zz": fallbackPacketSize} {
		if got := parseFeatures(in).PacketSize; got != want {
			t.Errorf("%q: packet size %d, want %d", in, got, want)
		}
	}
}

func TestMemory(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, m *machine) {
		ctx := t.Context()
		big := make([]byte, 0x5001)
		if err := c.ReadMemory(ctx, Virtual, 3, big); err != nil || !bytes.Equal(big, m.mem[3:][:len(big)]) {
			t.Fatalf("big read: %v", err)
		}
		var reqs []MemoryRequest
		for i := range 300 {
			reqs = append(reqs, MemoryRequest{Addr: uint64(i * 37), Buf: make([]byte, i%50)})
		}
		reqs[133].Addr = 0xffffffffffffff00
		reqs[200] = MemoryRequest{Addr: 0xff00, Buf: make([]byte, 0x101)}
		for _, mode := range []AddressMode{Physical, Virtual, Virtual} {
			if err := c.ReadMemoryBatch(ctx, mode, reqs); err != nil {
				t.Fatal(err)
			}
			for i, r := range reqs {
				if i == 133 || i == 200 {
					var se *StubError
					if !errors.Is(r.Err, ErrMemory) || !errors.As(r.Err, &se) || se.Code != "14" {
						t.Errorf("%s request %d: %v", mode, i, r.Err)
					}
				} else if r.Err != nil || !bytes.Equal(r.Buf, m.mem[r.Addr:][:len(r.Buf)]) {
					t.Errorf("%s request %d: %v", mode, i, r.Err)
				}
			}
		}
		data := bytes.Repeat([]byte("#$}*"), 1500)
		if err := c.WriteMemory(ctx, Physical, 0x2001, data); err != nil || !bytes.Equal(m.mem[0x2001:][:len(data)], data) {
			t.Errorf("write: %v", err)
		}
		if err := c.WriteMemory(ctx, Virtual, 0xfff0, data); !errors.Is(err, ErrMemory) {
			t.Errorf("write outside memory: %v", err)
		}
		if err := c.ReadMemoryBatch(ctx, Virtual, nil); err != nil {
			t.Errorf("nothing to read: %v", err)
		}
	})
}

func TestRegistersAndThreads(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, m *machine) {
		ctx := t.Context()
		ids, err := c.Threads(ctx)
		if err != nil || len(ids) != 2 || ids[1] != (ThreadID{1, 2}) {
			t.Fatalf("%v, %v", ids, err)
		}
		if s, err := c.ThreadExtra(ctx, ids[1]); err != nil || s != "CPU#1 [halted]" {
			t.Errorf("%q, %v", s, err)
		}
		if err := c.WriteRegister(ctx, ids[1], "rax", 0x1122334455667788); err != nil || m.rax[1] != 0x1122334455667788 {
			t.Fatalf("write: %v, %#x", err, m.rax[1])
		}
		regs, err := c.ReadRegisters(ctx, ids[1])
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := regs.Uint64("rax"); !ok || v != 0x1122334455667788 {
			t.Errorf("rax %#x, %v", v, ok)
		}
		if got := strings.Join(regs.Names(), " "); got != "rax rip eflags st0" {
			t.Errorf("names %q", got)
		}
		if _, ok := regs.Uint64("xtra"); ok {
			t.Error("a register beyond the g packet has a value")
		}
		if _, ok := regs.Uint64("st0"); ok {
			t.Error("80 bits fit 64")
		}
		// What differs from an earlier state is put back, and nothing else written.
		if err := c.WriteRegister(ctx, ids[1], "rax", 5); err != nil || m.rax[1] != 5 {
			t.Fatalf("write: %v, %#x", err, m.rax[1])
		}
		for range 2 {
			if err := c.PutRegisters(ctx, ids[1], regs); err != nil || m.rax[1] != 0x1122334455667788 {
				t.Errorf("put back: %v, %#x", err, m.rax[1])
			}
		}
		// Reading CPU 2's registers must not change whose memory is read.
		var b [1]byte
		if err := c.ReadMemory(ctx, Virtual, 0x123, b[:]); err != nil || b[0] != m.mem[0x123] {
			t.Errorf("memory through CPU 1: %#x, %v", b, err)
		}
		c.SelectThread(ids[1])
		if err := c.ReadMemory(ctx, Virtual, 0x123, b[:]); err != nil || b[0] != m.mem[0x1123] {
			t.Errorf("memory through CPU 2: %#x, %v", b, err)
		}
		c.SelectThread(ThreadID{})
		if err := c.ReadMemory(ctx, Virtual, 0x123, b[:]); err != nil || b[0] != m.mem[0x123] {
			t.Errorf("memory through CPU 1 again: %#x, %v", b, err)
		}
		if _, err := c.ReadRegisters(ctx, ThreadID{1, 7}); err == nil {
			t.Error("registers of a thread that does not exist")
		}
		if err := c.WriteRegister(ctx, ThreadID{}, "nope", 1); !errors.Is(err, ErrNoRegister) {
			t.Errorf("%v", err)
		}
		if err := c.WriteRegister(ctx, ThreadID{}, "eflags", 1<<32); err == nil {
			t.Error("33 bits fit 32")
		}
		if _, err := c.ReadRegister(ctx, ThreadID{}, "xtra"); !IsUnsupported(err) {
			t.Errorf("p is not known to this stub: %v", err)
		}
	})
}

func TestRegistersValue(t *testing.T) {
	d, err := ParseDescription([]byte(targetXML), testFiles)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRegisters(d, make([]byte, d.Size()))
	r.set("xtra", []byte{1, 2})
	n := r.Clone()
	if !n.SetUint64("rax", 7) || !n.SetUint64("xtra", 0x0304) || n.SetUint64("st0", 1) || n.SetUint64("nope", 1) {
		t.Error("setting")
	}
	if v, _ := n.Uint64("rax"); v != 7 {
		t.Errorf("rax %d", v)
	}
	if v, _ := r.Uint64("rax"); v != 0 {
		t.Errorf("the original has changed: %d", v)
	}
	if v, _ := r.Uint64("xtra"); v != 0x0201 {
		t.Errorf("the original has changed: %#x", v)
	}
	d.ByteOrder = byteOrder("powerpc:common")
	if v, _ := r.Uint64("xtra"); v != 0x0102 {
		t.Errorf("big endian: %#x", v)
	}
	var zero Registers
	if _, ok := zero.Uint64("rax"); ok || zero.Names() != nil {
		t.Error("the zero value has registers")
	}
}

func TestRunControl(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, m *machine) {
		ctx := t.Context()
		for i := range 5 {
			s, err := c.Step(ctx, ThreadID{1, 2})
			if err != nil || s.Thread != (ThreadID{1, 2}) || s.Reason != ReasonTrap || m.rax[1] != uint64(i+1) {
				t.Fatalf("step %d: %v, %v", i, s, err)
			}
		}
		s := &serverSession{Server: &Server{Handler: m}, ctx: ctx}
		if stop, err := s.vCont(";s:p1.2;c"); err != nil || string(stop) != "T05thread:p1.2;" || m.rax[1] != 0x105 {
			t.Errorf("a step while others go on: %s, %v, rax %#x", stop, err, m.rax[1])
		}
		if _, err := c.Wait(ctx); !errors.Is(err, ErrNotRunning) {
			t.Errorf("wait for nothing: %v", err)
		}
		if err := c.Interrupt(); err != nil {
			t.Errorf("interrupt of a stopped guest: %v", err)
		}
		for range 3 {
			if err := c.Continue(ctx); err != nil {
				t.Fatal(err)
			}
			testwait.For(t, m.started, "the guest to run")
			if !c.Running() {
				t.Fatal("not running")
			}
			// Nothing may be sent now, it would stop the guest.
			if err := c.ReadMemory(ctx, Virtual, 0, make([]byte, 1)); !errors.Is(err, ErrNotStopped) {
				t.Errorf("read: %v", err)
			}
			if err := c.Continue(ctx); !errors.Is(err, ErrNotStopped) {
				t.Errorf("continue: %v", err)
			}
			short, cancel := context.WithTimeout(ctx, 5*time.Millisecond)
			if _, err := c.Wait(short); !errors.Is(err, context.DeadlineExceeded) || !c.Running() {
				t.Errorf("wait: %v, running %v", err, c.Running())
			}
			cancel()
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := c.Interrupt(); err != nil {
					t.Errorf("interrupt: %v", err)
				}
			})
			s, err := c.Wait(ctx)
			wg.Wait()
			if err != nil || s.Reason != ReasonInterrupt || c.Running() || c.LastStop().Thread != (ThreadID{1, 2}) {
				t.Fatalf("%v, %v", s, err)
			}
			if err := c.ReadMemory(ctx, Virtual, 0, make([]byte, 1)); err != nil {
				t.Errorf("read: %v", err)
			}
		}
	})
}

func TestBreakpoints(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, m *machine) {
		ctx := t.Context()
		var list []Breakpoint
		for i := range 120 {
			list = append(list, Breakpoint{Kind: HardwareBreak, Addr: uint64(i), Length: 1})
		}
		list[7].Kind = WatchRead
		for _, f := range []func(context.Context, []Breakpoint) error{c.InsertAll, c.RemoveAll} {
			if err := f(ctx, list); err != nil {
				t.Fatal(err)
			}
			for i, b := range list {
				if unsupported := IsUnsupported(b.Err); unsupported != (i == 7) || !unsupported && b.Err != nil {
					t.Errorf("breakpoint %d: %v", i, b.Err)
				}
			}
		}
		if err := c.Remove(ctx, HardwareBreak, 0, 1); !errors.Is(err, ErrNotInserted) {
			t.Errorf("%v", err)
		}
		if err := c.Insert(ctx, BreakKind(9), 0, 1); err == nil {
			t.Error("a kind that does not exist")
		}
		if err := c.Insert(ctx, WatchWrite, 0xdead, 8); err != nil {
			t.Fatal(err)
		}
		if err := c.Continue(ctx); err != nil {
			t.Fatal(err)
		}
		s, err := c.Wait(ctx)
		if err != nil || s.Reason != ReasonWatch || s.Watch == nil || *s.Watch != (WatchHit{WatchWrite, 0xdead}) {
			t.Errorf("%v, %v", s, err)
		}
	})
}

func TestReverse(t *testing.T) {
	m := newMachine()
	c := serve(t, &Server{Handler: m}, Options{})
	if _, err := c.ReverseStep(t.Context()); !IsUnsupported(err) {
		t.Errorf("%v", err)
	}
	if err := c.ReverseContinue(t.Context()); !IsUnsupported(err) || c.Running() {
		t.Errorf("%v", err)
	}
	m = newMachine()
	m.reverse = true
	c = serve(t, &Server{Handler: m}, Options{})
	if s, err := c.ReverseStep(t.Context()); err != nil || s.Signal != SignalTrap || m.rax[0] != ^uint64(0) {
		t.Errorf("%v, %v", s, err)
	}
	if err := c.ReverseContinue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, err := c.Wait(t.Context()); err != nil || s.Reason != ReasonReplayLog {
		t.Errorf("%v, %v", s, err)
	}
}

func TestMonitor(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, _ *machine) {
		s, err := c.Monitor(t.Context(), "info tlb")
		if err != nil || s != strings.Repeat("info tlb\n", 1000) {
			t.Errorf("%d bytes, %v", len(s), err)
		}
		var se *StubError
		if _, err := c.Monitor(t.Context(), "bad"); !errors.As(err, &se) || se.Code != "01" {
			t.Errorf("%v", err)
		}
		all, err := c.Monitors(t.Context(), "info mem", "bad", "info tlb")
		if !errors.As(err, &se) || len(all) != 3 || !strings.HasPrefix(all[0], "info mem\n") || all[1] != "" || all[2] != s {
			t.Errorf("%.40q: %v", all, err)
		}
	})
}

func TestLeaving(t *testing.T) {
	inModes(t, func(t *testing.T, c *Client, m *machine) {
		if err := c.Continue(t.Context()); err != nil {
			t.Fatal(err)
		}
		testwait.For(t, m.started, "the guest to run")
		if err := c.Detach(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.ReadMemory(t.Context(), Virtual, 0, make([]byte, 1)); !errors.Is(err, ErrClosed) {
			t.Errorf("after detach: %v", err)
		}
		// The server takes the next client.
		next, err := Dial(t.Context(), c.addr, Options{})
		if err != nil {
			t.Fatal(err)
		}
		next.Close()
		if err := next.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
	})
}

// TestManyGoroutines does everything at once, for the race detector.
func TestManyGoroutines(t *testing.T) {
	m := newMachine()
	c := serve(t, &Server{Handler: m}, Options{})
	c.SelectThread(ThreadID{1, 1}) // stops of CPU 2 must not change whose memory is read
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			buf := make([]byte, 100)
			for range 50 {
				err := c.ReadMemory(t.Context(), AddressMode(i%2), uint64(i*100), buf)
				if err != nil && !errors.Is(err, ErrNotStopped) || err == nil && !bytes.Equal(buf, m.mem[i*100:][:100]) {
					t.Errorf("reader %d: %v", i, err)
				}
				c.Interrupt()
				c.LastStop()
			}
		})
	}
	for range 20 {
		if err := c.Continue(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Interrupt()
		if _, err := c.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case <-m.started:
		default: // an interrupt had crossed the stop before, and kept it from going on
		}
	}
	wg.Wait()
}

func TestWireLog(t *testing.T) {
	var log bytes.Buffer
	c := serve(t, &Server{Handler: newMachine()}, Options{WireLog: &log})
	if err := c.ReadMemory(t.Context(), Virtual, 0x40, make([]byte, 2)); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for _, w := range []string{"-> $qSupported", "<- $PacketSize=1000", "-> $m40,2\n", "<- $4041\n"} {
		if !strings.Contains(log.String(), w) {
			t.Errorf("the log lacks %q", w)
		}
	}
}
