package arch

import (
	"bytes"
	"debug/elf"
	"slices"

	"golang.org/x/arch/x86/x86asm"

	"thaw/kernel"
	"thaw/session/target"
)

// Instruction is what one instruction does to its processor and to memory, worked out
// without executing it.
type Instruction struct {
	Length int               // of the instruction, in bytes
	Regs   []kernel.Register // new values, the instruction pointer's last
	Store  int               // so many bytes are written, too
	Addr   uint64            // where, virtual
	Value  uint64
}

// Load reads so many bytes at a virtual address, a multiple of their number, as an
// integer; false where that could fault, or could have effects.
type Load func(addr uint64, size int) (uint64, bool)

// EffectOf works out the effect of the instruction that code begins with, of
// those that functions begin with, or consist of; false for all others, and for all that
// could fault but for a store. load may be nil: then it is false for what reads memory,
// too. On ARM that is every instruction.
func (a Arch) EffectOf(code []byte, r target.Registers, load Load) (Instruction, bool) {
	if a.machine != elf.EM_X86_64 {
		return Instruction{}, false
	}
	x := &executor{r: r, read: load}
	n, ok := x.execute(code)
	if !ok || x.unknown {
		return Instruction{}, false
	}
	if x.Length = n; !x.jumps {
		x.set("rip", Value(r, "rip")+uint64(n))
	}
	return x.Instruction, true
}

// executor collects an effect (AMD64 Architecture Programmer's Manual, volume
// 3).
type executor struct {
	Instruction
	r       target.Registers
	read    Load // nil: memory is not read
	unknown bool // a register's value is not known
	jumps   bool // the instruction pointer is set
}

func (x *executor) get(name string) uint64 {
	v, ok := x.r.Uint64(name)
	x.unknown = x.unknown || !ok
	return v
}

func (x *executor) set(name string, v uint64) {
	x.Regs = append(x.Regs, kernel.Register{Name: name, Value: v})
}

// endbr64 marks where indirect calls may lead; x86asm does not know it.
const endbr64 = "\xf3\x0f\x1e\xfa"

// execute returns the instruction's length.
func (x *executor) execute(code []byte) (length int, ok bool) {
	if len(code) >= len(endbr64) && string(code[:len(endbr64)]) == endbr64 {
		return len(endbr64), true
	}
	in, err := x86asm.Decode(code, 64)
	if err != nil || in.Mode != 64 || !plain(in) {
		return 0, false
	}
	do, ok := executions[in.Op]
	return in.Len, ok && do(x, in)
}

// plain says whether an instruction has no prefix but REX. Of a no-op they do
// not matter, but for REP, which makes it a pause.
func plain(in x86asm.Inst) bool {
	for _, p := range in.Prefix {
		switch {
		case p == 0:
			return true
		case p.IsREX():
		case in.Op == x86asm.NOP && p&0xff == 0x66, in.Op == x86asm.NOP && p&0xff == 0x2e:
		default:
			return false
		}
	}
	return true
}

// executions are the instructions that are understood.
var executions = map[x86asm.Op]func(x *executor, in x86asm.Inst) bool{
	x86asm.NOP:  func(*executor, x86asm.Inst) bool { return true },
	x86asm.PUSH: (*executor).push,
	x86asm.MOV: func(x *executor, in x86asm.Inst) bool {
		v, ok := x.operand(in.Args[1], in.DataSize)
		return ok && x.assign(in.Args[0], in.DataSize, v)
	},
	x86asm.LEA: (*executor).lea,
	x86asm.RET: (*executor).ret,
	x86asm.ADD: func(x *executor, in x86asm.Inst) bool {
		if m, ok := in.Args[0].(x86asm.Mem); ok {
			return x.update(in, m, sum)
		}
		return x.arithmetic(in, true, sum)
	},
	x86asm.SUB: func(x *executor, in x86asm.Inst) bool { return x.arithmetic(in, true, difference) },
	x86asm.CMP: func(x *executor, in x86asm.Inst) bool { return x.arithmetic(in, false, difference) },
	x86asm.XOR: func(x *executor, in x86asm.Inst) bool {
		return x.arithmetic(in, true, logic(func(a, b uint64) uint64 { return a ^ b }))
	},
	x86asm.TEST: func(x *executor, in x86asm.Inst) bool {
		return x.arithmetic(in, false, logic(func(a, b uint64) uint64 { return a & b }))
	},
}

