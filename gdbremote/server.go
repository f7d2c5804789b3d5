package gdbremote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"thaw/fault"
	"thaw/newfile"
	"thaw/printable"
)

// Server answers debuggers with a Handler. Like QEMU it serves one client at a
// time.
type Server struct {
	Handler Handler
	// PacketSize is announced to clients; 4096 if zero.
	PacketSize int
	// NoAckMode offers QStartNoAckMode.
	NoAckMode bool
	// AllowRemote lets ListenAndServe take addresses that other machines can
	// reach. The protocol has no authentication.
	AllowRemote bool
	// Open, if not nil, makes the handler of each client that comes, in the place of
	// Handler, with what is to be done when it has left. An error sends the client away,
	// and hangUp does so later.
	Open func(hangUp func()) (h Handler, left func(), err error)
}

// ListenAndServe serves clients on an address until ctx ends, in the forms Dial
// takes; one that other machines can reach needs AllowRemote. ready, if not nil,
// is told the address in use, which says the port chosen for ":0".
func (s *Server) ListenAndServe(ctx context.Context, addr string, ready func(addr string)) error {
	network, target, remote, err := parseAddress(addr, true)
	if err != nil {
		return err
	}
	if remote && !s.AllowRemote {
		return fmt.Errorf("serving debuggers at %s: other machines could reach it, and the protocol has no authentication: "+
			"use an ssh tunnel, or allow it explicitly", addr)
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, network, target)
	if err != nil {
		return fmt.Errorf("serving debuggers at %s: %w", addr, err)
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	if own, ok := ln.(*net.UnixListener); ok {
		remove, err := newfile.OwnSocket(own, target) // who may write to it may debug
		if err != nil {
			return fmt.Errorf("serving debuggers at %s: %w", addr, err)
		}
		defer func() { _ = remove() }()
	}
	if ready != nil {
		ready(ln.Addr().String())
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("serving debuggers at %s: %w", addr, err)
		}
		// A client that breaks the protocol ends its own connection only.
		if err := s.Serve(ctx, conn); errors.As(err, new(*fault.Fault)) {
			return err
		}
	}
}

// Serve answers one client until it leaves, ctx ends, or it breaks the
// protocol. The connection is closed at the end. A panic of the handler's is a
// *fault.Fault.
func (s *Server) Serve(ctx context.Context, conn net.Conn) error {
	return fault.Guard(func() error { return s.serve(ctx, conn) })
}

func (s *Server) serve(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	own := *s
	ss := &serverSession{Server: &own, conn: conn, ctx: ctx, events: make(chan event, 64)}
	var reader sync.WaitGroup
	defer func() {
		cancel()
		conn.Close()
		reader.Wait()
	}()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if s.Open != nil {
		h, left, err := s.Open(cancel)
		if err != nil {
			return err
		}
		defer left()
		own.Handler = h
	}
	if g, ok := s.Handler.(Greeter); ok {
		g.Greet()
	}
	reader.Go(ss.read)
	return ss.loop()
}

// errLeave ends a session in order.
var errLeave = errors.New("the client leaves")

// serverSession is one client of a Server.
type serverSession struct {
	*Server
	conn     net.Conn
	ctx      context.Context
	events   chan event
	noAck    bool
	mode     AddressMode
	thread   ThreadID       // of Hg; zero: the one that stopped last
	runs     ThreadID       // of Hc
	last     []byte         // the last packet sent, for repetition
	broken   int            // damaged packets so far
	document []byte         // that is being transferred
	left     map[int64]bool // processes that the client has detached from
	asked    time.Time      // when the guest was to stop, though it stood or made a step
	askedOne bool           // for one register alone
	isLLDB   bool           // it asks what lldb alone asks
}

