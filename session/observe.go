package session

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
)

// prepare sets the breakpoints of the scenario. Every function must be there,
// but for phases that are marked optional.
func (e *Engine) prepare(ctx context.Context) error {
	var missing error
	eachPhase(e.scn.Phases, 0, func(p *PhaseSpec, depth int) {
		n := len(e.phases)
		e.phases = append(e.phases, Phase{Name: p.Name, Function: p.Function, Depth: depth})
		err := e.watchFunction(ctx, p.Component, p.Function, "phase", func(context.Context) (*event, error) { return e.enterPhase(n), nil })
		if err != nil && !p.Optional && missing == nil {
			missing = fmt.Errorf("phase %s: %w", p.Name, err)
		}
	})
	if missing != nil {
		return missing
	}
	for i := range e.scn.Requests {
		r := &e.scn.Requests[i]
		if err := e.oneFunction(r.Component, r.Function); err != nil {
			return fmt.Errorf("request: %w", err)
		}
		err := e.watchFunction(ctx, r.Component, r.Function, "request", func(ctx context.Context) (*event, error) { return e.requested(ctx, r) })
		if err != nil {
			return fmt.Errorf("request: %w", err)
		}
	}
	for i := range e.scn.Operations {
		o := &e.scn.Operations[i]
		err := e.watchFunction(ctx, o.Component, o.Function, "operation", func(ctx context.Context) (*event, error) { return nil, e.operated(ctx, o) })
		if err != nil {
			return fmt.Errorf("operation %s: %w", o.Name, err)
		}
	}
	if s := e.scn.Stored; s != nil {
		err := e.watchFunction(ctx, s.Component, s.Function, "stored state", func(ctx context.Context) (*event, error) { return nil, e.readStored(ctx, s) })
		if err != nil {
			return fmt.Errorf("stored state: %w", err)
		}
	}
	if m := e.scn.Memory; m != nil {
		if err := e.watchFunction(ctx, m.Component, m.Function, "memory", e.takeMemory); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
	}
	return e.prepareComplete(ctx)
}

// oneFunction says whether a name means one function: an overload that reads a
// state must not be taken for the one that sets it.
func (e *Engine) oneFunction(comp, name string) error {
	fns, err := e.comps[comp].file.Functions(name)
	if err != nil {
		return err
	}
	var signatures []string
	for _, fn := range fns {
		if !slices.Contains(signatures, fn.Signature) && len(fn.Locations) > 0 {
			signatures = append(signatures, fn.Signature)
		}
	}
	if len(signatures) > 1 {
		return fmt.Errorf("%s means several functions: write one of %s", name, strings.Join(signatures, ", "))
	}
	return nil
}

func (e *Engine) prepareComplete(ctx context.Context) error {
	c := e.scn.Complete
	if c.Function == "" {
		return nil // a plain look around
	}
	reached := func(context.Context) (*event, error) {
		e.ev.Complete = true
		for i := range e.phases {
			if e.phases[i].State == PhaseCurrent {
				e.phases[i].State = PhaseDone
			}
		}
		return &event{reason: "restore complete", phase: true}, nil
	}
	hit := reached
	if c.At == "return" {
		hit = func(ctx context.Context) (*event, error) {
			return nil, e.onReturn(ctx, e.comps[c.Component], c.Function, "restore complete", reached)
		}
	}
	if err := e.watchFunction(ctx, c.Component, c.Function, "restore complete", hit); err != nil {
		return fmt.Errorf("restore-complete point: %w", err)
	}
	return nil
}

// enterPhase moves the phase line on.
func (e *Engine) enterPhase(n int) *event {
	p := &e.phases[n]
	p.Hits++
	if p.Stop == 0 {
		p.Stop = len(e.history) + 1
	}
	for i := range e.phases[:n] {
		o := &e.phases[i]
		switch {
		case o.State == PhaseCurrent && !encloses(e.phases, i, n), o.State == PhaseNext && o.Hits > 0:
			o.State = PhaseDone
		case o.State == PhaseNext:
			o.State = PhaseSkipped
		}
	}
	for i := range e.phases[n+1:] {
		if e.phases[n+1+i].State == PhaseCurrent {
			e.phases[n+1+i].State = PhaseDone
		}
	}
	p.State = PhaseCurrent
	return &event{reason: "phase " + p.Name, phase: true}
}

// encloses says whether phase outer (an index) has phase inner inside it.
func encloses(phases []Phase, outer, inner int) bool {
	for i := outer + 1; i <= inner; i++ {
		if phases[i].Depth <= phases[outer].Depth {
			return false
		}
	}
	return inner > outer
}

