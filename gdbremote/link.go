package gdbremote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// link carries packets to and from a stub, until it breaks for good.
type link struct {
	addr   string
	opts   Options
	conn   net.Conn
	events chan event    // what the reader goroutine has seen, in order
	dead   chan struct{} // closed when the connection is broken or closed
	silent chan struct{} // closed when nothing more comes from the other side
	log    wireLog

	writeLock sync.Mutex
	spoken    atomic.Bool            // anything at all has come from the other side
	parting   atomic.Pointer[[]byte] // last words to a stub that is mute; nil for none

	mu     sync.Mutex // guards broken
	broken error

	// The rest belongs to the holder of the exchange (or, while running, of waiting).
	noAck       bool
	pendingAcks int
	heard       bool // anything of the protocol has been received
	junk        []byte
}

// Err is why the connection is of no more use, or nil.
func (c *link) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Gone is closed once nothing more comes from the other side: the connection ended, or
// it is given up. The next request tells why. It is of use where nobody asks anything.
func (c *link) Gone() <-chan struct{} { return c.silent }

// Close drops the connection and nothing else: a stopped QEMU guest stays
// stopped, a running one goes on. It may be called more than once.
func (c *link) Close() error {
	c.fail(ErrClosed)
	return nil
}

// fail marks the connection as broken with its first cause and closes it.
// It returns the cause that holds.
func (c *link) fail(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		if cause != ErrClosed {
			cause = fmt.Errorf("%w: %w", ErrConnection, cause)
		}
		c.broken = &Error{Op: "connection", To: c.addr, Err: cause}
		close(c.dead)
		if errors.Is(cause, ErrTimeout) {
			c.lastWords()
		}
		c.conn.Close()
	}
	return c.broken
}

// partWithin is how long a connection may take the last words.
const partWithin = 100 * time.Millisecond

// lastWords are said once, and nobody waits for what becomes of them.
func (c *link) lastWords() {
	if p := c.parting.Swap(nil); p != nil {
		c.log.printf("-> %q (and no more)", *p)
		c.conn.SetWriteDeadline(time.Now().Add(partWithin))
		c.conn.Write(*p)
	}
}

// warn hands the user a sentence.
func (c *link) warn(format string, args ...any) {
	if c.opts.Warn != nil {
		c.opts.Warn(fmt.Sprintf(format, args...))
	}
}

// wireLog writes packets for people who debug the protocol itself.
type wireLog struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *wireLog) printf(format string, args ...any) {
	if l.w == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format+"\n", args...)
}

// packet logs a packet, which is shortened.
func (l *wireLog) packet(format string, payload []byte) {
	if l.w != nil {
		l.printf(format, shorten(payload, 400))
	}
}

// read is the reader goroutine: it turns bytes into events until the
// connection ends. It never writes, so it cannot dead-lock with a writer.
func (c *link) read() {
	defer close(c.silent)
	var d decoder
	buf := make([]byte, 64<<10)
	junk := 0
	for {
		n, err := c.conn.Read(buf)
		if n > 0 {
			c.spoken.Store(true)
		}
		for i := 0; i < n; {
			if taken := d.run(buf[i:n]); taken > 0 {
				i += taken
				continue
			}
			ev, ok := d.feed(buf[i])
			i++
			if !ok {
				continue
			}
			switch ev.kind {
			case evTooLong:
				c.fail(fmt.Errorf("a packet of more than %d bytes: %w", maxPacket, ErrProtocol))
				return
			case evJunk:
				if junk++; junk > maxJunk {
					c.fail(fmt.Errorf("%w: %w", errJunk, ErrProtocol))
					return
				}
			case evPacket:
				c.log.packet("<- $%s", ev.payload)
			case evNotify, evBadPacket:
				c.log.printf("<- (%v) %s", ev.kind, shorten(ev.payload, 400))
			}
			select {
			case c.events <- ev:
			case <-c.dead:
				return
			}
		}
		if err != nil {
			// What was received before the end is still delivered.
			select {
			case c.events <- event{kind: evEnd, payload: []byte(err.Error())}:
			case <-c.dead:
			}
			return
		}
	}
}

// evEnd is the reader's last event: the other side has closed.
const evEnd eventKind = 100

// write sends raw bytes; a write that cannot be completed breaks the connection.
func (c *link) write(p []byte, deadline time.Time) error {
	_, err := c.send(p, deadline)
	if err == nil {
		return nil
	}
	if isTimeout(err) {
		err = fmt.Errorf("the stub takes no more bytes: %w", ErrTimeout)
	}
	return c.fail(fmt.Errorf("sending %d bytes: %w", len(p), err))
}

