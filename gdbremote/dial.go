package gdbremote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Dial connects to a stub and learns what it can do. See Options for the time
// this may take. Accepted addresses are ":1234", "1234", "localhost:1234",
// "[::1]:1234", "unix:/path/to/socket" and "/path/to/socket"; other hosts need
// Options.AllowRemote. QEMU's guest is stopped afterwards, and breakpoints of
// an earlier client are gone.
func Dial(ctx context.Context, addr string, o Options) (*Client, error) {
	network, target, remote, err := parseAddress(addr, o.AllowRemote)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c := newClient(addr, o)
	if remote {
		c.warn("the stub at %s is on another machine: it has no authentication and no encryption, "+
			"so anybody on the way can read and change the guest", addr)
	}
	if err := ctx.Err(); err != nil {
		return nil, c.requestError("connecting", nil, err) // before QEMU notices anybody
	}
	// A connection that was made must be taken leave of, even if ctx ends meanwhile.
	whole, cancel := c.outlasting(ctx)
	defer cancel()
	d := net.Dialer{Timeout: o.Timeout}
	conn, err := d.DialContext(whole, network, target)
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			err = ended
		}
		return nil, dialError(addr, network, err)
	}
	return c.start(ctx, conn)
}

func (o Options) withDefaults() Options {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Window <= 0 {
		o.Window = defaultWindow
	}
	o.Window = min(o.Window, maxWindow)
	return o
}

func newClient(addr string, o Options) *Client {
	return &Client{runner: runner{
		waiting: newSemaphore(),
		registerFile: registerFile{exchange: exchange{
			turn: newSemaphore(),
			link: link{
				addr: addr, opts: o,
				events: make(chan event, 256),
				dead:   make(chan struct{}),
				silent: make(chan struct{}),
				log:    wireLog{w: o.WireLog},
			},
		}},
	}}
}

// start runs the reader and the first exchanges. QEMU has stopped its guest by
// then, so whatever ends them, the guest is left as it was found.
func (c *Client) start(ctx context.Context, conn net.Conn) (*Client, error) {
	c.conn = conn
	go c.read()
	whole, cancel := c.outlasting(ctx)
	defer cancel()
	limited, cancel := context.WithTimeout(whole, c.opts.Timeout)
	defer cancel()
	err := c.negotiate(limited, ctx)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", errors.Join(given(ctx, err), c.putDown(ctx)))
	}
	return c, nil
}

// dialError says what to do about a connection that was not made.
func dialError(addr, network string, err error) error {
	e := &Error{Op: "connecting", To: addr}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED) && network == "tcp":
		e.Err = fmt.Errorf("%w: nothing listens there; start QEMU with -s, or with -gdb tcp::PORT: %w", ErrConnection, err)
	case errors.Is(err, syscall.ECONNREFUSED):
		e.Err = fmt.Errorf("%w: nobody serves this socket any more; start QEMU with -gdb unix:PATH,server=on,wait=off: %w",
			ErrConnection, err)
	case errors.Is(err, os.ErrNotExist) && network == "unix":
		e.Err = fmt.Errorf("%w: there is no such socket; start QEMU with -gdb unix:PATH,server=on,wait=off: %w",
			ErrConnection, err)
	case errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded):
		e.Err = fmt.Errorf("%w: %w: %w", ErrConnection, ErrTimeout, err)
	default:
		e.Err = fmt.Errorf("%w: %w", ErrConnection, err)
	}
	return e
}
