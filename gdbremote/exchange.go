package gdbremote

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxRepeats = 3                      // resends of one exchange before giving up
	maxSkipped = 4096                   // packets nobody asked for within one exchange
	maxParts   = 1 << 18                // packets one answer may consist of
	quietTime  = 300 * time.Millisecond // silence after an unasked stop that means a request was lost
)

// batch is a list of requests sent ahead of their answers.
type batch struct {
	n     int
	build func(i int, dst []byte) []byte // appends request i's payload
	// reply takes an answer to request i and reports whether more packets
	// belong to it. It must not keep the slice.
	reply func(i int, p []byte) (more bool)
	lists bool // O packets are answers here (qRcmd)
	// patient batches may take as long as the context's deadline says, if it
	// has one, however long that is.
	patient bool
}

// request does an exchange of one packet and returns the answer.
func (c *exchange) request(ctx context.Context, payload string) ([]byte, error) {
	var answer []byte
	err := c.do(ctx, &batch{
		n:     1,
		build: func(_ int, dst []byte) []byte { return append(dst, payload...) },
		reply: func(_ int, p []byte) bool { answer = p; return false },
	})
	return answer, err
}

// ask is a request that goes with others, and what its answer is held against.
type ask struct {
	packet string
	check  func(answer []byte) error
}

// askAll does an exchange of many packets. All are answered, whatever is wrong with one
// of the answers.
func (c *exchange) askAll(ctx context.Context, asks []ask) error {
	var refused error
	err := c.do(ctx, &batch{
		n:     len(asks),
		build: func(i int, dst []byte) []byte { return append(dst, asks[i].packet...) },
		reply: func(i int, p []byte) bool { refused = cmp.Or(refused, asks[i].check(p)); return false },
	})
	return cmp.Or(err, refused)
}

// doAfter runs n requests after others, in one batch, for a caller that holds the exchange
// lock. All are answered, whatever is wrong with the answers to the others.
func (c *exchange) doAfter(ctx context.Context, before []ask, n int, build func(i int, dst []byte) []byte, reply func(i int, p []byte)) error {
	var refused error
	err := c.doLocked(ctx, &batch{
		n: len(before) + n,
		build: func(i int, dst []byte) []byte {
			if i < len(before) {
				return append(dst, before[i].packet...)
			}
			return build(i-len(before), dst)
		},
		reply: func(i int, p []byte) bool {
			if i >= len(before) {
				reply(i-len(before), p)
			} else {
				refused = cmp.Or(refused, before[i].check(p))
			}
			return false
		},
	})
	return cmp.Or(err, refused)
}

// command does an exchange whose answer must be OK.
func (c *exchange) command(ctx context.Context, payload string) error {
	p, err := c.request(ctx, payload)
	if err != nil {
		return err
	}
	return c.checkOK(shorten([]byte(payload), 60), p)
}

// do runs a batch. It fails only when answers are missing: error answers are
// the batch's business.
func (c *exchange) do(ctx context.Context, b *batch) error {
	if err := c.acquire(ctx, b.name(0)); err != nil {
		return err
	}
	defer c.turn.unlock()
	return c.doLocked(ctx, b)
}

// acquire gets the right to exchange packets, if the guest is stopped.
func (c *exchange) acquire(ctx context.Context, op string) error {
	check := func() error {
		if err := c.Err(); err != nil {
			return err
		}
		if c.running.Load() {
			return c.requestError(op, nil, ErrNotStopped)
		}
		if err := ctx.Err(); err != nil {
			return c.requestError(op, nil, err)
		}
		return nil
	}
	if err := check(); err != nil {
		return err
	}
	if err := c.turn.lock(ctx); err != nil {
		return c.requestError(op, nil, err)
	}
	if err := check(); err != nil {
		c.turn.unlock()
		return err
	}
	return nil
}

// name is a request's packet for messages.
func (b *batch) name(i int) string {
	if i >= b.n {
		return "request"
	}
	return shorten(b.build(i, nil), 60)
}

// transfer is the state of a batch under way.
type transfer struct {
	*exchange
	*batch
	ctx       context.Context
	deadline  time.Time
	sent, got int
	repeats   int
	skipped   int
	parts     int
	stray     bool // a stop packet came instead of an answer
	buf       []byte
}

