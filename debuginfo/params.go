package debuginfo

import (
	"debug/dwarf"
	"strings"

	"thaw/debuginfo/cxx"
)

// param is a declared parameter.
type param struct {
	name string
	typ  *Type
	off  dwarf.Offset
	e    *dwarf.Entry
}

// params lists the parameters among a function entry's children, without this.
func (f *typeTable) params(e *dwarf.Entry) ([]param, error) {
	all, err := f.allParams(e)
	var out []param
	for _, p := range all {
		if p.name != "this" {
			out = append(out, p)
		}
	}
	return out, err
}

func (f *typeTable) allParams(e *dwarf.Entry) (out []param, err error) {
	chains := f.Entries()
	err = f.EachChild(e, func(k *dwarf.Entry) error {
		if k.Tag != dwarf.TagFormalParameter {
			return nil
		}
		c, err := f.Chain(chains, k.Offset)
		if err != nil {
			return err
		}
		p := param{name: c.Name(), typ: voidType, off: k.Offset, e: k}
		if artificial, _ := c.Val(dwarf.AttrArtificial).(bool); artificial && p.name == "" {
			p.name = "this" // declarations leave its name out
		}
		if t, ok := c.Val(dwarf.AttrType).(dwarf.Offset); ok {
			if p.typ, err = f.typeAt(t); err != nil {
				return err
			}
		}
		out = append(out, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// plainName spells a type without typedefs.
func plainName(t *Type) string { return plainNameTo(t, maxDepth) }

func plainNameTo(t *Type, depth int) string {
	u := t
	for range maxDepth {
		if u == nil || u.Kind != KindTypedef {
			break
		}
		u = u.Elem
	}
	switch {
	case u == nil:
		return "void"
	case depth == 0:
	case u.Kind == KindPointer:
		return plainNameTo(u.Elem, depth-1) + "*"
	case u.Kind == KindRef:
		return plainNameTo(u.Elem, depth-1) + "&"
	case u.Kind == KindConst:
		return "const " + plainNameTo(u.Elem, depth-1)
	}
	return u.String()
}

// matchParams keeps the overloads that take the given parameter types. Const
// counts only where it decides.
func matchParams(gs []*overload, params string) []*overload {
	for _, canon := range []func(string) string{cxx.Canon, func(s string) string {
		return cxx.Canon(strings.ReplaceAll(" "+strings.ReplaceAll(s, "const", " "), "  ", " "))
	}} {
		want := cxx.CanonList(cxx.SplitList(params), canon)
		var out []*overload
		for _, g := range gs {
			_, p, _ := cxx.SplitParams(g.Signature)
			for _, have := range [][]string{cxx.SplitList(p), g.types, g.plain} {
				if cxx.CanonList(have, canon) == want {
					out = append(out, g)
					break
				}
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}
