package gdbremote

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// runner lets the guest go and waits until it stops.
type runner struct {
	registerFile
	waiting semaphore // held by the one Wait that takes stop replies

	runLock     sync.Mutex  // orders Interrupt with what sets running
	interrupted bool        // an interrupt was sent during this run; under runLock
	runs        uint64      // counts the runs; under runLock
	overdue     *time.Timer // gives up on a run that was interrupted, nil if none was; under runLock

	// The rest belongs to the holder of turn or waiting.
	reversed bool   // the last resume was backwards
	resume   []byte // the packet that set the guest running
	before   []ask  // sent right before it, and not answered so far
}

// Continue lets the guest run and returns as soon as that was sent. Until Wait
// has returned a stop, only Interrupt, Wait, Running, LastStop and Close work.
func (c *runner) Continue(ctx context.Context) error { return c.sendResume(ctx, c.continuePacket()) }

func (c *runner) continuePacket() string {
	if c.features.VCont {
		return "vCont;c"
	}
	return "c"
}

// ContinueTelling is Continue, and asks right before it for a thread's registers and n bytes
// of physical memory, which may be none, without waiting for them: Wait hands them to tell
// before it returns the stop, without data that cannot be read. The zero ThreadID means the
// thread that stopped last. A stub that does not give registers breaks the connection.
func (c *runner) ContinueTelling(ctx context.Context, thread ThreadID, addr uint64, n int, tell func(regs *Registers, data []byte)) error {
	var data []byte
	before, err := c.physically(n)
	if err != nil {
		return err
	}
	if n > 0 {
		before = append(before, ask{string(appendMemory(nil, 'm', addr, n)), func(p []byte) error {
			if data = make([]byte, n); c.readAnswer(Physical, addr, data, p) != nil {
				data = nil
			}
			return nil
		}})
	}
	before = append(before, c.selecting(c.wanted(thread))...)
	before = append(before, ask{"g", func(p []byte) error {
		regs, err := c.decodeRegisters(p)
		if err == nil {
			tell(regs, data)
		}
		return err
	}})
	return c.sendResume(ctx, c.continuePacket(), before...)
}

// physically is what makes the stub read and write n bytes of physical memory in one request,
// if it would not so far; nothing for none.
func (c *runner) physically(n int) ([]ask, error) {
	switch {
	case n == 0:
		return nil, nil
	case !c.physical || n > c.memoryChunk():
		return nil, c.requestError("m", nil, fmt.Errorf("%d bytes of physical memory: %w", n, ErrUnsupported))
	case c.mode == Physical:
		return nil, nil
	}
	to := c.ok(fmt.Sprintf("Qqemu.PhyMemMode:%d", Physical))
	check := to.check
	to.check = func(p []byte) error {
		err := check(p)
		if err == nil {
			c.mode = Physical
		}
		return err
	}
	c.mode = -1 // until it says so
	return []ask{to}, nil
}

// ContinueAfter changes registers of a thread and physical memory, which data may
// be empty for, and lets the guest run, all without waiting in between. A stub
// that refuses a change has set the guest running with half of them, so this is
// for changes it is known to take; the refusal breaks the connection.
func (c *runner) ContinueAfter(ctx context.Context, thread ThreadID, values []RegisterValue, addr uint64, data []byte) error {
	before, err := c.changing(thread, values, addr, data)
	if err != nil {
		return err
	}
	return c.sendResume(ctx, c.continuePacket(), before...)
}

// Change makes the changes of ContinueAfter, together, and tells which is refused. Others
// may have been made then.
func (c *runner) Change(ctx context.Context, thread ThreadID, values []RegisterValue, addr uint64, data []byte) error {
	asks, err := c.changing(thread, values, addr, data)
	if err != nil {
		return err
	}
	return c.askAll(ctx, asks)
}

// changing are the requests that change registers and physical memory.
func (c *runner) changing(thread ThreadID, values []RegisterValue, addr uint64, data []byte) ([]ask, error) {
	asks, err := c.physically(len(data))
	if err != nil {
		return nil, err
	}
	if len(data) > 0 {
		p := append(appendMemory(nil, 'M', addr, len(data)), ':')
		asks = append(asks, c.ok(string(appendHex(p, data))))
	}
	asks = append(asks, c.selecting(c.wanted(thread))...)
	for _, v := range values {
		p, err := c.registerPacket(v.Name, v.Value)
		if err != nil {
			return nil, err
		}
		asks = append(asks, c.ok(p))
	}
	return asks, nil
}

// Step lets one virtual CPU execute one instruction while the others stay
// stopped; the zero ThreadID means the one that stopped last. Once that was asked for
// the stop is waited for, even if ctx ends meanwhile. If it does not come in time, the
// error is ErrTimeout and the guest counts as running.
func (c *runner) Step(ctx context.Context, thread ThreadID) (Stop, error) {
	thread = c.wanted(thread)
	packet := "vCont;s"
	switch {
	case c.features.VCont && !thread.IsZero():
		packet += ":" + thread.String()
	case !c.features.VCont:
		if !thread.IsZero() {
			if err := c.command(ctx, "Hc"+thread.String()); err != nil && !IsUnsupported(err) {
				return Stop{}, err
			}
		}
		packet = "s"
	}
	if err := c.sendResume(ctx, packet); err != nil {
		return Stop{}, err
	}
	whole, cancel := c.outlasting(ctx)
	defer cancel()
	return c.waitStop(whole, time.Now().Add(c.opts.Timeout), packet)
}

