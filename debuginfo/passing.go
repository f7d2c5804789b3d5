package debuginfo

import (
	"debug/dwarf"
	"strings"
)

// scalars calls fn for every member of a struct, and of those in it, that is no struct
// itself, with its offset, until it says false; what cannot be told in full is false,
// too.
func (f *File) scalars(t *Type, off int64, left *budget, fn func(t *Type, off int64) bool) bool {
	u := t.Underlying()
	if u == nil || !left.enter(u) || u.Incomplete {
		return false
	}
	switch {
	case u.Kind == KindArray:
		for i := range u.Count {
			if e := u.Elem.Underlying(); e == nil || e.Size <= 0 || !f.scalars(e, off+i*e.Size, left, fn) {
				return false
			}
		}
		return u.Count >= 0
	case u.IsStruct():
		for _, m := range u.Fields {
			switch {
			case m.Static:
			case m.Virtual:
				return false
			case m.BitSize > 0:
				if v := m.Type.Underlying(); v == nil || v.Size <= 0 || !fn(v, (off+m.Offset)/v.Size*v.Size) {
					return false
				}
			case !f.scalars(m.Type, off+m.Offset, left, fn):
				return false
			}
		}
		return true
	}
	return fn(u, off)
}

// byValue says whether an object of a class is passed as its bytes, or by the address
// of a copy, as it has a virtual function, or a destructor or a copying constructor of
// its own. Compilers say so in DWARF 5.
func (f *File) byValue(t *Type, left *budget) (value, known bool) {
	const passByReference, passByValue = 4, 5 // DW_CC_pass_by_reference, …_value
	u := t.Underlying()
	if u == nil || !left.enter(u) || u.Incomplete {
		return false, false
	}
	if u.Kind == KindArray {
		return f.byValue(u.Elem, left)
	}
	if !u.IsStruct() {
		return true, true
	}
	switch cc, _ := f.attribute(u, dwarf.AttrCalling).(int64); cc {
	case passByReference:
		return false, true
	case passByValue:
		return true, true
	}
	for _, m := range u.Fields {
		if m.Virtual || strings.HasPrefix(m.Name, "_vptr") {
			return false, true
		}
		if m.Static {
			continue
		}
		if value, known := f.byValue(m.Type, left); !value || !known {
			return value, known
		}
	}
	return f.copiedPlainly(u)
}

// copiedPlainly looks at the functions that a class declares.
func (f *File) copiedPlainly(u *Type) (value, known bool) {
	base, _, _ := strings.Cut(u.Name[strings.LastIndex(u.Name, "::")+1:], "<")
	r := f.Entries()
	r.Seek(u.off)
	e, err := r.Next()
	for err == nil && e != nil && e.Children {
		k, err := r.Next()
		if err != nil || k == nil || k.Tag == 0 {
			return err == nil, err == nil
		}
		name, _ := k.Val(dwarf.AttrName).(string)
		_, defaulted := k.Val(dwarf.AttrDefaulted).(int64)
		if k.Tag == dwarf.TagSubprogram && !defaulted {
			switch {
			case base == "":
				return false, false
			case strings.HasPrefix(name, "~"):
				return false, true
			case name == base && k.Children:
				ps, err := f.params(k)
				if err != nil {
					return false, false
				}
				if len(ps) > 0 && ps[0].typ.Underlying() != nil && ps[0].typ.Underlying().Kind == KindRef {
					if to := ps[0].typ.Target().Underlying(); to != nil && to.off == u.off {
						return false, true
					}
				}
			}
		}
		if k.Children {
			r.SkipChildren()
		}
	}
	return true, err == nil && e != nil
}

// attribute is one of the entry of a type.
func (f *File) attribute(u *Type, a dwarf.Attr) any {
	r := f.Entries()
	r.Seek(u.off)
	if e, err := r.Next(); err == nil && e != nil {
		return e.Val(a)
	}
	return nil
}
