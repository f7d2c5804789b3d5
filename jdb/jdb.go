// Package jdb reads the listings of Fiasco.OC's kernel debugger, JDB, over a
// guest's serial line: a second opinion on kernel objects, from the kernel
// itself.
//
// It knows JDB's keys and what its tables look like in the kernels of Genode
// 16.08 to 25.x, and holds its listings against the kernel model (Compare). It
// must not know how that model was read, nor phases or scenarios.
//
// JDB reacts only while the guest runs: its own loop polls the serial line with
// all processors in the kernel. So kernel objects stand still from Enter to
// Leave, whoever stops and resumes the guest in between.
package jdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"time"

	"thaw/readfile"
)

// Bounds on what a guest may send.
const (
	maxOutput = 1 << 20 // bytes in answer to one key
	maxPages  = 1 << 10 // of one listing
	maxRows   = 1 << 18 // of one listing
)

const esc = "\x1b"

// settle is how long JDB must be silent to be taken as not answering a key that
// may have no effect. It decides nothing where JDB does answer.
const settle = 250 * time.Millisecond

// Conn is a serial line with JDB behind it. It is used by one goroutine.
type Conn struct {
	conn   net.Conn
	screen *screen
	out    []byte // since the last key

	height, width string // JDB's screen size before Enter, "" if not asked
	entered       bool
}

// Dial connects to a serial line that is a unix socket.
func Dial(path string) (*Conn, error) {
	c, err := net.Dial("unix", readfile.Socket(path))
	if err != nil {
		return nil, fmt.Errorf("opening the guest's serial line: %w", err)
	}
	return New(c), nil
}

// New drives JDB over an open connection, which Close closes.
func New(c net.Conn) *Conn { return &Conn{conn: c, screen: newScreen()} }

// Close closes the line. A guest that is in JDB stays there.
func (c *Conn) Close() error { return c.conn.Close() }

// Patterns of what JDB's output ends with.
var (
	prompt = regexp.MustCompile(`jdb[:#] ?\x1b\[m\x1b\[K$`)
	// A listing ends with its status line and the cursor going back to the
	// chosen row; later versions write a help line, row rows-1, in between.
	listing  = regexp.MustCompile(`(?s)(?:present list|[Oo]bjs): \x1b\[m.*\x1b\[(\d+;\d+)H$`)
	position = regexp.MustCompile(`\x1b\[(\d+;\d+)H$`)
	size     = regexp.MustCompile(`Screen dimensions: (\d{1,4})x(\d{1,4})`)
)

func atPrompt(out []byte) bool { return prompt.Match(out) }

func listed(out []byte) bool {
	m := listing.FindSubmatch(out)
	return m != nil && string(m[1]) != fmt.Sprintf("%d;1", rows-1) && string(m[1]) != fmt.Sprintf("%d;1", rows)
}

func moved(out []byte) bool { return position.Match(out) }

// errSilent says that JDB did not answer for a while.
var errSilent = errors.New("no answer")

// wait reads until JDB's output since the last key is complete: done says so.
// If patience passes without a byte, the error is errSilent.
func (c *Conn) wait(ctx context.Context, patience time.Duration, done func([]byte) bool) error {
	buf := make([]byte, 1<<16)
	const tick = 50 * time.Millisecond
	for quiet := time.Duration(0); !done(c.out); {
		if err := ctx.Err(); err != nil {
			return err
		}
		if quiet >= patience {
			return errSilent
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(tick)); err != nil {
			return fmt.Errorf("reading the serial line: %w", err)
		}
		n, err := c.conn.Read(buf)
		if n > 0 {
			quiet = 0
			c.screen.Write(buf[:n])
			c.out = append(c.out, buf[:n]...)
			if len(c.out) > maxOutput {
				return fmt.Errorf("JDB wrote more than %d bytes in answer to one key", maxOutput)
			}
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			quiet += tick
		case err != nil:
			return fmt.Errorf("reading the serial line: %w", err)
		}
	}
	return nil
}

// key sends keys and forgets what was written before.
func (c *Conn) key(keys string) error {
	c.out = c.out[:0]
	if err := c.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return fmt.Errorf("writing to the serial line: %w", err)
	}
	if _, err := c.conn.Write([]byte(keys)); err != nil {
		return fmt.Errorf("writing to the serial line: %w", err)
	}
	return nil
}

