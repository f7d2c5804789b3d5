package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"strings"
	"sync"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/index"
)

// typeTable decodes types from entries, each once.
type typeTable struct {
	*index.File
	mu      sync.Mutex
	types   map[dwarf.Offset]*Type
	derived map[derivedKey]*Type
}

func newTypes(f *index.File) *typeTable {
	return &typeTable{File: f, types: map[dwarf.Offset]*Type{}, derived: map[derivedKey]*Type{}}
}

// derivedKey is a pointer, reference or array made of a type that the debug
// info may hold only without it.
type derivedKey struct {
	kind  Kind
	elem  *Type
	count int64
}

// Type finds a type by its qualified name: "Genode::Platform_thread",
// "Obj::Entry", "unsigned long". A definition goes before declarations.
// Template arguments are spelled as in the debug info, or as demanglers do;
// anonymous namespaces are left out. "T*", "T&" and "T const" are understood.
func (f *typeTable) Type(name string) (t *Type, err error) {
	defer f.Guard(&err)
	if err := f.NeedDWARF(); err != nil {
		return nil, err
	}
	t, err = f.findType(name)
	if errors.Is(err, errNoName) {
		return nil, fmt.Errorf("no type %s in %s%s", name, f.Path(), cxx.DidYouMean(cxx.Closest(name, f.Names.TypeNames())))
	}
	return t, err
}

// findType is Type with errNoName for a name that is none.
func (f *typeTable) findType(name string) (*Type, error) {
	return f.typeNamed(strings.TrimSpace(name), 0)
}

func (f *typeTable) typeNamed(name string, depth int) (*Type, error) {
	if depth > 16 {
		return nil, fmt.Errorf("type name %s has too many stars", name)
	}
	for _, s := range []struct {
		suffix string
		kind   Kind
	}{{"*", KindPointer}, {"&", KindRef}} {
		if rest, ok := strings.CutSuffix(name, s.suffix); ok && !strings.Contains(name, "operator") {
			elem, err := f.typeNamed(strings.TrimSpace(strings.TrimSuffix(rest, "&")), depth+1)
			if err != nil {
				return nil, err
			}
			return f.pointerTo(elem, s.kind), nil
		}
	}
	for _, q := range []string{"const ", "volatile ", "struct ", "class ", "union ", "enum "} {
		name = strings.TrimPrefix(name, q)
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, " const"), " volatile")
	if name == "void" {
		return voidType, nil
	}
	n := f.Names.Find(name)
	if n == nil {
		if b, ok := cxx.BaseNames[strings.Join(strings.Fields(name), " ")]; ok {
			n = f.Names.Find(b)
		}
	}
	if t := basicTypes[name]; t != nil && (n == nil || n.Typ == 0) {
		return t, nil
	}
	if n == nil || n.Typ == 0 && n.Decl == 0 {
		return nil, errNoName
	}
	off := n.Typ
	if off == 0 {
		off = n.Decl
	}
	return f.typeAt(off)
}

// basicTypes are there even where a program does not use them.
var basicTypes = map[string]*Type{"bool": boolType, "char": charType, "int": intType, "unsigned int": uintType, "unsigned": uintType}

// voidType is void itself; pointers to void have no Elem.
var voidType = &Type{Kind: KindVoid, Name: "void"}

// pointerTo makes a pointer or reference type.
func (f *typeTable) pointerTo(elem *Type, kind Kind) *Type {
	mark := "*"
	if kind == KindRef {
		mark = "&"
	}
	name := "void" + mark
	if elem == voidType {
		elem = nil
	} else {
		name = elem.Name + mark
	}
	return f.derive(derivedKey{kind, elem, 0}, name, int64(f.PtrSize()))
}

func (f *typeTable) derive(k derivedKey, name string, size int64) *Type {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.derived[k]; t != nil {
		return t
	}
	t := &Type{Kind: k.kind, Name: name, Size: size, Elem: k.elem, Count: k.count, file: f, done: true}
	f.derived[k] = t
	return t
}

// typeAt decodes the type whose entry is at an offset, with all types that it
// leads to, once.
func (f *typeTable) typeAt(off dwarf.Offset) (*Type, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.types[off]; t != nil && t.done {
		return t, nil
	}
	l := &typeLoader{f: f, r: f.Entries()}
	t := l.want(off)
	for len(l.queue) > 0 {
		q := l.queue[len(l.queue)-1]
		l.queue = l.queue[:len(l.queue)-1]
		if err := l.decode(q); err != nil {
			// What was begun must not be found half done.
			for _, b := range l.begun {
				delete(f.types, b.off)
			}
			return nil, fmt.Errorf("reading a type of %s at %#x: %w", f.DebugPath(), q.off, err)
		}
	}
	for _, b := range l.begun {
		b.finish(0)
	}
	return f.types[t.off], nil
}

