package session

import (
	"context"
	"time"

	"thaw/kernel"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/view"
)

// snapshot reads everything there is at the current stop.
func (e *Engine) snapshot(ctx context.Context, reason string) (*view.Snapshot, error) {
	begin := time.Now()
	sys, err := e.m.System(ctx)
	if err != nil {
		if u := e.unfound(); u != nil && !e.lost() {
			return nil, u
		}
		return nil, err
	}
	if w, ok := e.target.(Warner); ok {
		if text := w.Warning(); text != "" {
			reason += "; " + text
		}
	}
	cpu := e.m.CPU()
	s := &view.Snapshot{
		Number: e.history.last() + 1, Time: time.Since(e.obs.Started), Reason: reason, Phase: e.phases.current(),
		System: sys, Words: view.Words{Tasks: e.programs.NameTasks(sys, e.scn.Programs()), Places: map[kernel.ID]view.Place{}}, CPU: e.m.Arch.All(e.m.Registers()),
	}
	evidence.NameThreads(s)
	e.prove(sys)
	for _, o := range sys.Threads() {
		s.Places[o.ID] = e.programs.PlaceOf(sys, o, o.Thread.IP)
	}
	if o := sys.Running(e.m.Stopped); o != nil {
		s.Thread = o.ID
	}
	c := e.programs.Here(sys)
	s.PC = c.Place(cpu.IP)
	s.Frames = e.programs.Backtrace(sys, c)
	model, rest := e.m.Mirror.Stats(), e.m.View.Stats()
	s.Cost = view.Cost{Duration: time.Since(begin), Bytes: model.Bytes + rest.Bytes, Batches: model.Batches + rest.Batches}
	return s, nil
}

// record adds a stop to the history that no event of the scenario made.
func (e *Engine) record(ctx context.Context, reason string) error {
	return e.recordEvent(ctx, &drive.Event{Reason: reason, Idle: true})
}

// recordEvent adds a stop to the history.
func (e *Engine) recordEvent(ctx context.Context, ev *drive.Event) error {
	snap, err := e.snapshot(ctx, ev.Reason)
	if err != nil {
		return err
	}
	snap.By = ev.By
	e.programs.ForgetRoots() // a page-table root may be another task's by the next stop
	e.judge().FindOriginal(snap)
	e.noteLate(snap)
	if e.obs.Ev.Complete && e.obs.Ev.After == nil {
		e.obs.Ev.After = snap
		noteBehind(e.parts, snap, e.judge().Restored(snap))
		if err := e.memory.Compare(ctx, snap, e.judge().Restored(snap)); err != nil {
			return err
		}
	}
	e.judge().NoteWaits(snap)
	if err := e.memory.NoteMapped(ctx, snap); err != nil {
		return err
	}
	m := &moment{snap: snap, Result: e.judge().Result(snap)}
	m.Phases, m.Breakpoints, m.Watches = e.phases.shown(), e.drive.Breaks.Breakpoints(), e.asker.evalWatches(snap)
	e.rec.keep(snap, m)
	if err := e.noteTravel(ctx, m, ev); err != nil {
		return err
	}
	e.history.add(m)
	return nil
}

// viewAt is what users see of a stop, by its number.
func (e *Engine) viewAt(stop int, state view.RunState, message string) *view.View {
	v := &view.View{
		Session: view.Session{State: state, Message: message, Err: e.ended, Lost: e.lost(), Scenario: e.scn.Name, Target: e.target.Name(),
			Components: e.programs.Names, Back: e.backMode(), Unrecorded: e.rec.trouble()},
		History: view.History{First: max(e.history.first, 1), Stops: e.history.last(), Live: true, Notes: e.notes.all(), Questions: e.questions.all},
		Late:    e.obs.Ev.Late, Mismatches: e.obs.Ev.Mismatches,
	}
	v.Log, v.LogGap = e.log.All()
	if v.Back != view.BackReverse {
		v.NoReverse = whyNoReverse
	}
	if m := e.history.at(stop); m != nil {
		v.NoRestart, v.Live = e.canRestart(m), stop == e.history.last()
		v.Snapshot, v.Result = m.snap, m.Result
		v.Verdicts = evidence.Distrust(v.Verdicts, v.Mismatches)
	} else {
		v.Phases, v.Breakpoints, v.Restore = e.phases.shown(), e.drive.Breaks.Breakpoints(), e.obs.Ev.Number()
	}
	return v
}
