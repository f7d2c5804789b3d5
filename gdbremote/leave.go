package gdbremote

import (
	"context"
	"errors"
	"fmt"
	"time"
)

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
func (c *Client) outlasting(ctx context.Context) (context.Context, context.CancelFunc) {
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

// given is why connecting ended: ctx if that is over, whatever came of it.
func (c *Client) given(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return errors.Join(ended, err)
	}
	return err
}

// putDown leaves the guest as connecting has found it.
func (c *Client) putDown(ctx context.Context) error {
	defer c.Close()
	switch {
	case c.Err() != nil || !c.agreed:
		return nil // nothing can be said to the stub any more
	case c.UnaskedStops() == 0:
		return c.ResetMode(ctx) // it stood
	}
	return c.Detach(ctx)
}

// Abandoned says that the stub was found in a state that debuggers leave only when
// they end without taking leave, as one that was killed does.
func (c *Client) Abandoned() bool { return c.abandoned }

// stopForLeaving stops a running guest, so that a last request can be sent.
func (c *Client) stopForLeaving(ctx context.Context) error {
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

// ResetMode makes the stub read virtual addresses again, as the next debugger
// expects: QEMU keeps the mode when a client leaves. It still does so where ctx
// is over; see Detach.
func (c *Client) ResetMode(ctx context.Context) error {
	ctx, cancel := c.outlasting(ctx)
	defer cancel()
	if !c.physical || c.mode == Virtual {
		return nil
	}
	if err := c.command(ctx, fmt.Sprintf("Qqemu.PhyMemMode:%d", Virtual)); err != nil {
		return err
	}
	c.mode = Virtual
	return nil
}

// Detach removes all breakpoints, lets the guest run, and ends the client. It does
// so even if ctx is over, or ends meanwhile; the stub has a few seconds then.
func (c *Client) Detach(ctx context.Context) error {
	ctx, cancel := c.outlasting(ctx)
	defer cancel()
	if err := c.stopForLeaving(ctx); err != nil {
		return fmt.Errorf("detaching: %w", err)
	}
	if err := c.ResetMode(ctx); err != nil {
		return fmt.Errorf("detaching: %w", err)
	}
	packet := "D"
	if pid := c.LastStop().Thread.PID; c.features.Multiprocess {
		packet = fmt.Sprintf("D;%x", max(pid, 1))
	}
	if err := c.command(ctx, packet); err != nil {
		return fmt.Errorf("detaching: %w", err)
	}
	return c.Close()
}
