package gdbremote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"thaw/testwait"
)

// script is a stub that does what a test tells it, right or wrong, on one
// connection. Its methods end the script's goroutine when the client leaves.
type script struct {
	t      *testing.T
	conn   net.Conn
	d      decoder
	buf    []byte
	acks   int // + received
	naks   int // - received
	silent bool
}

// errGone ends a script whose client has left.
var errGone = errors.New("the client is gone")

// fakeStub listens and runs f for the first connection; the address is for Dial.
func fakeStub(t *testing.T, f func(s *script)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		defer func() {
			if r := recover(); r != nil && r != errGone {
				panic(r)
			}
		}()
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		f(&script{t: t, conn: conn})
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return ln.Addr().String()
}

// event is the next thing the client sends.
func (s *script) event() event {
	for {
		for i, b := range s.buf {
			if ev, ok := s.d.feed(b); ok {
				s.buf = s.buf[i+1:]
				return ev
			}
		}
		buf := make([]byte, 4096)
		n, err := s.conn.Read(buf)
		if err != nil {
			panic(errGone)
		}
		s.buf = buf[:n]
	}
}

// packet is the next packet's payload, acknowledged.
func (s *script) packet() string {
	for {
		switch ev := s.event(); ev.kind {
		case evAck:
			s.acks++
		case evNak:
			s.naks++
			return "-"
		case evBreak:
			return "\x03"
		case evPacket:
			if !s.silent {
				s.raw("+")
			}
			return string(ev.payload)
		default:
			s.t.Errorf("the client sends event %d %q", ev.kind, ev.payload)
		}
	}
}

// expect takes a packet, which must be the one given.
func (s *script) expect(want string) {
	s.t.Helper()
	if got := s.packet(); got != want {
		s.t.Errorf("the client sends %q, want %q", got, want)
	}
}

func (s *script) raw(text string) {
	if _, err := io.WriteString(s.conn, text); err != nil {
		panic(errGone)
	}
}

func (s *script) reply(payloads ...string) {
	for _, p := range payloads {
		s.raw(string(appendPacket(nil, []byte(p))))
	}
}

// handshake plays QEMU 7.2 without a target description.
func (s *script) handshake() {
	s.t.Helper()
	s.expect(syncRequest)
	s.reply("PacketSize=1000;vContSupported+;multiprocess+")
	s.expect("vCont?")
	s.reply("vCont;c;C;s;S")
	s.expect("qqemu.PhyMemMode")
	s.reply("0")
	s.expect("?")
	s.reply("T05thread:p01.01;")
}

// wait takes everything until the client leaves.
func (s *script) wait() {
	for {
		s.event()
	}
}

// quick are options for tests that run into timeouts.
var quick = Options{Timeout: 400 * time.Millisecond}