// general are the registers by their numbers in instructions.
var general = [16]string{"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"}

// register names a whole general register, or its low half with size 32.
func register(arg x86asm.Arg, size int) (string, bool) {
	r, ok := arg.(x86asm.Reg)
	switch {
	case ok && size == 64 && r >= x86asm.RAX && r <= x86asm.R15:
		return general[r-x86asm.RAX], true
	case ok && size == 32 && r >= x86asm.EAX && r <= x86asm.R15L:
		return general[r-x86asm.EAX], true
	}
	return "", false
}

// operand is the value of a register or an immediate.
func (x *executor) operand(arg x86asm.Arg, size int) (uint64, bool) {
	mask := uint64(1)<<(size-1)<<1 - 1
	if i, ok := arg.(x86asm.Imm); ok {
		return uint64(i) & mask, true
	}
	name, ok := register(arg, size)
	if !ok {
		return 0, false
	}
	return x.get(name) & mask, true
}

// assign sets a register; the low half clears the upper one.
func (x *executor) assign(arg x86asm.Arg, size int, v uint64) bool {
	name, ok := register(arg, size)
	if ok {
		x.set(name, v)
	}
	return ok
}

func (x *executor) push(in x86asm.Inst) bool {
	v, ok := x.operand(in.Args[0], 64)
	if _, reg := in.Args[0].(x86asm.Reg); !ok || !reg {
		return false
	}
	sp := x.get("rsp") - 8
	x.Store, x.Addr, x.Value = 8, sp, v
	x.set("rsp", sp)
	return true
}

// ret returns to user mode's half of the address space: to another address it would fault.
func (x *executor) ret(in x86asm.Inst) bool {
	sp := x.get("rsp")
	to, ok := x.load(sp, 8)
	if !ok || in.Args[0] != nil || to>>47 != 0 {
		return false
	}
	x.set("rsp", sp+8)
	x.set("rip", to)
	x.jumps = true
	return true
}

// load reads memory, if that is allowed, and where all of it is on one page.
func (x *executor) load(addr uint64, size int) (uint64, bool) {
	if x.read == nil || x.unknown || addr%uint64(size) != 0 {
		return 0, false
	}
	return x.read(addr, size)
}

func (x *executor) lea(in x86asm.Inst) bool {
	m, ok := in.Args[1].(x86asm.Mem)
	if !ok || in.DataSize != 64 {
		return false
	}
	at, ok := x.address(in, m)
	return ok && x.assign(in.Args[0], 64, at)
}

// address is that of an operand of one register and a displacement, or of rip.
func (x *executor) address(in x86asm.Inst, m x86asm.Mem) (uint64, bool) {
	if m.Segment != 0 || m.Index != 0 || in.AddrSize != 64 {
		return 0, false
	}
	at := uint64(int32(m.Disp)) // x86asm leaves out the sign of long ones
	switch name, reg := register(m.Base, 64); {
	case reg:
		return at + x.get(name), true
	case m.Base == x86asm.RIP:
		return at + x.get("rip") + uint64(in.Len), true
	}
	return 0, false
}

// Status flags.
const (
	flagCarry    = 1 << 0
	flagParity   = 1 << 2
	flagAdjust   = 1 << 4
	flagZero     = 1 << 6
	flagSign     = 1 << 7
	flagOverflow = 1 << 11
	statusFlags  = flagCarry | flagParity | flagAdjust | flagZero | flagSign | flagOverflow
)

// arithmetic does what sets the status flags; keep says whether the result is
// stored.
func (x *executor) arithmetic(in x86asm.Inst, keep bool, do func(a, b uint64, size int) (result, flags uint64)) bool {
	size := in.DataSize
	if _, ok := register(in.Args[0], size); !ok {
		return false
	}
	a, okA := x.operand(in.Args[0], size)
	b, okB := x.operand(in.Args[1], size)
	if !okA || !okB {
		return false
	}
	v, flags := do(a, b, size)
	x.set("eflags", x.get("eflags")&^statusFlags|flags)
	return !keep || x.assign(in.Args[0], size, v)
}