// ReverseStep goes back by one instruction. Without the stub's offer nothing
// is sent and the error is ErrUnsupported. It can take much longer than a step
// forward, since the stub runs again from a snapshot: only ctx limits it. Give
// ctx a deadline: QEMU 7.2 with a vapic device (x86) locks itself up while going
// back, most of the time, and then answers nothing any more.
func (c *runner) ReverseStep(ctx context.Context) (Stop, error) {
	if !c.features.ReverseStep {
		return Stop{}, c.requestError("bs", nil, errNoReverse)
	}
	if err := c.sendResume(ctx, "bs"); err != nil {
		return Stop{}, err
	}
	return c.waitStop(ctx, time.Time{}, "bs")
}

// ReverseContinue runs backwards to the last breakpoint before the current
// position, or to the start of the recording; Wait returns the stop. Without
// the stub's offer nothing is sent and the error is ErrUnsupported.
func (c *runner) ReverseContinue(ctx context.Context) error {
	if !c.features.ReverseContinue {
		return c.requestError("bc", nil, errNoReverse)
	}
	return c.sendResume(ctx, "bc")
}

var errNoReverse = fmt.Errorf("going backwards needs a QEMU that replays a recording (-icount rr=replay): %w", ErrUnsupported)

// sendResume sends a packet that sets the guest running, and right before it
// requests whose answers come before its own.
func (c *runner) sendResume(ctx context.Context, packet string, before ...ask) error {
	if err := c.acquire(ctx, packet); err != nil {
		return err
	}
	defer c.turn.unlock()
	if c.fence || c.owed > 0 {
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	if err := c.drain(); err != nil {
		return err
	}
	out := c.takeAcks(nil)
	for _, a := range append(before, ask{packet: packet}) {
		c.log.printf("-> $%s", a.packet)
		out = appendPacket(out, []byte(a.packet))
	}
	c.resume, c.before = appendPacket(nil, []byte(packet)), before
	c.runLock.Lock()
	defer c.runLock.Unlock()
	// Not ctx's deadline: half a packet would break the connection, and the stop
	// can be waited for by another call.
	if err := c.write(out, time.Now().Add(c.opts.Timeout)); err != nil {
		return err
	}
	c.currentSet, c.interrupted, c.reversed = false, false, packet[0] == 'b'
	c.runs++
	c.changes.Add(1)
	c.running.Store(true)
	return nil
}

// settle makes sure that no answer or stop of the past can be taken for the
// stop that is to come: any exchange skips those.
func (c *runner) settle(ctx context.Context) error {
	return c.doLocked(ctx, &batch{
		n:     1,
		build: func(_ int, dst []byte) []byte { return append(dst, "qC"...) },
		reply: func(int, []byte) bool { return false },
	})
}

// drain takes what has already arrived without being asked for.
func (c *runner) drain() error {
	for {
		select {
		case ev := <-c.events:
			switch ev.kind {
			case evPacket:
				c.countPacket()
				if isStop(ev.payload) {
					c.noteUnasked(ev.payload)
				}
			case evEnd:
				return c.ended(ev.payload)
			}
		default:
			return nil
		}
	}
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

// Kill ends QEMU, and the client. There is no answer to it: that the
// connection ends is the sign of success.
func (c *runner) Kill(ctx context.Context) error {
	if err := c.stopForLeaving(ctx); err != nil {
		return fmt.Errorf("killing: %w", err)
	}
	if err := c.acquire(ctx, "k"); err != nil {
		return fmt.Errorf("killing: %w", err)
	}
	defer c.turn.unlock()
	deadline := c.remaining(ctx)
	if err := c.write(appendPacket(c.takeAcks(nil), []byte("k")), deadline); err != nil {
		return fmt.Errorf("killing: %w", err)
	}
	defer c.Close()
	for {
		ev, err := c.take(ctx, deadline)
		if errors.Is(err, errSilence) {
			err = ErrTimeout
		}
		if err != nil {
			return fmt.Errorf("killing: %w", c.requestError("k", nil, err))
		}
		if ev.kind == evEnd {
			return nil
		}
	}
}

// stopForLeaving stops a running guest, so that a last request can be sent.
func (c *runner) stopForLeaving(ctx context.Context) error {
	if !c.Running() {
		return nil
	}
	if err := c.Interrupt(); err != nil {
		return err
	}
	_, err := c.waitStop(ctx, c.remaining(ctx), "stopping the guest to leave")
	if errors.Is(err, ErrNotRunning) { // somebody else's Wait took the stop
		return nil
	}
	return err
}
