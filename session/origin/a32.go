package origin

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"strings"

	"golang.org/x/arch/arm/armasm"
)

// What instructions and cpsr say, besides flags.
const (
	otherCode = 1<<5 | 1<<9 | 1<<24 // of cpsr: Thumb, big-endian, Jazelle
	userBank  = 1 << 22             // of LDM and STM: registers of user mode
	manyMask  = 0x0e000000          // LDM and STM
	many      = 0x08000000
)

// a32Modes are the modes that have registers of their own, by the end of cpsr; the others
// have user mode's.
var a32Modes = map[uint64]string{0x11: "_fiq", 0x12: "_irq", 0x13: "_svc", 0x16: "_mon", 0x17: "_abt", 0x1a: "_hyp", 0x1b: "_und"}

// modeA32 is the processor's mode, as the end of its registers' names.
func (s *Step) modeA32() string {
	cpsr, _ := s.Reg("cpsr")
	return a32Modes[cpsr&0x1f]
}

// ownA32 names the registers that a mode may have of its own as those of one.
func ownA32(mode string) func(name string) string {
	return func(name string) string {
		switch name {
		case "sp", "lr":
			if mode == "" {
				return name + "_usr"
			}
			return name + mode
		case "r8", "r9", "r10", "r11", "r12":
			if mode == "_fiq" {
				return name + mode
			}
		}
		return name
	}
}

// linkA32 is the register of the mode that the processor has come to.
func linkA32(s, next *Step) string {
	if to := next.modeA32(); to != s.modeA32() {
		return "lr" + to
	}
	return ""
}

// beyond are instructions that armasm does not know. None writes to memory.
var beyond = []struct {
	mask, value uint32
	name        string
	does        does // the first operand is that of bits 12 to 15
}{
	{0x0f100010, 0x0e000010, "mcr", nothing},
	{0x0f100010, 0x0e100010, "mrc", computes},
	{0xfff10020, 0xf1000000, "cps", nothing},
	{0x0fb000f0, 0x01000000, "mrs", computes},
	{0x0fb000f0, 0x01200000, "msr", nothing},
	{0x0fb0f000, 0x0320f000, "msr", nothing},
}

func decodeA32(s *Step) (instruction, error) {
	cpsr, ok := s.Reg("cpsr")
	switch {
	case !ok:
		return nil, errors.New("cpsr is not known")
	case cpsr&otherCode != 0:
		return nil, errors.New("it is Thumb or Jazelle, or data are big-endian")
	case len(s.Code) < 4:
		return nil, errors.New("its code cannot be read")
	}
	enc := binary.LittleEndian.Uint32(s.Code)
	conditional := enc>>28 != 15
	banked := conditional && enc&manyMask == many && enc&userBank != 0
	if banked {
		enc &^= userBank
	}
	e := &effect{}
	in, err := armasm.Decode(binary.LittleEndian.AppendUint32(nil, enc), armasm.ModeARM)
	name, _, _ := strings.Cut(in.Op.String(), ".")
	if err != nil && !e.beyond(enc) && !s.beside(e, enc) {
		return nil, err
	}
	if err == nil {
		e.name = strings.ToLower(name)
	}
	switch {
	case conditional && !holds(enc>>28, cpsr): // it is not executed
		return &effect{name: e.name, apart: true, all: true}, nil
	case err == nil:
		s.effectA32(e, name, in)
	}
	own := ownA32(s.modeA32())
	moved := own
	if n := len(e.loads); banked && (n == 0 || e.loads[n-1].reg.name != "pc") { // else it returns from an exception
		moved = ownA32("")
	}
	e.rename(moved, own)
	if name == "SVC" {
		e.changes = append(e.changes, "lr_svc")
	}
	return e, nil
}

// beyond is the effect of an instruction that armasm does not know, if we do.
func (e *effect) beyond(enc uint32) bool {
	for _, b := range beyond {
		if enc&b.mask == b.value && (enc>>28 == 15) == (b.value>>28 == 15) {
			e.name = b.name
			e.quietly(b.does, []operand{a32Operand(armasm.Reg(enc >> 12 & 15))}, "")
			return true
		}
	}
	return false
}

// beside is the effect of loads and stores that armasm does not know, if we do: of the
// vector unit's registers, and of what an exception came from.
func (s *Step) beside(e *effect, enc uint32) bool {
	const (
		before, up, back, loads = 1 << 24, 1 << 23, 1 << 21, 1 << 20
		vectors, vectorsMask    = 0x0c000a00, 0x0e000e00
		mostVectors             = 65 // words: 32 of 8 bytes, and one of an old form
		srs, srsMask            = 0xf84d0500, 0xfe5fffe0
		rfe, rfeMask            = 0xf8100a00, 0xfe50ffff
	)
	base := armasm.Reg(enc >> 16 & 15)
	at, placed := s.Reg(a32Name(base))
	var moves []access
	switch {
	case enc&srsMask == srs:
		e.name = "srs"
		cpsr, _ := s.Reg("cpsr")
		placed = placed && enc&0x1f == uint32(cpsr&0x1f) // else it is another mode's stack
		moves = []access{{size: 4, reg: operand{"lr", 4}}, {size: 4}}
	case enc&rfeMask == rfe:
		e.name = "rfe"
		moves = []access{{size: 4}, {size: 4}}
	case enc>>28 != 15 && enc&vectorsMask == vectors && (enc&before == 0 && enc&up != 0 || enc&before != 0 && enc&up == 0 && enc&back != 0):
		n := uint64(enc & 0xff)
		if n == 0 || n > mostVectors {
			return false
		}
		if e.name = "vstm"; enc&loads != 0 {
			e.name = "vldm"
		}
		moves = []access{{size: 4 * n}}
	default:
		return false
	}
	size := uint64(0)
	for _, m := range moves {
		size += m.size
	}
	switch {
	case enc&up == 0:
		at -= size
		if enc&before == 0 {
			at += 4
		}
	case enc&before != 0:
		at += 4
	}
	for i := range moves {
		moves[i].addr = wrap32(at)
		at += moves[i].size
	}
	if e.known, e.apart, e.all = placed, true, true; enc&loads != 0 {
		e.loads = moves
	} else {
		e.stores = moves
	}
	if enc&back != 0 {
		e.changes = append(e.changes, a32Name(base))
	}
	return true
}

