package debuginfo

import (
	"debug/dwarf"
	"strings"
)

// param is a declared parameter.
type param struct {
	name string
	typ  *Type
	off  dwarf.Offset
	e    *dwarf.Entry
}

// params lists the parameters among a function entry's children, without this.
func (f *File) params(e *dwarf.Entry) ([]param, error) {
	all, err := f.allParams(e)
	var out []param
	for _, p := range all {
		if p.name != "this" {
			out = append(out, p)
		}
	}
	return out, err
}

func (f *File) allParams(e *dwarf.Entry) (out []param, err error) {
	chains := f.entries()
	err = f.eachChild(e, func(k *dwarf.Entry) error {
		if k.Tag != dwarf.TagFormalParameter {
			return nil
		}
		c, err := f.entryChain(chains, k.Offset)
		if err != nil {
			return err
		}
		p := param{name: c.name(), typ: voidType, off: k.Offset, e: k}
		if artificial, _ := c.val(dwarf.AttrArtificial).(bool); artificial && p.name == "" {
			p.name = "this" // declarations leave its name out
		}
		if t, ok := c.val(dwarf.AttrType).(dwarf.Offset); ok {
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
	for _, canon := range []func(string) string{canonTemplate, func(s string) string {
		return canonTemplate(strings.ReplaceAll(" "+strings.ReplaceAll(s, "const", " "), "  ", " "))
	}} {
		want := canonList(splitList(params), canon)
		var out []*overload
		for _, g := range gs {
			_, p, _ := splitParams(g.Signature)
			for _, have := range [][]string{splitList(p), g.types, g.plain} {
				if canonList(have, canon) == want {
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

func canonList(types []string, canon func(string) string) string {
	out := make([]string, len(types))
	for i, t := range types {
		out[i] = canon(t)
	}
	return strings.Join(out, ",")
}

// splitList cuts a parameter list at its commas; "void" is none.
func splitList(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, strings.TrimSpace(s[start:i]))
				start = i + 1
			}
		}
	}
	last := strings.TrimSpace(s[start:])
	if len(out) == 0 && (last == "" || last == "void") {
		return nil
	}
	return append(out, last)
}

// cloneMarks are the suffixes of compiler-made functions that are called.
var cloneMarks = []string{".part.", ".isra.", ".constprop.", ".localalias", ".lto_priv."}
