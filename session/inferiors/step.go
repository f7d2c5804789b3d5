package inferiors

import (
	"context"
	"fmt"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/session/drive"
)

// run lets the guest go on to its next stop, and looks there.
func (s *Stub) run(ctx context.Context, action gdbremote.Action, back *kernel.Object) (end string, err error) {
	if end, err = s.guest.Resume(ctx, action, back); err != nil {
		return "", err
	}
	return end, s.look()
}

// step executes one instruction of a thread, alone what is on the stopped processor. While
// the others go on, the step lasts until the thread has its next instruction to execute in
// user mode: what it did may have been a system call, in which it waits for others, and
// debuggers step again and again until it gets on. One that is not on the processor cannot
// do that alone: the others go on then, too.
func (s *Stub) step(ctx context.Context, action gdbremote.Action, id gdbremote.ThreadID) (end string, err error) {
	if s.guest.Reverse() {
		return s.run(ctx, gdbremote.ActionStep, nil)
	}
	if away := s.away(id); away != nil {
		end, err = s.run(ctx, action, away)
		if alone := action == gdbremote.ActionStep; alone && err == nil && !s.interrupted(ctx) && s.LastStop().Thread != id {
			// lldb believes that nothing else went on, and would not look at who stopped.
			err = fmt.Errorf("%s was to be stepped, and did not get on before something else stopped the guest: %s", s.name(away), s.shown.Reason)
		}
		return end, err
	}
	if id.TID > 0 && id != s.LastStop().Thread && id != processor(s.shown.Stopped) {
		return "", fmt.Errorf("thread %v is not on processor %d, which stopped, and where it goes on is not known: it cannot be stepped", id, s.shown.Stopped)
	}
	end, err = s.run(ctx, gdbremote.ActionStep, nil)
	if back := s.away(id); err == nil && ctx.Err() == nil && action == gdbremote.ActionStepAmong && back != nil {
		return s.run(ctx, gdbremote.ActionStepAmong, back)
	}
	return end, err
}

// interrupted says whether the guest stands because ctx ended: it may have come to a
// breakpoint or a recorded stop before, and a debugger that interrupted it for a moment
// would let it go on from there without a word.
func (s *Stub) interrupted(ctx context.Context) bool {
	return ctx.Err() != nil && !s.guest.Reverse() && s.shown.Reason == drive.ReasonInterrupted
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
