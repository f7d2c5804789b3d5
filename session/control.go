package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"thaw/fault"
	"thaw/kernel"
	"thaw/session/view"
)

// Controller runs an Engine in a goroutine of its own, which is the only one to
// touch the target, and publishes a View after every change. Its commands
// return at once.
type Controller struct {
	lookout
	news
	engine   *Engine
	commands chan command
	done     chan struct{}

	// Of the next view; news.mu guards them.
	shown int // number of the shown stop, 0 if there is none
	state view.RunState
	note  string
	peek  *view.Peek
}

type command struct {
	name  string
	run   func(ctx context.Context) error
	goes  bool       // the screen lets the guest go by it, or changes it
	quiet bool       // nobody is told that it runs
	done  chan error // takes what became of it, nil: nobody waits
}

// tell tells who waits for a command what became of it.
func (cmd command) tell(err error) {
	if cmd.done != nil {
		cmd.done <- err
	}
}

// How often new LOG lines are looked for while the guest runs, and shown: the first
// at once, in a LOG that goes on and on only now and then, since the screen is drawn
// anew for it.
const (
	logPeriod = 100 * time.Millisecond
	logPause  = time.Second
)

// NewController starts the goroutine; it ends with ctx.
func NewController(ctx context.Context, e *Engine) *Controller {
	c := &Controller{engine: e, news: news{newest: newest{updates: make(chan *view.View, 1)}, drafts: newDrafts(e.scn)}, commands: make(chan command, 16), done: make(chan struct{}), state: view.Stopped, shown: e.history.last()}
	e.Progress(c.Say)
	c.publish()
	go c.loop(ctx)
	return c
}

func (c *Controller) loop(ctx context.Context) {
	defer close(c.done)
	defer close(c.updates)
	for {
		select {
		case <-ctx.Done():
			return
		case cmd := <-c.commands:
			c.handle(ctx, cmd)
		case <-c.engine.gone():
			c.handle(ctx, command{name: "the connection has ended", run: c.engine.noticeGone})
		}
	}
}

// handle runs one command. A fault of ours ends the session as the loss of a connection
// does, on top of the last view, since it may be a new one that cannot be made: who closes
// the session then puts the guest back, and nothing more is lost.
func (c *Controller) handle(ctx context.Context, cmd command) {
	err := fault.Guard(func() error {
		if cmd.quiet {
			cmd.tell(cmd.run(ctx))
		} else {
			c.do(ctx, cmd)
		}
		return nil
	})
	if err == nil {
		return
	}
	c.engine.ended = err
	c.news.mu.Lock()
	c.state, c.note = view.Ended, err.Error()
	v := *c.view
	v.State, v.Message, v.Err = c.state, c.note, err
	c.send(&v)
	loan := c.loan
	c.news.mu.Unlock()
	if loan != nil {
		loan.lost()
	}
	cmd.tell(err)
}

// do runs one command while LOG lines go on being shown.
func (c *Controller) do(ctx context.Context, cmd command) {
	if why := cmd.begin(c); why != "" {
		c.Say(why)
		return
	}
	c.publish()
	stops, first := c.engine.history.last(), c.engine.history.first
	err := c.showing(ctx, func() error {
		defer c.engine.rec.keepNotes()
		return cmd.run(ctx)
	})
	state, note := view.Stopped, ""
	switch {
	case c.engine.ended != nil:
		state, note = view.Ended, c.engine.ended.Error()
	case err != nil && !errors.Is(err, context.Canceled):
		note = err.Error()
	case c.engine.history.last() > stops:
		note = c.engine.history.newest().snap.Reason
	}
	if first == 1 && c.engine.history.first > 1 {
		note += "; the history is full: the oldest stops are dropped from now on" + c.engine.rec.whereDropped()
	}
	c.news.mu.Lock()
	c.shown = c.engine.history.last()
	loan := c.loan
	c.news.mu.Unlock()
	c.set(state, note)
	if state == view.Ended && loan != nil {
		loan.lost()
	}
	cmd.tell(err)
}

// showing runs something while LOG lines are shown, and what is seen of a guest that runs.
func (c *Controller) showing(ctx context.Context, run func() error) error {
	over, logs := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(logs)
		look := time.NewTimer(logPeriod)
		defer look.Stop()
		for {
			select {
			case <-look.C:
				next := logPeriod
				if c.publishLog() {
					next = logPause
				}
				look.Reset(next)
			case <-over:
				return
			}
		}
	}()
	looked := c.lookout.during(ctx, func(l *view.Look) { // on top of the last view
		c.news.mu.Lock()
		defer c.news.mu.Unlock()
		v := *c.view
		v.Running = l
		c.send(&v)
	})
	defer func() {
		close(over)
		<-logs
		looked()
	}()
	return run()
}

