package live

import (
	"context"
	"errors"
	"fmt"

	"thaw/gdbremote"
	"thaw/memory"
)

// sharedRAM is the file that the guest's RAM is said to be in. It is used once it
// was seen to hold what the stub reads: a file of another guest, or one that the
// machine does not use, would show anything.
type sharedRAM struct {
	file   *memory.Shared
	path   string
	proven bool
}

// openRAM maps the file with the guest's RAM, if one is known; that of a machine
// started for this session is known to be its.
func (t *Target) openRAM(ctx context.Context) error {
	if t.opts.RAM == "" {
		return nil
	}
	file, err := memory.MapShared(t.opts.RAM)
	if err != nil {
		return err
	}
	t.shared = &sharedRAM{file, t.opts.RAM, t.opts.VM != nil}
	return t.prove(ctx)
}

// ram is the file with the guest's RAM, nil if there is none to rely on.
func (t *Target) ram() *memory.Shared {
	if t.shared == nil || !t.shared.proven {
		return nil
	}
	return t.shared.file
}

// unmap ends the view of shared RAM.
func (t *Target) unmap() error {
	if t.shared == nil {
		return nil
	}
	err := t.shared.file.Close()
	t.shared = nil
	return err
}

// Warning implements session.Warner.
func (t *Target) Warning() string {
	w := t.warning
	t.warning = ""
	return w
}

// proveAgain looks at a file that had nothing to compare so far, since the guest
// had not booted. One that turns out to be another's is not used.
func (t *Target) proveAgain(ctx context.Context) error {
	if t.shared == nil || t.shared.proven {
		return nil
	}
	err := t.prove(ctx)
	if other := (*otherRAM)(nil); errors.As(err, &other) {
		t.warning = err.Error() + "; memory is read through the stub"
		return t.unmap()
	}
	return err
}

// otherRAM is a file that holds something else than the guest's memory.
type otherRAM struct {
	path string
	at   uint64
}

func (e *otherRAM) Error() string {
	return fmt.Sprintf("%s is not the guest's RAM: it differs at physical %#x; give the mem-path of the guest's own memory-backend-file, with share=on", e.path, e.at)
}

// prove compares places of a RAM file with what the stub reads. Where all hold
// zeros it is not known so far whose it is.
func (t *Target) prove(ctx context.Context) error {
	const pages, apart, size = 256, 1 << 16, 64
	if t.shared.proven {
		return nil
	}
	var file []memory.Request
	var stub []gdbremote.MemoryRequest
	for n := range uint64(pages) {
		if at := n * apart; at < 0xa0000 || at >= 0x100000 { // a PC has its video memory and ROMs between
			file = append(file, memory.Request{Addr: at, Buf: make([]byte, size)})
			stub = append(stub, gdbremote.MemoryRequest{Addr: at, Buf: make([]byte, size)})
		}
	}
	if err := t.shared.file.ReadPhysical(file); err != nil {
		return err
	}
	if err := t.client.ReadMemoryBatch(ctx, gdbremote.Physical, stub); err != nil {
		return fmt.Errorf("comparing %s with the guest's memory: %w", t.shared.path, t.lost(err))
	}
	filled := false
	for i, f := range file {
		switch s := stub[i]; {
		case f.Err != nil: // behind its end
		case s.Err != nil:
			return fmt.Errorf("comparing %s with the guest's memory: %w", t.shared.path, s.Err)
		case [size]byte(f.Buf) != [size]byte(s.Buf):
			return &otherRAM{t.shared.path, f.Addr}
		default:
			filled = filled || [size]byte(f.Buf) != [size]byte{}
		}
	}
	t.shared.proven = filled
	return nil
}
