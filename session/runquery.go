package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"thaw/session/query"
	"thaw/session/view"
)

var errNewestOnly = errors.New("a live session has the memory of its newest stop only: ask its recording (--record), which has that of all")

// queryLimit is how long a question to a whole run may take while a screen waits.
const queryLimit = 20 * time.Second

// QueryStops are the recording's stops, to ask a question to all of them.
func (r *Replay) QueryStops() (*query.Stops, error) {
	last, err := r.View(r.Stops())
	if err != nil {
		return nil, err
	}
	s := &query.Stops{First: 1, Last: r.Stops(), Restores: r.Restores(), View: r.View}
	s.Original, s.Restored = children(last)
	walk := newWalkThrough(r)
	s.Snapshot = walk.snapshot
	s.Memory = func(stop int, task kernel.ID) (*memory.Space, int, error) {
		snap, err := walk.snapshot(stop)
		if err != nil {
			return nil, 0, err
		}
		space, err := r.spaceOf(snap, task)
		return space, r.kernel.PtrSize(), err
	}
	s.Member = func(stop int, object kernel.ID, path string) (any, error) {
		snap, err := walk.snapshot(stop)
		if err != nil {
			return nil, err
		}
		e, err := r.asked(snap, r.rec.Scenario().KernelName()+": ", 0)
		if err != nil {
			return nil, err
		}
		return memberOf(snap, object, path, e.scope.Eval)
	}
	s.Print = func(stop int, text string) (any, error) {
		snap, err := walk.snapshot(stop)
		if err != nil {
			return nil, err
		}
		e, err := r.asked(snap, text, 0)
		if err != nil {
			return nil, err
		}
		return plain(e.value())
	}
	return s, nil
}

// memberOf is a member of a kernel object: a number, or text.
func memberOf(s *view.Snapshot, object kernel.ID, path string, eval func(expr string) (debuginfo.Value, error)) (any, error) {
	o := s.System.Object(object)
	if o == nil || o.Class == "" {
		return nil, fmt.Errorf("the class of object %s is not known", object)
	}
	return plain(eval(fmt.Sprintf("(*(%s*)%#x).%s", o.Class, o.Addr, path)))
}

// plain is a value as a number, or as text.
func plain(v debuginfo.Value, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if n, err := v.Uint64(); err == nil {
		return n, nil
	}
	if _, err := v.Bytes(); err != nil {
		return nil, err
	}
	return v.Format(1), nil
}

// children are the tasks of the checkpointed and of the restored child, as far as a
// view tells.
func children(v *view.View) (original, restored kernel.ID) {
	if v.Caps != nil {
		original, restored = v.Caps.Original, v.Caps.Restored
	}
	if v.Memory != nil {
		original, restored = v.Memory.Original, v.Memory.Restored
	}
	for _, t := range v.Verdicts {
		if restored == 0 && t.Task != original {
			restored = t.Task
		}
	}
	return original, restored
}

// askRun answers a question to all stops of a live session's history.
func (a *asker) askRun(_ *view.Snapshot, p *view.Peek) error {
	p.Title, p.Stop = p.Query.Expr, 0
	q, err := query.Parse(p.Query.Expr)
	if err != nil {
		return err
	}
	h := a.history
	s := &query.Stops{First: h.first, Last: h.last()}
	for n := s.First; n <= s.Last; n++ {
		if n == s.Last || h.at(n).Restore < h.at(n+1).Restore {
			s.Restores = append(s.Restores, n)
		}
	}
	s.Snapshot = func(stop int) (*view.Snapshot, error) { return h.at(stop).snap, nil }
	s.View = func(stop int) (*view.View, error) {
		m := h.at(stop)
		v := &view.View{Result: m.Result}
		v.Verdicts = evidence.Distrust(m.Verdicts, a.obs.Ev.Mismatches)
		return v, nil
	}
	s.Memory = func(stop int, task kernel.ID) (*memory.Space, int, error) {
		if stop != s.Last {
			return nil, 0, errNewestOnly
		}
		root, err := taskRoot(h.newest().snap, 0, task)
		return a.m.Fresh(root), a.m.PtrSize(), err
	}
	s.Member = func(stop int, object kernel.ID, path string) (any, error) {
		if stop != s.Last {
			return nil, errNewestOnly
		}
		return memberOf(h.newest().snap, object, path, func(expr string) (debuginfo.Value, error) {
			return a.evalIn(h.newest().snap, a.programs.Kernel(), expr)
		})
	}
	s.Print = func(stop int, text string) (any, error) {
		if stop != s.Last {
			return nil, errNewestOnly
		}
		c, expr, err := a.programs.Expr(h.newest().snap, text)
		if err != nil {
			return nil, err
		}
		return plain(a.evalIn(h.newest().snap, c, expr))
	}
	last, err := s.View(s.Last)
	if err != nil {
		return err
	}
	s.Original, s.Restored = children(last)
	return tellRuns(p, q, s)
}

// tellRuns puts the answer to a question to a run into what front ends show.
func tellRuns(p *view.Peek, q *query.Question, s *query.Stops) error {
	ctx, cancel := context.WithTimeout(context.Background(), queryLimit)
	defer cancel()
	a, err := q.Ask(ctx, s)
	if err != nil {
		return err
	}
	p.Title = fmt.Sprintf("%s: %s", a.Expr, a.Summary())
	for _, r := range a.All() {
		p.Stops = append(p.Stops, view.PeekStops{From: r.From, To: r.To, Value: r.Text(), Unknown: r.Why != ""})
	}
	if len(p.Stops) == 0 {
		p.Text = []string{"It holds at no stop."}
	}
	return nil
}

// askRun answers a question to the whole recording.
func (r *Replay) askRun(p *view.Peek) error {
	q, err := query.Parse(p.Query.Expr)
	if err != nil {
		return err
	}
	s, err := r.QueryStops()
	if err != nil {
		return err
	}
	return tellRuns(p, q, s)
}
