package gdbremote

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Wait waits for a running guest to stop. When ctx ends first, its error is
// returned, the guest still runs, and Wait may be called again. If the guest
// was not set running, the error is ErrNotRunning. A stub that refuses to
// resume gives a StubError, and the guest counts as stopped.
func (c *runner) Wait(ctx context.Context) (Stop, error) {
	return c.waitStop(ctx, time.Time{}, "waiting for a stop")
}

// waitStop takes events until a stop reply comes; a zero time means no limit.
func (c *runner) waitStop(ctx context.Context, until time.Time, op string) (Stop, error) {
	if err := c.Err(); err != nil {
		return Stop{}, err
	}
	if err := c.waiting.lock(ctx); err != nil {
		return Stop{}, c.requestError(op, nil, err)
	}
	defer c.waiting.unlock()
	if !c.running.Load() {
		if err := c.Err(); err != nil {
			return Stop{}, err
		}
		return Stop{}, c.requestError(op, nil, ErrNotRunning)
	}
	for repeats := 0; ; {
		ev, err := c.take(ctx, until)
		switch {
		case c.Err() != nil:
			return Stop{}, c.Err()
		case errors.Is(err, errSilence):
			return Stop{}, c.requestError(op, nil, fmt.Errorf("%w; the guest runs on", ErrTimeout))
		case err != nil:
			return Stop{}, c.requestError(op, nil, err)
		}
		switch ev.kind {
		case evEnd:
			return Stop{}, c.ended(ev.payload)
		case evPacket:
			if len(c.before) > 0 && !isStop(ev.payload) {
				// The packet behind it has acknowledged it; a + now would stop QEMU.
				a := c.before[0]
				c.before = c.before[1:]
				if err := a.check(ev.payload); err != nil {
					return Stop{}, c.fail(fmt.Errorf("%s: what was asked before it: %w: %w", op, err, ErrProtocol))
				}
				continue
			}
			c.owed, c.before = c.owed+len(c.before), nil
			c.currentSet = false // a stub that stops selects a thread itself
			c.countPacket()
			if s, done, err := c.whileRunning(ev.payload, op); done {
				return s, err
			}
		case evBadPacket, evNak:
			if c.noAck {
				continue
			}
			if repeats++; repeats > maxRepeats || len(c.before) > 0 {
				return Stop{}, c.fail(fmt.Errorf("%s: damaged packets: %w", op, ErrProtocol))
			}
			again := []byte{'-'}
			if ev.kind == evNak {
				again = c.resume
			}
			if err := c.write(again, time.Now().Add(c.opts.Timeout)); err != nil {
				return Stop{}, err
			}
		}
	}
}

// whileRunning deals with a packet that came while the guest runs.
func (c *runner) whileRunning(p []byte, op string) (s Stop, done bool, err error) {
	switch {
	case isStop(p):
		s, err = parseStop(p)
		if err == nil {
			c.noteStop(s)
		}
	case isConsole(p):
		return Stop{}, false, nil
	case len(p) > 0 && p[0] == 'F':
		// The guest asks the debugger for a file operation (semihosting):
		// refuse, with "unknown error".
		return Stop{}, false, c.write(appendPacket(c.takeAcks(nil), []byte("F-1,270f")), time.Now().Add(c.opts.Timeout))
	default:
		if _, refused := parseStubError(p); !refused && len(p) > 0 {
			return Stop{}, true, c.fail(fmt.Errorf("%s: packet %q while the guest runs: %w", op, shorten(p, 60), ErrProtocol))
		}
		err = c.unexpected(op, p)
	}
	// Acknowledge before anybody else may send. A QEMU that ends may have hung up already.
	if ackErr := c.flushAcks(time.Now().Add(c.opts.Timeout)); ackErr != nil && !s.Exited {
		return Stop{}, true, ackErr
	}
	c.runLock.Lock()
	defer c.runLock.Unlock()
	// An interrupt that crossed the stop may cause a second stop reply, and
	// so may going backwards.
	c.fence = c.interrupted || c.reversed
	c.running.Store(false)
	if c.overdue != nil {
		c.overdue.Stop() // it would keep a closed client for as long as it runs
		c.overdue = nil
	}
	return s, true, err
}

// Interrupt asks a running guest to stop; Wait returns the stop. It may be
// called from any goroutine at any time, and does nothing while the guest is
// stopped. Where the stop does not come within the client's timeout, the
// connection counts as broken.
func (c *runner) Interrupt() error {
	c.runLock.Lock()
	defer c.runLock.Unlock()
	if err := c.Err(); err != nil {
		return err
	}
	if !c.running.Load() {
		return nil
	}
	if !c.interrupted && !c.reversed {
		c.unanswered(c.runs)
	}
	c.interrupted = true
	c.log.printf("-> 0x03 (interrupt)")
	return c.write([]byte{0x03}, time.Now().Add(c.opts.Timeout))
}

// unanswered gives up on a stub that does not stop the guest in time after an
// interrupt of a run: Wait, which has no limit of its own, would wait for ever.
func (c *runner) unanswered(run uint64) {
	c.overdue = time.AfterFunc(c.opts.Timeout, func() {
		c.runLock.Lock()
		defer c.runLock.Unlock()
		if c.running.Load() && c.runs == run {
			c.fail(fmt.Errorf("the guest was interrupted and did not stop within %v (is QEMU stopped?): %w", c.opts.Timeout, ErrTimeout))
		}
	})
}