// currentPhase is the innermost phase that runs.
func (e *Engine) currentPhase() string {
	name := ""
	for _, p := range e.phases {
		if p.State == PhaseCurrent {
			name = p.Name
		}
	}
	return name
}

// maxStored bounds the lists of stored threads, each.
const maxStored = 4096

// readStored reads the checkpointed thread states from the restorer, and takes
// the original child's state as the checkpoint left it.
func (e *Engine) readStored(ctx context.Context, s *StoredSpec) error {
	scope := e.scope(e.comps[s.Component])
	elems := []debuginfo.Value{}
	for i, list := range s.Lists {
		var next []debuginfo.Value
		from := elems
		if i == 0 {
			from = []debuginfo.Value{{}}
		}
		for _, v := range from {
			var l debuginfo.Value
			var err error
			if i == 0 {
				l, err = scope.Eval(list)
			} else {
				l, err = v.Path(list)
			}
			if err != nil {
				return fmt.Errorf("stored threads, list %s: %w", list, err)
			}
			members, err := debuginfo.WalkList(l, "_first", "_next", maxStored)
			if err != nil {
				return fmt.Errorf("stored threads, list %s: %w", list, err)
			}
			next = append(next, members...)
		}
		elems = next
	}
	e.ev.Stored = nil
	for _, v := range elems {
		t, err := e.storedThread(s, v)
		if err != nil {
			return err
		}
		e.ev.Stored = append(e.ev.Stored, t)
	}
	snap, err := e.snapshot(ctx, "stored state")
	if err != nil {
		return err
	}
	e.ev.before, e.ev.StoredAt = snap, len(e.history)+1
	e.judge().findOriginal(snap)
	e.keep(snap, nil)
	return nil
}

func (e *Engine) storedThread(s *StoredSpec, v debuginfo.Value) (storedThread, error) {
	t := storedThread{Addr: v.Addr, At: e.now(), Source: fmt.Sprintf("%s's stored state at %#x", s.Component, v.Addr)}
	name, err := v.Path(s.Name)
	if err == nil {
		t.Name, err = name.String()
	}
	if err != nil {
		return t, fmt.Errorf("stored thread at %#x, name %s: %w", v.Addr, s.Name, err)
	}
	for _, f := range []struct {
		path string
		dst  *uint64
	}{{s.IP, &t.IP}, {s.SP, &t.SP}} {
		m, err := v.Path(f.path)
		if err == nil {
			*f.dst, err = m.Uint64()
		}
		if err != nil {
			return t, fmt.Errorf("stored thread %s at %#x, %s: %w", t.Name, v.Addr, f.path, err)
		}
	}
	if s.Registers != "" {
		regs, err := v.Path(s.Registers)
		if err != nil {
			return t, fmt.Errorf("stored thread %s at %#x, registers %s: %w", t.Name, v.Addr, s.Registers, err)
		}
		t.Registers = e.structRegisters(regs)
	}
	return t, nil
}

// structRegisters takes the members of a struct that are named like general
// registers ("rbx", "r12", or ARM's "lr").
func (e *Engine) structRegisters(v debuginfo.Value) []kernel.Register {
	var out []kernel.Register
	for _, name := range e.arch.general {
		m, err := v.Path(name)
		if err != nil {
			continue
		}
		if n, err := m.Uint64(); err == nil {
			out = append(out, kernel.Register{Name: name, Value: n})
		}
	}
	return out
}

// requested notes a request to set a thread's state, and watches the thread
// from now on.
func (e *Engine) requested(ctx context.Context, r *RequestSpec) (*event, error) {
	scope := e.scope(e.comps[r.Component])
	var selector, ip, sp uint64
	for _, x := range []struct {
		expr string
		dst  *uint64
	}{{r.Selector, &selector}, {r.IP, &ip}, {r.SP, &sp}} {
		v, err := evalUint(scope, x.expr)
		if err != nil {
			return nil, err
		}
		*x.dst = v
	}
	sys, err := e.system(ctx)
	if err != nil {
		return nil, err
	}
	o, err := e.bySelector(sys, selector)
	if err != nil {
		return nil, err
	}
	t := e.trackOf(sys, o)
	q := request{At: e.now(), Function: r.Function, IP: ip, SP: sp, Thread: *o.Thread}
	if r.Registers != "" {
		v, err := scope.Eval(r.Registers)
		if err != nil && !debuginfo.IsOptimisedOut(err) {
			return nil, err
		}
		if err == nil {
			q.Registers = e.structRegisters(v)
		}
	}
	if r.Copy != nil {
		q.Copy = e.copyOf(scope, r.Copy)
		q.Copy.Root, q.Copy.Program = e.m.CPUs[e.cpu].Root, r.Component
	}
	if err := e.disarm(ctx, t); err != nil { // the copy may be another one
		return nil, err
	}
	t.Requests = append(t.Requests, q)
	t.Entered = nil
	t.Frame, t.Cont = saved{o.Thread.FrameIP, o.Thread.FrameSP}, saved{o.Thread.ContIP, o.Thread.ContSP}
	if err := e.arm(ctx, t); err != nil {
		return nil, err
	}
	if q.Copy != nil && q.Copy.Problem == "" {
		c := e.comps[r.Component]
		if err := e.onReturn(ctx, c, r.Function, "return of request", func(context.Context) (*event, error) { return nil, e.readCopy(c, q.Copy) }); err != nil {
			q.Copy.Problem = err.Error()
		}
	}
	return nil, nil
}

