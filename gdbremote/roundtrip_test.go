package gdbremote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"thaw/testwait"
)

// tireless is a machine that stops as soon as it runs, and of which everything is told
// that a Server can tell.
type tireless struct{ *machine }

func (m tireless) Resume(ctx context.Context, a Action, id ThreadID) (Stop, error) {
	if a != ActionContinue {
		return m.machine.Resume(ctx, a, m.known(id))
	}
	m.stop = Stop{Signal: SignalTrap, Thread: m.known(id)}
	for b, set := range m.breaks {
		if set && b.Kind >= WatchWrite {
			m.stop.Watch = &WatchHit{b.Kind, b.Addr}
		}
	}
	return m.stop, nil
}

// known is a thread that the machine has.
func (m tireless) known(id ThreadID) ThreadID {
	if slices.Contains(m.Threads(), id) {
		return id
	}
	return ThreadID{1, 1}
}

func (m tireless) WriteRegister(id ThreadID, number int, value []byte) error {
	if len(value) != 8 {
		return ErrNoRegister
	}
	return m.machine.WriteRegister(id, number, value)
}

func (m tireless) SetBreakpointIn(_ ThreadID, b Breakpoint, insert bool) error {
	return m.SetBreakpoint(b, insert)
}

func (m tireless) ReadRegisters(id ThreadID) ([]byte, []bool, error) {
	return partialMachine(m).ReadRegisters(id)
}

func (m tireless) DescribeThreads() []ThreadDescription {
	return []ThreadDescription{{ThreadID{1, 1}, "a<b", "runs", 0}, {ThreadID{1, 2}, "", "&", -1}}
}

func (m tireless) DescribeThread(id ThreadID) ThreadDescription {
	for _, t := range m.DescribeThreads() {
		if t.ID == id {
			return t
		}
	}
	return ThreadDescription{}
}

func (m tireless) Libraries(int64) []Library {
	return []Library{{File: "ld.lib.so", Addr: 0x1000}, {File: "<", Addr: 1, Moved: 1}}
}
func (m tireless) Greet() { clear(m.breaks) }

func (m tireless) FindRegister(number int) (from, to int, ok bool) {
	return 8 * number, 8*number + 8, number < 2
}

func (m tireless) ExecFile(pid int64) string {
	if pid == 1 {
		return "/a/file"
	}
	return ""
}

// bare hides all that a Handler may be able to do besides.
type bare struct{ Handler }

