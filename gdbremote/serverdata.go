package gdbremote

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// twoNumbers reads "HEX,HEX".
func twoNumbers(arg string) (a, b uint64, err error) {
	first, second, _ := strings.Cut(arg, ",")
	if a, err = strconv.ParseUint(first, 16, 64); err != nil {
		return 0, 0, fmt.Errorf("%q: %w", first, ErrProtocol)
	}
	if b, err = strconv.ParseUint(second, 16, 64); err != nil {
		return 0, 0, fmt.Errorf("%q: %w", second, ErrProtocol)
	}
	return a, b, nil
}

func (s *serverSession) readRegisters(string) ([]byte, error) {
	values, known, err := s.Handler.ReadRegisters(s.current())
	if err != nil {
		return errorAnswer(err), nil
	}
	answer := appendHex(nil, values)
	for i := range values {
		if known != nil && (i >= len(known) || !known[i]) {
			answer[2*i], answer[2*i+1] = 'x', 'x'
		}
	}
	return answer, nil
}

// readRegister answers the register of a number. lldb takes x for a byte of cc, and learns
// from an error that a register is not known; but from one to the first question of all
// that there is no such packet.
func (s *serverSession) readRegister(arg string) ([]byte, error) {
	h, ok := s.Handler.(RegisterFinder)
	if !ok {
		return nil, nil
	}
	number, err := strconv.ParseUint(arg, 16, 16)
	from, to, found := h.FindRegister(int(number))
	if err != nil || !found {
		return []byte("E22"), nil
	}
	all, err := s.readRegisters("")
	if err != nil || len(all) < 2*to { // an error, as an answer
		return all, err
	}
	one := all[2*from : 2*to]
	if s.askedOne && bytes.ContainsRune(one, 'x') {
		return []byte("E01"), nil
	}
	s.askedOne = true
	return one, nil
}

func (s *serverSession) writeRegister(arg string) ([]byte, error) {
	w, ok := s.Handler.(RegisterWriter)
	if !ok {
		return nil, nil
	}
	number, digits, _ := strings.Cut(arg, "=")
	n, err := strconv.ParseUint(number, 16, 16)
	value, err2 := hex.DecodeString(digits)
	if err != nil || err2 != nil {
		return []byte("E22"), nil
	}
	return errorAnswer(w.WriteRegister(s.current(), int(n), value)), nil
}

func (s *serverSession) readMemory(arg string) ([]byte, error) {
	addr, length, err := twoNumbers(arg)
	if err != nil || length > uint64(s.packetSize()/2) {
		return []byte("E22"), nil
	}
	buf := make([]byte, length)
	if err := s.Handler.ReadMemory(s.current(), s.mode, addr, buf); err != nil {
		return []byte("E14"), nil
	}
	return appendHex(nil, buf), nil
}

func (s *serverSession) writeMemory(arg string) ([]byte, error) {
	w, ok := s.Handler.(MemoryWriter)
	if !ok {
		return nil, nil
	}
	span, digits, _ := strings.Cut(arg, ":")
	addr, length, err := twoNumbers(span)
	data, err2 := hex.DecodeString(digits)
	if err != nil || err2 != nil || uint64(len(data)) != length {
		return []byte("E22"), nil
	}
	if err := w.WriteMemory(s.current(), s.mode, addr, data); err != nil {
		return []byte("E14"), nil
	}
	return okAnswer, nil
}

// breakpoint answers "KIND,ADDR,LENGTH".
func (s *serverSession) breakpoint(arg string, insert bool) ([]byte, error) {
	set := func(b Breakpoint) error { return ErrUnsupported }
	switch h := s.Handler.(type) {
	case ProcessBreakpointer:
		set = func(b Breakpoint) error { return h.SetBreakpointIn(s.current(), b, insert) }
	case Breakpointer:
		set = func(b Breakpoint) error { return h.SetBreakpoint(b, insert) }
	}
	kind, span, _ := strings.Cut(arg, ",")
	k, err := strconv.Atoi(kind)
	addr, length, err2 := twoNumbers(span)
	if err != nil || err2 != nil || k < 0 || k > int(WatchAccess) || length > 1<<20 {
		return []byte("E22"), nil
	}
	return errorAnswer(set(Breakpoint{Kind: BreakKind(k), Addr: addr, Length: int(length)})), nil
}
