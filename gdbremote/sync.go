package gdbremote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// evSync is an event made by resync: nothing is left to handle.
const evSync eventKind = 101

// syncRequest is a request whose answer cannot be taken for any other. It only
// repeats what has been agreed on.
const syncRequest = "qSupported:" + ourFeatures

// resync finds out which answers are still to come: everything before the
// answer to syncRequest is dropped, and open requests are sent again. All
// requests of this package may be repeated.
func (t *transfer) resync(why string) error {
	if t.repeats++; t.repeats > maxRepeats {
		return t.fail(fmt.Errorf("%s, again after %d repetitions: %w", why, maxRepeats, ErrProtocol))
	}
	if err := t.sync(t.ctx, t.deadline); err != nil {
		return err
	}
	t.sent, t.stray = t.got, false
	t.mode, t.currentSet = -1, false
	return nil
}

// sync drops everything that is still on its way.
func (c *exchange) sync(ctx context.Context, deadline time.Time) error {
	if !c.features.known {
		return c.fail(fmt.Errorf("lost track of answers: %w", ErrProtocol))
	}
	if err := c.flushAcks(deadline); err != nil {
		return err
	}
	c.log.printf("-> $%s", syncRequest)
	if err := c.write(appendPacket(nil, []byte(syncRequest)), deadline); err != nil {
		return err
	}
	for range maxSkipped {
		ev, err := c.take(ctx, deadline)
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return c.fail(fmt.Errorf("cancelled while finding answers again: %w", err))
			}
			return err
		}
		switch ev.kind {
		case evEnd:
			return c.ended(ev.payload)
		case evPacket:
			c.countPacket()
			if isStop(ev.payload) {
				c.noteUnasked(ev.payload)
			} else if isSyncReply(ev.payload) {
				c.owed, c.fence = 0, false
				return nil
			}
		}
	}
	return c.fail(fmt.Errorf("more than %d packets that answer nothing: %w", maxSkipped, ErrProtocol))
}

func isSyncReply(p []byte) bool {
	return bytes.Contains(p, []byte("PacketSize=")) && p[0] != 'm' && p[0] != 'l'
}