// read turns bytes into events, and closes the channel at the end.
func (s *serverSession) read() {
	defer close(s.events)
	var d decoder
	buf := make([]byte, 16<<10)
	for {
		n, err := s.conn.Read(buf)
		for _, b := range buf[:n] {
			if ev, ok := d.feed(b); ok && ev.kind != evAck && ev.kind != evNotify {
				select {
				case s.events <- ev:
				case <-s.ctx.Done():
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// loop answers packets.
func (s *serverSession) loop() error {
	for ev := range s.events {
		var err error
		switch ev.kind {
		case evPacket:
			err = s.packet(ev.payload)
		case evBreak:
			s.asked = time.Now()
		case evBadPacket:
			if s.broken++; s.broken > 100 || s.noAck {
				return fmt.Errorf("client sends damaged packets: %w", ErrProtocol)
			}
			err = s.write([]byte{'-'})
		case evNak:
			err = s.write(s.last)
		case evTooLong:
			return fmt.Errorf("client sends a packet of more than %d bytes: %w", maxPacket, ErrProtocol)
		}
		if errors.Is(err, errLeave) {
			s.linger()
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// lingerTime is how long a client that leaves may take to hang up.
const lingerTime = time.Second

// linger waits for a client that leaves to hang up: it acknowledges the last
// answer, and takes a connection that is closed before for an error.
func (s *serverSession) linger() {
	if s.conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	for range s.events {
		// Nothing is answered any more.
	}
}

func (s *serverSession) write(p []byte) error {
	_, err := s.conn.Write(p)
	return err
}

// packet acknowledges a packet and sends its answer.
func (s *serverSession) packet(p []byte) error {
	if !s.noAck {
		if err := s.write([]byte{'+'}); err != nil {
			return err
		}
	}
	answer, err := s.answer(p)
	if err != nil {
		return err
	}
	return s.send(answer)
}

func (s *serverSession) send(payload []byte) error {
	s.last = appendPacket(s.last[:0:0], payload)
	return s.write(s.last)
}

// askedFor is how soon a debugger steps on, over a slow link too. gdb steps a line of code
// instruction by instruction, for ever if that is a loop, and one over a breakpoint before it
// lets the guest go on, and ends only where one of these is told as interrupted: an interrupt
// that came in a step, or between two, is for the next. A run that comes later is one that
// somebody wants who has seen the stop. lldb ends its steps itself, and one that crossed a
// stop is over.
const askedFor = time.Second

// resume lets the handler run its guest and returns the stop packet.
func (s *serverSession) resume(action Action, id ThreadID) ([]byte, error) {
	asked := s.asked
	s.asked = time.Time{}
	if !s.isLLDB && time.Since(asked) < askedFor {
		return s.stands(id), nil
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	type result struct {
		stop Stop
		err  error
	}
	done := make(chan result, 1)
	go func() {
		var r result
		r.err = fault.Guard(func() (err error) { r.stop, err = s.Handler.Resume(ctx, action, id); return err })
		done <- r
	}()
	for {
		select {
		case r := <-done:
			if r.err != nil {
				return s.refused(r.err, id)
			}
			s.thread = ThreadID{}
			if ctx.Err() != nil && r.stop.Signal != SignalInterrupt && (action == ActionStep || action == ActionStepAmong) {
				s.asked = time.Now()
			}
			return s.stopPacket(r.stop), nil
		case ev, ok := <-s.events:
			// Like QEMU, stop for any byte.
			cancel()
			if !ok {
				<-done
				return nil, errLeave
			}
			_ = ev
		}
	}
}

// refused tells why the guest does not go on, or not to where it should have, and that it
// stands: an error in the place of a stop has lldb give up the guest, and gdb guess.
func (s *serverSession) refused(err error, id ThreadID) ([]byte, error) {
	switch {
	case errors.Is(err, ErrUnsupported):
		return nil, nil
	case errors.As(err, new(*fault.Fault)):
		return nil, err
	}
	if err := s.send(appendHex([]byte("O"), []byte(printable.Text(err.Error())+"\n"))); err != nil {
		return nil, err
	}
	return s.stands(id), nil
}

// stands is the stop of a guest that was to go on, and did not.
func (s *serverSession) stands(id ThreadID) []byte {
	stop := Stop{Signal: SignalInterrupt, Thread: id}
	if !slices.Contains(s.Handler.Threads(), id) {
		stop.Thread = s.Handler.LastStop().Thread
	}
	return s.stopPacket(stop)
}

// packet is the stop as it goes over the wire.
func (s Stop) packet() string {
	if s.Raw != "" {
		return s.Raw
	}
	if s.Exited {
		return fmt.Sprintf("W%02x", s.ExitCode&0xff)
	}
	text := fmt.Sprintf("T%02x", s.Signal&0xff)
	if s.Watch != nil {
		for name, kind := range watchKinds {
			if kind == s.Watch.Kind {
				text += fmt.Sprintf("%s:%x;", name, s.Watch.Addr)
			}
		}
	}
	if !s.Thread.IsZero() {
		text += "thread:" + s.Thread.String() + ";"
	}
	if s.Reason == ReasonReplayLog {
		text += "replaylog:begin;"
	}
	return text
}