// typeLoader decodes types breadth by breadth instead of by recursion, so that
// neither cycles nor deep chains matter.
type typeLoader struct {
	f     *typeTable
	r     *index.Entries
	queue []*Type
	begun []*Type
}

// want returns the type at an offset, which may not be decoded so far.
func (l *typeLoader) want(off dwarf.Offset) *Type {
	if t := l.f.types[off]; t != nil {
		return t
	}
	t := &Type{off: off, file: l.f}
	l.f.types[off] = t
	l.queue = append(l.queue, t)
	l.begun = append(l.begun, t)
	return t
}

// ref is the type that an entry's DW_AT_type names, nil for void.
func (l *typeLoader) ref(e *dwarf.Entry) *Type {
	switch off := e.Val(dwarf.AttrType).(type) {
	case dwarf.Offset:
		return l.want(off)
	case nil:
		return nil
	}
	return &Type{Kind: KindUnknown, Name: "(type in another file)", Size: -1, file: l.f, done: true}
}

var tagKinds = map[dwarf.Tag]Kind{
	dwarf.TagBaseType:            KindBase,
	dwarf.TagUnspecifiedType:     KindBase,
	dwarf.TagStructType:          KindStruct,
	dwarf.TagClassType:           KindClass,
	dwarf.TagInterfaceType:       KindClass,
	dwarf.TagUnionType:           KindUnion,
	dwarf.TagEnumerationType:     KindEnum,
	dwarf.TagPointerType:         KindPointer,
	dwarf.TagReferenceType:       KindRef,
	dwarf.TagRvalueReferenceType: KindRef,
	dwarf.TagPtrToMemberType:     KindMemberPtr,
	dwarf.TagArrayType:           KindArray,
	dwarf.TagTypedef:             KindTypedef,
	dwarf.TagTemplateAlias:       KindTypedef,
	dwarf.TagConstType:           KindConst,
	dwarf.TagVolatileType:        KindVolatile,
	dwarf.TagRestrictType:        KindRestrict,
	dwarf.TagAtomicType:          KindAtomic,
	dwarf.TagSubroutineType:      KindFunc,
}

// decode fills one type in. Sizes and names that other types settle follow in
// finish.
func (l *typeLoader) decode(t *Type) error {
	l.r.Seek(t.off)
	e, err := l.r.Next()
	if err != nil {
		return err
	}
	if e == nil || e.Tag == 0 {
		return fmt.Errorf("no entry there")
	}
	kind, ok := tagKinds[e.Tag]
	if !ok {
		t.Kind, t.Size, t.Name = KindUnknown, -1, e.Tag.String()
		return nil
	}
	t.Kind, t.node = kind, index.NodeAt(l.f.Names.ByOff, t.off)
	if decl, _ := e.Val(dwarf.AttrDeclaration).(bool); decl {
		if t.node != nil && t.node.Typ != 0 && t.node.Typ != t.off {
			*t = Type{Kind: KindTypedef, off: t.off, file: t.file, node: t.node, Elem: l.want(t.node.Typ)}
			return nil
		}
		t.Incomplete = true
	}
	if name, _ := e.Val(dwarf.AttrName).(string); name != "" {
		t.Name = name
		if t.node != nil {
			t.Name = t.node.Path()
		}
	}
	t.Size = -1
	if n, ok := e.Val(dwarf.AttrByteSize).(int64); ok && n >= 0 {
		t.Size = n
	}
	t.Elem = l.ref(e)
	switch kind {
	case KindBase:
		t.encode(e)
	case KindStruct, KindClass, KindUnion, KindEnum, KindArray, KindFunc:
		return l.children(t, e)
	case KindPointer, KindRef:
		if t.Size < 0 {
			t.Size = int64(l.f.PtrSize())
		}
	}
	return nil
}

