// Package live is a session's target that is alive: QEMU, reached through its
// gdbstub.
//
// It knows the remote protocol client, QEMU's monitor output and, for machines
// it started, the VM. It must not know kernels, phases or debug info.
package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
)

// Options say how to attach.
type Options struct {
	GDB gdbremote.Options
	// Name is what users see as the target, "" for the address.
	Name string
	// VM is set if the machine was started for this session: it is stopped at
	// the end, and its RAM may be shared.
	VM *qemu.VM
	// RAM is the file that the guest's RAM is shared as, "" if it is not, or if
	// the VM tells.
	RAM string
	// PID is the process that runs the guest, to read its RAM in; 0: VM's, or the
	// one at the other end of the connection.
	PID int
	// StubOnly says to read memory through the stub, though QEMU's process might
	// be read.
	StubOnly bool
	// End is the position of the end of the recorded run that QEMU replays, in
	// instructions; 0 if it is not known, or none is replayed.
	End uint64
	// ReverseWithin is how long QEMU may take to go back; a minute if zero.
	ReverseWithin time.Duration
	// Serial is where the guest's serial output comes from, nil if nowhere.
	Serial io.Reader
	// OpenSerial opens that again after a connection that was lost, nil if it
	// does not end with QEMU.
	OpenSerial func() (io.ReadCloser, error)
}

// Target is a live machine. Each part stands on the one before: a stub is a machine
// behind a connection, ramAccess reads its memory by the fastest way, a runner lets it
// go, on and back.
type Target struct {
	runner
	log       *logLines
	serial    io.Closer // that Reconnect has opened, nil if none
	abandoned string    // what tells that a debugger before ended without taking leave, "" if nothing does
	found     bool      // stood, as Reconnect has found it
}

// Attach connects to a gdbstub. The guest stands afterwards.
func Attach(ctx context.Context, addr string, o Options) (*Target, error) {
	client, err := gdbremote.Dial(ctx, addr, o.GDB)
	if err != nil {
		return nil, err
	}
	if o.RAM == "" && o.VM != nil {
		o.RAM = o.VM.RAMPath()
	}
	reads, abort := context.WithCancel(context.Background())
	t := &Target{log: newLogLines(o.Serial), runner: runner{
		tss: map[int]uint64{}, written: map[string]bool{}, end: o.End, reverseWithin: cmp.Or(o.ReverseWithin, reverseWithin),
		ramAccess: ramAccess{stub: stub{client: client, reads: reads, abort: abort, addr: addr, opts: o, name: cmp.Or(o.Name, addr), vm: o.VM}},
	}}
	if err := t.identify(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	if err := t.openRAM(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	if err := t.askMonitor(ctx); err != nil {
		return nil, errors.Join(err, t.Close(ctx))
	}
	return t, nil
}

// askMonitor asks QEMU's monitor, in one exchange, what is needed sooner or later.
//
// It finds out whether a guest that stands was left so by a debugger that ended without
// taking leave. Two things tell: QEMU stopped it for a debugger, or still reads physical
// memory for one. Where it only says "paused", its owner may have done it.
func (t *Target) askMonitor(ctx context.Context) error {
	if t.vm != nil {
		return nil
	}
	commands := []string{"info status", recordedRun}
	if t.ram() == nil {
		commands = append(commands, memoryMap)
	}
	texts, err := t.client.Monitors(ctx, commands...)
	if over := cmp.Or(t.client.Err(), ctx.Err()); over != nil { // it may have ended behind the answers
		return fmt.Errorf("attaching to %s: asking QEMU's monitor how the machine is: %w", t.name, cmp.Or(err, over))
	}
	if err == nil {
		t.noteRecorded(texts[1])
	}
	if err == nil && t.ram() == nil {
		t.noteTree(parseTree(texts[2]))
	}
	if t.stood && (t.client.Abandoned() || err == nil && strings.Contains(texts[0], "(debug)")) {
		t.abandoned = "the guest stands since a debugger ended without letting it go on, as a thaw that is killed does; it is left standing: `cont` in QEMU's monitor lets it go on"
		t.warning = t.abandoned
	}
	return nil
}

// Abandoned says so if the guest was found standing, and left so by a debugger that
// ended without taking leave; else "".
func (t *Target) Abandoned() string { return t.abandoned }

// Log returns new lines of the guest's serial output.
func (t *Target) Log() []string { return t.log.take() }

// Close ends a machine that was started for this session; any other is left as
// it was found, even if ctx is over.
func (t *Target) Close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	t.abort()
	errs := []error{t.unmap()}
	if t.serial != nil {
		errs = append(errs, t.serial.Close())
	}
	switch {
	case t.vm != nil:
		errs = append(errs, t.client.Close(), t.vm.Stop(ctx))
	case t.exited: // there is nothing left to leave as it was
		errs = append(errs, t.client.Close())
	case t.client.Err() == nil:
		errs = append(errs, t.leave(ctx))
	}
	return errors.Join(errs...)
}