func (c *Controller) set(state view.RunState, note string) {
	c.news.mu.Lock()
	c.state, c.note = state, note
	c.news.mu.Unlock()
	c.publish()
}

// publish makes a View of the engine's state. It runs in the engine's
// goroutine, or before that was started.
func (c *Controller) publish() {
	c.engine.log.Take()
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	v := c.engine.viewAt(c.shown, c.state, c.note)
	v.Peek = c.peek
	v.NoLive = c.aim(c.engine.target)
	c.send(v)
}

// publishLog shows new LOG lines on top of the last view, if there are some.
func (c *Controller) publishLog() bool {
	if !c.engine.log.Take() {
		return false
	}
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	v := *c.view
	v.Log, v.LogGap = c.engine.log.All()
	c.send(&v)
	return true
}

// Done is closed when the controller's goroutine has ended and the engine may
// be closed.
func (c *Controller) Done() <-chan struct{} { return c.done }

// queue hands a command to the engine's goroutine. While one runs, others are
// refused: the screen says so.
func (c *Controller) queue(name string, run func(ctx context.Context) error) {
	c.queueIn(view.Stopped, command{name: name, run: run})
}

// queueGo is queue for a command by which the guest goes on, or is changed.
func (c *Controller) queueGo(name string, run func(ctx context.Context) error) {
	c.queueIn(view.Stopped, command{name: name, run: run, goes: true})
}

// queueIn is queue for a command that has its place in another state.
func (c *Controller) queueIn(in view.RunState, cmd command) {
	c.news.mu.Lock()
	ready := c.state == in
	c.news.mu.Unlock()
	if !ready {
		return
	}
	select {
	case c.commands <- cmd:
	default:
	}
}

// NextPhase goes one stop forward in the history, or runs to the scenario's
// next event at its end.
func (c *Controller) NextPhase() {
	if c.move(1) {
		return
	}
	c.queueGo("running to the next phase", c.engine.NextPhase)
}

// Continue runs until the next event or an interrupt.
func (c *Controller) Continue() { c.queueGo("running", c.engine.Continue) }

// StepInstruction executes one instruction.
func (c *Controller) StepInstruction() { c.queueGo("stepping", c.engine.StepInstruction) }

// Reconnect goes on with a session whose connection was lost; see
// Engine.Reconnect.
func (c *Controller) Reconnect() {
	c.queueIn(view.Ended, command{name: "reconnecting", run: c.engine.Reconnect, goes: true})
}

// Record goes on recording in another new file.
func (c *Controller) Record(path string) {
	c.queue("recording goes on in another file", func(context.Context) error { return c.engine.rec.move(path) })
}

// Note adds the user's note about the shown stop; one without a text sets a
// bookmark there, or takes it away.
func (c *Controller) Note(text string) {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	if c.view.Snapshot == nil {
		return
	}
	c.engine.notes.add(view.Note{Stop: c.view.Snapshot.Number, Text: text})
	v := *c.view
	v.Notes = c.engine.notes.all()
	c.send(&v)
}

// Back shows the stop before the shown one.
func (c *Controller) Back() { c.move(-1) }

// Ask answers a query at the live stop. The answer comes with the views from
// then on.
func (c *Controller) Ask(q view.Query) {
	c.queue("reading", func(_ context.Context) error {
		p := c.engine.Ask(q)
		c.news.mu.Lock()
		c.peek = p
		c.news.mu.Unlock()
		return nil
	})
}

// Break sets a breakpoint; see Engine.Break.
func (c *Controller) Break(text string, once bool) {
	c.queue("setting a breakpoint", func(ctx context.Context) error { return c.engine.Break(ctx, text, once) })
}

// Delete removes a breakpoint that was set by Break, "" all of them.
func (c *Controller) Delete(name string) {
	c.queue("removing a breakpoint", func(ctx context.Context) error { return c.engine.Delete(ctx, name) })
}

// Until runs to a place; see Engine.Until.
func (c *Controller) Until(text string) {
	c.queueGo("running to "+text, func(ctx context.Context) error { return c.engine.Until(ctx, text) })
}

// WatchOrigin has whatever writes memory stop the guest; see Engine.WatchOrigin.
func (c *Controller) WatchOrigin(w view.Word) {
	c.queue("watching "+w.Words(), func(ctx context.Context) error { return c.engine.WatchOrigin(ctx, w) })
}