// ask sends keys and waits for the whole answer.
func (c *Conn) ask(ctx context.Context, keys string, done func([]byte) bool) error {
	if err := c.key(keys); err != nil {
		return err
	}
	if err := c.wait(ctx, 20*time.Second, done); err != nil {
		return fmt.Errorf("JDB's answer to %q: %w (it wrote %q)", keys, err, tail(c.out))
	}
	return nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-100):] }

// maxTries is how often JDB is called, once a second.
const maxTries = 15

// Enter makes the guest enter JDB and sets JDB's screen up for the listings. A
// guest that is in JDB already is fine.
func (c *Conn) Enter(ctx context.Context) error {
	for try := 0; ; try++ {
		// ESC enters JDB and leaves its listings; at its prompt it does nothing,
		// but Return has the prompt printed again.
		if err := c.key([]string{esc, "\r"}[try%2]); err != nil {
			return err
		}
		err := c.waitPrompt(ctx)
		if err == nil {
			break
		}
		if !errors.Is(err, errSilent) || try == maxTries {
			return fmt.Errorf("entering JDB (the guest must run and not stand in a debugger, its kernel needs JDB and the option -serial_esc, and nobody else may use the serial line): %w", err)
		}
	}
	c.entered = true
	if err := c.drain(ctx); err != nil {
		return err
	}
	if err := c.ask(ctx, "Ji", atPrompt); err != nil {
		return err
	}
	if m := size.FindSubmatch(c.out); m != nil {
		c.width, c.height = string(m[1]), string(m[2])
	}
	return c.resize(ctx, fmt.Sprint(cols), fmt.Sprint(rows))
}

// waitPrompt waits a moment for the prompt behind whatever the guest logs: log
// output is cut away, however much there is. If the prompt does not come, the
// error is errSilent.
func (c *Conn) waitPrompt(ctx context.Context) error {
	const moment = time.Second
	until := time.Now().Add(moment)
	err := c.wait(ctx, moment, func(out []byte) bool {
		if len(out) > maxOutput/2 {
			c.out = append(c.out[:0], tail(out)...)
		}
		return atPrompt(c.out) || time.Now().After(until)
	})
	if err == nil && !atPrompt(c.out) {
		err = errSilent
	}
	return err
}

// drain reads until JDB is silent: a second ESC may be answered late.
func (c *Conn) drain(ctx context.Context) error {
	return ignoreSilence(c.wait(ctx, settle, func([]byte) bool { return false }))
}

func ignoreSilence(err error) error {
	if errors.Is(err, errSilent) {
		return nil
	}
	return err
}

func (c *Conn) resize(ctx context.Context, width, height string) error {
	for _, k := range []string{"Jh" + height + "\r", "Jw" + width + "\r"} {
		if err := c.ask(ctx, k, atPrompt); err != nil {
			return err
		}
	}
	return nil
}

// Leave lets the guest go on. JDB's screen gets its old size, but for a width of
// 80 columns: its own default is less than it takes.
func (c *Conn) Leave(ctx context.Context) error {
	if !c.entered {
		return nil
	}
	if err := c.toPrompt(ctx); err != nil {
		return err
	}
	if c.width != "" {
		width := c.width
		if width == "80" {
			width = "81"
		}
		if err := c.resize(ctx, width, c.height); err != nil {
			return err
		}
	}
	c.entered = false
	// A key is lost if the line is closed before JDB took it.
	return c.ask(ctx, "g", func(out []byte) bool { return bytes.Contains(out, []byte("g")) })
}

// toPrompt leaves listings. Some versions go back to the listing that one was
// opened from.
func (c *Conn) toPrompt(ctx context.Context) error {
	key := esc
	for range 6 {
		if atPrompt(c.out) {
			return nil
		}
		if err := c.key(key); err != nil {
			return err
		}
		err := c.wait(ctx, time.Second, func(out []byte) bool { return atPrompt(out) || listed(out) })
		if err := ignoreSilence(err); err != nil {
			return err
		}
		// ESC is not answered at the prompt, see Enter.
		if key = esc; len(c.out) == 0 {
			key = "\r"
		}
	}
	if atPrompt(c.out) {
		return nil
	}
	return fmt.Errorf("JDB does not come back to its prompt (it wrote %q)", tail(c.out))
}