// doLocked is do for a caller that holds the exchange lock.
func (c *exchange) doLocked(ctx context.Context, b *batch) error {
	t := &transfer{exchange: c, batch: b, ctx: ctx}
	begun := time.Now()
	t.extend()
	for t.got < t.n {
		if err := t.fill(); err != nil {
			return t.abandon(err)
		}
		ev, err := t.next()
		if err == nil {
			err = t.handle(ev)
		}
		if err != nil {
			return t.abandon(err)
		}
	}
	if took := int64(time.Since(begun)); b.n > 0 && (c.quick.Load() == 0 || took < c.quick.Load()) {
		c.quick.Store(took)
	}
	c.fence = false
	return c.flushAcks(t.deadline)
}

// onlyReads says whether a request leaves registers and memory as they are. What QEMU's
// monitor is told may change anything.
func onlyReads(p []byte) bool {
	return len(p) > 0 && strings.IndexByte("MXGP", p[0]) < 0 && !bytes.HasPrefix(p, []byte("qRcmd"))
}

// extend restarts the time the stub has for the requests in flight.
func (t *transfer) extend() {
	t.deadline = time.Now().Add(t.opts.Timeout)
	if d, ok := t.ctx.Deadline(); ok && t.patient {
		t.deadline = d
	}
}

// fill sends requests until the window is full, in as few writes as possible:
// it waits for half of the window to be free.
func (t *transfer) fill() error {
	if t.sent == t.n || t.sent-t.got > t.opts.Window/2 {
		return nil
	}
	t.buf = t.takeAcks(t.buf[:0])
	for t.sent < t.n && t.sent-t.got < t.opts.Window {
		p := t.build(t.sent, nil)
		t.log.packet("-> $%s", p)
		if !onlyReads(p) {
			t.changes.Add(1)
		}
		t.buf = appendPacket(t.buf, p)
		t.sent++
	}
	t.extend()
	return t.write(t.buf, t.deadline)
}

// next waits for an event. A request that was swallowed by an unasked stop is
// noticed by a shorter silence.
func (t *transfer) next() (event, error) {
	quiet := time.Time{}
	if t.stray && t.repeats < maxRepeats {
		quiet = time.Now().Add(quietTime)
	}
	if quiet.IsZero() || quiet.After(t.deadline) {
		return t.take(t.ctx, t.deadline)
	}
	ev, err := t.take(t.ctx, quiet)
	if errors.Is(err, errSilence) {
		return event{kind: evSync}, t.resync("a request was lost when the guest was stopped by somebody else")
	}
	return ev, err
}

// handle deals with one event of an exchange.
func (t *transfer) handle(ev event) error {
	if len(t.junk) > 0 && !t.heard && (ev.kind == evAck || ev.kind == evNak) {
		ev = event{kind: evJunk, payload: []byte{"+-"[ev.kind-evAck]}} // part of some other text
	}
	switch ev.kind {
	case evPacket:
		return t.packet(ev.payload)
	case evAck:
		t.heard = true
	case evNak:
		if t.noAck || t.sent == t.got {
			return nil
		}
		if t.sent-t.got > 1 || t.owed > 0 {
			return t.resync("the stub received a damaged packet")
		}
		return t.again(appendPacket(nil, t.build(t.got, nil)))
	case evBadPacket:
		if t.noAck {
			return t.fail(fmt.Errorf("a packet with a bad checksum: %w", ErrProtocol))
		}
		if t.sent-t.got > 1 || t.owed > 0 {
			return t.resync("a packet with a bad checksum")
		}
		return t.again([]byte{'-'})
	case evJunk:
		return t.junkByte(ev.payload)
	case evEnd:
		return t.ended(ev.payload)
	case evSync:
		// resync has done everything.
	}
	return nil
}

// again sends bytes that ask for, or are, a repetition.
func (t *transfer) again(p []byte) error {
	if t.repeats++; t.repeats > maxRepeats {
		return t.fail(fmt.Errorf("%s: %d repetitions did not help: %w", t.name(t.got), maxRepeats, ErrProtocol))
	}
	return t.write(p, t.deadline)
}