// dial connects to a scripted stub.
func dial(t *testing.T, o Options, f func(s *script)) *Client {
	t.Helper()
	c, err := Dial(t.Context(), fakeStub(t, f), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// machine is a Handler with two virtual CPUs and a bit of memory, where the
// guest's only instruction adds one to rax, and an address space per CPU: CPU 2
// sees physical memory 0x1000 higher.
type machine struct {
	mem     []byte
	rax     [2]uint64
	stop    Stop
	breaks  map[Breakpoint]bool
	reverse bool
	started chan struct{} // told when a continue has begun
}

func newMachine() *machine {
	m := &machine{mem: make([]byte, 0x10000), breaks: map[Breakpoint]bool{}, started: make(chan struct{}, 10)}
	for i := range m.mem {
		m.mem[i] = byte(i ^ i>>8)
	}
	m.stop = Stop{Signal: SignalTrap, Thread: ThreadID{1, 1}}
	return m
}

func (m *machine) Threads() []ThreadID { return []ThreadID{{1, 1}, {1, 2}} }
func (m *machine) LastStop() Stop      { return m.stop }
func (m *machine) HasPhysical() bool   { return true }
func (m *machine) Reverse() bool       { return m.reverse }

func (m *machine) ThreadExtra(id ThreadID) string { return fmt.Sprintf("CPU#%d [halted]", id.TID-1) }

func (m *machine) TargetFile(name string) ([]byte, bool) {
	if name == "target.xml" {
		return []byte(targetXML), true
	}
	p, err := testFiles(name)
	return p, err == nil
}

// ReadRegisters leaves out xtra, as QEMU does with system registers.
func (m *machine) ReadRegisters(id ThreadID) ([]byte, []bool, error) {
	p := binary.LittleEndian.AppendUint64(nil, m.rax[id.TID-1])
	p = binary.LittleEndian.AppendUint64(p, 0x1000*uint64(id.TID))
	return append(p, make([]byte, 14)...), nil, nil
}

func (m *machine) WriteRegister(id ThreadID, number int, value []byte) error {
	if number != 0 {
		return ErrNoRegister
	}
	m.rax[id.TID-1] = binary.LittleEndian.Uint64(value)
	return nil
}

func (m *machine) at(id ThreadID, mode AddressMode, addr uint64, n int) ([]byte, error) {
	if mode == Virtual {
		addr += 0x1000 * uint64(id.TID-1)
	}
	if addr > uint64(len(m.mem)) || addr+uint64(n) > uint64(len(m.mem)) {
		return nil, ErrMemory
	}
	return m.mem[addr:][:n], nil
}

func (m *machine) ReadMemory(id ThreadID, mode AddressMode, addr uint64, buf []byte) error {
	p, err := m.at(id, mode, addr, len(buf))
	copy(buf, p)
	return err
}

func (m *machine) WriteMemory(id ThreadID, mode AddressMode, addr uint64, data []byte) error {
	p, err := m.at(id, mode, addr, len(data))
	copy(p, data)
	return err
}

func (m *machine) SetBreakpoint(b Breakpoint, insert bool) error {
	if b.Kind == WatchRead {
		return ErrUnsupported
	}
	if !insert && !m.breaks[b] {
		return ErrNotInserted
	}
	m.breaks[b] = insert
	return nil
}

func (m *machine) Monitor(command string) (string, error) {
	if command == "bad" {
		return "", errors.New("no such command")
	}
	return string(bytes.Repeat([]byte(command+"\n"), 1000)), nil
}

func (m *machine) Resume(ctx context.Context, a Action, id ThreadID) (Stop, error) {
	switch a {
	case ActionStep:
		m.rax[id.TID-1]++
		m.stop = Stop{Signal: SignalTrap, Thread: id}
	case ActionStepAmong:
		m.rax[id.TID-1] += 0x100
		m.stop = Stop{Signal: SignalTrap, Thread: id}
	case ActionReverseStep:
		m.rax[0]--
		m.stop = Stop{Signal: SignalTrap, Thread: ThreadID{1, 1}}
	case ActionReverseContinue:
		m.stop = Stop{Signal: SignalTrap, Thread: ThreadID{1, 1}, Reason: ReasonReplayLog}
	case ActionContinue:
		m.started <- struct{}{}
		for b, set := range m.breaks {
			if set && b.Kind == WatchWrite {
				m.stop = Stop{Signal: SignalTrap, Thread: ThreadID{1, 2}, Watch: &WatchHit{b.Kind, b.Addr}}
				return m.stop, nil
			}
		}
		<-ctx.Done()
		m.stop = Stop{Signal: SignalInterrupt, Thread: ThreadID{1, 2}}
	}
	return m.stop, nil
}

// serve runs a Server for a handler and connects a client to it.
func serve(t *testing.T, srv *Server, o Options) *Client {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := srv.ListenAndServe(ctx, ":0", func(a string) { ready <- a }); !errors.Is(err, context.Canceled) {
			t.Errorf("server: %v", err)
			close(ready)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	c, err := Dial(t.Context(), testwait.For(t, ready, "the server's address"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
