package session

import (
	"cmp"
	"errors"
	"fmt"

	"thaw/session/components"
	"thaw/session/guestlog"
	"thaw/session/view"
)

// ask answers a query at a stop: with recorded memory, and the backtrace of the
// stop. A recording holds just the debug info that was used, and no code.
func (r *Replay) ask(s *view.Snapshot, q view.Query) *view.Peek {
	p := &view.Peek{Query: q, Stop: s.Number, Title: q.Kind}
	var err error
	switch {
	case q.Kind == view.QueryObject || q.Kind == view.QueryValue:
		err = r.askValue(s, p)
	case p.Query.Kind == view.QueryMemory:
		err = r.askMemory(s, p)
	case q.Kind == view.QueryStack && (q.Thread == 0 || q.Thread == s.Thread):
		p.Title, p.Frames = "backtrace of the processor", withCode(s.Frames, 0)
	case q.Kind == view.QueryStack:
		err = r.askStack(s, p)
	case q.Kind == view.QueryRun:
		p.Title, p.Stop = q.Expr, 0
		err = r.askRun(p)
	case q.Kind == view.QueryLog:
		log := r.logOf(s.Number)
		lines := log.newest(log.end())
		_, gap := guestlog.Kept(lines)
		tellHits(p, guestlog.FindIn(lines, gap, q.Expr))
	case q.Kind == view.QueryCode:
		err = errors.New("a recording holds no code, and opens no file that is named in it: instructions and source need a live session")
	default:
		p.Title = cmp.Or(q.Expr, q.Kind)
		err = errOnlyUsed
	}
	if err != nil {
		p.Err = err.Error()
	}
	return p
}

// askStack shows the backtrace of a thread as it was recorded at the stop, or at
// the last one at which it changed.
func (r *Replay) askStack(s *view.Snapshot, p *view.Peek) error {
	o, task, err := components.UserThread(s, p.Query.Thread)
	if err != nil {
		return err
	}
	p.Title = stackTitle(o)
	for record := r.stops[s.Number-1]; record >= 0; record-- {
		frames, ok := r.rec.Records()[record].Stacks[o.ID]
		if len(frames) > 0 {
			p.Frames = withCode(frames, task.ID)
			return nil
		}
		if ok {
			break
		}
	}
	return fmt.Errorf("no backtrace of thread %s was recorded", o.ID)
}

func (r *Replay) askMemory(s *view.Snapshot, p *view.Peek) error {
	q := p.Query
	p.Title = peekTitle(s, q.Addr, q.Task)
	space, err := r.spaceOf(s, q.Task)
	if err != nil {
		return err
	}
	place := func(a uint64) view.Place { return r.place(s.Tasks[q.Task], a) }
	p.Rows = peekMemory(space, q, r.kernel.PtrSize(), pointee(s.System, place))
	return nil
}