// packet sorts a packet into answers and things nobody asked for.
func (t *transfer) packet(p []byte) error {
	t.countPacket()
	stop := isStop(p)
	switch {
	case stop && !t.asksStop():
		t.noteUnasked(p)
		t.stray = true
		return t.skip()
	case isConsole(p) && !t.lists:
		return t.skip()
	case t.owed > 0:
		t.owed--
		t.extend()
		return nil
	}
	if t.reply(t.got, p) {
		if t.parts++; t.parts > maxParts {
			return t.fail(fmt.Errorf("an answer of more than %d packets: %w", maxParts, ErrProtocol))
		}
		return nil
	}
	t.got++
	t.skipped = 0
	return nil
}

// asksStop says whether a stop packet is the answer that comes next.
func (t *transfer) asksStop() bool { return t.owed == 0 && t.got < t.sent && t.name(t.got) == "?" }

// skip bounds what a stub may send besides answers.
func (t *transfer) skip() error {
	if t.skipped++; t.skipped > maxSkipped {
		return t.fail(fmt.Errorf("more than %d packets that answer nothing: %w", maxSkipped, ErrProtocol))
	}
	return nil
}

// abandon ends an exchange that cannot be completed. A cancelled one leaves
// answers owed, which the next exchange skips; anything else that leaves
// answers open breaks the connection.
func (t *transfer) abandon(err error) error {
	op := t.name(t.got)
	t.mode, t.currentSet = -1, false
	switch {
	case t.Err() != nil:
		return t.Err()
	case errors.Is(err, context.Canceled):
		t.owed += t.sent - t.got
		return t.requestError(op, nil, err)
	case errors.Is(err, errSilence) || errors.Is(err, context.DeadlineExceeded):
		cause := ErrTimeout
		if err != errSilence {
			cause = fmt.Errorf("%w: %w", ErrTimeout, err)
		}
		return t.fail(fmt.Errorf("%s: %w%s", op, cause, t.hint()))
	}
	return t.fail(fmt.Errorf("%s: %w", op, err))
}

// isConsole recognises console output of the stub or the guest.
func isConsole(p []byte) bool {
	return len(p) >= 3 && len(p)%2 == 1 && p[0] == 'O' && isHex(p[1])
}

// exchange sends requests and takes their answers, while the guest stands.
type exchange struct {
	link
	turn    semaphore   // held by whoever sends requests and takes answers
	running atomic.Bool // ordered by runner.runLock
	changes atomic.Uint64
	quick   atomic.Int64 // what the quickest exchange took, in ns; 0: there was none
	stopNotes

	// The rest belongs to the holder of turn (or, while running, of waiting).
	selection
	features Features
	owed     int  // answers still to come for a call that was cancelled
	fence    bool // a stop packet may still be on its way
}

// stopNotes is what the stub told of stops.
type stopNotes struct {
	stopLock sync.Mutex // guards what follows
	lastStop Stop
	unasked  uint64
	selected ThreadID // vCPU whose address space memory accesses use; zero: that of the last stop
}

// selection is what the stub was made to use.
type selection struct {
	mode       AddressMode // -1 if unknown
	physical   bool        // it can be switched to physical addresses
	current    ThreadID    // what Hg has selected
	currentSet bool
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

// Running reports whether the guest was set running and no stop was seen yet.
func (c *exchange) Running() bool { return c.running.Load() }

// LastStop is the most recent stop the stub has told of.
func (c *exchange) LastStop() Stop {
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	return c.lastStop
}

// UnaskedStops counts the stop packets that came without the client having
// set the guest running. After the one on attach, a rising count means that
// somebody else (QEMU's monitor, QMP) lets the guest run: what was read
// before may be out of date.
func (c *exchange) UnaskedStops() uint64 {
	c.stopLock.Lock()
	defer c.stopLock.Unlock()
	return c.unasked
}

// Changes counts what may have changed registers or memory: runs, writes, commands to
// QEMU's monitor, and stops that nobody asked for. As long as it stays, what was read
// is as it was.
func (c *exchange) Changes() uint64 { return c.changes.Load() }

// Turn is how long the quickest exchange took so far: what the way to the stub and back
// takes at most.
func (c *exchange) Turn() time.Duration { return time.Duration(c.quick.Load()) }

// Features says what the stub has offered.
func (c *exchange) Features() Features { return c.features }

// HasPhysical reports whether memory can be read by physical address. QEMU
// was asked on connecting.
func (c *exchange) HasPhysical() bool { return c.physical }
