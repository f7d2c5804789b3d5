package index

import "debug/dwarf"

// entry is what the index wants to know of an entry of the debug info.
type entry struct {
	off       dwarf.Offset
	tag       dwarf.Tag // 0 for the end of children, which has nothing else
	children  bool
	name      string
	ref       dwarf.Offset // of the entry that this one completes or is an instance of
	hasRef    bool
	instance  bool // ref is what it is an instance of
	declared  bool // is no definition
	enumClass bool
	static    bool // a member that is a variable
	value     int64
	hasValue  bool // of an enumerator
	code      bool // it may have code
}

// walker reads the entries of all units in their order.
type walker interface {
	// next is the next entry; done says that there is none.
	next() (e entry, done bool, err error)
	// skip goes past the children of the entry read last.
	skip() error
}

// indexed are the tags of what is in the index.
var indexed = map[dwarf.Tag]bool{
	dwarf.TagCompileUnit: true, dwarf.TagPartialUnit: true, dwarf.TagNamespace: true,
	dwarf.TagClassType: true, dwarf.TagStructType: true, dwarf.TagUnionType: true, dwarf.TagInterfaceType: true,
	dwarf.TagEnumerationType: true, dwarf.TagTypedef: true, dwarf.TagBaseType: true, dwarf.TagUnspecifiedType: true,
	dwarf.TagEnumerator: true, dwarf.TagSubprogram: true, dwarf.TagVariable: true, dwarf.TagMember: true,
}

// libraryWalk reads entries with debug/dwarf, which knows all forms.
type libraryWalk struct{ r *Entries }

func (w libraryWalk) next() (entry, bool, error) {
	e, err := w.r.Next()
	if err != nil || e == nil {
		return entry{}, true, err
	}
	return outline(e), false, nil
}

func (w libraryWalk) skip() error {
	w.r.SkipChildren()
	return nil
}

// outline takes what the index wants out of an entry.
func outline(e *dwarf.Entry) entry {
	x := entry{off: e.Offset, tag: e.Tag, children: e.Children, enumClass: e.Val(dwarf.AttrEnumClass) != nil,
		code:   e.Val(dwarf.AttrLowpc) != nil || e.Val(dwarf.AttrRanges) != nil,
		static: e.Val(dwarf.AttrExternal) != nil || e.Val(dwarf.AttrConstValue) != nil}
	x.name, _ = e.Val(dwarf.AttrName).(string)
	x.declared, _ = e.Val(dwarf.AttrDeclaration).(bool)
	x.value, x.hasValue = e.Val(dwarf.AttrConstValue).(int64)
	x.ref, x.hasRef = Reference(e)
	_, x.instance = e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	return x
}
