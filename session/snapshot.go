package session

import (
	"context"
	"slices"
	"sync"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/evidence"
	"thaw/session/view"
)

// maxFrames bounds a backtrace.
const maxFrames = 64

// snapshot reads everything there is at the current stop.
func (e *Engine) snapshot(ctx context.Context, reason string) (*view.Snapshot, error) {
	begin := time.Now()
	sys, err := e.system(ctx)
	if err != nil {
		return nil, err
	}
	if w, ok := e.target.(Warner); ok {
		if text := w.Warning(); text != "" {
			reason += "; " + text
		}
	}
	cpu := e.m.CPUs[e.cpu]
	s := &view.Snapshot{
		Number: e.history.last() + 1, Time: time.Since(e.started), Reason: reason, Phase: e.currentPhase(),
		System: sys, Tasks: e.nameTasks(sys), Places: map[kernel.ID]view.Place{}, CPU: e.arch.All(e.regs[e.cpu]),
	}
	e.prove(sys)
	for _, o := range sys.Threads() {
		s.Places[o.ID] = e.placeOf(sys, o, o.Thread.IP)
	}
	if o := sys.Running(e.cpu); o != nil {
		s.Thread = o.ID
	}
	c := e.componentHere(sys)
	s.PC = c.place(cpu.IP)
	s.Frames = e.backtrace(c)
	model, rest := e.mirror.Stats(), e.view.Stats()
	s.Cost = view.Cost{Duration: time.Since(begin), Bytes: model.Bytes + rest.Bytes, Batches: model.Batches + rest.Batches}
	return s, nil
}

// componentHere is the program that the stopped processor runs, nil if
// unknown.
func (e *Engine) componentHere(sys *kernel.System) *component {
	cpu := e.m.CPUs[e.cpu]
	if !cpu.User {
		return e.kernelComponent()
	}
	if task := sys.PDByRoot(cpu.Root); task != nil {
		return e.programAt(sys, task, cpu.IP)
	}
	return nil
}

func (e *Engine) backtrace(c *component) []view.Frame {
	if c == nil {
		return nil
	}
	return framesOf(e.scope(c), c)
}

// framesOf unwinds the stack of a component's scope.
func framesOf(scope debuginfo.Scope, c *component) []view.Frame {
	frames, why := scope.Backtrace(maxFrames)
	out := make([]view.Frame, 0, len(frames)+1)
	for _, f := range frames {
		out = append(out, view.Frame{Inlined: f.Inlined, Place: view.Place{Addr: f.PC, Component: c.name, Function: f.Func, Offset: f.Offset, File: f.File, Line: f.Line}})
	}
	if why != "" {
		out = append(out, view.Frame{Note: why})
	}
	return out
}

// record adds a stop to the history that no event of the scenario made.
func (e *Engine) record(ctx context.Context, reason string) error {
	return e.recordEvent(ctx, &event{reason: reason, idle: true})
}

// recordEvent adds a stop to the history.
func (e *Engine) recordEvent(ctx context.Context, ev *event) error {
	snap, err := e.snapshot(ctx, ev.reason)
	if err != nil {
		return err
	}
	clear(e.roots) // a page-table root may be another task's by the next stop
	e.judge().FindOriginal(snap)
	e.noteLate(snap)
	if e.ev.Complete && e.ev.After == nil {
		e.ev.After = snap
		if err := e.compareMemory(ctx, snap); err != nil {
			return err
		}
	}
	m := &moment{snap: snap, phases: slices.Clone(e.phases), complete: e.ev.Complete, finished: e.ev.Finished}
	m.verdicts = e.judge().All(snap)
	m.caps = e.judge().CapDiff(snap)
	e.judge().NoteWaits(snap)
	if err := e.noteMapped(ctx, snap); err != nil {
		return err
	}
	m.watches = e.evalWatches(snap)
	m.memory, m.waits = e.ev.Memory, e.judge().Waits(snap)
	m.infos = e.breakpoints()
	e.keep(snap, m)
	if err := e.noteTravel(ctx, m, ev); err != nil {
		return err
	}
	e.history.add(m)
	return nil
}

// viewAt is what users see of a stop, by its number.
func (e *Engine) viewAt(stop int, state view.RunState, message string) *view.View {
	v := &view.View{State: state, Message: message, Err: e.ended, Lost: e.lost(), Scenario: e.scn.Name, Target: e.target.Name(),
		First: max(e.history.first, 1), Stops: e.history.last(), Phases: slices.Clone(e.phases), Components: e.compNames, Live: true, Log: e.log.all(), Notes: e.notes.all(), Unrecorded: e.rec.trouble()}
	if v.Back = e.backMode(); v.Back != view.BackReverse {
		v.NoReverse = whyNoReverse
	}
	v.Mismatches, v.Late = e.ev.Mismatches, e.ev.Late
	if m := e.history.at(stop); m != nil {
		v.NoRestart = e.canRestart(m)
		v.Snapshot, v.Phases, v.Verdicts, v.Caps, v.Breakpoints = m.snap, m.phases, evidence.Distrust(m.verdicts, v.Mismatches), m.caps, m.infos
		v.Memory, v.Waits, v.Complete, v.Finished = m.memory, m.waits, m.complete, m.finished
		v.Watches = m.watches
		v.Live = stop == e.history.last()
	} else {
		v.Breakpoints = e.breakpoints()
	}
	return v
}

// logBook holds the guest's LOG lines; they come in while the guest runs.
type logBook struct {
	mu      sync.Mutex
	lines   []string
	dropped int // of the oldest
}

// since returns the lines behind the first n, as far as they are kept.
func (l *logBook) since(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines[min(max(n-l.dropped, 0), len(l.lines)):])
}

// all returns the lines so far. They are not changed any more.
func (l *logBook) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[:len(l.lines):len(l.lines)]
}

// count is how many lines came so far.
func (l *logBook) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped + len(l.lines)
}

func (l *logBook) add(lines []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, lines...)
	if over := len(l.lines) - maxLog; over > 0 {
		l.lines = slices.Clone(l.lines[over:])
		l.dropped += over
	}
}

// cut keeps the first n lines. Lists that were handed out are not changed.
func (l *logBook) cut(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if keep := max(n-l.dropped, 0); keep < len(l.lines) {
		l.lines = slices.Clone(l.lines[:keep])
	}
}

// takeLog fetches new LOG lines and says whether there were any. Any goroutine
// may call it.
func (e *Engine) takeLog() bool {
	lines := e.target.Log()
	if len(lines) > 0 {
		e.log.add(lines)
	}
	return len(lines) > 0
}
