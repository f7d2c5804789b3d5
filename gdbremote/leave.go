package gdbremote

import (
	"context"
	"errors"
	"fmt"
)

// given is why connecting ended: ctx if that is over, whatever came of it.
func given(ctx context.Context, err error) error {
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
