package origin

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// endbr64 marks where indirect calls may lead; x86asm does not know it.
const endbr64 = "\xf3\x0f\x1e\xfa"

// x86 is a decoded step.
type x86 struct {
	x86asm.Inst
	s *Step
}

func decodeX86(s *Step) (instruction, error) {
	if strings.HasPrefix(string(s.Code), endbr64) {
		return x86{x86asm.Inst{Op: x86asm.NOP, Len: len(endbr64)}, s}, nil
	}
	in, err := x86asm.Decode(s.Code, 64)
	if err == nil && in.Op == 0 {
		err = x86asm.ErrUnrecognized
	}
	return x86{in, s}, err
}

// x86 is the step decoded, if it is one of an x86_64.
func (s *Step) x86() (in x86, ok bool) {
	got, _ := s.inst()
	in, ok = got.(x86)
	return in, ok
}

// Orders says whether a step is one by which a device may be told to do something.
func (s *Step) Orders() bool {
	in, ok := s.x86()
	return ok && (in.Op == x86asm.OUT || in.Op == x86asm.OUTSB || in.Op == x86asm.OUTSW || in.Op == x86asm.OUTSD)
}

func (in x86) text() string { return strings.ToLower(in.Op.String()) }

// general are the registers by their numbers in instructions.
var general = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// register is the whole register that a part belongs to, and the part's size in bytes;
// high parts (ah) have none.
func register(arg x86asm.Arg) (name string, size uint64) {
	r, ok := arg.(x86asm.Reg)
	switch {
	case !ok:
	case r >= x86asm.RAX && r <= x86asm.R15:
		return general[r-x86asm.RAX], 8
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return general[r-x86asm.EAX], 4
	case r >= x86asm.AX && r <= x86asm.R15W:
		return general[r-x86asm.AX], 2
	case r >= x86asm.AL && r <= x86asm.BL:
		return general[r-x86asm.AL], 1
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return general[4+r-x86asm.SPB], 1
	case r >= x86asm.X0 && r <= x86asm.X15:
		return fmt.Sprintf("xmm%d", r-x86asm.X0), 16
	}
	return "", 0
}

// address is a memory operand's.
func (in x86) address(m x86asm.Mem) (uint64, bool) {
	at := uint64(m.Disp)
	if m.Base != 0 || m.Index != 0 {
		at = uint64(int64(int32(m.Disp))) // x86asm leaves out the sign of long ones
	}
	add := func(reg x86asm.Reg, scale uint64) bool {
		if reg == 0 {
			return true
		}
		if reg == x86asm.RIP {
			at += in.s.IP + uint64(in.Len)
			return true
		}
		name, size := register(reg)
		v, ok := in.s.Reg(name)
		if size != 8 || !ok {
			return false
		}
		at += v * scale
		return true
	}
	if !add(m.Base, 1) || !add(m.Index, uint64(m.Scale)) {
		return 0, false
	}
	switch m.Segment {
	case x86asm.FS, x86asm.GS:
		base, ok := in.s.Reg(strings.ToLower(m.Segment.String()) + "_base")
		return at + base, ok
	}
	return at, true
}

// Sizes of what string instructions move and store.
var stringMoves = map[x86asm.Op]uint64{x86asm.MOVSB: 1, x86asm.MOVSW: 2, x86asm.MOVSD: 4, x86asm.MOVSQ: 8}
var stringStores = map[x86asm.Op]uint64{x86asm.STOSB: 1, x86asm.STOSW: 2, x86asm.STOSD: 4, x86asm.STOSQ: 8}

// moves store their second operand, or load it, as it is.
var moves = map[x86asm.Op]bool{x86asm.MOV: true, x86asm.MOVNTI: true, x86asm.MOVUPS: true, x86asm.MOVAPS: true, x86asm.MOVUPD: true, x86asm.MOVAPD: true,
	x86asm.MOVDQU: true, x86asm.MOVDQA: true, x86asm.MOVNTDQ: true, x86asm.MOVNTPS: true, x86asm.MOVQ: true, x86asm.MOVD: true, x86asm.MOVLPS: true, x86asm.MOVLPD: true}

