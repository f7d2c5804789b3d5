package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/view"
)

// WatchRequests sets breakpoints where requests for a thread's state arrive, and at the
// kernel's operations that set one.
func (ob *Observer) WatchRequests(ctx context.Context) error {
	for i := range ob.Platform.requests {
		r := &ob.Platform.requests[i]
		if err := components.OneFunction(ob.programs.ByName[r.Component].File, r.Function); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		err := ob.drive.Breaks.WatchFunction(ctx, r.Component, r.Function, view.PurposeRequest, func(ctx context.Context) (*drive.Event, error) { return ob.requested(ctx, r) })
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	for _, r := range ob.Platform.beside {
		err := ob.drive.Breaks.WatchFunction(ctx, r.Component, r.Function, view.PurposeBeside, func(context.Context) (*drive.Event, error) { return nil, nil })
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	for i := range ob.Platform.operations {
		o := &ob.Platform.operations[i]
		err := ob.drive.Breaks.WatchFunction(ctx, o.Component, o.Function, "operation", func(ctx context.Context) (*drive.Event, error) { return nil, ob.operated(ctx, o) })
		if err != nil {
			return fmt.Errorf("operation %s: %w", o.Name, err)
		}
	}
	return nil
}

// requested notes a request to set a thread's state, and watches the thread
// from now on.
func (ob *Observer) requested(ctx context.Context, r *kernel.Request) (*drive.Event, error) {
	scope := ob.m.Scope(ob.programs.ByName[r.Component].File)
	sys, err := ob.m.System(ctx)
	if err != nil {
		return nil, err
	}
	o, err := ob.requestedThread(sys, scope, r)
	if err != nil {
		return nil, ob.unfound(ctx, scope, r, err)
	}
	t, err := ob.trackOf(sys, o)
	if err != nil {
		return nil, err
	}
	q := evidence.Request{At: ob.Now(), Function: r.Function, Thread: *o.Thread, Empty: ob.empty()}
	if err := ob.requestedState(ctx, scope, r, &q); err != nil {
		return nil, err
	}
	ob.hooks.Asked(t, scope, r)
	if r.Copy != nil {
		q.Copy = ob.copyOf(scope, r.Copy)
		q.Copy.Root, q.Copy.Program = ob.m.CPU().Root, r.Component
	}
	if err := ob.drive.Guard.Disarm(ctx, t); err != nil { // the copy may be another one
		return nil, err
	}
	t.Requests = evidence.Note(&ob.Ev, t.Block, t.Requests, q)
	t.Entered = nil
	t.Places = evidence.KeptIn(o.Thread)
	c := ob.programs.ByName[r.Component]
	end, err := ob.drive.Breaks.ReturnOf(ctx, c, r.Function, "return of request", ob.taken(t.Block, q.At.Seq))
	armed, set := ob.drive.ArmUntil(ctx, t, end)
	if armed != nil {
		return nil, armed
	}
	if err = cmp.Or(err, set); err != nil && q.Copy != nil {
		q.Copy.Problem = cmp.Or(q.Copy.Problem, err.Error())
	}
	t.Request().Open = err == nil && ob.called(c.File, r.Function)
	return nil, nil
}

// empty says whether the function that was just entered does nothing: by the instructions
// that the processor is about to execute.
func (ob *Observer) empty() bool {
	const most = 64 // bytes of a function that does nothing
	code := make([]byte, most)
	at, step := ob.m.CPU().IP, ob.m.Paging.PageSize()
	n := min(most, step-at%step)
	if ob.m.TextSpace(ob.m.CPU().Root).ReadMemory(at, code[:n]) != nil {
		return false
	}
	return ob.m.Arch.ReturnsAtOnce(code[:n])
}

// called says whether a function was called where the processor enters it: where it was
// inlined, what returns is the function around it.
func (ob *Observer) called(f *debuginfo.File, function string) bool {
	fns, err := f.Functions(function)
	here := func(l debuginfo.Location) bool { return l.Addr == ob.m.CPU().IP && l.Kind != debuginfo.Inlined }
	return err == nil && slices.ContainsFunc(fns, func(fn debuginfo.Function) bool { return slices.ContainsFunc(fn.Locations, here) })
}

// unfound notes a request whose thread is not known.
func (ob *Observer) unfound(ctx context.Context, scope debuginfo.Scope, r *kernel.Request, err error) error {
	g := evidence.Gap{At: ob.Now(), Of: evidence.GapRequest}
	if r.Thread != "" {
		if v, err := scope.Eval(r.Thread); err == nil {
			g.Name, _ = v.String() // without one it is nobody's
		}
	}
	var gone error
	if g.Why, gone = ob.Unread(ctx, "the thread of a request, by "+r.Function+",", err); gone != nil {
		return gone
	}
	if r.Missing != "" && errors.Is(err, errEmpty) {
		g.Why += ": " + r.Missing
	}
	ob.Ev.NoteGap(g)
	return nil
}

// errEmpty is that a selector names nothing.
var errEmpty = errors.New("is empty")

// requestedThread finds the thread that a request is for: by the address of its object,
// or by a capability selector.
func (ob *Observer) requestedThread(sys *kernel.System, scope debuginfo.Scope, r *kernel.Request) (*kernel.Object, error) {
	which, err := EvalUint(scope, cmp.Or(r.Object, r.Selector))
	switch {
	case err != nil:
		return nil, err
	case r.Object == "":
		return ob.bySelector(sys, which)
	}
	o := sys.At(which)
	if o == nil || o.Thread == nil {
		return nil, fmt.Errorf("%s is %#x, where no thread object is", r.Object, which)
	}
	return o, nil
}

// requestedState reads what a request asks for.
func (ob *Observer) requestedState(ctx context.Context, scope debuginfo.Scope, r *kernel.Request, q *evidence.Request) error {
	ip, err := EvalUint(scope, r.IP)
	if err != nil {
		q.Problem, err = ob.Unread(ctx, "ip of the request", err)
		return err
	}
	sp, err := EvalUint(scope, r.SP)
	if err != nil {
		q.Problem, err = ob.Unread(ctx, "sp of the request", err)
		return err
	}
	q.IP, q.SP = ip, sp
	if r.Registers == "" {
		return nil
	}
	v, err := scope.Eval(r.Registers)
	if err == nil {
		q.Registers, err = ob.structRegisters(v)
	}
	if err != nil {
		q.NoRegisters, err = ob.Unread(ctx, "the registers of the request", err)
	} else if m, merr := v.Path(ob.m.Arch.Flags); merr == nil {
		if flags, ferr := m.Uint64(); ferr == nil {
			q.Flags = &flags
		}
	}
	return err
}

// bySelector finds the thread behind a capability selector of the running task.
func (ob *Observer) bySelector(sys *kernel.System, selector uint64) (*kernel.Object, error) {
	task := sys.RunningPD(ob.m.Stopped, ob.m.CPU().Root)
	if task == nil {
		return nil, fmt.Errorf("it is not known which task processor %d runs, with the page tables at %#x", ob.m.Stopped, ob.m.CPU().Root)
	}
	slot := ob.m.Decoder.Slot(selector)
	c, ok := task.PD.Cap(slot)
	if !ok {
		return nil, fmt.Errorf("selector %#x is slot %#x of task %s, which %w", selector, slot, task.ID, errEmpty)
	}
	o := sys.Named(c)
	if o == nil || o.Thread == nil {
		return nil, fmt.Errorf("selector %#x of task %s names object %s, which is no thread", selector, task.ID, c.Object)
	}
	return o, nil
}

// trackOf is the evidence about a thread, started at its first request.
func (ob *Observer) trackOf(sys *kernel.System, o *kernel.Object) (*evidence.Track, error) {
	if t := ob.Ev.Tracks[o.Addr]; t != nil && t.ID == o.ID {
		return t, nil
	}
	if err := ob.Ev.Room(); err != nil {
		return nil, err
	}
	t := &evidence.Track{ID: o.ID, Block: o.Addr, Name: o.Name}
	ob.takeTask(sys, t, o)
	ob.Ev.Tracks[o.Addr] = t
	ob.Ev.Threads = append(ob.Ev.Threads, t)
	return t, nil
}

// takeTask notes the task that a thread belongs to.
func (ob *Observer) takeTask(sys *kernel.System, t *evidence.Track, o *kernel.Object) {
	t.Task = o.Thread.PD
	if task := sys.Object(t.Task); task != nil && task.PD != nil {
		t.TaskRoot = task.PD.Root
		if c := ob.programs.OfTask(sys, task); c != nil {
			t.Program = c.Name
		}
	}
}
