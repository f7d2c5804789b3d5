package debuginfo

import (
	"errors"
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/op"
)

// This evaluator of DWARF expressions takes the place of delve's, which does
// not know entry values, takes unknown registers as 0 and does not tell a piece
// that is optimised out from one that is 0.

// Bounds of one expression.
const (
	maxExprSteps = 1000
	maxExprStack = 256
)

// Opcodes that delve's list lacks.
const (
	opEntryValue      op.Opcode = 0xa3
	opGNUEntryValue   op.Opcode = 0xf3
	opGNUParameterRef op.Opcode = 0xfa // of g++'s clones, before DWARF 5: only the caller has the value
)

// machine runs one expression.
type machine struct {
	*frame
	code  []byte
	at    int
	stack []uint64
	out   []piece
}

var (
	errShort     = errors.New("a DWARF expression breaks off")
	errUnderflow = errors.New("a DWARF expression takes more from its stack than it put there")
)

// locate runs a location expression.
func (fr *frame) locate(expr []byte) ([]piece, error) {
	m := &machine{frame: fr, code: expr}
	for steps := 0; m.at < len(m.code); steps++ {
		if steps == maxExprSteps {
			return nil, errors.New("a DWARF expression does not end")
		}
		if err := m.step(); err != nil {
			return nil, err
		}
	}
	if len(m.out) > 0 {
		return m.out, nil
	}
	if len(m.stack) == 0 {
		return nil, errOptimisedOut
	}
	return []piece{{kind: pieceMemory, val: m.stack[len(m.stack)-1]}}, nil
}

// value runs an expression that computes a number, such as a frame base.
func (fr *frame) value(expr []byte) (uint64, error) {
	ps, err := fr.locate(expr)
	if err != nil {
		return 0, err
	}
	switch p := ps[0]; {
	case len(ps) != 1:
	case p.kind == pieceReg:
		return fr.register(p.val)
	case p.kind == pieceMemory, p.kind == pieceValue && p.bytes == nil:
		return p.val, nil
	}
	return 0, errors.New("a DWARF expression yields no number")
}

func (m *machine) push(v uint64) error {
	if len(m.stack) >= maxExprStack {
		return errors.New("a DWARF expression overflows its stack")
	}
	if m.f.PtrSize() == 4 {
		v &= 0xffff_ffff
	}
	m.stack = append(m.stack, v)
	return nil
}

func (m *machine) pop() (uint64, error) {
	if len(m.stack) == 0 {
		return 0, errUnderflow
	}
	v := m.stack[len(m.stack)-1]
	m.stack = m.stack[:len(m.stack)-1]
	return v, nil
}

func (m *machine) take(n uint64) ([]byte, error) {
	if n > uint64(len(m.code)-m.at) {
		return nil, errShort
	}
	b := m.code[m.at : m.at+int(n)]
	m.at += int(n)
	return b, nil
}

func (m *machine) fixed(size int, signed bool) (uint64, error) {
	b, err := m.take(uint64(size))
	if err != nil {
		return 0, err
	}
	v := m.f.uintOf(b)
	if signed {
		v = signExtend(v, size)
	}
	return v, nil
}

func signExtend(v uint64, size int) uint64 {
	if size <= 0 || size >= 8 {
		return v
	}
	shift := 64 - 8*size
	return uint64(int64(v<<shift) >> shift)
}

// leb reads a number in LEB128.
func (m *machine) leb(signed bool) (uint64, error) {
	var v uint64
	for shift := 0; ; shift += 7 {
		b, err := m.take(1)
		if err != nil || shift > 70 {
			return 0, errShort
		}
		if shift < 64 {
			v |= uint64(b[0]&0x7f) << shift
		}
		if b[0]&0x80 == 0 {
			if signed && b[0]&0x40 != 0 && shift+7 < 64 {
				v |= ^uint64(0) << (shift + 7)
			}
			return v, nil
		}
	}
}