// send writes bytes, and says how many of them the other side took.
func (c *link) send(p []byte, deadline time.Time) (int, error) {
	c.writeLock.Lock()
	defer c.writeLock.Unlock()
	if err := c.Err(); err != nil {
		return 0, err
	}
	c.conn.SetWriteDeadline(deadline)
	return c.conn.Write(p)
}

func isTimeout(err error) bool {
	ne, ok := err.(net.Error)
	return ok && ne.Timeout()
}

// errSilence says that nothing came until the given time.
var errSilence = errors.New("silence")

// take returns the next event, or the context's error, or errSilence.
func (c *link) take(ctx context.Context, until time.Time) (event, error) {
	select {
	case ev := <-c.events:
		return ev, nil
	default:
	}
	var expired <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		expired = timer.C
	}
	for giveUp := time.Now().Add(c.opts.Timeout); c.pendingAcks > 0; {
		if err := c.someAcks(giveUp); err != nil {
			return event{}, err
		}
		select {
		case ev := <-c.events:
			return ev, nil
		case <-expired:
			return event{}, errSilence
		case <-ctx.Done():
			return event{}, ctx.Err()
		default:
		}
	}
	select {
	case ev := <-c.events:
		return ev, nil
	case <-c.dead:
		return event{}, c.Err()
	case <-ctx.Done():
		return event{}, ctx.Err()
	case <-expired:
		return event{}, errSilence
	}
}

// hint says what silence may mean.
func (c *link) hint() string {
	switch {
	case len(c.junk) > 0:
		return fmt.Sprintf(" (it sent %q, which is not the GDB remote protocol)", shorten(c.junk, 40))
	case !c.heard:
		return " (another debugger may be attached, QEMU serves only one; or it is not a gdbstub)"
	}
	return ""
}

// junkByte collects bytes that are no packet; before any packet they mean that
// something else listens at the address.
func (c *link) junkByte(p []byte) error {
	if c.heard {
		return nil
	}
	c.junk = append(c.junk, p...)
	if len(c.junk) < 8 {
		return nil
	}
	return c.fail(fmt.Errorf("it sent %q, which is not the GDB remote protocol; is the address right?: %w",
		shorten(c.junk, 40), ErrProtocol))
}

// ended handles the end of the stream.
func (c *link) ended(reason []byte) error {
	text := string(reason)
	if text == "EOF" {
		text = "the stub closed the connection (did QEMU end?)"
	}
	if len(c.junk) > 0 {
		text += c.hint()
	}
	return c.fail(errors.New(text))
}

// countPacket notes a good packet, to be acknowledged.
func (c *link) countPacket() {
	c.heard = true
	if !c.noAck {
		c.pendingAcks++
	}
}

// takeAcks appends the acknowledgements that are due.
func (c *link) takeAcks(dst []byte) []byte {
	for ; c.pendingAcks > 0; c.pendingAcks-- {
		dst = append(dst, '+')
	}
	return dst
}

// flushAcks sends the acknowledgements that are due.
func (c *link) flushAcks(deadline time.Time) error {
	if c.pendingAcks == 0 {
		return nil
	}
	return c.write(c.takeAcks(nil), deadline)
}

// ackWithin is how long acknowledgements may take before what comes in is looked at again.
const ackWithin = 2 * time.Millisecond

// someAcks sends of the acknowledgements that are due those that the stub takes at once.
// One that sends thousands of packets before it reads anything (a long answer of its
// monitor) fills the way to it; were that waited for, nobody would read what it sends.
func (c *link) someAcks(giveUp time.Time) error {
	if time.Now().After(giveUp) {
		return c.flushAcks(giveUp)
	}
	n, err := c.send(bytes.Repeat([]byte{'+'}, c.pendingAcks), time.Now().Add(ackWithin))
	c.pendingAcks -= n
	if err != nil && !isTimeout(err) {
		return c.fail(fmt.Errorf("acknowledging %d packets: %w", c.pendingAcks, err))
	}
	return nil
}

// remaining is the end of the time a call has: its own timeout, or the
// context's if that is sooner.
func (c *link) remaining(ctx context.Context) time.Time {
	end := time.Now().Add(c.opts.Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(end) {
		return d
	}
	return end
}

// How long a stub has, once the caller's context is over, for the exchange in
// flight and for letting the guest go on: one that never said a word less than
// one that may just be slow.
const (
	muteWithin  = time.Second
	leaveWithin = 3 * time.Second
)

// outlasting is a context for what must be brought to its end: QEMU stops its
// guest when a client connects and leaves it so when that hangs up. It ends a
// bounded time after ctx does.
func (c *link) outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
	whole, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(muteWithin, func() {
			if !c.spoken.Load() {
				cancel()
				return
			}
			time.AfterFunc(leaveWithin-muteWithin, cancel)
		})
	})
	return whole, func() { stop(); cancel() }
}
