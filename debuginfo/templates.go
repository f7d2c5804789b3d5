package debuginfo

import (
	"debug/dwarf"
	"fmt"

	"thaw/debuginfo/cxx"
)

// TemplateArgument is a type that a class template was instantiated with, counted from 0
// among those of its arguments that are types: of Avl_tree<T> it is T.
func (t *Type) TemplateArgument(i int) (arg *Type, err error) {
	u := t.Underlying()
	if u == nil || u.file == nil || u.file.Data == nil || !u.IsStruct() {
		return nil, fmt.Errorf("%s is no class template with debug info", t)
	}
	f := u.file
	defer f.Guard(&err)
	r := f.Entries()
	r.Seek(u.off)
	e, err := r.Next()
	if err != nil {
		return nil, fmt.Errorf("reading the debug info of %s: %w", t, err)
	}
	if e == nil {
		return nil, fmt.Errorf("%s has no debug info where it should be", t)
	}
	var found []dwarf.Offset
	err = f.EachChild(e, func(k *dwarf.Entry) error {
		if off, ok := k.Val(dwarf.AttrType).(dwarf.Offset); ok && k.Tag == dwarf.TagTemplateTypeParameter {
			found = append(found, off)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case i >= 0 && i < len(found):
		return f.typeAt(found[i])
	}
	// g++ leaves them out of some instances: then the name has them.
	if list, ok := cxx.TemplateArguments(u.Name); ok && len(found) == 0 && i >= 0 && i < len(list) {
		if arg, err := f.findType(list[i]); err == nil {
			return arg, nil
		}
	}
	return nil, fmt.Errorf("%s has no template argument %d that is a type", t, i)
}

// At is what stands at an address of the same memory, taken as a type.
func (v Value) At(t *Type, addr uint64) Value {
	return Value{Type: t, Addr: v.scope.File.wrap(addr), HasAddr: true, scope: v.scope}
}