// reads only read their first operand.
var reads = map[x86asm.Op]bool{x86asm.CMP: true, x86asm.TEST: true, x86asm.BT: true, x86asm.NOP: true, x86asm.JMP: true, x86asm.LJMP: true,
	x86asm.PREFETCHT0: true, x86asm.PREFETCHT1: true, x86asm.PREFETCHT2: true, x86asm.PREFETCHNTA: true, x86asm.PREFETCHW: true,
	x86asm.LGDT: true, x86asm.LIDT: true, x86asm.LTR: true, x86asm.LLDT: true, x86asm.LDMXCSR: true, x86asm.INVLPG: true,
	x86asm.MUL: true, x86asm.DIV: true, x86asm.IDIV: true, x86asm.UCOMISD: true, x86asm.UCOMISS: true, x86asm.COMISD: true, x86asm.COMISS: true,
	x86asm.FXRSTOR: true, x86asm.FXRSTOR64: true, x86asm.FLD: true, x86asm.FILD: true, x86asm.FLDCW: true}

// silent leave memory alone whatever their operands are.
var silent = map[x86asm.Op]bool{x86asm.RET: true, x86asm.IRETQ: true, x86asm.IRETD: true, x86asm.SYSRET: true, x86asm.SYSEXIT: true, x86asm.LEAVE: true,
	x86asm.HLT: true, x86asm.CLI: true, x86asm.STI: true, x86asm.PAUSE: true, x86asm.SYSCALL: true, x86asm.CLD: true, x86asm.STD: true, x86asm.POPFQ: true,
	x86asm.RDTSC: true, x86asm.CPUID: true, x86asm.RDMSR: true, x86asm.WRMSR: true, x86asm.LFENCE: true, x86asm.MFENCE: true, x86asm.SFENCE: true,
	x86asm.IN: true, x86asm.OUT: true, x86asm.CQO: true, x86asm.CDQ: true, x86asm.CDQE: true, x86asm.SWAPGS: true, x86asm.WBINVD: true,
	x86asm.LODSB: true, x86asm.LODSW: true, x86asm.LODSD: true, x86asm.LODSQ: true, x86asm.SCASB: true, x86asm.SCASW: true, x86asm.SCASD: true, x86asm.SCASQ: true,
	x86asm.CMPSB: true, x86asm.CMPSW: true, x86asm.CMPSD: true, x86asm.CMPSQ: true}

func (in x86) writes() Write {
	if size := stringMoves[in.Op] + stringStores[in.Op]; size > 0 {
		at, ok := in.s.Reg("rdi")
		return Write{at, size, ok}
	}
	switch in.Op {
	case x86asm.PUSH, x86asm.CALL, x86asm.PUSHFQ:
		sp, ok := in.s.Reg("rsp")
		size := uint64(8)
		if in.DataSize == 16 {
			size = 2
		}
		return Write{sp - size, size, ok}
	}
	if silent[in.Op] || reads[in.Op] || in.Op == x86asm.LEA || strings.HasPrefix(in.Op.String(), "J") {
		return Write{Known: true}
	}
	for i, arg := range in.Args {
		m, ok := arg.(x86asm.Mem)
		if !ok || i > 0 && in.Op != x86asm.XCHG {
			continue
		}
		at, ok := in.address(m)
		return Write{at, uint64(in.MemBytes), ok && in.MemBytes > 0}
	}
	_, direct := in.Args[0].(x86asm.Reg)
	return Write{Known: direct}
}

// Moved tells where a string instruction had from what it has just written at an address,
// 0 where it only stores: by the registers behind it, which are the step's here. repeats says
// that it may be going on. It did not write there, or is no such instruction, where ok is false.
func (s *Step) Moved(addr, most uint64) (from uint64, repeats, ok bool) {
	in, ok := s.x86()
	if !ok || stringMoves[in.Op]+stringStores[in.Op] == 0 {
		return 0, false, false
	}
	to, ok := s.Reg("rdi")
	if ok = ok && to-addr <= most; ok && stringMoves[in.Op] > 0 {
		from, ok = s.Reg("rsi")
		from -= to - addr
	}
	for _, p := range in.Prefix {
		repeats = repeats || p&0xff == x86asm.PrefixREP || p&0xff == x86asm.PrefixREPN
	}
	return from, repeats, ok
}

// Stored tells what a move has just stored: the registers are those behind it, which it
// leaves as they were. Of other instructions it is not Known.
func (s *Step) Stored() Write {
	in, ok := s.x86()
	if _, stores := in.Args[0].(x86asm.Mem); !ok || !stores || !moves[in.Op] {
		return Write{}
	}
	return in.writes()
}

