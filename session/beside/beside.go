// Package beside serves the guest of a session to a debugger while a screen has it, too:
// components are inferiors, kernel threads are their threads.
//
// It knows a session's controller, what debuggers are shown of its guest, and the server
// that answers them. It must not know screens, or what packets mean.
package beside

import (
	"context"
	"fmt"
	"sync"

	"thaw/gdbremote"
	"thaw/session"
	"thaw/session/inferiors"
)

// DefaultAddress is where a guest is served if nothing else is said.
const DefaultAddress = "127.0.0.1:1235"

// Controller is a session's, whose guest can be served.
type Controller struct {
	*session.Controller
	ctx  context.Context
	only string

	mu     sync.Mutex
	served *serving // nil: it is not
}

// serving is a listening socket with the goroutine behind it.
type serving struct {
	addr  string
	end   context.CancelFunc
	ended chan struct{}
}

// New makes the guest of a controller one that can be served until ctx ends. only is the
// component that is shown alone, to debuggers that know one process at a time, such as
// lldb; "" for all.
func New(ctx context.Context, c *session.Controller, only string) *Controller {
	return &Controller{Controller: c, ctx: ctx, only: only}
}

// Listen serves the guest at an address, as gdbremote.Dial takes it, from now on. Nobody
// on another machine can reach it.
func (c *Controller) Listen(addr string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served != nil {
		return fmt.Errorf("the guest is served at %s already: end that with :serve off", c.served.addr)
	}
	ctx, cancel := context.WithCancel(c.ctx)
	s := &serving{end: cancel, ended: make(chan struct{})}
	ready, failed := make(chan string, 1), make(chan error, 1)
	go func() {
		defer close(s.ended)
		server, served := gdbremote.Server{Open: c.open}, false
		switch err := server.ListenAndServe(ctx, addr, func(at string) { served = true; ready <- at }); {
		case !served: // who asked for it is told
			failed <- err
		case ctx.Err() == nil:
			c.Say(err.Error())
		}
	}()
	select {
	case err := <-failed:
		cancel()
		return err
	case s.addr = <-ready:
	}
	c.served = s
	how := "target extended-remote " + s.addr
	if c.only != "" {
		how = c.only + " alone, for lldb, at " + s.addr
	}
	c.Say("served: " + how)
	return nil
}

// Serve is Listen for a screen, which is told what comes of it; "off" ends it. It returns
// at once.
func (c *Controller) Serve(addr string) {
	go func() {
		switch addr {
		case "off":
			if at := c.Hide(); at != "" {
				c.Say("the guest is no longer served at " + at)
			} else {
				c.Say("the guest is not served: :serve does that")
			}
			return
		case "":
			addr = DefaultAddress
		}
		if err := c.Listen(addr); err != nil {
			c.Say(err.Error())
		}
	}()
}

// Hide ends serving: a debugger that is there is hung up on, and its breakpoints are off
// as Hide returns. It says where it was, "" for nowhere.
func (c *Controller) Hide() (addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.served == nil {
		return ""
	}
	c.served.end()
	<-c.served.ended
	addr, c.served = c.served.addr, nil
	return addr
}

// open lends the guest to a debugger that comes.
func (c *Controller) open(hangUp func()) (gdbremote.Handler, func(), error) {
	who := "gdb"
	if c.only != "" {
		who = "the debugger"
	}
	loan, err := session.Lend(c.Controller, who, hangUp)
	if err != nil {
		return nil, nil, err
	}
	guest := inferiors.NewLent(loan, who)
	leave := func(why string) {
		if err := guest.Close(); err != nil {
			why += ": " + err.Error()
		}
		loan.Return(why)
	}
	stub, err := inferiors.New(context.WithoutCancel(c.ctx), guest, c.only)
	if err != nil {
		leave(who + " was sent away: " + err.Error())
		return nil, nil, err
	}
	return stub, func() { leave(who + " has left: the guest is the screen's alone") }, nil
}