// bySelector finds the thread behind a capability selector of the running task.
func (e *Engine) bySelector(sys *kernel.System, selector uint64) (*kernel.Object, error) {
	task := sys.TaskByRoot(e.m.CPUs[e.cpu].Root)
	if task == nil {
		return nil, fmt.Errorf("no task has the page tables at %#x that the processor uses", e.m.CPUs[e.cpu].Root)
	}
	slot := e.dec.Slot(selector)
	c, ok := task.Task.Cap(slot)
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
func (e *Engine) trackOf(sys *kernel.System, o *kernel.Object) *track {
	if t := e.ev.tracks[o.Addr]; t != nil && t.ID == o.ID {
		return t
	}
	t := &track{ID: o.ID, Block: o.Addr, Name: o.Name, Task: o.Thread.Task,
		IPAddr: o.Thread.FrameIPAddr, SPAddr: o.Thread.FrameSPAddr,
		ContIPAddr: o.Thread.ContIPAddr, ContSPAddr: o.Thread.ContSPAddr}
	if task := sys.Object(t.Task); task != nil && task.Task != nil {
		t.TaskRoot = task.Task.Root
		if c := e.taskComponent(sys, task); c != nil {
			t.Program = c.name
		}
	}
	e.ev.tracks[o.Addr] = t
	e.ev.Threads = append(e.ev.Threads, t)
	return t
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
func (e *Engine) copyOf(scope debuginfo.Scope, s *CopySpec) *stateCopy {
	c := &stateCopy{Name: s.Name}
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
	if v, err := evalUint(scope, s.IP); err == nil {
		c.BeforeIP = v
	}
	return c
}

// readCopy reads what the function left, once it has returned.
func (e *Engine) readCopy(comp *component, c *stateCopy) error {
	space := e.m.Space(e.cpu)
	var err error
	if c.IP, err = memory.Uint(space, c.IPAddr, c.Size); err == nil {
		c.SP, err = memory.Uint(space, c.SPAddr, c.Size)
	}
	if err != nil {
		c.Problem = err.Error()
		return nil
	}
	c.Read = true
	return nil
}

// operated notes a kernel operation on a thread.
func (e *Engine) operated(ctx context.Context, o *OperationSpec) error {
	scope := e.scope(e.comps[o.Component])
	var object, ip, sp, flags, cancel, trigger uint64
	for _, x := range []struct {
		expr string
		dst  *uint64
	}{{o.Object, &object}, {o.IP, &ip}, {o.SP, &sp}, {o.Flags, &flags}, {o.Cancel, &cancel}, {o.Trigger, &trigger}} {
		if x.expr == "" {
			continue
		}
		v, err := evalUint(scope, x.expr)
		if err != nil {
			return err
		}
		*x.dst = v
	}
	unset := uint64(o.Unset)
	if e.ptrSize() == 4 {
		unset &= 0xffff_ffff
	}
	op := operation{At: e.now(), Name: o.Name, IP: ip, SP: sp, SetsIP: ip != unset, SetsSP: sp != unset,
		Cancel: flags&cancel != 0, Trigger: flags&trigger != 0}
	sys, err := e.system(ctx)
	if err != nil {
		return err
	}
	if t := sys.At(object); t != nil && t.Thread != nil {
		op.State = t.Thread.StateNames
		e.ev.Operations[t.Addr] = append(e.ev.Operations[t.Addr], op)
	}
	return nil
}

func (o operation) String() string {
	var with []string
	if o.Cancel {
		with = append(with, "cancel")
	}
	if o.Trigger {
		with = append(with, "trigger exception")
	}
	args := "ip and sp left alone"
	if o.SetsIP || o.SetsSP {
		args = fmt.Sprintf("ip %#x, sp %#x", o.IP, o.SP)
	}
	flags := "no flags"
	if len(with) > 0 {
		flags = strings.Join(with, ", ")
	}
	return fmt.Sprintf("%s(%s; %s) on a thread in state %s", o.Name, args, flags, strings.Join(o.State, ","))
}
