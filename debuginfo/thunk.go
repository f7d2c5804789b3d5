package debuginfo

import (
	"debug/elf"
	"encoding/binary"
	"strconv"
	"strings"

	"golang.org/x/arch/x86/x86asm"

	"thaw/debuginfo/elffile"
)

// A virtual function of a class with several bases is called through a thunk where the
// object is known as one of the further bases: code that moves `this`, and goes on in the
// function. Compilers copy the whole function into it, and debug info does not tell of that:
// who breaks at the function alone is passed by.

// thunk is what a thunk's symbol says (Itanium C++ ABI, 5.1.4.2): which function is meant,
// and how `this` is moved.
type thunk struct {
	function string // raw symbol
	by       int64  // bytes that are added to this
	vcall    int64  // then what stands here in the table of virtual functions, 0 if nothing
}

// thunkOf reads a symbol such as _ZThn136_N4Core6Thread4stateEv.
func thunkOf(raw string) (t thunk, ok bool) {
	rest, ok := strings.CutPrefix(raw, "_ZT")
	if !ok {
		return t, false
	}
	rest, covariant := strings.CutPrefix(rest, "c")
	if t.by, t.vcall, rest, ok = callOffset(rest); ok && covariant {
		_, _, rest, ok = callOffset(rest) // of the result
	}
	t.function = "_Z" + rest
	return t, ok
}

// callOffset reads what h<number>_ or v<number>_<number>_ say.
func callOffset(s string) (by, vcall int64, rest string, ok bool) {
	next := func() (n int64) {
		var number string
		if number, rest, ok = strings.Cut(rest, "_"); ok {
			var err error
			n, err = strconv.ParseInt(strings.Replace(number, "n", "-", 1), 10, 64)
			ok = err == nil
		}
		return n
	}
	kind := s[:min(1, len(s))]
	if rest = strings.TrimPrefix(s, kind); kind != "h" && kind != "v" {
		return 0, 0, s, false
	}
	if by = next(); ok && kind == "v" {
		vcall = next()
	}
	return by, vcall, rest, ok
}

// addThunks adds the thunks that are copies of the function.
func (f *File) addThunks(g *overload) {
	for _, s := range f.Specials() {
		if t, ok := thunkOf(s.Raw); ok && t.function == g.linkage && f.InText(s.Addr) && !f.leadsTo(s, g.Locations) {
			g.Locations = append(g.Locations, Location{Addr: s.Addr, Kind: Thunk, Symbol: s.Raw})
		}
	}
}

// leadsTo says whether a thunk goes on at one of the places: the first instruction that
// leads elsewhere does so.
func (f *File) leadsTo(s elffile.Symbol, places []Location) bool {
	const most = 128 // bytes before it
	code := make([]byte, min(s.Size, most))
	if len(code) == 0 || f.ReadFile(s.Addr, code) != nil {
		return true // it is not known to be a copy
	}
	var to uint64
	var ok bool
	switch f.Machine() {
	case elf.EM_X86_64:
		to, ok = firstBranchX86(code, s.Addr)
	case elf.EM_AARCH64:
		to, ok = firstBranchARM(code, s.Addr, 0x7c00_0000, 0x1400_0000, 26, 0) // b, bl
	case elf.EM_ARM:
		to, ok = firstBranchARM(code, s.Addr, 0x0e00_0000, 0x0a00_0000, 24, 8)
	default:
		return true
	}
	for _, l := range places {
		if ok && l.Addr == to {
			return true
		}
	}
	return false
}

// firstBranchARM finds the first direct branch in code, by its opcode, the bits of its
// distance in words, and what the distance is counted from.
func firstBranchARM(code []byte, addr uint64, mask, opcode uint32, bits int, from uint64) (to uint64, ok bool) {
	for i := 0; i+4 <= len(code); i += 4 {
		if w := binary.LittleEndian.Uint32(code[i:]); w&mask == opcode {
			distance := int64(int32(w<<(32-bits))>>(32-bits)) * 4
			return addr + uint64(i) + from + uint64(distance), true
		}
	}
	return 0, false
}