// Watch adds an expression that is evaluated at every stop, or takes it away.
func (c *Controller) Watch(expr string) {
	c.queue("evaluating", func(ctx context.Context) error { return c.engine.Watch(ctx, expr) })
}

// Force puts a thread's requested state in place; see Engine.Force.
func (c *Controller) Force(thread kernel.ID) {
	c.queueGo("forcing a state", func(ctx context.Context) error {
		_, err := c.engine.Force(ctx, thread)
		return err
	})
}

// Unforce takes a forced state back.
func (c *Controller) Unforce(thread kernel.ID) {
	c.queueGo("taking back a state", func(ctx context.Context) error { return c.engine.Unforce(ctx, thread) })
}

// Diverge finds out where a thread parts from its original; see Engine.Diverge.
func (c *Controller) Diverge(thread kernel.ID) {
	c.queueGo("comparing with the original", func(ctx context.Context) error { return c.engine.Diverge(ctx, thread) })
}

// ReverseStep goes back by one instruction; see Engine.ReverseStep.
func (c *Controller) ReverseStep() { c.queueGo("going back one instruction", c.engine.ReverseStep) }

// ReverseContinue goes back to the last event.
func (c *Controller) ReverseContinue() {
	c.queueGo("going back to the last event", c.engine.ReverseContinue)
}

// LastWriteOf goes back to where a piece of memory got its value, and tells where that
// came from, up to so many steps. What was found comes with the views, as an answer.
func (c *Controller) LastWriteOf(w view.Word, steps int) {
	c.queueGo("looking for who wrote "+w.Words(), func(ctx context.Context) error {
		all, err := c.engine.LastWriteOf(ctx, w, steps)
		if len(all) > 0 {
			c.news.mu.Lock()
			c.peek = &view.Peek{Query: view.Query{Kind: view.QueryOrigin}, Title: "who wrote " + w.Words(), Origins: all}
			c.news.mu.Unlock()
		}
		return err
	})
}

// AskRun asks for an expression's value at every kernel entry in a part of a recorded run.
// The answer comes with the views.
func (c *Controller) AskRun(ask view.RunQuestion) {
	c.queueGo("asking at every kernel entry: "+ask.Expr, func(ctx context.Context) error {
		a, err := c.engine.AskRun(ctx, ask)
		if a != nil {
			c.news.mu.Lock()
			c.peek = &view.Peek{Query: view.Query{Kind: view.QueryRun, Expr: ask.Expr}, Title: a.Expr + ": " + a.Summary(), Changes: a.Changes}
			c.news.mu.Unlock()
		}
		return err
	})
}

// GoToPosition goes to a position of a recorded run.
func (c *Controller) GoToPosition(position uint64) {
	c.queueGo("going to an instruction", func(ctx context.Context) error { return c.engine.GoToPosition(ctx, position) })
}

// Restart puts the guest back to a stop of the history.
func (c *Controller) Restart(stop int) {
	c.queueGo("putting the guest back", func(ctx context.Context) error { return c.engine.Restart(ctx, stop) })
}

// Show shows a stop of the history by its number; one that is not there changes
// nothing.
func (c *Controller) Show(stop int) {
	c.news.mu.Lock()
	at := c.shown
	c.news.mu.Unlock()
	c.move(stop - at)
}

// Forward shows the stop after the shown one.
func (c *Controller) Forward() { c.move(1) }

// move shows another stop of the history; it says false where there is none.
// Moments in the history are never changed, so this needs no turn of the
// engine's goroutine; while a command runs the history may grow, and nothing
// moves.
func (c *Controller) move(by int) bool {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	to := c.shown + by
	if c.state == view.Running || to < 1 || to > c.view.Stops {
		return false
	}
	if to < c.view.First {
		v := *c.view
		v.Message = fmt.Sprintf("stop %d was dropped: the history goes back to stop %d%s", to, c.view.First, c.engine.rec.whereDropped())
		c.send(&v)
		return false
	}
	c.shown = to
	v := c.engine.viewAt(to, c.state, "")
	v.Peek = c.peek // an answer that goes and comes back would be shown again
	c.send(v)
	return true
}

// Interrupt stops the running guest.
func (c *Controller) Interrupt() {
	c.news.mu.Lock()
	running := c.state == view.Running
	c.news.mu.Unlock()
	if !running {
		return
	}
	if err := c.engine.Interrupt(); err != nil {
		c.news.mu.Lock()
		v := *c.view
		v.Message = err.Error()
		c.send(&v)
		c.news.mu.Unlock()
	}
}
