package gdbremote

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"thaw/testwait"
)

// A stub that wants acknowledgements and reads none before it has sent all of a long
// answer is not waited for: the client takes the answer, and acknowledges it then.
func TestAcksHoldNobodyUp(t *testing.T) {
	const lines = 4000
	here, there := net.Pipe() // which takes no byte before somebody reads it
	all := make(chan int, 1)
	var stub sync.WaitGroup
	stub.Go(func() {
		defer there.Close()
		defer func() { recover() }() // errGone
		s := &script{t: t, conn: there}
		s.handshake()
		s.expect("qRcmd,61")
		for range lines {
			s.reply("O41")
		}
		s.reply("OK")
		before := s.acks
		for s.acks < before+lines+1 {
			if s.event().kind != evAck {
				t.Error("something else than an acknowledgement")
			}
			s.acks++
		}
		all <- s.acks - before
	})
	defer stub.Wait()
	defer here.Close()
	c, err := newClient("the stub", Options{Timeout: 10 * time.Second, Window: 1}).start(t.Context(), here)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Monitor(t.Context(), "a")
	if err != nil || text != strings.Repeat("A", lines) {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if n := testwait.For(t, all, "the acknowledgements"); n != lines+1 {
		t.Errorf("%d packets are acknowledged", n)
	}
}

// FuzzAnswers gives our client any answers, one line for each packet that it sends: from
// the beginning, or behind a handshake that is right, so that what follows is looked at. It
// must end with an error or with what the answers say, and must not wait for what will not
// come.
func FuzzAnswers(f *testing.F) {
	for _, answers := range anyAnswers {
		for op := range byte(len(requests)) {
			f.Add([]byte(answers), []byte{op, 0, 0x10, 16, op, 1, 0, 8})
			f.Add([]byte(answers), []byte{op | acks, 0, 0x10, 16, op, 1, 0, 8})
		}
	}
	for _, s := range answersTo {
		ops := []byte(s.ops + string([]byte{s.ops[0] &^ begins, 1, 0, 8}))
		f.Add([]byte(s.answers), ops)
		f.Add([]byte(s.answers), append([]byte{ops[0] | acks}, ops[1:]...))
	}
	f.Fuzz(func(t *testing.T, lines, ops []byte) {
		how := byte(0)
		if len(ops) > 0 {
			how = ops[0] & (acks | begins)
		}
		here, there := net.Pipe()
		stub := &answering{lines: bytes.Split(lines, []byte{'\n'})}
		stub.begun.Store(how&begins != 0)
		var done sync.WaitGroup
		done.Go(func() { stub.serve(there, how&acks == 0) })
		defer done.Wait()
		defer here.Close()
		c, err := newClient("the stub", Options{Window: 4, Timeout: time.Second}).start(t.Context(), here)
		if errors.Is(err, ErrTimeout) {
			return // of a busy machine: of the client it says nothing
		}
		if err != nil && how&begins == 0 {
			t.Fatal(err)
		}
		if err != nil {
			return
		}
		stub.begun.Store(true)
		for n := 0; len(ops) >= 4 && n < 8; n++ {
			// Who waits for a stop of which half has come does so for as long as he likes.
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			stub.cancel.Store(&cancel)
			a := args{c, ctx, nil, ThreadID{1, 1 + int64(ops[1]&1)}, uint64(binary.LittleEndian.Uint16(ops[1:])), int(ops[3])}
			_ = requests[int(ops[0]&^(acks|begins))%len(requests)](t, a)
			cancel()
			ops = ops[4:]
		}
	})
}

// In the first request: packets are acknowledged; the answers begin with the handshake.
const acks, begins = 0x80, 0x40

// answering is a stub that answers as our server does until begun, and then with the
// lines. A stop is an answer to ? only, so that another line follows it, and so for one that begins with a
// zero: the rest of it is sent as it is. One that begins with a one is no answer ever: the
// client is told to give up. After the last line it hangs up.
type answering struct {
	begun  atomic.Bool
	cancel atomic.Pointer[context.CancelFunc]
	lines  [][]byte
}

func (a *answering) serve(conn net.Conn, noAck bool) {
	defer conn.Close()
	s := &serverSession{Server: &Server{Handler: tireless{newMachine()}, NoAckMode: noAck, PacketSize: 512}, conn: conn}
	var d decoder
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		for _, b := range buf[:n] {
			ev, ok := d.feed(b)
			if !ok || ev.kind != evPacket {
				continue
			}
			if !a.begun.Load() {
				if s.packet(ev.payload) != nil {
					return
				}
				continue
			}
			if !s.noAck && s.write([]byte{'+'}) != nil || a.answer(s, ev.payload) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// answer sends what is the answer to a packet.
func (a *answering) answer(s *serverSession, packet []byte) error {
	for len(a.lines) > 0 {
		line := a.lines[0]
		a.lines = a.lines[1:]
		var err error
		switch {
		case len(line) > 0 && line[0] == 0:
			err = s.write(line[1:])
		case len(line) > 0 && line[0] == 1:
			if cancel := a.cancel.Load(); cancel != nil {
				(*cancel)()
			}
			return nil
		default:
			if err = s.send(line); err == nil && (!isStop(line) || string(packet) == "?") && !isConsole(line) {
				return nil
			}
		}
		if err != nil {
			return err
		}
	}
	return io.EOF
}

// registers is an answer to g.
var registers = strings.Repeat("01", 30)

// anyAnswers are answers to all requests.
var anyAnswers = []string{
	"00112233445566778899aabbccddeeff", "E14", "E01\nE22", "", "00", "zz", "T05thread:p1.2;", "S05\n00\nT05\n0011", "OK\nOK\nOK\nOK\nOK", "m1,2\nl", "mp1.1,p1.2\nm3\nl", "m\nm,\nmx", "l",
	"OK\nT05watch:1000;thread:p1.1;", "T05\nT05\nT05", "W00", "X09", "OK\nX09", "O414243\nO44\nOK", "O4\nOK", "Ozz\nE01", "OK", "4350552330", "xxxxxxxxxxxxxxxx0010000000000000", "0010000000000000x0",
	"OK\n0000000000000000\nOK\n00", "OK\nE01\nOK\nE01\nE01", "-\n+", "#00", "OK\n" + "00000000000000000000000000000000000000000000000000000000", "\x00\xff", "OK\n\nOK\n\nOK\n",
	"\x00+\x00-\nOK\n1234", "\x00$OK#00\nOK", "\x00-\n\x00-\n\x00-\n\x00-\nOK\nOK", "\x00HTTP/1.1 400 Bad Request\r\n\nOK", "\x00%Stop:T05#99\nOK\nOK", "\x00$a", "OK\n\x00$OK#9a\nOK",
	"OK\n" + registers + "\nOK\nOK\nOK\nOK\n1234\n1234\nOK\n1234", registers + "\nOK\n12", registers[:40] + "\nOK\n1234\nE01", registers + "\nE01\nOK", registers + "\n\nOK\n" + registers + "\nOK\nOK", "\n" + registers + "\nOK",
	"OK\n\nOK\n" + registers + "\nOK", "OK\nE22\n" + registers + "\nE01", "OK\n1234\nOK\n1234\n1234\n1234", registers + "00000000", strings.Repeat("T05\n", 70) + "OK", strings.Repeat("O41\n", 300) + "OK", "OK\nO41\nO42\nOK", "W00\nOK", "T05swbreak:;\nOK",
	"T05replaylog:begin;", "OK\nOK\nT02",
}

// The numbers of some requests.
const (
	opRead         = 0
	opReadPhysical = 1
	opRegisters    = 3
	opWriteOne     = 4
	opMonitor      = 9
	opStop         = 15
	opWait         = 16
	opOne          = 17
)

// greeting are answers to a client that begins, of a stub that can do everything and has
// registers of a processor.
func greeting(description, mode string) string {
	return "PacketSize=200;qXfer:features:read+;vContSupported+;multiprocess+;swbreak+;hwbreak+;ReverseStep+;ReverseContinue+;QStartNoAckMode+;PacketSize=x;more\nOK\nvCont;c;s\n" +
		description + "\n" + mode + "\nT05thread:p1.1;\n"
}

// described are registers of a processor.
func described(arch string, bits int) string {
	return fmt.Sprintf(`l<target><architecture>%s</architecture><feature name="f"><reg name="rax" bitsize="%d"/><reg name="eflags" bitsize="32"/><reg name="xtra" bitsize="32" regnum="40"/></feature></target>`, arch, bits)
}

var big = greeting(described("powerpc:common", 64), "0")

// answersTo are answers to some requests, as in the input.
var answersTo = []struct {
	answers, ops string
}{
	{strings.Repeat("O41\n", 5000), "\x00\x00\x10\x10"}, // more than a client skips
	{"OK\n" + registers + "\n" + strings.Repeat("02", 30) + "\nOK\nOK\nOK\nOK\n01020304\n01020304\n", of(opRegisters, 0)},
	{"OK\n" + registers + "\n" + strings.Repeat("02", 30) + "\nE01", of(opRegisters, 0)},
	{"OK\n" + registers + "\n" + strings.Repeat("02", 30), of(opRegisters, 0)},
	{"OK\n" + registers + "\n" + registers, of(opRegisters, 0x0101)},
	{"OK\n" + strings.Repeat("x", 20) + registers[:40] + "\n" + registers + "\nOK\n", of(opRegisters, 0)},
	{"OK\n" + registers[:59] + "x\n", of(opRegisters, 0)},
	{"OK\n\n" + registers + "\nOK\nOK\n", of(opWriteOne, 1)},
	{"OK\n\n" + registers, of(opWriteOne, 1)},
	{"OK\n\n0011\nOK\nOK\n", of(opWriteOne, 1)},
	{"OK\n" + registers[:32] + "\n" + strings.Repeat("00", 128), of(opRead, 1)},
	{"OK\n" + registers[:31] + "x\n" + strings.Repeat("00", 127) + "\n", of(opRead, 1)},
	{"OK\nOK\n" + registers[:32] + "\n" + strings.Repeat("00", 128), of(opReadPhysical, 1)},
	{"OK\nOK\n" + registers + "\n" + registers[:32], of(opStop, 1)},
	{"O4g\nOK", of(opMonitor, 0)},
	{"OK\n0102030405060708", of(opOne, 0)},
	{"OK\n01020304", of(opOne, 0) + "\x11\x00\x00\x03\x11\x00\x00\x02"},
	{"\x00-----\nOK", of(opMonitor, 0)},
	{"\x00$OK#00\n\x00$OK#00\n\x00$OK#00\n\x00$OK#00\nOK", of(opMonitor, 0)},
	{"\x00%Stop:T05#9\n\nOK\nOK", of(opWait, 0)}, {"\x01\n\x00$00#60\nOK", of(opMonitor, 0)}, {"OK\n\x01\n\x00$00#60\n\x00$00#60\n" + registers, of(opRegisters, 0)}, {"\x01", of(opRead, 0)},

	{big + "OK\n" + registers[:24] + "\n" + strings.Repeat("02", 12) + "\nOK\n01020304\n01020304", from(opRegisters, 0)},
	{greeting(described("i386:x86-64", 16), "1") + "OK\nOK", from(opWriteOne, 1)},
	{greeting(described("arm", 128), "1") + "OK\nOK\n", from(opWriteOne, 1)},
	{greeting("x", "0"), from(opRead, 0)}, {greeting("E01", "0"), from(opRead, 0)}, {greeting("m", "0"), from(opRead, 0)}, {greeting("l<", "0"), from(opRead, 0)},
	{greeting("m<target>", "0") + "E01\nE01\nE01\nE01\nE01\nE01\nE01\nE01", from(opRead, 0)}, {greeting("m<target>", "0"), from(opRead, 0)},
	{greeting(`l<target><xi:include href="a.xml"/></target>`, "0") + strings.Repeat("E01\n", 8), from(opRead, 0)},
	{greeting(described("arm", 64), "") + "OK\n", from(opReadPhysical, 0)},
	{"E01\n1\nS05\nOK\n" + registers, from(opRegisters, 0)}, {"E01\n0\nOK", from(opRead, 0)}, {"\n\nX09\nOK", from(opRead, 0)}, {"PacketSize=1;vContSupported+\nvCont\n0\nS02", from(opRead, 0)},
	{"PacketSize=200;QStartNoAckMode+", from(opRead, 0)}, {"PacketSize=200;QStartNoAckMode+\n\n0\nT05", from(opRead, 0)}, {"", from(opRead, 0)}, {"\x00HTTP/1.1+-+-\n\n", from(opRead, 0)}, {"\x00-\n\x00-\n", from(opRead, 0)},
}

// of is a request, and from is it with answers that begin with the handshake.
func of(op byte, addr uint16) string { return string([]byte{op, byte(addr), byte(addr >> 8), 16}) }

func from(op byte, addr uint16) string { return of(op|begins, addr) }
