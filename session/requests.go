package session

import (
	"cmp"
	"context"
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/evidence"
	"thaw/session/scenario"
)

// maxStored bounds the lists of stored threads, each.
const maxStored = 4096

// readStored reads the checkpointed thread states from the restorer, and takes
// the original child's state as the checkpoint left it.
func (e *Engine) readStored(ctx context.Context, s *scenario.StoredSpec) error {
	e.ev.Stored = nil
	e.ev.Forget(evidence.GapStored)
	elems, err := e.storedElements(ctx, s)
	if err != nil {
		return err
	}
	for _, v := range elems {
		if err := e.storedThread(ctx, s, v); err != nil {
			return err
		}
	}
	snap, err := e.snapshot(ctx, "stored state")
	if err != nil {
		return err
	}
	e.ev.Before, e.ev.StoredAt = snap, e.history.last()+1
	e.judge().FindOriginal(snap)
	e.keep(snap, nil)
	return nil
}

// storedElements walks the lists of stored threads, as far as that can be done.
func (e *Engine) storedElements(ctx context.Context, s *scenario.StoredSpec) ([]debuginfo.Value, error) {
	elems := []debuginfo.Value{{}}
	scope := e.scope(e.comps[s.Component])
	for i, list := range s.Lists {
		var next []debuginfo.Value
		for _, v := range elems {
			var l debuginfo.Value
			var err error
			if i == 0 {
				l, err = scope.Eval(list)
			} else {
				l, err = v.Path(list)
			}
			var members []debuginfo.Value
			if err == nil {
				members, err = debuginfo.WalkList(l, "_first", "_next", maxStored)
			}
			if err != nil {
				if err := e.missed(ctx, evidence.GapStored, "the list of stored threads "+list, err); err != nil {
					return nil, err
				}
			}
			next = append(next, members...)
		}
		elems = next
	}
	return elems, nil
}

// storedThread takes one of them. Without a name it is nobody's; what else cannot be
// read of it is no number.
func (e *Engine) storedThread(ctx context.Context, s *scenario.StoredSpec, v debuginfo.Value) error {
	t := evidence.Stored{Addr: v.Addr, At: e.now(), Source: fmt.Sprintf("%s's stored state at %#x", s.Component, v.Addr)}
	name, err := v.Path(s.Name)
	if err == nil {
		t.Name, err = name.String()
	}
	if err != nil {
		return e.missed(ctx, evidence.GapStored, fmt.Sprintf("name %s of the stored thread at %#x", s.Name, v.Addr), err)
	}
	if err := e.storedState(s, v, &t); err != nil {
		t.IP, t.SP, t.Registers = 0, 0, nil
		if t.Problem, err = e.unread(ctx, fmt.Sprintf("the stored state of %s at %#x", t.Name, v.Addr), err); err != nil {
			return err
		}
	}
	e.ev.Stored = append(e.ev.Stored, t)
	return nil
}

func (e *Engine) storedState(s *scenario.StoredSpec, v debuginfo.Value, t *evidence.Stored) error {
	if err := numbers(v, map[string]*uint64{s.IP: &t.IP, s.SP: &t.SP}); err != nil || s.Registers == "" {
		return err
	}
	regs, err := v.Path(s.Registers)
	if err == nil {
		t.Registers, err = e.structRegisters(regs)
	}
	return err
}

// structRegisters takes the members of a struct that are named like general
// registers ("rbx", "r12", or ARM's "lr"), as many as it has.
func (e *Engine) structRegisters(v debuginfo.Value) ([]kernel.Register, error) {
	var out []kernel.Register
	for _, name := range e.arch.General {
		m, err := v.Path(name)
		if err != nil {
			continue
		}
		n, err := m.Uint64()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, kernel.Register{Name: name, Value: n})
	}
	return out, nil
}

// requested notes a request to set a thread's state, and watches the thread
// from now on.
func (e *Engine) requested(ctx context.Context, r *kernel.Request) (*event, error) {
	scope := e.scope(e.comps[r.Component])
	sys, err := e.system(ctx)
	if err != nil {
		return nil, err
	}
	o, err := e.requestedThread(sys, scope, r)
	if err != nil {
		return nil, e.missed(ctx, evidence.GapRequest, "the thread of a request, by "+r.Function+",", err)
	}
	t, err := e.trackOf(sys, o)
	if err != nil {
		return nil, err
	}
	q := evidence.Request{At: e.now(), Function: r.Function, Thread: *o.Thread}
	if err := e.requestedState(ctx, scope, r, &q); err != nil {
		return nil, err
	}
	if r.RegionMap != "" {
		e.child.regions[t.Block] = e.regionMapAt(scope, r)
	}
	if r.Copy != nil {
		q.Copy = e.copyOf(scope, r.Copy)
		q.Copy.Root, q.Copy.Program = e.m.CPUs[e.cpu].Root, r.Component
	}
	if err := e.disarm(ctx, t); err != nil { // the copy may be another one
		return nil, err
	}
	t.Requests = evidence.Note(&e.ev, t.Block, t.Requests, q)
	t.Entered = nil
	t.Places = evidence.KeptIn(o.Thread)
	if err := e.arm(ctx, t); err != nil {
		return nil, err
	}
	if q.Copy != nil && q.Copy.Problem == "" {
		c := e.comps[r.Component]
		if err := e.onReturn(ctx, c, r.Function, "return of request", e.copyRead(t.Block, q.At.Seq)); err != nil {
			q.Copy.Problem = err.Error()
		}
	}
	return nil, nil
}

