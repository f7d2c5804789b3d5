package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/index"
)

// Variable is a global, a static data member or a function's static variable.
type Variable struct {
	Name  string // qualified
	Type  *Type
	Addr  uint64
	Const bool  // it has no memory, only a value
	Value int64 // of a constant
}

// Variable finds a global ("config"), a static data member
// ("Config::_instance") or a function's static variable
// ("Genode::cap_idx_alloc::alloc"). Where debug info has no address the symbol
// table's is taken.
func (f *File) Variable(name string) (v Variable, err error) {
	defer f.Guard(&err)
	if err := f.NeedDWARF(); err != nil {
		return Variable{}, err
	}
	v, err = f.findVariable(name)
	if errors.Is(err, errNoName) {
		return Variable{}, fmt.Errorf("no variable %s in %s%s", name, f.Path(), cxx.DidYouMean(cxx.Closest(name, f.Names.VarNames())))
	}
	return v, err
}

// findVariable is Variable with errNoName for a name that is none.
func (f *File) findVariable(name string) (v Variable, err error) {
	n := f.Names.Find(name)
	if v, ok := f.vars[n]; ok {
		return v, nil
	}
	var entries []dwarf.Offset
	switch {
	case n != nil && len(n.Vars) > 0:
		entries = n.Vars
	default:
		if entries, err = f.localStatics(name); err != nil {
			return Variable{}, err
		}
	}
	if len(entries) == 0 {
		return Variable{}, errNoName
	}
	return f.variableOf(strings.TrimPrefix(name, "::"), entries)
}

// variableOf joins what declaration and definition say of a variable.
func (f *File) variableOf(name string, entries []dwarf.Offset) (Variable, error) {
	v := Variable{Name: name}
	located := false
	r := f.Entries()
	linkage := ""
	for _, off := range entries {
		d, err := f.Chain(r, off)
		if err != nil {
			return v, err
		}
		expr, defined := d.Val(dwarf.AttrLocation).([]byte)
		// Another unit may declare it as something else: the definition is right.
		if t, ok := d.Val(dwarf.AttrType).(dwarf.Offset); ok && (v.Type == nil || v.Type.Size < 0 || defined && !located) {
			if v.Type, err = f.typeAt(t); err != nil {
				return v, err
			}
		}
		if s, ok := d.Val(dwarf.AttrLinkageName).(string); ok {
			linkage = s
		}
		if defined && !located {
			v.Addr, located = f.fixedAddr(expr)
		}
		if c, ok := constValue(d.Val(dwarf.AttrConstValue), f.ByteOrder()); ok && !located {
			v.Const, v.Value = true, c
		}
	}
	if v.Type == nil {
		return v, fmt.Errorf("variable %s of %s has no type in the debug info", name, f.Path())
	}
	if located || v.Const {
		v.Const = v.Const && !located
		return v, nil
	}
	for _, s := range []string{linkage, name} {
		if s == "" {
			continue
		}
		if sym, err := f.Symbol(s); err == nil {
			v.Addr = sym.Addr
			return v, nil
		}
	}
	return v, fmt.Errorf("variable %s of %s has no address: it was optimised away or is only declared", name, f.Path())
}

// fixedAddr reads a location that is just DW_OP_addr.
func (f *File) fixedAddr(expr []byte) (uint64, bool) {
	if len(expr) != 1+f.PtrSize() || expr[0] != 0x03 {
		return 0, false
	}
	if f.PtrSize() == 4 {
		return uint64(f.ByteOrder().Uint32(expr[1:])), true
	}
	return f.ByteOrder().Uint64(expr[1:]), true
}

// localStatics finds the entries of a static variable in a function, by the
// function's name and its own.
func (f *File) localStatics(name string) ([]dwarf.Offset, error) {
	parts := cxx.Split(name)
	if len(parts) < 2 {
		return nil, nil
	}
	last := parts[len(parts)-1]
	outer := cxx.StripParams(strings.Join(parts[:len(parts)-1], "::"))
	fn := f.Names.Find(outer)
	if fn == nil || !fn.IsFunc {
		return nil, nil
	}
	var out []dwarf.Offset
	r := f.Entries()
	for _, n := range f.Names.ByOff {
		if n.N != fn || len(out) > 0 {
			continue
		}
		r.Seek(n.Off)
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil || e.Tag != dwarf.TagSubprogram || !e.Children {
			continue
		}
		if out, err = f.staticsIn(r, last); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// staticsIn looks through the entries in a function, whose entry was just read.
func (f *File) staticsIn(r *index.Entries, name string) ([]dwarf.Offset, error) {
	var out []dwarf.Offset
	chains := f.Entries()
	for depth := 1; depth > 0; {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if e.Tag == dwarf.TagVariable {
			c, err := f.Chain(chains, e.Offset)
			if err != nil {
				return nil, err
			}
			_, fixed := f.fixedAddr(bytesOf(c.Val(dwarf.AttrLocation)))
			if c.Name() == name && (fixed || c.Val(dwarf.AttrLocation) == nil) {
				out = append(out, e.Offset)
			}
		}
		switch {
		case !e.Children:
		case e.Tag == dwarf.TagLexDwarfBlock:
			depth++
		default:
			r.SkipChildren()
		}
	}
	return out, nil
}

func bytesOf(v any) []byte {
	b, _ := v.([]byte)
	return b
}

// Enumerator finds the value of an enumerator or of an integer constant
// ("Mem_layout::Caps_start", "Thread_ready"), those of enums without a name and
// in classes and their base classes included.
func (f *File) Enumerator(name string) (v int64, err error) {
	defer f.Guard(&err)
	if err := f.NeedDWARF(); err != nil {
		return 0, err
	}
	if v, ok := f.findEnumerator(name); ok {
		return v, nil
	}
	return 0, fmt.Errorf("no enumerator %s in %s%s", name, f.Path(), cxx.DidYouMean(cxx.Closest(name, f.Names.EnumeratorNames())))
}

// findEnumerator is Enumerator without suggestions.
func (f *File) findEnumerator(name string) (int64, bool) {
	n := f.Names.Find(name)
	switch {
	case n != nil && n.HasValue:
		return n.Value, true
	case n != nil && len(n.Vars) > 0:
		v, err := f.findVariable(name)
		return v.Value, err == nil && v.Const
	}
	parts := cxx.Split(name)
	if len(parts) < 2 {
		return 0, false
	}
	t, err := f.findType(strings.Join(parts[:len(parts)-1], "::"))
	if err != nil {
		return 0, false
	}
	return t.enumerator(parts[len(parts)-1], newBudget())
}

// enumerator finds a constant in a class or its bases.
func (t *Type) enumerator(name string, left *budget) (int64, bool) {
	u := t.Underlying()
	if u == nil || u.node == nil || !left.enter(u) {
		return 0, false
	}
	if k := u.node.Kids[name]; k != nil && k.HasValue {
		return k.Value, true
	}
	for _, f := range u.Fields {
		if f.IsBase {
			if v, ok := f.Type.enumerator(name, left); ok {
				return v, true
			}
		}
	}
	return 0, false
}

// FlagNames splits a value into the one-bit enumerators of an enum, in the
// enum's order, and the bits that no enumerator names.
func (t *Type) FlagNames(value uint64) (names []string, rest uint64) {
	rest = value
	for _, e := range t.Enumerators {
		bit := uint64(e.Value)
		if bit != 0 && bit&(bit-1) == 0 && rest&bit != 0 {
			names = append(names, e.Name)
			rest &^= bit
		}
	}
	return names, rest
}
