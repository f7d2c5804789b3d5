package origin

import (
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

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

// trace tells where the bytes of a register came from that step number at finds there.
func trace(steps []Step, at int, name string, off, size uint64) Source {
	for i := at - 1; i >= 0; i-- {
		s := &steps[i]
		in, err := s.inst()
		if err != nil {
			return unknown(i, "%v", err)
		}
		src, done := s.changes(steps, i, in, name, off, size)
		if done {
			return src
		}
	}
	return unknown(0, "%s was set more than %d instructions before", name, at)
}

// changes tells where a register's bytes came from, if the instruction sets them.
func (s *Step) changes(steps []Step, i int, in x86asm.Inst, name string, off, size uint64) (src Source, done bool) {
	if (in.Op == x86asm.IMUL) && in.Args[1] != nil {
		if dest, _ := register(in.Args[0]); dest == name {
			return computed(i, "by imul"), true
		}
		return Source{}, false
	}
	if names, known := implicit[in.Op]; known {
		for _, n := range names {
			if n == name {
				return computed(i, "by %s", text(in)), true
			}
		}
		if in.Op != x86asm.POP && in.Op != x86asm.CMPXCHG {
			return Source{}, false
		}
	}
	dest, part := register(in.Args[0])
	switch {
	case in.Op == x86asm.POP && dest == name:
		if sp, ok := s.Reg("rsp"); ok && off+size <= part {
			return Source{Kind: Copied, At: i, Addr: sp + off}, true
		}
		return unknown(i, "rsp is not known"), true
	case in.Op == x86asm.POP:
		return Source{}, false
	case in.Op == x86asm.LODSB, in.Op == x86asm.LODSW, in.Op == x86asm.LODSD, in.Op == x86asm.LODSQ:
		unit := map[x86asm.Op]uint64{x86asm.LODSB: 1, x86asm.LODSW: 2, x86asm.LODSD: 4, x86asm.LODSQ: 8}[in.Op]
		from, ok := s.Reg("rsi")
		switch {
		case name == "rsi" || name == "rcx":
			return computed(i, "by %s", text(in)), true
		case name != "rax":
			return Source{}, false
		case ok && off+size <= unit:
			return Source{Kind: Copied, At: i, Addr: from + off}, true
		}
		return unknown(i, "what %s loads is not told apart", text(in)), true
	case in.Op == x86asm.XCHG:
		for k, arg := range in.Args[:2] {
			if n, _ := register(arg); n == name {
				return s.operand(steps, i, in, in.Args[1-k], off, size), true
			}
		}
		return Source{}, false
	case moves[in.Op] && dest != name, reads[in.Op], silent[in.Op], strings.HasPrefix(in.Op.String(), "J"), plain[in.Op] && dest != name:
		return Source{}, false
	case dest != name:
		return unknown(i, "%s may change %s", text(in), name), true
	case strings.HasPrefix(in.Op.String(), "CMOV"):
		return unknown(i, "%s: which of two values it was is not looked at", text(in)), true
	case part < 4 && off >= part, (in.Op == x86asm.MOVLPS || in.Op == x86asm.MOVLPD) && off >= 8: // the rest of the register stays
		return Source{}, false
	case part < 4 && off+size > part:
		return unknown(i, "%s changes a part of %s", text(in), name), true
	case moves[in.Op] && part == 4 && constant(in.Args[1]): // the upper half is 0
		return s.operand(steps, i, in, in.Args[1], off, min(size, 4)), true
	case moves[in.Op] && off+size > part, moves[in.Op] && in.MemBytes > 0 && off+size > uint64(in.MemBytes), copies[in.Op] && off+size > uint64(in.MemBytes) && in.MemBytes > 0:
		return computed(i, "by %s, which fills up what it loads", text(in)), true
	case moves[in.Op], copies[in.Op]:
		return s.operand(steps, i, in, in.Args[1], off, size), true
	}
	if args := in.Args; (in.Op == x86asm.XOR || in.Op == x86asm.SUB || in.Op == x86asm.PXOR || in.Op == x86asm.XORPS) && args[0] == args[1] {
		return computed(i, "zero, by %s", text(in)), true
	}
	return computed(i, "by %s", text(in)), true
}

// constant says whether an operand stands in the code.
func constant(arg x86asm.Arg) bool {
	_, ok := arg.(x86asm.Imm)
	return ok
}
