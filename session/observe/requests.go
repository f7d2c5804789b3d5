package observe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"thaw/containers"
	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/components"
	"thaw/session/drive"
	"thaw/session/evidence"
	"thaw/session/scenario"
	"thaw/session/view"
)

// maxStored bounds the containers of stored threads, each.
const maxStored = 4096

// ReadStored reads the checkpointed thread states from the restorer.
func (ob *Observer) ReadStored(ctx context.Context, s *scenario.StoredSpec) error {
	ob.Ev.Stored = nil
	ob.Ev.Forget(evidence.GapStored)
	elems, err := ob.storedElements(ctx, s)
	if err != nil {
		return err
	}
	for _, v := range elems {
		if err := ob.storedThread(ctx, s, v); err != nil {
			return err
		}
	}
	return nil
}

// storedElements walks the containers of stored threads, as far as that can be done.
func (ob *Observer) storedElements(ctx context.Context, s *scenario.StoredSpec) ([]debuginfo.Value, error) {
	elems := []debuginfo.Value{{}}
	scope := ob.m.Scope(ob.programs.ByName[s.Component].File)
	for i, list := range s.Lists {
		var next []debuginfo.Value
		for _, v := range elems {
			var l debuginfo.Value
			var err error
			switch {
			case i == 0:
				l, err = scope.Eval(list)
			case list == "":
				l = v // a container of containers
			default:
				l, err = v.Path(list)
			}
			var members []debuginfo.Value
			if err == nil {
				members, err = containers.Walk(l, maxStored)
			}
			if err != nil {
				if err := ob.missed(ctx, evidence.GapStored, "the list of stored threads "+list, err); err != nil {
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
func (ob *Observer) storedThread(ctx context.Context, s *scenario.StoredSpec, v debuginfo.Value) error {
	t := evidence.Stored{Addr: v.Addr, At: ob.Now(), Source: fmt.Sprintf("%s's stored state at %#x", s.Component, v.Addr)}
	var err error
	if t.Name, err = ob.storedName(s, &v); err != nil {
		return ob.missed(ctx, evidence.GapStored, fmt.Sprintf("name %s of the stored thread at %#x", s.Name, v.Addr), err)
	}
	if err := ob.storedState(s, v, &t); err != nil {
		t.IP, t.SP, t.Registers = 0, 0, nil
		if t.Problem, err = ob.Unread(ctx, fmt.Sprintf("the stored state of %s at %#x", t.Name, v.Addr), err); err != nil {
			return err
		}
	}
	if t.Name == "" && t.IP == 0 && t.SP == 0 && t.Problem == "" {
		return nil // an element of an array that is not in use
	}
	ob.Ev.Stored = append(ob.Ev.Stored, t)
	return nil
}

// storedName reads a stored thread's name; what the thread is derived from becomes it.
func (ob *Observer) storedName(s *scenario.StoredSpec, v *debuginfo.Value) (string, error) {
	if s.Class != "" {
		as, err := containers.As(*v, ob.programs.ByName[s.Component].File, s.Class)
		if err != nil {
			return "", err
		}
		*v = as
	}
	name, err := v.Path(s.Name)
	if err != nil {
		return "", err
	}
	return name.String()
}

func (ob *Observer) storedState(s *scenario.StoredSpec, v debuginfo.Value, t *evidence.Stored) error {
	if err := Numbers(v, map[string]*uint64{s.IP: &t.IP, s.SP: &t.SP}); err != nil || s.Registers == "" {
		return err
	}
	regs, err := v.Path(s.Registers)
	if err == nil {
		t.Registers, err = ob.structRegisters(regs)
	}
	return err
}

// structRegisters takes the members of a struct that hold general registers, as many
// as it has.
func (ob *Observer) structRegisters(v debuginfo.Value) ([]kernel.Register, error) {
	var out []kernel.Register
	for i, name := range ob.m.Arch.General {
		m, err := v.Path(ob.m.Arch.Member(i))
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

// EvalUint evaluates an expression that means a number.
func EvalUint(scope debuginfo.Scope, expr string) (uint64, error) {
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
func (ob *Observer) copyOf(scope debuginfo.Scope, s *kernel.Copy) *evidence.Copy {
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
	if c.BeforeIP, err = EvalUint(scope, s.IP); err != nil {
		c.Problem = err.Error()
	}
	return c
}

// readCopy reads what the function left, once it has returned.
func (ob *Observer) readCopy(c *evidence.Copy) {
	space := ob.m.Space()
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

// taken is what to do as the function of a request returns: the state that it keeps is
// read. The request is looked up then: evidence is another one after the guest went
// back.
func (ob *Observer) taken(block uint64, seq int) func(context.Context) (*drive.Event, error) {
	return func(context.Context) (*drive.Event, error) {
		t := ob.Ev.Tracks[block]
		if t == nil {
			return nil, nil
		}
		for i := range t.Requests {
			q := &t.Requests[i]
			if q.At.Seq != seq {
				continue
			}
			q.Open = false
			if q.Copy != nil && q.Copy.Problem == "" {
				ob.readCopy(q.Copy)
			}
		}
		return nil, nil
	}
}

// Numbers reads members.
func Numbers(v debuginfo.Value, members map[string]*uint64) error {
	for path, dst := range members {
		m, err := v.Path(path)
		if err == nil {
			*dst, err = m.Uint64()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}