// constants are the opcodes that push an operand.
var constants = map[op.Opcode]struct {
	size   int // bytes, 0 for LEB128
	signed bool
}{
	op.DW_OP_const1u: {1, false}, op.DW_OP_const1s: {1, true}, op.DW_OP_const2u: {2, false}, op.DW_OP_const2s: {2, true},
	op.DW_OP_const4u: {4, false}, op.DW_OP_const4s: {4, true}, op.DW_OP_const8u: {8, false}, op.DW_OP_const8s: {8, true},
	op.DW_OP_constu: {0, false}, op.DW_OP_consts: {0, true},
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// binaryOps take the second and the top element.
var binaryOps = map[op.Opcode]func(a, b uint64) uint64{
	op.DW_OP_and: func(a, b uint64) uint64 { return a & b }, op.DW_OP_or: func(a, b uint64) uint64 { return a | b },
	op.DW_OP_xor: func(a, b uint64) uint64 { return a ^ b }, op.DW_OP_plus: func(a, b uint64) uint64 { return a + b },
	op.DW_OP_minus: func(a, b uint64) uint64 { return a - b }, op.DW_OP_mul: func(a, b uint64) uint64 { return a * b },
	op.DW_OP_shl: func(a, b uint64) uint64 { return a << b }, op.DW_OP_shr: func(a, b uint64) uint64 { return a >> b },
	op.DW_OP_shra: func(a, b uint64) uint64 { return uint64(int64(a) >> b) },
	op.DW_OP_eq:   func(a, b uint64) uint64 { return truth(a == b) }, op.DW_OP_ne: func(a, b uint64) uint64 { return truth(a != b) },
	op.DW_OP_lt: func(a, b uint64) uint64 { return truth(int64(a) < int64(b)) }, op.DW_OP_le: func(a, b uint64) uint64 { return truth(int64(a) <= int64(b)) },
	op.DW_OP_gt: func(a, b uint64) uint64 { return truth(int64(a) > int64(b)) }, op.DW_OP_ge: func(a, b uint64) uint64 { return truth(int64(a) >= int64(b)) },
}

// step executes one operation.
func (m *machine) step() error {
	o := op.Opcode(m.code[m.at])
	m.at++
	if c, ok := constants[o]; ok {
		v, err := uint64(0), error(nil)
		if c.size > 0 {
			v, err = m.fixed(c.size, c.signed)
		} else {
			v, err = m.leb(c.signed)
		}
		if err != nil {
			return err
		}
		return m.push(v)
	}
	if fn, ok := binaryOps[o]; ok {
		return m.binary(fn)
	}
	switch {
	case o >= op.DW_OP_lit0 && o <= op.DW_OP_lit31:
		return m.push(uint64(o - op.DW_OP_lit0))
	case o >= op.DW_OP_reg0 && o <= op.DW_OP_reg31:
		return m.place(piece{kind: pieceReg, val: uint64(o - op.DW_OP_reg0)})
	case o >= op.DW_OP_breg0 && o <= op.DW_OP_breg31:
		return m.based(uint64(o - op.DW_OP_breg0))
	}
	if fn, ok := otherOps[o]; ok {
		return fn(m)
	}
	return fmt.Errorf("a DWARF expression has opcode %#x, which is not supported", byte(o))
}

// otherOps are the operations that need more of the machine.
var otherOps map[op.Opcode]func(m *machine) error

func init() { // the table refers to the machine, which refers to the table
	otherOps = map[op.Opcode]func(m *machine) error{
		op.DW_OP_nop:  func(*machine) error { return nil },
		op.DW_OP_addr: func(m *machine) error { return m.pushOf(m.fixed(m.f.PtrSize(), false)) },
		op.DW_OP_regx: func(m *machine) error {
			n, err := m.leb(false)
			if err != nil {
				return err
			}
			return m.place(piece{kind: pieceReg, val: n})
		},
		op.DW_OP_bregx: func(m *machine) error {
			n, err := m.leb(false)
			if err != nil {
				return err
			}
			return m.based(n)
		},
		op.DW_OP_fbreg: func(m *machine) error {
			off, err := m.leb(true)
			if err != nil {
				return err
			}
			base, err := m.frameBase()
			if err != nil {
				return err
			}
			return m.push(base + off)
		},
		op.DW_OP_call_frame_cfa: func(m *machine) error { return m.pushOf(m.cfa()) },
		op.DW_OP_plus_uconst: func(m *machine) error {
			n, err := m.leb(false)
			if err != nil {
				return err
			}
			return m.unary(func(a uint64) uint64 { return a + n })
		},
		op.DW_OP_abs: func(m *machine) error {
			return m.unary(func(a uint64) uint64 { return uint64(max(int64(a), -int64(a))) })
		},
		op.DW_OP_neg:            func(m *machine) error { return m.unary(func(a uint64) uint64 { return -a }) },
		op.DW_OP_not:            func(m *machine) error { return m.unary(func(a uint64) uint64 { return ^a }) },
		op.DW_OP_dup:            func(m *machine) error { return m.pick(0) },
		op.DW_OP_over:           func(m *machine) error { return m.pick(1) },
		op.DW_OP_pick:           (*machine).pickN,
		op.DW_OP_drop:           func(m *machine) error { _, err := m.pop(); return err },
		op.DW_OP_swap:           func(m *machine) error { return m.rotate(2) },
		op.DW_OP_rot:            func(m *machine) error { return m.rotate(3) },
		op.DW_OP_div:            func(m *machine) error { return m.divide(false) },
		op.DW_OP_mod:            func(m *machine) error { return m.divide(true) },
		op.DW_OP_skip:           func(m *machine) error { return m.jump(false) },
		op.DW_OP_bra:            func(m *machine) error { return m.jump(true) },
		op.DW_OP_deref:          func(m *machine) error { return m.deref(m.f.PtrSize()) },
		op.DW_OP_deref_size:     (*machine).derefN,
		op.DW_OP_stack_value:    (*machine).stackValue,
		op.DW_OP_implicit_value: (*machine).implicitValue,
		op.DW_OP_piece:          (*machine).piece,
		opEntryValue:            (*machine).entryValue,
		opGNUEntryValue:         (*machine).entryValue,
		opGNUParameterRef:       (*machine).parameterRef,
	}
}

func (m *machine) pushOf(v uint64, err error) error {
	if err != nil {
		return err
	}
	return m.push(v)
}
