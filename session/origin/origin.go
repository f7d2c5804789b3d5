// Package origin decides by instructions where a value came from: whether the one that
// wrote it copied it, and from where.
//
// It knows x86_64's instructions and what the executed ones found in the registers. It
// must not know targets, kernels or programs. What it is not sure of it calls unknown.
package origin

import (
	"fmt"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// Step is an instruction that was executed.
type Step struct {
	IP   uint64
	Code []byte                           // that it begins with, up to 15 bytes
	Reg  func(name string) (uint64, bool) // registers before it, under GDB's names
}

// Kind says what is known of a value.
type Kind int

// The kinds.
const (
	Unknown  Kind = iota // Why says what is in the way
	Copied               // from memory at Addr, as Step number At read it
	Computed             // Why says how
)

// Source is where a value came from.
type Source struct {
	Kind Kind
	At   int    // number of the step
	Addr uint64 // virtual, where Copied: of the byte that is the value's first
	Why  string
}

// Write is what an instruction writes to memory.
type Write struct {
	Addr, Size uint64 // Size 0: nothing
	Known      bool   // that this is all of it
}

// endbr64 marks where indirect calls may lead; x86asm does not know it.
const endbr64 = "\xf3\x0f\x1e\xfa"

// inst decodes a step.
func (s *Step) inst() (x86asm.Inst, error) {
	if strings.HasPrefix(string(s.Code), endbr64) {
		return x86asm.Inst{Op: x86asm.NOP, Len: len(endbr64)}, nil
	}
	in, err := x86asm.Decode(s.Code, 64)
	if err == nil && in.Op == 0 {
		err = x86asm.ErrUnrecognized
	}
	if err != nil {
		return in, fmt.Errorf("the instruction at %#x is not understood: %w", s.IP, err)
	}
	return in, nil
}

// Orders says whether a step is one by which a device may be told to do something.
func (s *Step) Orders() bool {
	in, err := s.inst()
	return err == nil && (in.Op == x86asm.OUT || in.Op == x86asm.OUTSB || in.Op == x86asm.OUTSW || in.Op == x86asm.OUTSD)
}

// text is the instruction's name.
func text(in x86asm.Inst) string { return strings.ToLower(in.Op.String()) }

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
func (s *Step) address(in x86asm.Inst, m x86asm.Mem) (uint64, bool) {
	at := uint64(m.Disp)
	if m.Base != 0 || m.Index != 0 {
		at = uint64(int64(int32(m.Disp))) // x86asm leaves out the sign of long ones
	}
	add := func(reg x86asm.Reg, scale uint64) bool {
		if reg == 0 {
			return true
		}
		if reg == x86asm.RIP {
			at += s.IP + uint64(in.Len)
			return true
		}
		name, size := register(reg)
		v, ok := s.Reg(name)
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
		base, ok := s.Reg(strings.ToLower(m.Segment.String()) + "_base")
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

// Writes tells what an instruction writes to memory.
func (s *Step) Writes() Write {
	in, err := s.inst()
	if err != nil {
		return Write{}
	}
	if size := stringMoves[in.Op] + stringStores[in.Op]; size > 0 {
		at, ok := s.Reg("rdi")
		return Write{at, size, ok}
	}
	switch in.Op {
	case x86asm.PUSH, x86asm.CALL, x86asm.PUSHFQ:
		sp, ok := s.Reg("rsp")
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
		at, ok := s.address(in, m)
		return Write{at, uint64(in.MemBytes), ok && in.MemBytes > 0}
	}
	_, direct := in.Args[0].(x86asm.Reg)
	return Write{Known: direct}
}

// Moved tells where a string instruction had from what it has just written at an address,
// 0 where it only stores: by the registers behind it, which are the step's here. repeats says
// that it may be going on. It did not write there, or is no such instruction, where ok is false.
func (s *Step) Moved(addr, most uint64) (from uint64, repeats, ok bool) {
	in, err := s.inst()
	if err != nil || stringMoves[in.Op]+stringStores[in.Op] == 0 {
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
	in, err := s.inst()
	if _, stores := in.Args[0].(x86asm.Mem); err != nil || !stores || !moves[in.Op] {
		return Write{}
	}
	return s.Writes()
}

// Of tells where the size bytes at dest came from that the last of the steps wrote.
func Of(steps []Step, dest uint64, size uint64) Source {
	last := len(steps) - 1
	s := &steps[last]
	in, err := s.inst()
	if err != nil {
		return unknown(last, "%v", err)
	}
	w := s.Writes()
	if !w.Known || dest < w.Addr || dest-w.Addr+size > w.Size {
		return unknown(last, "what %s writes is not told apart", text(in))
	}
	off := dest - w.Addr
	switch {
	case stringMoves[in.Op] > 0:
		if from, ok := s.Reg("rsi"); ok {
			return Source{Kind: Copied, At: last, Addr: from + off}
		}
		return unknown(last, "rsi is not known")
	case stringStores[in.Op] > 0:
		return trace(steps, last, "rax", off, size)
	case in.Op == x86asm.CALL:
		return computed(last, "the return address of a call")
	case in.Op == x86asm.PUSHFQ:
		return computed(last, "the processor's flags")
	case in.Op == x86asm.PUSH:
		return s.operand(steps, last, in, in.Args[0], off, size)
	case in.Op == x86asm.XCHG:
		for _, arg := range in.Args[:2] {
			if name, _ := register(arg); name != "" {
				return trace(steps, last, name, off, size)
			}
		}
	case moves[in.Op]:
		return s.operand(steps, last, in, in.Args[1], off, size)
	case plain[in.Op], in.Op == x86asm.XADD:
		return computed(last, "%s in place", text(in))
	}
	return unknown(last, "what %s stores is not looked at", text(in))
}

// Whole tells whether all of size bytes at dest were copied from one piece of memory, as
// far as the steps go: where that is, and the first of the steps that did it. The last of
// the steps is the last that wrote there.
func Whole(steps []Step, dest, size uint64) (from uint64, first int, ok bool) {
	left := make([]bool, size) // bytes whose last write was seen
	n := uint64(0)
	for i := len(steps) - 1; i >= 0 && n < size; i-- {
		w := steps[i].Writes()
		if !w.Known {
			return 0, 0, false
		}
		for b := range size {
			if left[b] || dest+b < w.Addr || dest+b-w.Addr >= w.Size {
				continue
			}
			src := Of(steps[:i+1], dest+b, 1)
			if src.Kind != Copied || n > 0 && src.Addr-b != from {
				return 0, 0, false
			}
			from, first, left[b] = src.Addr-b, i, true
			n++
		}
	}
	return from, first, n == size
}

// operand tells where the bytes of an operand came from.
func (s *Step) operand(steps []Step, at int, in x86asm.Inst, arg x86asm.Arg, off, size uint64) Source {
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
		return computed(at, "a constant of the code (%#x)", v)
	case x86asm.Mem:
		if addr, ok := s.address(in, a); ok {
			return Source{Kind: Copied, At: at, Addr: addr + off}
		}
		return unknown(at, "the address that %s reads is not known", text(in))
	}
	if name, part := register(arg); name != "" && off+size <= part {
		return trace(steps, at, name, off, size)
	}
	return unknown(at, "what %s stores is not told apart", text(in))
}

func unknown(at int, format string, args ...any) Source {
	return Source{Kind: Unknown, At: at, Why: fmt.Sprintf(format, args...)}
}

func computed(at int, format string, args ...any) Source {
	return Source{Kind: Computed, At: at, Why: fmt.Sprintf(format, args...)}
}
