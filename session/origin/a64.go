package origin

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/arch/arm64/arm64asm"
)

// a64Is32 says in cpsr that the processor executes 32-bit ARM.
const a64Is32 = 1 << 4

// ownA64 names the stack pointer as the one that is in use.
func ownA64(cpsr uint64) func(name string) string {
	return func(name string) string {
		switch {
		case name != "sp":
			return name
		case cpsr&1 == 0:
			return "sp_el0"
		}
		return fmt.Sprintf("sp_el%d", cpsr>>2&3)
	}
}

func decodeA64(s *Step) (instruction, error) {
	cpsr, ok := s.Reg("cpsr")
	switch {
	case !ok:
		return nil, errors.New("cpsr is not known")
	case cpsr&a64Is32 != 0:
		return nil, errors.New("32-bit ARM on a processor of 64 bits")
	}
	in, err := arm64asm.Decode(s.Code)
	if err != nil {
		return nil, err
	}
	name := in.Op.String()
	e := &effect{name: strings.ToLower(name)}
	s.effectA64(e, name, in, cpsr)
	own := ownA64(cpsr)
	e.rename(own, own)
	return e, nil
}

// a64Wide are vector registers by the letter that tells their part, with its size.
var a64Wide = []struct {
	first arm64asm.Reg
	size  uint64
}{{arm64asm.B0, 1}, {arm64asm.H0, 2}, {arm64asm.S0, 4}, {arm64asm.D0, 8}, {arm64asm.Q0, 16}}

// a64Operand is a register; stack says that its number 31 means the stack pointer.
func a64Operand(r arm64asm.Reg, stack bool) operand {
	switch {
	case stack && r == arm64asm.SP:
		return operand{"sp", 8}
	case stack && r == arm64asm.WSP:
		return operand{"sp", 4}
	case r == arm64asm.XZR:
		return operand{"", 8}
	case r == arm64asm.WZR:
		return operand{"", 4}
	case r < arm64asm.WZR:
		return operand{numbered("x", int(r-arm64asm.W0)), 4}
	case r < arm64asm.XZR:
		return operand{numbered("x", int(r-arm64asm.X0)), 8}
	}
	for _, w := range a64Wide {
		if n := r - w.first; r >= w.first && n < 32 {
			return operand{numbered("v", int(n)), w.size}
		}
	}
	return operand{}
}

// effectA64 is what a decoded instruction does.
func (s *Step) effectA64(e *effect, name string, in arm64asm.Inst, flags uint64) {
	var regs []operand
	at, placed, back := uint64(0), false, "" // the address, whether it is known, and the register that moves
	plain := true                            // no operand is of another kind
	u, transfers := transfers[name]
	for _, arg := range in.Args {
		switch a := arg.(type) {
		case arm64asm.Reg:
			regs = append(regs, a64Operand(a, false))
		case arm64asm.RegSP:
			regs = append(regs, a64Operand(arm64asm.Reg(a), true))
		case arm64asm.PCRel: // of a literal
			at, placed = s.IP+uint64(a), true
		case arm64asm.MemImmediate:
			base := a64Operand(arm64asm.Reg(a.Base), true)
			if at, placed = s.Reg(base.name); a.Mode == arm64asm.AddrPreIndex || a.Mode == arm64asm.AddrOffset {
				at += a64Immediate(in, regs, u)
			}
			if a.Mode != arm64asm.AddrOffset {
				back = base.name
			}
		case arm64asm.MemExtend:
			at, placed = s.extendedA64(a)
		case arm64asm.RegisterWithArrangement, arm64asm.RegisterWithArrangementAndIndex:
			plain = false
		case arm64asm.Imm_hint:
			if a == 7 || a >= 8 && a <= 14 || a >= 24 && a <= 31 { // signs an address, or takes that off
				e.changes = append(e.changes, "x17", "x30")
			}
		}
	}
	switch {
	case !plain: // of vectors: not looked at
		return
	case transfers:
		e.transfer(name[0] == 'S', u, regs, at, placed)
	default:
		e.quietly(silently[name], regs, "x30")
		e.copiesA64(name, in, regs, flags)
	}
	if back != "" {
		e.changes = append(e.changes, back)
	}
}

// a64Immediate is what a load or store adds to its base: arm64asm keeps it to itself.
func a64Immediate(in arm64asm.Inst, regs []operand, u unit) uint64 {
	const (
		kind                = 0x3b000000
		pair, scaled, small = 0x28000000, 0x39000000, 0x38000000
	)
	size := u.size
	if size == 0 && len(regs) > 0 {
		size = regs[0].size
	}
	field := func(low, width uint) int64 { return int64(int32(in.Enc<<(32-low-width)) >> (32 - width)) } // with its sign
	switch in.Enc & kind {
	case pair, pair | 1<<24:
		return uint64(field(15, 7)) * size
	case scaled:
		return uint64(in.Enc>>10&0xfff) * size
	case small:
		return uint64(field(12, 9))
	}
	return 0 // exclusive, and ordered ones
}

// extendedA64 is the address of a base with a register added.
func (s *Step) extendedA64(m arm64asm.MemExtend) (uint64, bool) {
	base, ok := s.Reg(a64Operand(arm64asm.Reg(m.Base), true).name)
	o := a64Operand(m.Index, false)
	index, known := s.Reg(o.name)
	if o.name == "" {
		index, known = 0, true
	}
	switch m.Extend.String() {
	case "UXTW":
		index = uint64(uint32(index))
	case "SXTW":
		index = uint64(int64(int32(index)))
	}
	if !m.ShiftMustBeZero {
		index <<= m.Amount
	}
	return base + index, ok && known
}

// copiesA64 is what an instruction copies that changes one register.
func (e *effect) copiesA64(name string, in arm64asm.Inst, regs []operand, flags uint64) {
	if !e.all || len(regs) == 0 {
		return
	}
	n := narrowing[name]
	if c, ok := in.Args[3].(arm64asm.Cond); ok && name == "CSEL" && len(regs) == 3 {
		if e.to, e.from = regs[0], regs[2]; holds(uint32(c.Value), flags) {
			e.from = regs[1]
		}
		return
	}
	switch a := in.Args[1].(type) {
	case arm64asm.Reg, arm64asm.RegSP:
		if len(regs) == 2 && (n > 0 || name == "MOV") {
			if e.to, e.from = regs[0], regs[1]; n > 0 {
				e.from.size = n
			}
		}
	case arm64asm.Imm:
		if name == "MOV" {
			e.becomes(regs[0], uint64(a.Imm))
		}
	case arm64asm.Imm64:
		if name == "MOV" {
			e.becomes(regs[0], a.Imm)
		}
	}
}
