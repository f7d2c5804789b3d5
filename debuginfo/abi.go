package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"strings"
)

// Debug info tells where parameters are stored, which in code that is not
// optimised comes after the function's entry, and it loses small structs there.
// At the entry itself the calling convention tells where they are: this is as
// much of it as integers, pointers and small structs of them need.

// ArgumentRegisters are the registers in which a called function finds its first
// integer arguments, `this` among them, in order. A processor whose calling
// convention is not known has none.
func (f *File) ArgumentRegisters() []string { return append([]string(nil), f.arch.args...) }

// storedLater recognises a place in the frame of the function itself: the
// caller's pushed parameters have offsets from 0 on.
func storedLater(expr []byte) bool {
	off, ok := frameOffset(expr)
	return ok && off < 0
}

// frameOffset is the offset of a place that is given by nothing but one.
func frameOffset(expr []byte) (off int64, ok bool) {
	const fbreg = 0x91
	if len(expr) < 2 || expr[0] != fbreg {
		return 0, false
	}
	m := &machine{code: expr, at: 1}
	v, err := m.leb(true)
	return int64(v), err == nil && m.at == len(expr)
}

// split reads a struct whose first words came in the last argument registers
// and the rest on the stack (Procedure Call Standard for the Arm Architecture,
// 6.5, rule C.5). The function stores those words right below the rest: how far
// below tells how many there are.
func (s *Scope) split(expr []byte, t *Type) (val Value, ok bool) {
	a, ptr := s.File.arch, int64(s.File.ptr)
	off, known := frameOffset(expr)
	n := -off / ptr
	if !a.splits || !known || s.Regs == nil || s.Mem == nil || !t.IsStruct() ||
		off >= 0 || off%ptr != 0 || n > int64(len(a.args)) || t.Size <= -off || t.Size > maxValue {
		return Value{}, false
	}
	val = s.made(t, 0)
	val.data = nil
	for _, name := range a.args[int64(len(a.args))-n:] {
		w, ok := s.Regs.Uint64(name)
		if !ok {
			return Value{}, false
		}
		val.data = append(val.data, s.File.bytesOfUint(w, s.File.ptr)...)
	}
	cfa, err := s.entryCFA()
	if err != nil {
		return Value{}, false
	}
	rest := make([]byte, t.Size+off)
	if s.Mem.ReadMemory(cfa, rest) != nil {
		return Value{}, false
	}
	val.data = append(val.data, rest...)
	return val, true
}

// passed reads a parameter of the function that was just called from the
// registers that the caller put it in. ok is false where that is not certain.
func (s *Scope) passed(fn block, v variable, t *Type) (val Value, ok bool) {
	a := s.File.arch
	if kind, _, ok := s.File.entryKind(s.PC); !ok || kind != Entry || s.Regs == nil {
		return Value{}, false // clones take their parameters as they like
	}
	all, err := s.File.allParams(fn.e)
	if err != nil {
		return Value{}, false
	}
	reg := s.File.hiddenArgs(fn)
	for _, p := range all {
		n, known := s.File.argRegisters(p.typ)
		if reg < 0 || !known {
			return Value{}, false
		}
		if p.off != v.e.Offset {
			if reg+n <= len(a.args) {
				reg += n // else it is pushed
			}
			continue
		}
		if n == 0 || reg+n > len(a.args) {
			return Value{}, false
		}
		val := s.made(t, 0)
		val.data = nil
		for _, name := range a.args[reg : reg+n] {
			w, ok := s.Regs.Uint64(name)
			if !ok {
				return Value{}, false
			}
			val.data = append(val.data, s.File.bytesOfUint(w, s.File.ptr)...)
		}
		return val, true
	}
	return Value{}, false
}

// hiddenArgs counts the registers in front of the parameters: a struct that is
// returned may have its address passed. -1 where that is not known.
func (f *File) hiddenArgs(fn block) int {
	c, err := f.entryChain(f.entries(), fn.e.Offset)
	if err != nil {
		return -1
	}
	off, ok := c.val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return 0
	}
	t, err := f.typeAt(off)
	switch {
	case err != nil:
		return -1
	case !t.IsStruct():
		return 0
	case t.Size > 2*int64(f.ptr):
		return 1
	}
	return -1
}

// argRegisters counts the integer registers that a parameter takes; 0 for one
// that is pushed or stands in a floating-point register.
func (f *File) argRegisters(t *Type) (n int, known bool) {
	u := t.Underlying()
	if u == nil {
		return 0, false
	}
	ptr := int64(f.ptr)
	switch u.Kind {
	case KindPointer, KindRef, KindEnum:
		return 1, u.Size <= ptr
	case KindBase:
		if u.Encoding == EncodingFloat {
			return 0, f.image.Machine == elf.EM_X86_64
		}
		return 1, u.Size > 0 && u.Size <= ptr
	case KindStruct, KindClass:
		if f.image.Machine != elf.EM_X86_64 || u.Size <= 0 || !f.plain(u, newBudget()) {
			return 0, false
		}
		if u.Size > 16 {
			return 0, true
		}
		return int(u.Size+7) / 8, f.integers(u, newBudget())
	}
	return 0, false
}

// plain says whether a class is certainly copied by its bytes: neither it nor
// a member has virtual functions, a destructor or a constructor that might copy.
func (f *File) plain(t *Type, left *budget) bool {
	u := t.Underlying()
	if u == nil || !left.spend() || u.Incomplete {
		return false
	}
	if u.Kind == KindArray {
		return f.plain(u.Elem, left)
	}
	if !u.IsStruct() {
		return true
	}
	for _, m := range u.Fields {
		if m.Virtual || strings.HasPrefix(m.Name, "_vptr") || !m.Static && !f.plain(m.Type, left) {
			return false
		}
	}
	r := f.entries()
	r.Seek(u.off)
	e, err := r.Next()
	for err == nil && e != nil && e.Children {
		k, err := r.Next()
		if err != nil || k == nil || k.Tag == 0 {
			return err == nil
		}
		name, _ := k.Val(dwarf.AttrName).(string)
		base, _, _ := strings.Cut(u.Name[strings.LastIndex(u.Name, "::")+1:], "<")
		if k.Tag == dwarf.TagSubprogram && (strings.HasPrefix(name, "~") || base == "" || name == base && k.Children) {
			ps, err := f.params(k)
			if err != nil || len(ps) > 0 || strings.HasPrefix(name, "~") {
				return false
			}
		}
		if k.Children {
			r.SkipChildren()
		}
	}
	return err == nil && e != nil
}

// integers says whether all members are integers and pointers.
func (f *File) integers(t *Type, left *budget) bool {
	u := t.Underlying()
	if u == nil || !left.spend() {
		return false
	}
	switch {
	case u.Kind == KindArray:
		return f.integers(u.Elem, left)
	case u.IsStruct():
		for _, m := range u.Fields {
			if !m.Static && !f.integers(m.Type, left) {
				return false
			}
		}
		return true
	}
	return u.Kind == KindPointer || u.Kind == KindRef || u.Kind == KindEnum || u.Kind == KindBase && u.Encoding != EncodingFloat
}
