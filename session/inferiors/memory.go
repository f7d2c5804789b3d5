package inferiors

import (
	"errors"
	"fmt"

	"thaw/gdbremote"
	"thaw/memory"
)

// HasPhysical says that ReadMemory knows physical addresses.
func (s *Stub) HasPhysical() bool { return true }

// space is memory as a process sees it.
func (s *Stub) space(id gdbremote.ThreadID) (*memory.Space, error) {
	if id.PID == processors {
		_, cpu, err := s.object(id)
		if err != nil {
			return nil, err
		}
		return s.shown.Machine.Space(cpu), nil
	}
	if space := s.spaces[id.PID]; space != nil {
		return space, nil
	}
	o := s.pd(id.PID)
	if o == nil || o.PD.Root == 0 {
		return nil, fmt.Errorf("process %d has no page tables", id.PID)
	}
	s.spaces[id.PID] = memory.NewSpace(s.shown.Machine.Phys, s.shown.Machine.Paging, o.PD.Root)
	return s.spaces[id.PID], nil
}

// ReadMemory reads through the process's page tables.
func (s *Stub) ReadMemory(id gdbremote.ThreadID, mode gdbremote.AddressMode, addr uint64, buf []byte) error {
	from := s.shown.Machine.Phys
	if mode == gdbremote.Virtual {
		space, err := s.space(id)
		if err != nil {
			return fmt.Errorf("%w: %w", err, gdbremote.ErrMemory)
		}
		from = space
	}
	if err := from.ReadMemory(addr, buf); err != nil {
		return fmt.Errorf("%w: %w", err, gdbremote.ErrMemory)
	}
	return nil
}

// ErrReadOnly refuses to change anything. The refusal must be an answer: gdb takes
// silence about a write for a success.
var ErrReadOnly = errors.New("nothing may be changed")

// WriteMemory writes through the process's page tables, if that is allowed.
func (s *Stub) WriteMemory(id gdbremote.ThreadID, mode gdbremote.AddressMode, addr uint64, data []byte) error {
	for len(data) > 0 {
		at, n := addr, uint64(len(data))
		if mode == gdbremote.Virtual {
			space, err := s.space(id)
			if err != nil {
				return err
			}
			m, phys, err := space.Translate(addr)
			if err != nil {
				return err
			}
			at, n = phys, min(n, m.Phys+m.Size-phys)
		}
		if err := s.guest.Write(s.ctx, at, data[:n]); err != nil {
			return err
		}
		addr, data = addr+n, data[n:]
	}
	return s.look()
}
