package debuginfo

import (
	"fmt"
	"strings"
)

// finish settles sizes and names through other types.
func (t *Type) finish(depth int) {
	if t == nil || t.done || depth > maxDepth {
		return
	}
	t.done = true
	t.Elem.finish(depth + 1)
	switch t.Kind {
	case KindTypedef, KindConst, KindVolatile, KindRestrict, KindAtomic:
		t.alias()
	case KindPointer, KindRef:
		t.Name = t.Elem.String() + map[Kind]string{KindPointer: "*", KindRef: "&"}[t.Kind]
	case KindArray:
		t.Name = t.Elem.String() + "[]"
		if t.Count >= 0 && t.Elem != nil {
			t.Name = arrayName(t)
			if t.Size < 0 && t.Elem.Size >= 0 && t.Count < 1<<40 && t.Elem.Size < 1<<22 {
				t.Size = t.Count * t.Elem.Size
			}
		}
	case KindFunc:
		t.funcName(depth)
	case KindMemberPtr:
		if t.Size < 0 {
			t.Size = int64(t.file.PtrSize())
			if t.Elem != nil && t.Elem.Kind == KindFunc {
				t.Size *= 2
			}
		}
	}
	for i := range t.Fields {
		if f := &t.Fields[i]; f.IsBase {
			f.Type.finish(depth + 1)
			f.Name = f.Type.String()
		}
	}
}

// arrayName spells "char[16]" and "int[2][3]".
func arrayName(t *Type) string {
	base, dims := t, ""
	for range maxDepth {
		if base.Kind != KindArray || base.Elem == nil {
			break
		}
		dims += fmt.Sprintf("[%d]", base.Count)
		base = base.Elem
	}
	return base.String() + dims
}

// alias gives a typedef or cv type what callers look at in the type behind it.
func (t *Type) alias() {
	if t.Name == "" {
		prefix := map[Kind]string{KindConst: "const ", KindVolatile: "volatile "}[t.Kind]
		t.Name = prefix + t.Elem.String()
		if e := t.Elem; e != nil && (e.Kind == KindPointer || e.Kind == KindRef) {
			t.Name = e.String() + strings.TrimRight(" "+prefix, " ")
		}
	}
	t.Size = 0
	if u := t.Elem; u != nil {
		t.Size, t.Count, t.Encoding, t.Signed = u.Size, u.Count, u.Encoding, u.Signed
		t.Fields, t.Enumerators, t.Incomplete = u.Fields, u.Enumerators, u.Incomplete
	}
}

func (t *Type) funcName(depth int) {
	t.Size = 0
	params := make([]string, len(t.Params))
	for i, p := range t.Params {
		p.finish(depth + 1)
		params[i] = p.String()
	}
	t.Name = t.Elem.String() + "(" + strings.Join(params, ", ") + ")"
}
