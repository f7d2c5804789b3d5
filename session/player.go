package session

import (
	"fmt"

	"thaw/session/view"
)

// Player shows a replay as a Controller shows a session: the same commands, the
// same views. Stops are worked out as they are shown, at once.
type Player struct {
	newest
	replay *Replay
	notes  noteBook // of this replay; the file stays as it is
}

// NewPlayer shows a replay's first stop.
func NewPlayer(r *Replay) (*Player, error) {
	p := &Player{newest: newest{updates: make(chan *view.View, 1)}, replay: r}
	for _, n := range r.rec.Notes() {
		p.notes.add(n)
	}
	v, err := r.View(1)
	if err != nil {
		return nil, err
	}
	p.view = v
	return p, nil
}

// Recorded is the name of the recording.
func (p *Player) Recorded() string { return p.replay.rec.Name() }

// Show shows a stop by its number.
func (p *Player) Show(stop int) { p.show(func(int) int { return stop }) }

// NextPhase shows the stop after the shown one.
func (p *Player) NextPhase() { p.Forward() }

// Back shows the stop before the shown one.
func (p *Player) Back() { p.show(func(at int) int { return at - 1 }) }

// Forward shows the stop after the shown one.
func (p *Player) Forward() { p.show(func(at int) int { return at + 1 }) }

// Continue shows the last stop: nothing stops a recording before it.
func (p *Player) Continue() { p.show(func(int) int { return p.replay.Stops() }) }

// StepInstruction shows the next stop if it was made by a step; else it says
// why it cannot.
func (p *Player) StepInstruction() {
	p.mu.Lock()
	at := p.view.Snapshot.Number
	p.mu.Unlock()
	if next, err := p.replay.record(at + 1); err == nil && next.Reason == reasonStep {
		p.Forward()
		return
	}
	p.say("a recording holds the stops that were made, and no step was recorded here: n and p walk the stops")
}

// Interrupt does nothing: a recording does not run.
func (p *Player) Interrupt() {}

// Ask answers a query at the shown stop, as far as the recording can.
func (p *Player) Ask(q view.Query) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := *p.view
	v.Peek = p.replay.ask(v.Snapshot, q)
	p.send(&v)
}

// Watch says that a recording cannot evaluate expressions.
func (p *Player) Watch(expr string) { p.Ask(view.Query{Kind: view.QueryValue, Expr: expr}) }

// Note adds a note to the shown stop, for this replay only.
func (p *Player) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes.add(view.Note{Stop: p.view.Snapshot.Number, Text: text})
	p.send(p.view)
}

// say shows a message on top of the view.
func (p *Player) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := *p.view
	v.Message = text
	p.send(&v)
}

// show shows another stop.
func (p *Player) show(to func(at int) int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	stop := max(to(p.view.Snapshot.Number), 1)
	if stop > p.replay.Stops() {
		v := *p.view
		v.Message = fmt.Sprintf("the recording ends here, at stop %d", p.replay.Stops())
		p.send(&v)
		return
	}
	v, err := p.replay.View(stop)
	if err != nil {
		shown := *p.view
		shown.Message = err.Error()
		v = &shown
	}
	p.send(v)
}

// send delivers a view with the notes of this replay. p.mu is held.
func (p *Player) send(v *view.View) {
	shown := *v
	shown.Notes = p.notes.all()
	p.deliver(&shown)
}
