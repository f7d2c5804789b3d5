package observe

import (
	"context"
	"fmt"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/drive"
	"thaw/session/evidence"
)

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