// a32Name is a register's name for GDB, "" of those that are not looked at.
func a32Name(r armasm.Reg) string {
	switch {
	case r == armasm.PC:
		return "pc"
	case r == armasm.SP:
		return "sp"
	case r == armasm.LR:
		return "lr"
	case r < armasm.R13:
		return numbered("r", int(r))
	}
	return ""
}

// a32Operand is a register, with no name and width where what it has is not looked at.
func a32Operand(r armasm.Reg) operand {
	if name := a32Name(r); name != "" {
		return operand{name, 4}
	}
	return operand{}
}

// effectA32 is what a decoded instruction does, as its condition holds.
func (s *Step) effectA32(e *effect, name string, in armasm.Inst) {
	var regs, list []operand
	var mem *armasm.Mem
	at, placed, back := uint64(0), false, "" // the address, whether it is known, and the register that moves
	for _, arg := range in.Args {
		switch a := arg.(type) {
		case armasm.Reg:
			regs = append(regs, a32Operand(a))
		case armasm.RegList:
			for r := range armasm.PC + 1 {
				if a>>r&1 != 0 {
					list = append(list, a32Operand(r))
				}
			}
		case armasm.PCRel: // of a literal
			at, placed = wrap32(s.IP+8+uint64(a)), true
		case armasm.Mem:
			mem = &a
			if at, placed = s.addressA32(a); a.Mode != armasm.AddrOffset && a.Mode != armasm.AddrLDM {
				back = a32Name(a.Base)
			}
		}
	}
	stores := name[0] == 'S' || name == "PUSH" || name == "VSTR"
	u, transfers := transfers[name]
	switch {
	case list != nil:
		if mem == nil {
			at, placed = s.Reg("sp")
			back = "sp"
		}
		e.transfer(stores, unit{size: 4}, list, wrap32(at+manyFrom(name, 4*uint64(len(list)))), placed)
	case transfers:
		e.transfer(stores, u, regs, at, placed)
	case name == "VSTR", name == "VLDR":
		size := uint64(4)
		if r, _ := in.Args[0].(armasm.Reg); r >= armasm.D0 {
			size = 8
		}
		e.transfer(stores, unit{size: size}, regs, at, placed)
	default:
		e.quietly(silently[name], regs, "lr")
		e.copiesA32(name, in)
	}
	if back != "" {
		e.changes = append(e.changes, back)
	}
}

// manyFrom is where the lowest register of several stands, as seen from the address.
func manyFrom(name string, size uint64) uint64 {
	switch name {
	case "PUSH", "STMDB", "LDMDB":
		return -size
	case "STMDA", "LDMDA":
		return 4 - size
	case "STMIB", "LDMIB":
		return 4
	}
	return 0
}

// copiesA32 is what an instruction copies that changes one register.
func (e *effect) copiesA32(name string, in armasm.Inst) {
	to, ok := in.Args[0].(armasm.Reg)
	if !ok || !e.all {
		return
	}
	switch a := in.Args[1].(type) {
	case armasm.Reg:
		if n := narrowing[name]; n > 0 || name == "MOV" {
			e.to, e.from = a32Operand(to), a32Operand(a)
			if n > 0 {
				e.from.size = n
			}
		}
	case armasm.Imm:
		if name == "MOV" || name == "MOVW" {
			e.becomes(a32Operand(to), uint64(a))
		}
	case armasm.ImmAlt:
		if name == "MOV" {
			e.becomes(a32Operand(to), uint64(a.Imm()))
		}
	}
}

func wrap32(addr uint64) uint64 { return uint64(uint32(addr)) }

// addressA32 is a memory operand's.
func (s *Step) addressA32(m armasm.Mem) (uint64, bool) {
	at, ok := s.Reg(a32Name(m.Base))
	if m.Base == armasm.PC {
		at, ok = s.IP+8, true
	}
	if !ok || m.Mode == armasm.AddrPostIndex { // a base that is moved behind
		return wrap32(at), ok
	}
	by := uint64(int64(m.Offset))
	if m.Sign != 0 {
		index, known := s.Reg(a32Name(m.Index))
		if m.Index == armasm.PC || !known {
			return 0, false
		}
		v, n := uint32(index), int(m.Count)
		switch m.Shift {
		case armasm.ShiftLeft:
			v <<= n
		case armasm.ShiftRight:
			v >>= n
		case armasm.ShiftRightSigned:
			v = uint32(int32(v) >> n)
		case armasm.RotateRight:
			v = bits.RotateLeft32(v, -n)
		default: // through the carry
			cpsr, _ := s.Reg("cpsr")
			v = v>>1 | uint32(cpsr&flagC)<<2
		}
		if by = uint64(v); m.Sign < 0 {
			by = -by
		}
	}
	return wrap32(at + by), true
}