// requestedThread finds the thread that a request is for: by the address of its object,
// or by a capability selector.
func (e *Engine) requestedThread(sys *kernel.System, scope debuginfo.Scope, r *kernel.Request) (*kernel.Object, error) {
	which, err := evalUint(scope, cmp.Or(r.Object, r.Selector))
	switch {
	case err != nil:
		return nil, err
	case r.Object == "":
		return e.bySelector(sys, which)
	}
	o := sys.At(which)
	if o == nil || o.Thread == nil {
		return nil, fmt.Errorf("%s is %#x, where no thread object is", r.Object, which)
	}
	return o, nil
}

// requestedState reads what a request asks for.
func (e *Engine) requestedState(ctx context.Context, scope debuginfo.Scope, r *kernel.Request, q *evidence.Request) error {
	ip, err := evalUint(scope, r.IP)
	if err != nil {
		q.Problem, err = e.unread(ctx, "ip of the request", err)
		return err
	}
	sp, err := evalUint(scope, r.SP)
	if err != nil {
		q.Problem, err = e.unread(ctx, "sp of the request", err)
		return err
	}
	q.IP, q.SP = ip, sp
	if r.Registers == "" {
		return nil
	}
	v, err := scope.Eval(r.Registers)
	if err == nil {
		q.Registers, err = e.structRegisters(v)
	}
	if err != nil {
		q.NoRegisters, err = e.unread(ctx, "the registers of the request", err)
	} else if m, merr := v.Path(e.arch.Flags); merr == nil {
		if flags, ferr := m.Uint64(); ferr == nil {
			q.Flags = &flags
		}
	}
	return err
}

// bySelector finds the thread behind a capability selector of the running task.
func (e *Engine) bySelector(sys *kernel.System, selector uint64) (*kernel.Object, error) {
	task := sys.PDByRoot(e.m.CPUs[e.cpu].Root)
	if task == nil {
		return nil, fmt.Errorf("no task has the page tables at %#x that the processor uses", e.m.CPUs[e.cpu].Root)
	}
	slot := e.dec.Slot(selector)
	c, ok := task.PD.Cap(slot)
	if !ok {
		return nil, fmt.Errorf("selector %#x is slot %#x of task %s, which is empty", selector, slot, task.ID)
	}
	o := sys.Named(c)
	if o == nil || o.Thread == nil {
		return nil, fmt.Errorf("selector %#x of task %s names object %s, which is no thread", selector, task.ID, c.Object)
	}
	return o, nil
}

// trackOf is the evidence about a thread, started at its first request.
func (e *Engine) trackOf(sys *kernel.System, o *kernel.Object) (*evidence.Track, error) {
	if t := e.ev.Tracks[o.Addr]; t != nil && t.ID == o.ID {
		return t, nil
	}
	if err := e.ev.Room(); err != nil {
		return nil, err
	}
	t := &evidence.Track{ID: o.ID, Block: o.Addr, Name: o.Name}
	e.takeTask(sys, t, o)
	e.ev.Tracks[o.Addr] = t
	e.ev.Threads = append(e.ev.Threads, t)
	return t, nil
}

// takeTask notes the task that a thread belongs to.
func (e *Engine) takeTask(sys *kernel.System, t *evidence.Track, o *kernel.Object) {
	t.Task = o.Thread.PD
	if task := sys.Object(t.Task); task != nil && task.PD != nil {
		t.TaskRoot = task.PD.Root
		if c := e.taskComponent(sys, task); c != nil {
			t.Program = c.name
		}
	}
}

func evalUint(scope debuginfo.Scope, expr string) (uint64, error) {
	v, err := scope.Eval(expr)
	if err != nil {
		return 0, err
	}
	n, err := v.Uint64()
	if err != nil {
		return 0, fmt.Errorf("evaluating %s: %w", expr, err)
	}
	return n, nil
}

// copyOf finds where the function will leave the state, while its arguments
// can still be evaluated.
func (e *Engine) copyOf(scope debuginfo.Scope, s *kernel.Copy) *evidence.Copy {
	c := &evidence.Copy{Name: s.Name}
	for _, x := range []struct {
		expr string
		dst  *uint64
	}{{s.IP, &c.IPAddr}, {s.SP, &c.SPAddr}} {
		v, err := scope.Eval(x.expr)
		switch {
		case err != nil:
			c.Problem = fmt.Sprintf("%s: %v", x.expr, err)
			return c
		case !v.HasAddr:
			c.Problem = x.expr + " stands in no memory"
			return c
		}
		*x.dst, c.Size = v.Addr, int(v.Type.Size)
	}
	var err error
	if c.BeforeIP, err = evalUint(scope, s.IP); err != nil {
		c.Problem = err.Error()
	}
	return c
}

// readCopy reads what the function left, once it has returned.
func (e *Engine) readCopy(c *evidence.Copy) {
	space := e.m.Space(e.cpu)
	var err error
	if c.IP, err = memory.Uint(space, c.IPAddr, c.Size); err == nil {
		c.SP, err = memory.Uint(space, c.SPAddr, c.Size)
	}
	if err != nil {
		c.Problem = err.Error()
		return
	}
	c.Read = true
}

// copyRead is what to do as the function of a request returns: the state that it
// keeps is read. The request is looked up then: evidence is another one after the
// guest went back.
func (e *Engine) copyRead(block uint64, seq int) func(context.Context) (*event, error) {
	return func(context.Context) (*event, error) {
		if t := e.ev.Tracks[block]; t != nil {
			for i := range t.Requests {
				if t.Requests[i].At.Seq == seq {
					e.readCopy(t.Requests[i].Copy)
				}
			}
		}
		return nil, nil
	}
}
