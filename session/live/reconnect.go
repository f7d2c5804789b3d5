package live

import (
	"context"
	"errors"
	"fmt"

	"thaw/gdbremote"
)

// Lost says whether the connection is gone, or a request that set the machine
// running never came to its end, and the machine may be there. One that was
// started for this session and has ended is not.
func (t *Target) Lost() bool {
	if !t.exited && t.client.Err() == nil && !t.client.Running() && !t.silent() {
		return false
	}
	if t.vm != nil {
		select {
		case <-t.vm.Done():
			return false
		default:
		}
	}
	return true
}

// silent says whether nothing more comes from the other side. What is asked meanwhile may
// be answered by what is known already, so that no request has failed of it.
func (t *Target) silent() bool {
	select {
	case <-t.Gone():
		return true
	default:
		return false
	}
}

// Reconnect attaches again at the same address, to a machine of the same kind.
func (t *Target) Reconnect(ctx context.Context) error {
	t.client.Close()
	client, err := gdbremote.Dial(ctx, t.addr, t.opts.GDB)
	if err != nil {
		return err
	}
	n := &ramAccess{stub: stub{client: client, reads: t.reads, addr: t.addr, name: t.name, opts: t.opts}}
	if err = n.takeOver(ctx, &t.stub); err == nil {
		err = t.readSerialAgain()
	}
	if err != nil { // the connection stays lost, so that it can be tried again
		return errors.Join(err, n.Disconnect(ctx), n.unmap())
	}
	err = t.unmap()
	t.mu.Lock()
	t.client = client
	t.mu.Unlock()
	t.recall, t.tree, t.regs = nil, nil, nil // of the connection before, which counted its own changes
	t.cpus, t.system, t.shared, t.exited, t.found = n.cpus, n.system, n.shared, false, n.stood
	clear(t.tss)
	t.broken = 0
	t.reverses.Store(n.reverses.Load())
	clear(t.written)
	t.writes, t.advances = false, nil
	return err
}

// takeOver finds out whether a machine can stand in for the one before.
func (t *ramAccess) takeOver(ctx context.Context, before *stub) error {
	if err := t.identify(ctx); err != nil {
		return err
	}
	if t.machine != before.machine || len(t.cpus) != len(before.cpus) {
		return fmt.Errorf("another machine is at %s now: it has %d processors (%v), and had %d (%v); start a new session for it",
			t.name, len(t.cpus), t.machine, len(before.cpus), before.machine)
	}
	return t.openRAM(ctx)
}

// Replaced says that what Reconnect has found is another machine.
func (t *Target) Replaced() { t.stood = t.found }

// readSerialAgain opens a serial line that ended with the machine before.
func (t *Target) readSerialAgain() error {
	if t.opts.OpenSerial == nil || !t.log.ended() {
		return nil
	}
	r, err := t.opts.OpenSerial()
	if err != nil {
		return err
	}
	if t.serial != nil {
		t.serial.Close()
	}
	t.serial = r
	t.log.follow(r)
	return nil
}
