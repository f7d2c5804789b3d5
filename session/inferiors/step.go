package inferiors

import (
	"context"
	"fmt"

	"thaw/gdbremote"
	"thaw/kernel"
)

// run lets the guest go on to its next stop, and looks there.
func (s *Stub) run(ctx context.Context, action gdbremote.Action, back *kernel.Object) (end string, err error) {
	if end, err = s.guest.Resume(ctx, action, back); err != nil {
		return "", err
	}
	return end, s.look()
}

// step executes one instruction of a thread. Alone only what is on the stopped processor can
// be stepped. While the others go on, the step lasts until the thread has its next
// instruction to execute in user mode: what it did may have been a system call, in which it
// waits for others, and debuggers step again and again until it gets on.
func (s *Stub) step(ctx context.Context, action gdbremote.Action, id gdbremote.ThreadID) (end string, err error) {
	if s.guest.Reverse() {
		return s.run(ctx, gdbremote.ActionStep, nil)
	}
	if action == gdbremote.ActionStepAmong && s.away(id) != nil {
		return s.run(ctx, gdbremote.ActionContinue, s.away(id))
	}
	if id.TID > 0 && id != s.LastStop().Thread && id != processor(s.shown.Stopped) {
		return "", fmt.Errorf("thread %v does not run: only what is on processor %d can be stepped", id, s.shown.Stopped)
	}
	end, err = s.run(ctx, gdbremote.ActionStep, nil)
	if back := s.away(id); err == nil && ctx.Err() == nil && action == gdbremote.ActionStepAmong && back != nil {
		return s.run(ctx, gdbremote.ActionContinue, back)
	}
	return end, err
}

// away is a thread of a component's that the stopped processor does not execute in user
// mode, if it is known where it goes on there; else nil.
func (s *Stub) away(id gdbremote.ThreadID) *kernel.Object {
	o, _, err := s.object(id)
	if err != nil || o == nil || s.shown.Files[o.Thread.PD] == "" || s.pd(id.PID).PD.Kernel {
		return nil
	}
	switch t := o.Thread; {
	case t.Source == kernel.SourceNone, t.Source == kernel.SourceCPU && t.CPU == s.shown.Stopped:
		return nil
	}
	return o
}