// stored tells where bytes came from that the instruction writes.
func (in x86) stored(off, size uint64) found {
	switch {
	case stringMoves[in.Op] > 0:
		if from, ok := in.s.Reg("rsi"); ok {
			return inMemory(from + off)
		}
		return notKnown("rsi is not known")
	case stringStores[in.Op] > 0:
		return inRegister("rax", off, size)
	case in.Op == x86asm.CALL:
		return computed("the return address of a call")
	case in.Op == x86asm.PUSHFQ:
		return computed("the processor's flags")
	case in.Op == x86asm.PUSH:
		return in.operand(in.Args[0], off, size)
	case in.Op == x86asm.XCHG:
		for _, arg := range in.Args[:2] {
			if name, _ := register(arg); name != "" {
				return inRegister(name, off, size)
			}
		}
	case moves[in.Op]:
		return in.operand(in.Args[1], off, size)
	case plain[in.Op], in.Op == x86asm.XADD:
		return computed("%s in place", in.text())
	}
	return notKnown("what %s stores is not looked at", in.text())
}

// operand tells where the bytes of an operand came from.
func (in x86) operand(arg x86asm.Arg, off, size uint64) found {
	switch a := arg.(type) {
	case x86asm.Imm:
		_, part := register(in.Args[0])
		if part == 0 {
			part = uint64(in.MemBytes)
		}
		v := uint64(a)
		if part == 1 || part == 2 || part == 4 { // x86asm has a sign there
			v &= 1<<(8*part) - 1
		}
		return computed("a constant of the code (%#x)", v)
	case x86asm.Mem:
		if addr, ok := in.address(a); ok {
			return inMemory(addr + off)
		}
		return notKnown("the address that %s reads is not known", in.text())
	}
	if name, part := register(arg); name != "" && off+size <= part {
		return inRegister(name, off, size)
	}
	return notKnown("what %s stores is not told apart", in.text())
}

// implicit are registers that instructions change without naming them.
var implicit = map[x86asm.Op][]string{
	x86asm.MUL: {"rax", "rdx"}, x86asm.IMUL: {"rax", "rdx"}, x86asm.DIV: {"rax", "rdx"}, x86asm.IDIV: {"rax", "rdx"},
	x86asm.CQO: {"rdx"}, x86asm.CDQ: {"rdx"}, x86asm.CWD: {"rdx"}, x86asm.CDQE: {"rax"}, x86asm.CWDE: {"rax"}, x86asm.CBW: {"rax"},
	x86asm.RDTSC: {"rax", "rdx"}, x86asm.RDMSR: {"rax", "rdx"}, x86asm.CPUID: {"rax", "rbx", "rcx", "rdx"}, x86asm.IN: {"rax"},
	x86asm.SYSCALL: {"rcx", "r11"}, x86asm.CMPXCHG: {"rax"},
	x86asm.MOVSB: {"rsi", "rdi", "rcx"}, x86asm.MOVSW: {"rsi", "rdi", "rcx"}, x86asm.MOVSD: {"rsi", "rdi", "rcx"}, x86asm.MOVSQ: {"rsi", "rdi", "rcx"},
	x86asm.STOSB: {"rdi", "rcx"}, x86asm.STOSW: {"rdi", "rcx"}, x86asm.STOSD: {"rdi", "rcx"}, x86asm.STOSQ: {"rdi", "rcx"},
	x86asm.LEAVE: {"rbp", "rsp"}, x86asm.PUSH: {"rsp"}, x86asm.POP: {"rsp"}, x86asm.CALL: {"rsp"}, x86asm.RET: {"rsp"}, x86asm.PUSHFQ: {"rsp"}, x86asm.POPFQ: {"rsp"},
	x86asm.IRETQ: {"rsp"}, x86asm.INT: {"rsp"}, x86asm.SYSENTER: {"rsp"}, x86asm.SYSRET: {}, x86asm.LOOP: {"rcx"},
}

// plain are instructions that change nothing but their first operand, and flags.
var plain = map[x86asm.Op]bool{x86asm.ADD: true, x86asm.SUB: true, x86asm.AND: true, x86asm.OR: true, x86asm.XOR: true, x86asm.NOT: true, x86asm.NEG: true,
	x86asm.INC: true, x86asm.DEC: true, x86asm.SHL: true, x86asm.SHR: true, x86asm.SAR: true, x86asm.ROL: true, x86asm.ROR: true, x86asm.LEA: true,
	x86asm.ADC: true, x86asm.SBB: true, x86asm.SHLD: true, x86asm.SHRD: true, x86asm.BSF: true, x86asm.BSR: true, x86asm.BSWAP: true,
	x86asm.MOVZX: true, x86asm.MOVSX: true, x86asm.MOVSXD: true, x86asm.BTS: true, x86asm.BTR: true, x86asm.BTC: true,
	x86asm.PXOR: true, x86asm.XORPS: true, x86asm.PUNPCKLQDQ: true, x86asm.PSHUFD: true, x86asm.MOVHPS: true, x86asm.UNPCKLPD: true,
	x86asm.SETE: true, x86asm.SETNE: true, x86asm.SETA: true, x86asm.SETB: true, x86asm.SETG: true, x86asm.SETL: true, x86asm.SETGE: true, x86asm.SETLE: true}

