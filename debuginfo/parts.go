package debuginfo

import "fmt"

// Part is a member or base class of a struct, or an element of an array.
type Part struct {
	Name  string // "[3]" of an element, "" of an anonymous struct or union
	Base  bool   // a base class: its members are found in the value itself, too
	Value Value
	Err   error // why it cannot be had
}

// Parts are the members of a struct, class or union in the order of its
// declaration, or the first elements of an array; at most max. Static members
// and virtual bases, which have no fixed place, are left out. Other values have
// none.
func (v Value) Parts(max int) []Part {
	u := v.Type.Underlying()
	switch {
	case u == nil || u.Incomplete:
		return nil
	case u.Kind == KindArray:
		return v.elements(u, max)
	case !v.Type.IsStruct():
		return nil
	}
	var out []Part
	for _, f := range u.Fields {
		if f.Static || f.Virtual || len(out) == max {
			continue
		}
		p, err := v.part(f.Type, f.Offset)
		p.bitOff, p.bitSize = f.BitOffset, f.BitSize
		out = append(out, Part{f.Name, f.IsBase, p, err})
	}
	return out
}

func (v Value) elements(u *Type, max int) []Part {
	var out []Part
	for i := range min(u.Count, int64(max)) {
		e, err := v.Index(i)
		out = append(out, Part{Name: fmt.Sprintf("[%d]", i), Value: e, Err: err})
		if err != nil {
			break
		}
	}
	return out
}