// firstBranchX86 finds where code first jumps to or calls: directly, or by a register whose
// value its instructions make, as of code that may be loaded anywhere.
func firstBranchX86(code []byte, addr uint64) (to uint64, ok bool) {
	known := map[x86asm.Reg]uint64{}
	for len(code) > 0 {
		in, err := x86asm.Decode(code, 64)
		if err != nil {
			return 0, false
		}
		addr, code = addr+uint64(in.Len), code[in.Len:]
		value := func(arg x86asm.Arg) (v uint64, ok bool) {
			switch a := arg.(type) {
			case x86asm.Imm:
				return uint64(a), true
			case x86asm.Rel:
				return addr + uint64(int64(a)), true
			case x86asm.Reg:
				v, ok = known[a]
			}
			return v, ok
		}
		reg, isReg := in.Args[0].(x86asm.Reg)
		switch in.Op {
		case x86asm.JMP, x86asm.CALL:
			return value(in.Args[0])
		case x86asm.RET:
			return 0, false
		case x86asm.LEA:
			m, _ := in.Args[1].(x86asm.Mem)
			delete(known, reg)
			if m.Base == x86asm.RIP {
				known[reg] = addr + uint64(int64(int32(m.Disp)))
			}
		case x86asm.MOV, x86asm.ADD, x86asm.SUB:
			if !isReg {
				continue
			}
			was, have := known[reg]
			v, ok := value(in.Args[1])
			delete(known, reg)
			switch {
			case ok && in.Op == x86asm.MOV:
				known[reg] = v
			case ok && have && in.Op == x86asm.ADD:
				known[reg] = was + v
			case ok && have:
				known[reg] = was - v
			}
		default:
			if isReg && (reg < x86asm.RAX || reg > x86asm.R15) {
				clear(known) // of a wider one a part may be written
			}
			delete(known, reg)
		}
	}
	return 0, false
}

// throughThunk is the scope as of the function that a thunk is a copy of, if the program
// has just come to one: at the function's entry, with `this` moved.
func (s Scope) throughThunk() (Scope, error) {
	if s.caller || s.Regs == nil {
		return s, nil
	}
	if _, ok := s.File.BodyAt(s.PC); ok {
		return s, nil
	}
	sym, off, ok := s.File.SymbolAt(s.PC)
	t, is := thunkOf(sym.Raw)
	if !ok || off != 0 || !is {
		return s, nil
	}
	for _, f := range s.File.Symbols() {
		if f.Raw != t.function {
			continue
		}
		blocks, err := s.File.BlocksAt(f.Addr)
		if err != nil || len(blocks) == 0 {
			return s, err
		}
		hidden := s.File.hiddenArgs(blocks[0])
		if hidden < 0 || hidden >= len(s.File.arch.args) {
			return s, nil
		}
		name := s.File.arch.args[hidden]
		this, ok := s.Regs.Uint64(name)
		if !ok {
			return s, nil
		}
		if this, err = s.moved(this, t); err != nil {
			return s, err
		}
		s.PC, s.Regs = f.Addr, instead{s.Regs, name, s.File.wrap(this)}
		return s, nil
	}
	return s, nil
}

// moved is `this` behind a thunk.
func (s *Scope) moved(this uint64, t thunk) (uint64, error) {
	this += uint64(t.by)
	if t.vcall == 0 {
		return this, nil
	}
	ptr := s.File.PtrSize()
	fr := s.frameOf(nil)
	table, err := fr.readUint(this, ptr)
	if err != nil {
		return 0, err
	}
	by, err := fr.readUint(s.File.wrap(table+uint64(t.vcall)), ptr)
	return this + by, err
}

// instead are registers, but for one.
type instead struct {
	Registers
	name  string
	value uint64
}

func (r instead) Uint64(name string) (uint64, bool) {
	if name == r.name {
		return r.value, true
	}
	return r.Registers.Uint64(name)
}