// DWARF's DW_ATE_* codes.
var encodings = map[int64]struct {
	Encoding
	signed bool
}{
	0x02: {EncodingBool, false}, 0x04: {EncodingFloat, true}, 0x05: {EncodingSigned, true}, 0x06: {EncodingChar, true},
	0x07: {EncodingUnsigned, false}, 0x08: {EncodingChar, false}, 0x10: {EncodingChar, false}, 0x11: {EncodingChar, false}, 0x12: {EncodingChar, false},
}

func (t *Type) encode(e *dwarf.Entry) {
	code, _ := e.Val(dwarf.AttrEncoding).(int64)
	enc := encodings[code]
	t.Encoding, t.Signed = enc.Encoding, enc.signed
}

// children reads members, values, dimensions or parameters.
func (l *typeLoader) children(t *Type, e *dwarf.Entry) error {
	if t.Kind == KindEnum {
		t.Encoding = EncodingUnsigned
	}
	var dims []int64
	for e.Children {
		c, err := l.r.Next()
		if err != nil {
			return err
		}
		if c == nil || c.Tag == 0 {
			break
		}
		name, _ := c.Val(dwarf.AttrName).(string)
		switch c.Tag {
		case dwarf.TagMember, dwarf.TagInheritance, dwarf.TagVariable:
			t.Fields = append(t.Fields, l.field(c, name))
		case dwarf.TagEnumerator:
			v, _ := c.Val(dwarf.AttrConstValue).(int64)
			t.Enumerators = append(t.Enumerators, Enumerator{name, v})
			if v < 0 {
				t.Encoding, t.Signed = EncodingSigned, true
			}
		case dwarf.TagSubrangeType:
			dims = append(dims, dimension(c))
		case dwarf.TagFormalParameter:
			t.Params = append(t.Params, l.ref(c))
		}
		if c.Children {
			l.r.SkipChildren()
		}
	}
	if t.Kind == KindArray {
		l.dimensions(t, dims)
	}
	return nil
}

// dimension is the number of elements that a subrange stands for, -1 if it is
// not known.
func dimension(c *dwarf.Entry) int64 {
	if n, ok := c.Val(dwarf.AttrCount).(int64); ok {
		return n
	}
	if n, ok := c.Val(dwarf.AttrUpperBound).(int64); ok && n < 1<<62 {
		return n + 1
	}
	return -1
}

// dimensions makes an array of several dimensions arrays of arrays.
func (l *typeLoader) dimensions(t *Type, dims []int64) {
	if len(dims) == 0 {
		dims = []int64{-1}
	}
	elem := t.Elem
	for i := len(dims) - 1; i > 0; i-- {
		elem = &Type{Kind: KindArray, Size: -1, Elem: elem, Count: dims[i], file: l.f}
	}
	t.Elem, t.Count = elem, dims[0]
}

// field reads a member, a base class or a static member.
func (l *typeLoader) field(c *dwarf.Entry, name string) Field {
	f := Field{Name: name, Type: l.ref(c), IsBase: c.Tag == dwarf.TagInheritance}
	if f.Type == nil {
		f.Type = voidType
	}
	f.Static = c.Tag == dwarf.TagVariable || c.Val(dwarf.AttrExternal) != nil
	switch at := c.Val(dwarf.AttrDataMemberLoc).(type) {
	case int64:
		f.Offset = at
	case []byte:
		f.Offset, f.Virtual = plusConst(at)
	}
	if v, _ := c.Val(dwarf.AttrVirtuality).(int64); v != 0 && f.IsBase {
		f.Virtual = true
	}
	size, isBits := c.Val(dwarf.AttrBitSize).(int64)
	if !isBits {
		return f
	}
	f.BitSize = size
	first := f.Offset * 8
	if at, ok := c.Val(dwarf.AttrDataBitOffset).(int64); ok {
		first = at
	} else if at, ok := c.Val(dwarf.AttrBitOffset).(int64); ok {
		// DWARF 2 counts from the most significant bit of the storage.
		unit, ok := c.Val(dwarf.AttrByteSize).(int64)
		if !ok {
			unit = 4
		}
		first += unit*8 - at - size
	}
	f.Offset, f.BitOffset = first>>3, first&7
	return f
}

// plusConst reads DW_OP_plus_uconst N, which old compilers write for a plain
// offset. Anything else computes where a virtual base is.
func plusConst(expr []byte) (off int64, virtual bool) {
	if len(expr) < 2 || expr[0] != 0x23 {
		return 0, true
	}
	for i, b := range expr[1:min(len(expr), 9)] {
		off |= int64(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			return off, i+2 != len(expr)
		}
	}
	return 0, true
}
