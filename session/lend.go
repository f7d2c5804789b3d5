package session

import (
	"context"
	"errors"
	"fmt"

	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/machine"
	"thaw/session/view"
)

// Loan is the guest of a session in the hands of another debugger, beside the screen. That
// debugger believes that the guest stands until it lets it go itself. So it alone does as
// long as the loan lasts: the screen looks, sets breakpoints and interrupts. All that
// touches the guest is done by the engine's goroutine.
type Loan struct {
	c    *Controller
	who  string
	lost func() // tells the debugger that the session has ended
}

// errOver says that the engine's goroutine has ended.
var errOver = errors.New("the session is over")

// Lend stops a controller's guest if it runs, and lends it; who is the other debugger's name. lost is
// called, from any goroutine, if the session ends before the loan does.
func Lend(c *Controller, who string, lost func()) (*Loan, error) {
	l := &Loan{c, who, lost}
	c.news.mu.Lock()
	other := c.loan
	if other == nil {
		c.loan = l
	}
	c.news.mu.Unlock()
	if other != nil {
		return nil, fmt.Errorf("%s has the guest already", other.who)
	}
	c.Interrupt()
	err := l.Do(func(context.Context) error {
		c.engine.drive.Asked.Store(false) // what was to be interrupted has ended
		switch {
		case c.engine.ended != nil:
			return c.engine.ended
		case c.engine.history.newest() == nil:
			return errors.New("no kernel runs so far: n starts it")
		}
		return nil
	})
	if err != nil {
		l.Return(who + " was sent away: " + err.Error())
		return nil, err
	}
	c.Say(who + " has the guest, and alone lets it go on")
	return l, nil
}

// Do runs fn in the engine's goroutine while the guest stands, and nobody is told.
func (l *Loan) Do(fn func(ctx context.Context) error) error {
	return l.hand(command{run: fn, quiet: true})
}

// Resume lets the guest go on, for one instruction or until something stops it. ctx ends
// when the debugger wants it to stand.
func (l *Loan) Resume(ctx context.Context, step bool) error {
	e := l.c.engine
	if step {
		return l.hand(command{name: "a step for " + l.who, run: e.StepInstruction})
	}
	return l.hand(command{name: "running for " + l.who, run: func(whole context.Context) error {
		interrupt := func() { _ = e.Interrupt() } // the stop, or the loss of the target, will tell
		return e.drive.Until(ctx, interrupt, func() error { return e.Continue(whole) })
	}})
}

// hand has the engine's goroutine run a command of the debugger's, and waits for it: the
// screen's before it are short, since the screen does not let the guest go.
func (l *Loan) hand(cmd command) error {
	cmd.done = make(chan error, 1)
	select {
	case l.c.commands <- cmd:
	case <-l.c.done:
		return errOver
	}
	select {
	case err := <-cmd.done:
		return err
	case <-l.c.done:
		return errOver
	}
}

// Newest is the stop at which the guest stands. It may be asked in Do only.
func (l *Loan) Newest() *view.Snapshot { return l.c.engine.history.newest().snap }

// Parts are what drives the guest. They may be used in Do only.
func (l *Loan) Parts() (*machine.Machine, *components.Set, *drive.Driver) {
	e := l.c.engine
	return e.m, e.programs, e.drive
}

// Return ends the loan, and tells the screen why.
func (l *Loan) Return(why string) {
	l.c.news.mu.Lock()
	l.c.loan = nil
	l.c.news.mu.Unlock()
	_ = l.Do(func(context.Context) error { // else there is nobody to tell
		l.c.publish()
		l.c.Say(why)
		return nil
	})
}

// begin says that a command runs from now on, or why it may not: one that would let a
// guest go that is lent, or change it, is the debugger's own.
func (cmd command) begin(c *Controller) (why string) {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	if cmd.goes {
		why = c.loan.why()
	}
	if why == "" {
		c.state, c.note = view.Running, cmd.name
	}
	return why
}

// why the screen does not let the guest go, "" if there is no loan. The controller's mu is
// held.
func (l *Loan) why() string {
	if l == nil {
		return ""
	}
	return l.who + " has the guest and believes that it stands: go on there, or end it with :serve off"
}