// update is arithmetic whose first operand, and result, is in memory.
func (x *executor) update(in x86asm.Inst, m x86asm.Mem, do func(a, b uint64, size int) (result, flags uint64)) bool {
	size := in.DataSize
	if size != 32 && size != 64 || in.MemBytes != size/8 {
		return false
	}
	at, ok := x.address(in, m)
	b, okB := x.operand(in.Args[1], size)
	if !ok || !okB {
		return false
	}
	a, ok := x.load(at, size/8)
	if !ok {
		return false
	}
	v, flags := do(a, b, size)
	x.set("eflags", x.get("eflags")&^statusFlags|flags)
	x.Store, x.Addr, x.Value = size/8, at, v
	return true
}

func sum(a, b uint64, size int) (v, flags uint64) {
	v = (a + b) & (1<<(size-1)<<1 - 1)
	flags = common(v, size)
	if v < a {
		flags |= flagCarry
	}
	if (a^b^v)&0x10 != 0 {
		flags |= flagAdjust
	}
	if (a^v)&(b^v)>>(size-1)&1 != 0 {
		flags |= flagOverflow
	}
	return v, flags
}

func difference(a, b uint64, size int) (v, flags uint64) {
	v = (a - b) & (1<<(size-1)<<1 - 1)
	flags = common(v, size)
	if a < b {
		flags |= flagCarry
	}
	if (a^b^v)&0x10 != 0 {
		flags |= flagAdjust
	}
	if (a^b)&(a^v)>>(size-1)&1 != 0 {
		flags |= flagOverflow
	}
	return v, flags
}

// logic leaves carry and overflow clear, and the adjust flag, which is undefined,
// as QEMU does.
func logic(op func(a, b uint64) uint64) func(a, b uint64, size int) (v, flags uint64) {
	return func(a, b uint64, size int) (v, flags uint64) {
		v = op(a, b)
		return v, common(v, size)
	}
}

// common are the flags that tell of a result alone.
func common(v uint64, size int) (flags uint64) {
	if v == 0 {
		flags |= flagZero
	}
	if v>>(size-1)&1 != 0 {
		flags |= flagSign
	}
	even := true
	for low := v & 0xff; low != 0; low &= low - 1 {
		even = !even
	}
	if even {
		flags |= flagParity
	}
	return flags
}

// TakenBack works out how the instructions at the end of code, the last of which
// returns from an exception, take all general registers off the stack: back is how
// many bytes before the end of code they begin, words names the registers in the
// order of the stack, "" for a word that is passed over. ok is false if they do not.
func (a Arch) TakenBack(code []byte) (back int, words []string, ok bool) {
	if a.machine != elf.EM_X86_64 || !bytes.HasSuffix(code, a.ExceptionReturn) {
		return 0, nil, false
	}
	const longest = 4 * 32 // bytes
	for back = len(a.ExceptionReturn) + len(a.General); back <= min(longest, len(code)); back++ {
		if words, ok = a.taken(code[len(code)-back : len(code)-len(a.ExceptionReturn)]); ok {
			return back, words, true
		}
	}
	return 0, nil, false
}

// taken names the words that instructions take off the stack, if they do nothing
// else and all general registers are among the words.
func (a Arch) taken(code []byte) (words []string, ok bool) {
	for len(code) > 0 {
		in, err := x86asm.Decode(code, 64)
		if err != nil || !plain(in) {
			return nil, false
		}
		code = code[in.Len:]
		n, isNumber := in.Args[1].(x86asm.Imm)
		name, isReg := register(in.Args[0], 64)
		switch {
		case !isReg || name == a.SP && in.Op != x86asm.ADD:
			return nil, false
		case in.Op == x86asm.POP:
			words = append(words, name)
		case in.Op == x86asm.ADD && name == a.SP && isNumber && n > 0 && n < 256 && n%8 == 0:
			words = append(words, make([]string, n/8)...)
		default:
			return nil, false
		}
	}
	for _, name := range a.General {
		if !slices.Contains(words, name) {
			return nil, false
		}
	}
	return words, true
}
