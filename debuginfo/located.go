package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"slices"

	"thaw/debuginfo/elffile"
	"thaw/debuginfo/index"
	"thaw/words"
)

// variable is a parameter or variable entry in a function.
type variable struct {
	name  string
	e     *dwarf.Entry
	chain index.Chain
}

// variablesIn lists the parameters and variables that are direct children of a
// function or block. A parameter that the function does not use may have no name.
func (f *File) variablesIn(e *dwarf.Entry) (out []variable, err error) {
	defer f.Guard(&err)
	chains := f.Entries()
	err = f.EachChild(e, func(k *dwarf.Entry) error {
		if k.Tag != dwarf.TagFormalParameter && k.Tag != dwarf.TagVariable {
			return nil
		}
		c, err := f.Chain(chains, k.Offset)
		if err != nil {
			return err
		}
		out = append(out, variable{c.Name(), k, c})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// numbered is a parameter of the function at PC by its place in the list, from 1 on and
// without this: it may have no name.
func (s *Scope) numbered(n int) (Value, error) {
	all, _, err := s.frames()
	if err != nil {
		return Value{}, err
	}
	ps, err := s.File.declaredParams(all[0].E)
	if err != nil {
		return Value{}, err
	}
	ps = slices.DeleteFunc(ps, func(p param) bool { return p.name == "this" })
	if n < 1 || n > len(ps) {
		return Value{}, fmt.Errorf("%s has %s", all[0].Fn.Path(), words.Count(len(ps), "parameter"))
	}
	p := ps[n-1]
	vs, err := s.File.variablesIn(all[0].E)
	if err != nil {
		return Value{}, err
	}
	for _, v := range vs {
		if slices.ContainsFunc(v.chain, func(e *dwarf.Entry) bool { return e.Offset == p.off }) {
			return s.located(all, all[0], v)
		}
	}
	return s.located(all, all[0], variable{p.name, p.e, index.Chain{p.e}})
}

// located reads where a variable stands and makes it a value.
func (s *Scope) located(all []index.Block, b index.Block, v variable) (Value, error) {
	what := "variable"
	if v.e.Tag == dwarf.TagFormalParameter {
		what = "parameter"
	}
	t, err := s.File.typeOfVariable(v)
	if err != nil {
		return Value{}, fmt.Errorf("%s %s: %w", what, v.name, err)
	}
	if c, ok := constValue(v.chain.Val(dwarf.AttrConstValue), s.File.ByteOrder()); ok {
		return s.made(t, uint64(c)).referent()
	}
	expr, list, err := s.File.location.at(v.chain.Val(dwarf.AttrLocation), v.e.Offset, s.lookupPC())
	if what == "parameter" && b.Fn != nil && !b.Inlined && s.atEntry() {
		if val, ok := s.passed(all[0], v, t); ok {
			return val.referent()
		} else if err == nil && !list && !s.File.holdsAtEntry(all[0], expr) {
			return Value{}, fmt.Errorf("parameter %s is not stored yet at %#x, the entry of its function", v.name, s.PC)
		}
	}
	if err != nil {
		return Value{}, s.gone(what, v.name, err)
	}
	fr := s.frameOf(all)
	ps, err := fr.locate(expr)
	if err != nil {
		return Value{}, s.gone(what, v.name, err)
	}
	val, err := s.assemble(fr, ps, t)
	if err != nil {
		return Value{}, s.gone(what, v.name, err)
	}
	return val.referent()
}

// typeOfVariable is a parameter's or variable's type.
func (f *File) typeOfVariable(v variable) (*Type, error) {
	off, ok := v.chain.Val(dwarf.AttrType).(dwarf.Offset)
	if !ok {
		return nil, errors.New("it has no type in the debug info")
	}
	return f.typeAt(off)
}

// made is a value that stands nowhere.
func (s *Scope) made(t *Type, n uint64) Value {
	sc := *s
	sc.object = nil
	return Value{Type: t, data: s.File.bytesOfUint(n, int(min(max(t.Size, 8), 64))), scope: &sc}
}

// assemble joins the pieces of a variable.
func (s *Scope) assemble(fr *frame, ps []piece, t *Type) (Value, error) {
	sc := *s
	sc.object = nil
	if len(ps) == 1 && ps[0].kind == pieceMemory {
		return Value{Type: t, Addr: s.File.wrap(ps[0].val), HasAddr: true, scope: &sc}, nil
	}
	v := Value{Type: t, scope: &sc}
	gone := 0
	for _, p := range ps {
		size := p.size
		if size == 0 && len(ps) == 1 {
			size = uint64(max(t.Size, 0))
		}
		if size > maxValue || uint64(len(v.data))+size > maxValue {
			return Value{}, errors.New("its pieces are too large")
		}
		b, err := s.pieceBytes(fr, p, int(size))
		if err != nil {
			return Value{}, err
		}
		if b == nil {
			at := uint64(len(v.data))
			v.gaps = append(v.gaps, elffile.Range{Start: at, End: at + size})
			b = make([]byte, size)
			gone++
		}
		v.data = append(v.data, b...)
	}
	if gone == len(ps) {
		return Value{}, errOptimisedOut
	}
	return v, nil
}

// pieceBytes reads one piece, nil if it is optimised out.
func (s *Scope) pieceBytes(fr *frame, p piece, size int) ([]byte, error) {
	switch p.kind {
	case pieceMemory:
		buf := make([]byte, size)
		if s.Mem == nil {
			return nil, fmt.Errorf("reading %d bytes at %#x: no memory given", size, p.val)
		}
		if err := s.Mem.ReadMemory(p.val, buf); err != nil {
			return nil, fmt.Errorf("reading %d bytes at %#x: %w", size, p.val, err)
		}
		return buf, nil
	case pieceReg:
		if size > 8 {
			return nil, fmt.Errorf("it stands in register %s, which is read only in part", s.File.arch.name(p.val))
		}
		n, err := fr.register(p.val)
		if err != nil {
			return nil, err
		}
		return s.File.bytesOfUint(n, size), nil
	case pieceValue:
		if p.bytes == nil {
			return s.File.bytesOfUint(p.val, size), nil
		}
		return append(append([]byte{}, p.bytes...), make([]byte, max(size-len(p.bytes), 0))...)[:size], nil
	}
	return nil, nil
}
