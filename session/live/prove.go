package live

import (
	"context"
	"errors"
	"fmt"

	"thaw/gdbremote"
	"thaw/memory"
)

// Places that are compared: so many, so far from each other.
const (
	comparedPlaces = 256
	placesApart    = 1 << 16
	comparedBytes  = 64
)

// prove compares places of the view with what the stub reads. Where all hold
// zeros it is not known so far whose it is.
func (t *ramAccess) prove(ctx context.Context) error {
	v := t.shared
	if v == nil || v.proven {
		return nil
	}
	mine := make([]memory.Request, len(v.places))
	stub := make([]gdbremote.MemoryRequest, len(v.places))
	for i, at := range v.places {
		mine[i] = memory.Request{Addr: at, Buf: make([]byte, comparedBytes)}
		stub[i] = gdbremote.MemoryRequest{Addr: at, Buf: make([]byte, comparedBytes)}
	}
	if err := v.source().ReadPhysical(mine); err != nil {
		if v.process != nil { // may not be read: nothing is known of it
			return t.unmap()
		}
		return err
	}
	if err := t.client.ReadMemoryBatch(ctx, gdbremote.Physical, stub); err != nil {
		return fmt.Errorf("comparing %s with the guest's memory: %w", v.name, t.lost(err))
	}
	filled := false
	for i, m := range mine {
		switch s := stub[i]; {
		case m.Err != nil && v.file != nil: // behind its end
		case m.Err != nil:
			return &otherRAM{v.name, m.Addr}
		case s.Err != nil:
			return fmt.Errorf("comparing %s with the guest's memory: %w", v.name, s.Err)
		case [comparedBytes]byte(m.Buf) != [comparedBytes]byte(s.Buf):
			return &otherRAM{v.name, m.Addr}
		default:
			filled = filled || [comparedBytes]byte(m.Buf) != [comparedBytes]byte{}
		}
	}
	v.proven = filled
	return nil
}

// otherRAM is a view that shows something else than the guest's memory.
type otherRAM struct {
	path string
	at   uint64
}

func (e *otherRAM) Error() string {
	return fmt.Sprintf("%s is not the guest's RAM: it differs at physical %#x; give the mem-path of the guest's own memory-backend-file, with share=on", e.path, e.at)
}

// proveAgain looks at a view that had nothing to compare so far, since the guest
// had not booted. One that turns out to be another's is not used.
func (t *ramAccess) proveAgain(ctx context.Context) error {
	if t.process() != nil {
		t.process().stale = true
	}
	if t.shared == nil || t.shared.proven {
		return nil
	}
	err := t.prove(ctx)
	if other := (*otherRAM)(nil); errors.As(err, &other) && t.shared.asked {
		t.warning = err.Error() + "; memory is read through the stub"
		return t.unmap()
	}
	return t.notThis(err)
}

// notThis drops the process whose memory is not the guest's: nobody named it, so it
// is no error. A file that the user named is.
func (t *ramAccess) notThis(err error) error {
	if other := (*otherRAM)(nil); !errors.As(err, &other) || t.shared.asked {
		return err
	}
	return t.unmap()
}

// lowPlaces are places of RAM that begins at address 0.
func lowPlaces() []uint64 {
	var out []uint64
	for n := range uint64(comparedPlaces) {
		if at := n * placesApart; !pcHole(at) {
			out = append(out, at)
		}
	}
	return out
}

// places are physical addresses to compare, of every piece of RAM.
func (p *processRAM) places() []uint64 {
	var out []uint64
	pieces := p.ram.Pieces()
	for _, r := range pieces {
		for n := range uint64(comparedPlaces / len(pieces)) {
			if at := r.First + n*placesApart; at+comparedBytes-1 <= r.Last {
				out = append(out, at)
			}
		}
	}
	return out
}
