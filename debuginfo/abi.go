package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"slices"

	"thaw/debuginfo/index"
)

// Debug info tells where parameters are stored, which may be true behind the
// function's prologue only, and optimisation loses them. At the entry itself the
// calling convention tells where the caller has put them: System V's for x86-64
// (AMD64 ABI, 3.2.3), and the Procedure Call Standards for the Arm Architecture
// (AAPCS32, 6.5; AAPCS64, 6.8.2), as far as integers, pointers and structs need.

// ArgumentRegisters are the registers in which a called function finds its first
// integer arguments, `this` among them, in order. A processor whose calling
// convention is not known has none.
func (f *File) ArgumentRegisters() []string { return append([]string(nil), f.arch.args...) }

// argument is where the caller puts an argument: the first words of it in
// registers, the rest on the stack.
type argument struct {
	regs   []string
	stack  bool
	offset int64 // of what is on the stack, from the CFA
	byRef  bool  // there stands its address
	lost   bool  // in registers that are not read here, or nowhere
}

// arguments hands out registers and places on the stack.
type arguments struct {
	f      *File
	next   int   // integer registers in use
	floats int   // floating-point registers in use
	stack  int64 // bytes
}

// passed reads a parameter of the function that was just called from where the
// caller put it. ok is false where that is not certain.
func (s *Scope) passed(fn index.Block, v variable, t *Type) (val Value, ok bool) {
	if kind, _, ok := s.File.entryKind(s.PC); !ok || kind != Entry || s.Regs == nil {
		return Value{}, false // clones take their parameters as they like
	}
	all, err := s.File.declaredParams(fn.E)
	if err != nil {
		return Value{}, false
	}
	hidden := s.File.hiddenArgs(fn)
	if hidden < 0 || len(s.File.arch.args) == 0 {
		return Value{}, false
	}
	a := &arguments{f: s.File, next: hidden}
	for _, p := range all {
		at, known := a.add(p.typ)
		if !known {
			return Value{}, false
		}
		if slices.ContainsFunc(v.chain, func(e *dwarf.Entry) bool { return e.Offset == p.off }) {
			return s.argument(at, t)
		}
	}
	return Value{}, false
}

// declaredParams lists all parameters of a function, also those that its code leaves
// out.
func (f *File) declaredParams(fn *dwarf.Entry) ([]param, error) {
	c, err := f.Chain(f.Entries(), fn.Offset)
	if err != nil {
		return nil, err
	}
	all, err := f.allParams(fn)
	for _, e := range c[1:] {
		more, err := f.allParams(e)
		if err != nil {
			return nil, err
		}
		if len(more) > len(all) {
			all = more
		}
	}
	return all, err
}

// argument reads an argument from where it was put.
func (s *Scope) argument(at argument, t *Type) (Value, bool) {
	val := s.made(t, 0)
	val.data = nil
	for _, name := range at.regs {
		w, ok := s.Regs.Uint64(name)
		if !ok {
			return Value{}, false
		}
		val.data = append(val.data, s.File.bytesOfUint(w, s.File.PtrSize())...)
	}
	addr := uint64(0)
	if at.stack {
		cfa, err := s.entryCFA()
		if err != nil {
			return Value{}, false
		}
		addr = s.File.wrap(cfa + uint64(at.offset))
	}
	switch {
	case at.lost || t.Size > maxValue:
		return Value{}, false
	case at.byRef && at.stack:
		w, err := s.frameOf(nil).readUint(addr, s.File.PtrSize())
		return Value{Type: t, Addr: w, HasAddr: true, scope: val.scope}, err == nil
	case at.byRef:
		return Value{Type: t, Addr: s.File.uintOf(val.data), HasAddr: true, scope: val.scope}, len(val.data) > 0
	case at.stack && len(at.regs) == 0:
		return Value{Type: t, Addr: addr, HasAddr: true, scope: val.scope}, true
	case at.stack:
		rest := make([]byte, max(t.Size-int64(len(val.data)), 0))
		if s.Mem == nil || s.Mem.ReadMemory(addr, rest) != nil {
			return Value{}, false
		}
		val.data = append(val.data, rest...)
	}
	return val, len(val.data) > 0
}

// hiddenArgs counts the registers in front of the parameters: a struct that is
// returned may have its address passed. -1 where that is not known.
func (f *File) hiddenArgs(fn index.Block) int {
	c, err := f.Chain(f.Entries(), fn.E.Offset)
	if err != nil {
		return -1
	}
	off, ok := c.Val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return 0
	}
	t, err := f.typeAt(off)
	switch {
	case err != nil:
		return -1
	case !t.IsStruct() || f.Machine() == elf.EM_AARCH64: // which has a register of its own for it
		return 0
	}
	most := int64(2 * f.PtrSize())
	if f.Machine() == elf.EM_ARM {
		most = int64(f.PtrSize())
	}
	value, known := f.byValue(t.Underlying(), newBudget())
	switch {
	case t.Size > most || known && !value:
		return 1
	case known && f.scalars(t.Underlying(), 0, newBudget(), func(*Type, int64) bool { return true }):
		return 0
	}
	return -1
}

// add puts the next argument in place; known is false where the convention is not
// known for it, and so not for those that follow.
func (a *arguments) add(t *Type) (at argument, known bool) {
	u := t.Underlying()
	if u == nil {
		return at, false
	}
	ptr := int64(a.f.PtrSize())
	switch u.Kind {
	case KindPointer, KindRef:
		return a.words(1, ptr, ptr, false), true
	case KindEnum, KindBase:
		if u.Encoding == EncodingFloat && u.Kind == KindBase {
			return a.float(u)
		}
		if u.Size <= 0 || u.Size > 2*ptr {
			return at, false
		}
		n := (u.Size + ptr - 1) / ptr
		return a.words(n, u.Size, n*ptr, false), true
	case KindStruct, KindClass, KindUnion:
		return a.object(u)
	}
	return at, false
}

