package inferiors

import (
	"context"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
	"thaw/session/arch"
)

// Lent is the guest of a session that a screen has, too. What touches it is done by the
// session, which owns it.
type Lent struct {
	driven
	loan *session.Loan
}

// NewLent shows the guest of a loan to who has it.
func NewLent(loan *session.Loan, who string) *Lent {
	m, programs, drive := loan.Parts()
	l := &Lent{driven: newDriven(programs), loan: loan}
	l.m, l.drive, l.whose = m, drive, who+"'s "
	return l
}

// Arch is the processor's.
func (l *Lent) Arch() arch.Arch { return l.m.Arch }

// Reverse says that it does not go back: the screen would have to with it.
func (l *Lent) Reverse() bool { return false }

// Shown is the session's newest stop.
func (l *Lent) Shown(context.Context) (s *Shown, err error) {
	err = l.loan.Do(func(context.Context) error {
		now := l.loan.Newest()
		names := map[kernel.ID]string{}
		for _, o := range now.System.PDs() {
			names[o.ID] = now.TaskName(o.ID)
		}
		s = l.shown(now.System, names, now.Reason)
		s.Machine.Phys = memory.NewView(lentMemory{l}, memory.SharedBlock, nil)
		return nil
	})
	return s, err
}

// lentMemory is the guest's, read by who owns it.
type lentMemory struct{ *Lent }

func (l lentMemory) ReadPhysical(reqs []memory.Request) error {
	return l.loan.Do(func(context.Context) error { return l.m.ReadPhysical(reqs) })
}

// Resume lets the session go on, to its next stop.
func (l *Lent) Resume(ctx context.Context, action gdbremote.Action, back *kernel.Object) (end string, err error) {
	alone := action == gdbremote.ActionStep
	if action != gdbremote.ActionContinue && !alone && back == nil {
		return "", gdbremote.ErrUnsupported
	}
	once := alone && back == nil
	if !once {
		if err := l.loan.Do(func(ctx context.Context) error { return l.sync(ctx, back, alone) }); err != nil {
			return "", err
		}
	}
	if err := l.loan.Resume(ctx, once); err != nil {
		return "", err
	}
	return "", l.loan.Do(l.waitsNoMore)
}

// Break notes what the debugger wants.
func (l *Lent) Break(_ context.Context, pd kernel.ID, addr uint64, insert bool) error {
	return l.loan.Do(func(ctx context.Context) error { return l.driven.Break(ctx, pd, addr, insert) })
}

// Write refuses: the session would not know who changed what it judges.
func (l *Lent) Write(context.Context, uint64, []byte) error { return ErrReadOnly }

// Close takes all breakpoints off.
func (l *Lent) Close() error { return l.loan.Do(l.removeAll) }
