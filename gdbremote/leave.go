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
// so even if ctx is over, or ends meanwhile; the stub has a few seconds then. One that
// does not answer by then lets the guest go on as it comes to it; see LetGo.
func (c *Client) Detach(ctx context.Context) error {
	ctx, cancel := c.outlasting(ctx)
	defer cancel()
	err := c.stopForLeaving(ctx)
	if err == nil {
		err = c.ResetMode(ctx)
	}
	if err == nil {
		err = c.command(ctx, c.detaching())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("detaching: %w", err), c.LetGo())
	}
	return c.Close()
}

// detaching is the packet that ends debugging of what has stopped last.
func (c *Client) detaching() string {
	if pid := c.LastStop().Thread.PID; c.features.Multiprocess {
		return fmt.Sprintf("D;%x", max(pid, 1))
	}
	return "D"
}

// LetGo is Detach for a stub that does not answer: what makes it let the guest go on is
// written behind what it was asked before, for when it comes to it, and the client ends.
// QEMU, on a machine that is busy, reads it to the end after the client has gone.
func (c *Client) LetGo() error {
	if c.Err() != nil {
		return nil // they were said
	}
	c.LetGoIfMute()
	c.lastWords()
	return c.Close()
}

// LetGoIfMute has a stub that answers nothing any more let the guest go on, too, where the
// connection is given up for that.
func (c *Client) LetGoIfMute() {
	p := []byte{0x03} // which a guest that stands ignores
	if c.physical {
		p = appendPacket(p, fmt.Appendf(nil, "Qqemu.PhyMemMode:%d", Virtual))
	}
	p = appendPacket(p, []byte(c.detaching()))
	c.parting.Store(&p)
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
