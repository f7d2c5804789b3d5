package gdbremote

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Options changes how a client talks. The zero value is ready to use.
type Options struct {
	// Timeout is the longest one call may take unless its context ends
	// sooner; 5 s if zero. Wait has no limit but its context's.
	Timeout time.Duration
	// WireLog, if set, gets one line per packet sent and received.
	WireLog io.Writer
	// AllowRemote permits hosts other than this one. A stub has no
	// authentication and can read and write all of the guest.
	AllowRemote bool
	// Window is how many requests may be in flight at once; 50 if zero,
	// 1 for stubs that cannot take requests ahead of their answers.
	Window int
	// Warn, if set, gets sentences the user should see.
	Warn func(string)
}

const (
	defaultTimeout = 5 * time.Second
	defaultWindow  = 50
	maxWindow      = 1000
)

// Client is a connection to one stub. Its methods may be called from several
// goroutines; exchanges are done one after the other. Interrupt, Running,
// LastStop and Close never wait for an exchange.
type Client struct {
	addr   string
	opts   Options
	conn   net.Conn
	events chan event    // what the reader goroutine has seen, in order
	dead   chan struct{} // closed when the connection is broken or closed
	silent chan struct{} // closed when nothing more comes from the other side
	log    wireLog

	exchange  semaphore // held by whoever sends requests and takes answers
	waiting   semaphore // held by the one Wait that takes stop replies
	writeLock sync.Mutex

	runLock     sync.Mutex // orders Interrupt with what sets running
	running     atomic.Bool
	interrupted bool        // an interrupt was sent during this run; under runLock
	runs        uint64      // counts the runs; under runLock
	overdue     *time.Timer // gives up on a run that was interrupted, nil if none was; under runLock

	spoken atomic.Bool // anything at all has come from the other side

	mu       sync.Mutex // guards what follows
	broken   error
	lastStop Stop
	selected ThreadID // vCPU whose address space memory accesses use; zero: that of the last stop
	unasked  uint64

	// The rest belongs to the holder of exchange (or, while running, waiting).
	noAck       bool
	pendingAcks int
	owed        int  // answers still to come for a call that was cancelled
	heard       bool // anything of the protocol has been received
	junk        []byte
	features    Features
	agreed      bool // qSupported was answered, so features counts
	abandoned   bool // a debugger before left physical mode on
	desc        *Description
	mode        AddressMode // what the stub is switched to; -1 if unknown
	physical    bool
	current     ThreadID // what Hg has selected in the stub
	currentSet  bool
	fence       bool   // a stop packet may still be on its way
	reversed    bool   // the last resume was backwards
	resume      []byte // the packet that set the guest running
	oks         int    // answers to come for requests that were sent before it
}

// semaphore is a lock one can stop waiting for.
type semaphore chan struct{}

func newSemaphore() semaphore { return make(semaphore, 1) }

func (s semaphore) lock(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	default:
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) unlock() { <-s }

// Addr is the stub's address as given to Dial.
func (c *Client) Addr() string { return c.addr }

// Running reports whether the guest was set running and no stop was seen yet.
func (c *Client) Running() bool { return c.running.Load() }

// LastStop is the most recent stop the stub has told of.
func (c *Client) LastStop() Stop {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastStop
}

// UnaskedStops counts the stop packets that came without the client having
// set the guest running. After the one on attach, a rising count means that
// somebody else (QEMU's monitor, QMP) lets the guest run: what was read
// before may be out of date.
func (c *Client) UnaskedStops() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unasked
}

// Err is why the connection is of no more use, or nil.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Gone is closed once nothing more comes from the other side: the connection ended, or
// it is given up. The next request tells why. It is of use where nobody asks anything.
func (c *Client) Gone() <-chan struct{} { return c.silent }

// Features says what the stub has offered.
func (c *Client) Features() Features { return c.features }

// Description is the stub's description of its registers, nil if it has none.
// It does not change during a connection.
func (c *Client) Description() *Description { return c.desc }

// HasPhysical reports whether memory can be read by physical address. QEMU
// was asked on connecting.
func (c *Client) HasPhysical() bool { return c.physical }

// Close drops the connection and nothing else: a stopped QEMU guest stays
// stopped, a running one goes on. It may be called more than once.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	return nil
}

// fail marks the connection as broken with its first cause and closes it.
// It returns the cause that holds.
func (c *Client) fail(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil {
		if cause != ErrClosed {
			cause = fmt.Errorf("%w: %w", ErrConnection, cause)
		}
		c.broken = &Error{Op: "connection", To: c.addr, Err: cause}
		close(c.dead)
		c.conn.Close()
	}
	return c.broken
}

// warn hands the user a sentence.
func (c *Client) warn(format string, args ...any) {
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
func (c *Client) read() {
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
func (c *Client) write(p []byte, deadline time.Time) error {
	c.writeLock.Lock()
	defer c.writeLock.Unlock()
	if err := c.Err(); err != nil {
		return err
	}
	c.conn.SetWriteDeadline(deadline)
	if _, err := c.conn.Write(p); err != nil {
		if ne, ok := err.(net.Error); ok && ne.Timeout() {
			err = fmt.Errorf("the stub takes no more bytes: %w", ErrTimeout)
		}
		return c.fail(fmt.Errorf("sending %d bytes: %w", len(p), err))
	}
	return nil
}