// words puts an argument of n words in integer registers, or on the stack. split says
// that it may be in both.
func (a *arguments) words(n, size, align int64, split bool) argument {
	args, ptr := a.f.arch.args, int64(a.f.PtrSize())
	wide := align > ptr
	if wide && a.f.Machine() != elf.EM_X86_64 {
		a.next += a.next % 2 // an even register
	}
	if a.next+int(n) <= len(args) {
		at := argument{regs: args[a.next : a.next+int(n)]}
		a.next += int(n)
		return at
	}
	if split && a.next < len(args) && a.stack == 0 {
		at := argument{regs: args[a.next:], stack: true}
		a.stack = (n - int64(len(at.regs))) * ptr
		a.next = len(args)
		return at
	}
	if a.f.Machine() != elf.EM_X86_64 {
		a.next = len(args) // nothing that follows comes in registers
	}
	return a.pushed(size, align)
}

// pushed puts an argument on the stack.
func (a *arguments) pushed(size, align int64) argument {
	ptr := int64(a.f.PtrSize())
	align = max(align, ptr)
	a.stack = (a.stack + align - 1) / align * align
	at := argument{stack: true, offset: a.stack}
	a.stack += (size + ptr - 1) / ptr * ptr
	return at
}

// float puts a number of a floating-point type in place. On ARM that depends on how the
// program was built.
func (a *arguments) float(u *Type) (argument, bool) {
	switch {
	case a.f.Machine() == elf.EM_ARM:
		return argument{}, false
	case a.f.Machine() == elf.EM_X86_64 && u.Size > 8:
		return a.pushed(u.Size, 16), true
	case a.floats < 8:
		a.floats++
		return argument{lost: true}, true
	}
	return a.pushed(u.Size, u.Size), true
}

// object puts a struct in place.
func (a *arguments) object(u *Type) (at argument, known bool) {
	ptr := int64(a.f.PtrSize())
	value, known := a.f.byValue(u, newBudget())
	if !known || u.Size <= 0 || a.f.attribute(u, dwarf.AttrAlignment) != nil {
		return at, false
	}
	if !value {
		at = a.words(1, ptr, ptr, false)
		at.byRef = true
		return at, true
	}
	align, floats, odd, count := int64(1), [2]bool{}, false, 0
	integers := [2]bool{}
	known = a.f.scalars(u, 0, newBudget(), func(t *Type, off int64) bool {
		count++
		align = max(align, t.Size)
		odd = odd || t.Size > 0 && off%t.Size != 0
		if half := off / 8; off >= 0 && half < 2 {
			float := t.Kind == KindBase && t.Encoding == EncodingFloat
			floats[half], integers[half] = floats[half] || float, integers[half] || !float
		}
		return t.Size > 0 && t.Size <= 8
	})
	n := (u.Size + ptr - 1) / ptr
	float := floats[0] || floats[1]
	on := a.f.Machine()
	switch {
	case !known || count == 0 || odd:
		return at, false
	case on == elf.EM_X86_64 && u.Size > 16:
		return a.pushed(u.Size, ptr), true
	case on == elf.EM_X86_64 && float:
		return a.mixed(u, n, floats, integers), true
	case on == elf.EM_X86_64:
		return a.words(n, u.Size, ptr, false), true
	case float && (on == elf.EM_ARM || u.Size <= 32):
		return at, false // it depends on the members, and on how the program was built
	case on == elf.EM_AARCH64 && u.Size > 16: // a copy of the caller's
		at = a.words(1, ptr, ptr, false)
		at.byRef = true
		return at, true
	case on == elf.EM_AARCH64:
		return a.words(n, u.Size, ptr, false), true
	}
	return a.words(n, u.Size, align, true), on == elf.EM_ARM
}

// mixed puts a small struct with floating-point numbers in place, on x86-64.
func (a *arguments) mixed(u *Type, n int64, floats, integers [2]bool) argument {
	need, more := 0, 0
	for half := range n {
		if integers[half] {
			need++
		} else if floats[half] {
			more++
		}
	}
	if a.next+need > len(a.f.arch.args) || a.floats+more > 8 {
		return a.pushed(u.Size, 8)
	}
	at := argument{lost: more > 0, regs: a.f.arch.args[a.next : a.next+need]}
	a.next, a.floats = a.next+need, a.floats+more
	return at
}

// holdsAtEntry says whether a place that is given for a whole function is right at its
// first instruction. One that is counted from a register, or from a frame base that is
// not the CFA, is so only behind the prologue, as is one in the function's own frame.
func (f *File) holdsAtEntry(fn index.Block, expr []byte) bool {
	const callFrameCFA, fbreg, breg0, breg31 = 0x9c, 0x91, 0x70, 0x8f
	if len(expr) == 0 || expr[0] >= breg0 && expr[0] <= breg31 {
		return false
	}
	if expr[0] != fbreg {
		return true
	}
	base, ok := fn.E.Val(dwarf.AttrFrameBase).([]byte)
	m := &machine{code: expr, at: 1}
	off, err := m.leb(true)
	return ok && len(base) == 1 && base[0] == callFrameCFA && err == nil && int64(off) >= 0
}