// copies are instructions that load a smaller value as it is, and fill up the rest.
var copies = map[x86asm.Op]bool{x86asm.MOVZX: true, x86asm.MOVSX: true, x86asm.MOVSXD: true}

// sets tells where a register's bytes came from, if the instruction sets them.
func (in x86) sets(name string, off, size uint64) (f found, ok bool) {
	if (in.Op == x86asm.IMUL) && in.Args[1] != nil {
		if dest, _ := register(in.Args[0]); dest == name {
			return computed("by imul"), true
		}
		return found{}, false
	}
	if names, known := implicit[in.Op]; known {
		if slices.Contains(names, name) {
			return computed("by %s", in.text()), true
		}
		if in.Op != x86asm.POP && in.Op != x86asm.CMPXCHG {
			return found{}, false
		}
	}
	dest, part := register(in.Args[0])
	switch {
	case in.Op == x86asm.POP && dest == name:
		if sp, ok := in.s.Reg("rsp"); ok && off+size <= part {
			return inMemory(sp + off), true
		}
		return notKnown("rsp is not known"), true
	case in.Op == x86asm.POP:
		return found{}, false
	case in.Op == x86asm.LODSB, in.Op == x86asm.LODSW, in.Op == x86asm.LODSD, in.Op == x86asm.LODSQ:
		return in.loads(name, off, size)
	case in.Op == x86asm.XCHG:
		for k, arg := range in.Args[:2] {
			if n, _ := register(arg); n == name {
				return in.operand(in.Args[1-k], off, size), true
			}
		}
		return found{}, false
	case moves[in.Op] && dest != name, reads[in.Op], silent[in.Op], strings.HasPrefix(in.Op.String(), "J"), plain[in.Op] && dest != name:
		return found{}, false
	case dest != name:
		return notKnown("%s may change %s", in.text(), name), true
	case strings.HasPrefix(in.Op.String(), "CMOV"):
		return notKnown("%s: which of two values it was is not looked at", in.text()), true
	case part < 4 && off >= part, (in.Op == x86asm.MOVLPS || in.Op == x86asm.MOVLPD) && off >= 8: // the rest of the register stays
		return found{}, false
	case part < 4 && off+size > part:
		return notKnown("%s changes a part of %s", in.text(), name), true
	case moves[in.Op] && part == 4 && constant(in.Args[1]): // the upper half is 0
		return in.operand(in.Args[1], off, min(size, 4)), true
	case moves[in.Op] && off+size > part, moves[in.Op] && in.MemBytes > 0 && off+size > uint64(in.MemBytes), copies[in.Op] && off+size > uint64(in.MemBytes) && in.MemBytes > 0:
		return computed("by %s, which fills up what it loads", in.text()), true
	case moves[in.Op], copies[in.Op]:
		return in.operand(in.Args[1], off, size), true
	}
	if args := in.Args; (in.Op == x86asm.XOR || in.Op == x86asm.SUB || in.Op == x86asm.PXOR || in.Op == x86asm.XORPS) && args[0] == args[1] {
		return computed("zero, by %s", in.text()), true
	}
	return computed("by %s", in.text()), true
}

// loads is sets for an instruction that loads from where rsi leads.
func (in x86) loads(name string, off, size uint64) (f found, ok bool) {
	unit := map[x86asm.Op]uint64{x86asm.LODSB: 1, x86asm.LODSW: 2, x86asm.LODSD: 4, x86asm.LODSQ: 8}[in.Op]
	from, known := in.s.Reg("rsi")
	switch {
	case name == "rsi" || name == "rcx":
		return computed("by %s", in.text()), true
	case name != "rax":
		return found{}, false
	case known && off+size <= unit:
		return inMemory(from + off), true
	}
	return notKnown("what %s loads is not told apart", in.text()), true
}

// constant says whether an operand stands in the code.
func constant(arg x86asm.Arg) bool {
	_, ok := arg.(x86asm.Imm)
	return ok
}