// FuzzRoundTrip lets our client and our server talk: first any packets go to the server,
// one for each line, each of which it answers or leaves; then the client asks for what the
// bytes of ops say, and must be told what the machine behind the server holds.
func FuzzRoundTrip(f *testing.F) {
	for _, lines := range []string{
		"qSupported:x\nvCont?\n?\nqAttached\nqC\nqfThreadInfo\nqsThreadInfo\nqThreadExtraInfo,p1.1\nqThreadExtraInfo,9\nqThreadStopInfo1\nqThreadStopInfop1.2\nqThreadStopInfox\nT1\nT7\nTx\nQStartNoAckMode",
		"Hgp1.2\nHg0\nHg-1\nHgp1.-1\nHgp9.1\nHc1\nHcx\ng\nc\ns\nvCont;c\nvCont;C05:p1.1\nvCont;s:p1.2;c\nvCont;S05:9\nvCont;t\nvCont\nbc\nbs\nC05\nS05",
		"qXfer:features:read:target.xml:0,fff\nqXfer:features:read:target.xml:0,10\nqXfer:features:read:core.xml:ffff,10\nqXfer:features:read:no:0,10\nqXfer:features:read:a\nqXfer:features:read::x,1",
		"qXfer:libraries:read::0,fff\nqXfer:libraries:read::x\nqXfer:threads:read::0,fff\nqXfer:threads:read::4,8\nqXfer:threads:read:,\nqXfer:exec-file:read::0,ff\nqXfer:exec-file:read:1:0,ff\nqXfer:exec-file:read:2:0,ff\nqXfer:exec-file:read:x:0,ff\nqXfer:exec-file:read:1",
		"m0,10\nm10,0\nmffffffffffffffff,2\nm0,ffffffffffffffff\nm0\nmx,1\nM0,2:ffff\nM0,2:ff\nM0,1:x\nM0\nMffffff,1:00\nP0=0102030405060708\nP0=01\nP1=0102030405060708\nPx=1\nP",
		"Z0,1000,1\nz0,1000,1\nz0,2000,1\nZ1,1,1\nZ2,3000,8\nZ3,1,1\nZ4,1,1\nZ5,1,1\nZ-1,1,1\nZ0,1,fffffff\nZ0\nzx,1,1\nvCont;c\nqRcmd,68\nqRcmd,626164\nqRcmd,6\nqqemu.PhyMemMode\nQqqemu.PhyMemMode:1\nQqemu.PhyMemMode:1\nqqemu.PhyMemMode\nm1000,4\nQqemu.PhyMemMode:0",
		"QThreadSuffixSupported\n?\np0\np1\nHgp1.2\np0\np1\np2\npx\np\nqOffsets\nqXfer:libraries-svr4:read::0,fff\nqXfer:libraries-svr4:read:x",
		"unknown\n\nk", "D", "D;1", "D;1\nD;x", "k", "g", "\xff\x00$#}*", "D;2\nD;1",
	} {
		for how := range byte(8) {
			f.Add(append([]byte{how}, lines...), []byte{})
		}
	}
	var ops []byte
	for op := range byte(len(requests)) {
		ops = append(ops, op, 0, 0x10, 16, op, 1, 0, 255, op, 0xfe, 0xff, 8)
	}
	for how := range byte(8) {
		f.Add([]byte{how}, ops)
	}
	// A change of one thread between a read and a write of another one's registers.
	f.Add([]byte{0}, []byte{17, 1, 0, 0, 13, 0, 0x10, 8, 4, 1, 0x10, 0})
	f.Fuzz(func(t *testing.T, lines, ops []byte) {
		how := byte(0)
		if len(lines) > 0 {
			how, lines = lines[0], lines[1:]
		}
		m := newMachine()
		m.reverse = how&1 != 0
		srv := &Server{Handler: tireless{m}, NoAckMode: how&2 != 0, PacketSize: 512}
		if how&4 != 0 {
			srv.Handler = bare{tireless{m}}
		}
		if len(lines) > 0 && len(lines) < 4096 {
			here, end := serveOne(t, srv)
			for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
				if !sendRaw(t, here, line) {
					break
				}
			}
			end()
		}
		here, end := serveOne(t, srv)
		defer end()
		c, err := newClient("the server", Options{Window: 16, Timeout: time.Minute}).start(t.Context(), here)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; len(ops) >= 4 && n < 64; n++ {
			a := args{c, t.Context(), m, ThreadID{1, 1 + int64(ops[1]&1)}, uint64(binary.LittleEndian.Uint16(ops[1:])), int(ops[3])}
			if err := requests[int(ops[0])%len(requests)](t, a); err != nil && c.Err() != nil {
				t.Fatalf("request %d of %+v: %v", ops[0], a, err)
			}
			ops = ops[4:]
		}
		if err := c.Detach(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// serveOne is a connection to a server, and what waits for its end.
func serveOne(t *testing.T, srv *Server) (net.Conn, func()) {
	here, there := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(t.Context(), there) }()
	return here, func() {
		here.Close()
		testwait.For(t, done, "the server to end")
	}
}

// sendRaw sends a packet and reads the answer; false where the server has left.
func sendRaw(t *testing.T, conn net.Conn, payload []byte) bool {
	if _, err := conn.Write(appendPacket(nil, payload)); err != nil {
		return false
	}
	if len(payload) > 0 && payload[0] == 'k' {
		return false // which has no answer
	}
	var d decoder
	buf := make([]byte, 512)
	for {
		n, err := conn.Read(buf)
		for i, b := range buf[:n] {
			ev, ok := d.feed(b)
			switch {
			case !ok || ev.kind == evAck:
			case ev.kind != evPacket:
				t.Fatalf("%q is answered with event %d", payload, ev.kind)
			case !isConsole(ev.payload):
				if i != n-1 {
					t.Fatalf("%q has two answers", payload)
				}
				return len(payload) == 0 || payload[0] != 'D' || bytes.HasPrefix(payload, []byte("D;2")) // there is process 1 only
			}
		}
		if err != nil {
			return false
		}
	}
}

// args are what a request is about.
type args struct {
	*Client
	ctx    context.Context
	m      *machine // nil where the answers are not those of a machine
	thread ThreadID
	addr   uint64
	n      int
}

// requests are what the client can ask for, each held against the machine. What the
// server cannot do is refused; only a connection that broke is wrong then.
var requests = []func(t *testing.T, a args) error{
	func(t *testing.T, a args) error { return a.read(t, Virtual) },
	func(t *testing.T, a args) error { return a.read(t, Physical) },
	func(t *testing.T, a args) error {
		a.SelectThread(a.thread)
		err := a.WriteMemory(a.ctx, Virtual, a.addr, bytes.Repeat([]byte{byte(a.n)}, a.n))
		if a.m == nil || a.n == 0 { // nothing is written anywhere
			return err
		}
		if p, gone := a.m.at(a.thread, Virtual, a.addr, a.n); err == nil && (gone != nil || !bytes.Equal(p, bytes.Repeat([]byte{byte(a.n)}, a.n))) {
			t.Fatalf("written, it says, and there is %x, %v", p, gone)
		}
		return err
	},
	func(t *testing.T, a args) error {
		r, err := a.ReadRegisters(a.ctx, a.thread)
		if err != nil {
			return err
		}
		if v, ok := r.Uint64("rax"); ok && a.m != nil && v != a.m.rax[a.thread.TID-1] {
			t.Fatalf("rax is %#x, and %#x is told", a.m.rax[a.thread.TID-1], v)
		}
		r.SetUint64("rax", a.addr)
		if err := a.PutRegisters(a.ctx, a.thread, r); err != nil {
			return err
		}
		_, err = a.ReadRegister(a.ctx, a.thread, "xtra")
		return errors.Join(err, a.Fetch(a.ctx, a.thread, r, "xtra"))
	},
	func(t *testing.T, a args) error {
		err := a.WriteRegister(a.ctx, a.thread, "rax", a.addr<<40)
		if err == nil && a.m != nil && a.m.rax[a.thread.TID-1] != a.addr<<40 {
			t.Fatalf("rax is %#x", a.m.rax[a.thread.TID-1])
		}
		return errors.Join(err, a.WriteRegister(a.ctx, a.thread, "nothing", 1), a.WriteRegister(a.ctx, a.thread, "eflags", 1))
	},
	func(t *testing.T, a args) error {
		b := Breakpoint{Kind: BreakKind(a.n % 6), Addr: a.addr, Length: 1 + a.n%8}
		err := a.Insert(a.ctx, b.Kind, b.Addr, b.Length)
		if err == nil && a.m != nil && !a.m.breaks[b] {
			t.Fatalf("%+v is set, it says", b)
		}
		return err
	},
	func(t *testing.T, a args) error { return a.Remove(a.ctx, BreakKind(a.n%6), a.addr, 1+a.n%8) },
	func(t *testing.T, a args) error {
		if a.m == nil {
			_, err := a.Step(a.ctx, a.thread)
			return err
		}
		before := a.m.rax[a.thread.TID-1]
		s, err := a.Step(a.ctx, a.thread)
		if err == nil && (s.Thread != a.thread || a.m.rax[a.thread.TID-1] != before+1) {
			t.Fatalf("stepped: %+v, rax %#x", s, a.m.rax)
		}
		return err
	},
	func(t *testing.T, a args) error {
		if err := a.Continue(a.ctx); err != nil {
			return err
		}
		s, err := a.Wait(a.ctx)
		if err == nil && a.m != nil && (s.Watch == nil) != (a.m.stop.Watch == nil) {
			t.Fatalf("%+v, want %+v", s, a.m.stop)
		}
		return err
	},
	func(t *testing.T, a args) error {
		text, err := a.Monitor(a.ctx, string(byte('a'+a.n%26)))
		if a.m == nil {
			return err
		}
		if want, _ := a.m.Monitor(string(byte('a' + a.n%26))); err == nil && text != want {
			t.Fatalf("%d bytes of %d", len(text), len(want))
		}
		return err
	},
	func(t *testing.T, a args) error {
		ids, err := a.Threads(a.ctx)
		if err == nil && a.m != nil && !slices.Equal(ids, a.m.Threads()) {
			t.Fatalf("threads %v", ids)
		}
		_, extra := a.ThreadExtra(a.ctx, a.thread)
		return errors.Join(err, extra)
	},
	func(t *testing.T, a args) error {
		s, err := a.ReverseStep(a.ctx)
		if err == nil && a.m != nil && s.Thread.IsZero() {
			t.Fatalf("%+v", s)
		}
		return err
	},
	func(t *testing.T, a args) error {
		if err := a.ReverseContinue(a.ctx); err != nil {
			return err
		}
		_, err := a.Wait(a.ctx)
		return err
	},
	func(t *testing.T, a args) error {
		if !a.HasPhysical() {
			return nil
		}
		return a.Change(a.ctx, a.thread, []RegisterValue{{"rax", a.addr}}, a.addr, make([]byte, a.n%64))
	},
	func(t *testing.T, a args) error { return a.ResetMode(a.ctx) },
	func(t *testing.T, a args) error {
		if !a.HasPhysical() {
			return nil
		}
		q := MemoryRequest{Addr: a.addr, Buf: make([]byte, a.n)}
		r, err := a.ReadStop(a.ctx, a.thread, []MemoryRequest{q})
		if err == nil && a.m != nil {
			if v, ok := r.Uint64("rax"); ok && v != a.m.rax[a.thread.TID-1] {
				t.Fatalf("rax is %#x, and %#x is told", a.m.rax[a.thread.TID-1], v)
			}
		}
		return err
	},
	func(t *testing.T, a args) error {
		if err := a.Continue(a.ctx); err != nil {
			return err
		}
		if err := a.ReadMemoryBatch(a.ctx, Virtual, []MemoryRequest{{Addr: a.addr, Buf: make([]byte, 1)}}); !errors.Is(err, ErrNotStopped) && a.Err() == nil {
			t.Fatalf("memory of a guest that runs: %v", err)
		}
		_, err := a.Wait(a.ctx)
		return err
	},
	func(t *testing.T, a args) error {
		p, err := a.ReadRegister(a.ctx, a.thread, []string{"rax", "eflags", "xtra", "nothing"}[a.n%4])
		if err == nil && a.m != nil && a.n%4 == 0 && binary.LittleEndian.Uint64(p) != a.m.rax[a.thread.TID-1] {
			t.Fatalf("rax is %#x, and %x is told", a.m.rax[a.thread.TID-1], p)
		}
		return err
	},
	func(t *testing.T, a args) error {
		texts, err := a.Monitors(a.ctx, "a", "b")
		if len(texts) != 2 {
			t.Fatalf("two commands say %q", texts)
		}
		return errors.Join(err, a.ReadMemoryBatch(a.ctx, Virtual, nil))
	},
}

// read reads several pieces at once.
func (a args) read(t *testing.T, mode AddressMode) error {
	a.SelectThread(a.thread)
	reqs := []MemoryRequest{{Addr: a.addr, Buf: make([]byte, a.n)}, {Addr: a.addr + 0x1000, Buf: make([]byte, 8*a.n)}}
	err := a.ReadMemoryBatch(a.ctx, mode, reqs)
	for _, q := range reqs {
		if a.m == nil {
			break
		}
		p, gone := a.m.at(a.thread, mode, q.Addr, len(q.Buf))
		if err == nil && q.Err == nil && !bytes.Equal(q.Buf, p) || err == nil && gone == nil && q.Err != nil {
			t.Fatalf("%d bytes at %#x: %v; in the machine: %v", len(q.Buf), q.Addr, q.Err, gone)
		}
	}
	return err
}
