package inferiors

import (
	"slices"

	"thaw/gdbremote"
	"thaw/kernel"
)

// TargetFile is the target description.
func (s *Stub) TargetFile(name string) ([]byte, bool) {
	return s.layout.Document(), name == "target.xml"
}

// registers are those of a thread as far as known: what the kernel keeps, or all of the
// processor that executes it in user mode.
func (s *Stub) registers(id gdbremote.ThreadID) ([]kernel.Register, error) {
	o, cpu, err := s.object(id)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return s.shown.CPUs[cpu], nil
	}
	t, a := o.Thread, s.guest.Arch()
	if t.Running && t.CPU < len(s.shown.CPUs) && t.CPU < len(s.shown.Machine.CPUs) && (s.shown.Machine.CPUs[t.CPU].User || t.Source == kernel.SourceNone) {
		return s.shown.CPUs[t.CPU], nil
	}
	if t.Source == kernel.SourceNone {
		return []kernel.Register{{Name: a.IP}}, nil // gdb gives up where a thread has none; its state says what that is worth
	}
	return append(slices.Clone(t.Registers), kernel.Register{Name: a.IP, Value: t.IP}, kernel.Register{Name: a.SP, Value: t.SP},
		kernel.Register{Name: a.Flags, Value: t.Flags}), nil
}

// ReadRegisters gives all registers of the target description, and says which bytes of
// them are known; the others are zero.
func (s *Stub) ReadRegisters(id gdbremote.ThreadID) (values []byte, known []bool, err error) {
	list, err := s.registers(id)
	if err != nil {
		return nil, nil, err
	}
	values, known = s.layout.Bytes(list)
	return values, known, nil
}

// FindRegister says where a register is in ReadRegisters' answer.
func (s *Stub) FindRegister(number int) (from, to int, ok bool) { return s.layout.Find(number) }

// WriteRegister refuses: most are kept in several places.
func (s *Stub) WriteRegister(gdbremote.ThreadID, int, []byte) error { return ErrReadOnly }
