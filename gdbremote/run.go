package gdbremote

import (
	"context"
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
