package debuginfo

import (
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/op"
)

func (m *machine) unary(fn func(uint64) uint64) error {
	a, err := m.pop()
	if err != nil {
		return err
	}
	return m.push(fn(a))
}

func (m *machine) binary(fn func(a, b uint64) uint64) error {
	b, err := m.pop()
	if err != nil {
		return err
	}
	a, err := m.pop()
	if err != nil {
		return err
	}
	if m.f.PtrSize() == 4 { // comparisons are signed
		a, b = signExtend(a, 4), signExtend(b, 4)
	}
	return m.push(fn(a, b))
}

func (m *machine) divide(rest bool) error {
	if len(m.stack) > 0 && m.stack[len(m.stack)-1] == 0 {
		return errors.New("a DWARF expression divides by zero")
	}
	return m.binary(func(a, b uint64) uint64 {
		switch {
		case rest:
			return a % b
		case int64(b) == -1:
			return -a
		}
		return uint64(int64(a) / int64(b))
	})
}

func (m *machine) based(num uint64) error {
	off, err := m.leb(true)
	if err != nil {
		return err
	}
	v, err := m.register(num)
	if err != nil {
		return err
	}
	return m.push(v + off)
}

func (m *machine) pick(n int) error {
	if n >= len(m.stack) {
		return errUnderflow
	}
	return m.push(m.stack[len(m.stack)-1-n])
}

func (m *machine) pickN() error {
	n, err := m.fixed(1, false)
	if err != nil {
		return err
	}
	return m.pick(int(n))
}

// rotate moves the top element down behind n-1 others.
func (m *machine) rotate(n int) error {
	if len(m.stack) < n {
		return errUnderflow
	}
	s := m.stack[len(m.stack)-n:]
	top := s[n-1]
	copy(s[1:], s[:n-1])
	s[0] = top
	return nil
}

func (m *machine) jump(conditional bool) error {
	d, err := m.fixed(2, true)
	if err != nil {
		return err
	}
	if conditional {
		if v, err := m.pop(); err != nil || v == 0 {
			return err
		}
	}
	to := int64(m.at) + int64(d)
	if to < 0 || to > int64(len(m.code)) {
		return errors.New("a DWARF expression jumps out of itself")
	}
	m.at = int(to)
	return nil
}

func (m *machine) deref(size int) error {
	a, err := m.pop()
	if err != nil {
		return err
	}
	return m.pushOf(m.readUint(a, size))
}

func (m *machine) derefN() error {
	n, err := m.fixed(1, false)
	if err != nil {
		return err
	}
	return m.deref(int(n))
}

// place notes a part that stands in no memory; DW_OP_piece gives its size.
func (m *machine) place(p piece) error {
	m.stack = m.stack[:0]
	if m.at == len(m.code) {
		m.out = append(m.out, p)
		return nil
	}
	if op.Opcode(m.code[m.at]) != op.DW_OP_piece {
		return fmt.Errorf("a DWARF expression goes on with opcode %#x behind a place", m.code[m.at])
	}
	m.at++
	n, err := m.leb(false)
	if err != nil {
		return err
	}
	p.size = n
	m.out = append(m.out, p)
	return nil
}

func (m *machine) stackValue() error {
	v, err := m.pop()
	if err != nil {
		return err
	}
	return m.place(piece{kind: pieceValue, val: v})
}

func (m *machine) implicitValue() error {
	n, err := m.leb(false)
	if err != nil {
		return err
	}
	b, err := m.take(n)
	if err != nil {
		return err
	}
	return m.place(piece{kind: pieceValue, bytes: b})
}

// piece closes a part in memory; with nothing on the stack it is gone.
func (m *machine) piece() error {
	n, err := m.leb(false)
	if err != nil {
		return err
	}
	p := piece{kind: pieceGone, size: n}
	if len(m.stack) > 0 {
		p.kind, p.val = pieceMemory, m.stack[len(m.stack)-1]
		m.stack = m.stack[:0]
	}
	m.out = append(m.out, p)
	return nil
}

// parameterRef is the value of a parameter that the function's code leaves out.
func (m *machine) parameterRef() error {
	return fmt.Errorf("%w: the clone of the function does not take it", errOptimisedOut)
}

// entryValue is the value that an expression had when the function was entered.
func (m *machine) entryValue() error {
	n, err := m.leb(false)
	if err != nil {
		return err
	}
	b, err := m.take(n)
	if err != nil {
		return err
	}
	if m.entry == nil {
		return fmt.Errorf("%w: only its value at the function's entry was kept", errOptimisedOut)
	}
	return m.pushOf(m.entry(b))
}
