package observe

import (
	"context"

	"thaw/debuginfo"
	"thaw/kernel"
	"thaw/session/evidence"
)

// operated notes a kernel operation on a thread.
func (ob *Observer) operated(ctx context.Context, o *kernel.Operation) error {
	scope := ob.m.Scope(ob.programs.ByName[o.Component].File)
	object, err := EvalUint(scope, o.Object)
	if err != nil {
		return ob.missed(ctx, evidence.GapOperation, "the thread of an operation, "+o.Name+",", err)
	}
	op := evidence.Operation{At: ob.Now(), Name: o.Name}
	if err := ob.operands(scope, o, &op); err != nil {
		if op.Problem, err = ob.Unread(ctx, "what it was called with", err); err != nil {
			return err
		}
	}
	sys, err := ob.m.System(ctx)
	if err != nil {
		return err
	}
	if t := sys.At(object); t != nil && t.Thread != nil {
		op.State, op.Exception = t.Thread.StateNames, t.Thread.Exception
		ob.Ev.NoteOperation(t.Addr, op)
	}
	return nil
}

// operands reads what an operation was called with.
func (ob *Observer) operands(scope debuginfo.Scope, o *kernel.Operation, op *evidence.Operation) error {
	var ip, sp, flags, cancel, trigger uint64
	for _, x := range []struct {
		expr string
		dst  *uint64
	}{{o.IP, &ip}, {o.SP, &sp}, {o.Flags, &flags}, {o.Cancel, &cancel}, {o.Trigger, &trigger}} {
		if x.expr == "" {
			continue
		}
		v, err := EvalUint(scope, x.expr)
		if err != nil {
			return err
		}
		*x.dst = v
	}
	unset := uint64(o.Unset)
	if ob.m.PtrSize() == 4 {
		unset &= 0xffff_ffff
	}
	op.IP, op.SP, op.SetsIP, op.SetsSP = ip, sp, ip != unset, sp != unset
	op.Cancel, op.Trigger = flags&cancel != 0, flags&trigger != 0
	return nil
}
