package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"strconv"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/index"
)

// Kind says what sort of type a Type is.
type Kind uint8

// The kinds of types.
const (
	KindVoid Kind = iota
	KindBase
	KindStruct
	KindClass
	KindUnion
	KindEnum
	KindPointer
	KindRef       // T& and T&&
	KindMemberPtr // T C::*
	KindArray
	KindTypedef
	KindConst
	KindVolatile
	KindRestrict
	KindAtomic
	KindFunc
	KindUnknown // something that DWARF describes in a way not known here
)

var kindNames = [...]string{"void", "base type", "struct", "class", "union", "enum", "pointer", "reference",
	"member pointer", "array", "typedef", "const", "volatile", "restrict", "atomic", "function", "unknown type"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Encoding says how the bits of a base type or enum are meant.
type Encoding uint8

// The encodings of base types.
const (
	EncodingNone Encoding = iota
	EncodingUnsigned
	EncodingSigned
	EncodingBool
	EncodingChar  // signed or not by Type.Signed
	EncodingFloat // 4, 8 or 16 bytes
)

// Type is a C++ type. It is never changed after it was handed out; types may
// be cyclic.
type Type struct {
	Kind     Kind
	Name     string // qualified, "" for anonymous ones: "Genode::Thread", "char const *" is "const char*"
	Size     int64  // bytes; 0 for void and functions, -1 where it is not known
	Elem     *Type  // of pointers, references, arrays, typedefs and cv; result of functions, nil for void
	Count    int64  // elements of an array, -1 where it is not known
	Encoding Encoding
	Signed   bool // of base types and enums

	// Members of a struct, class or union in order, its base classes among
	// them; of a typedef or cv type those of the type behind it.
	Fields []Field
	// Values of an enum in order; likewise.
	Enumerators []Enumerator
	// Params are a function's.
	Params []*Type
	// Incomplete says that only a declaration is known.
	Incomplete bool

	off  dwarf.Offset
	node *index.Node
	file *typeTable
	done bool
}

// Field is a member or base class of a type.
type Field struct {
	Name      string // "" for an anonymous struct or union; a base class has its type's name
	Type      *Type
	Offset    int64 // bytes; of a bit field, the byte that holds its first bit
	BitSize   int64 // bits of a bit field, else 0
	BitOffset int64 // of a bit field, in the byte at Offset, from the least significant bit
	IsBase    bool
	Virtual   bool // a virtual base, whose offset is not fixed
	Static    bool // a static data member: File.Variable has its address
}

// Enumerator is a value of an enum.
type Enumerator struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// Resolved is a data member found in a type.
type Resolved struct {
	Type      *Type
	Offset    int64 // bytes from the start of the outer type
	BitSize   int64 // as in Field
	BitOffset int64
}

func (t *Type) String() string {
	switch {
	case t == nil:
		return "void"
	case t.Name != "":
		return t.Name
	}
	return "(anonymous " + t.Kind.String() + ")"
}

// maxDepth bounds walks through typedefs, base classes and anonymous members.
const maxDepth = 64

// Underlying is the type behind typedefs and const, volatile and the like.
func (t *Type) Underlying() *Type {
	for range maxDepth {
		if t == nil || t.Elem == nil || t.Kind < KindTypedef || t.Kind > KindAtomic {
			return t
		}
		t = t.Elem
	}
	return t
}

// Target is the type that a pointer or reference leads to, without typedefs;
// nil for other types and void.
func (t *Type) Target() *Type {
	u := t.Underlying()
	if u == nil || u.Kind != KindPointer && u.Kind != KindRef || u.Elem == nil {
		return nil
	}
	return u.Elem.Underlying()
}

// IsStruct says whether a type is a struct, class or union, also behind
// typedefs.
func (t *Type) IsStruct() bool {
	u := t.Underlying()
	return u != nil && (u.Kind == KindStruct || u.Kind == KindClass || u.Kind == KindUnion)
}

// FieldPath finds a data member by its path ("a.b.c", "_name[2]._buf"). Members
// of base classes and of anonymous structs and unions are found like a type's
// own; "Base::member" names those of one base. Pointers are not followed.
func (t *Type) FieldPath(path string) (Resolved, error) {
	r := Resolved{Type: t}
	for _, part := range cxx.SplitPath(path) {
		name, index, hasIndex := strings.Cut(part, "[")
		if name != "" {
			m, err := r.Type.member(name)
			if err != nil {
				return Resolved{}, err
			}
			m.Offset += r.Offset
			r = m
		}
		for hasIndex {
			n, rest, ok := strings.Cut(index, "]")
			i, err := strconv.ParseInt(n, 0, 64)
			u := r.Type.Underlying()
			if !ok || err != nil || u.Kind != KindArray || u.Elem == nil || i < 0 || u.Count >= 0 && i >= u.Count {
				return Resolved{}, fmt.Errorf("%s has no element [%s", r.Type, index)
			}
			r = Resolved{Type: u.Elem, Offset: r.Offset + i*max(u.Elem.Size, 0)}
			_, index, hasIndex = strings.Cut(rest, "[")
		}
	}
	return r, nil
}

// hit is a member found by name.
type hit struct {
	owner *Type
	Resolved
	static bool
}

// member finds one data member that is not static.
func (t *Type) member(name string) (Resolved, error) {
	h, err := t.lookup(name)
	if err != nil {
		return Resolved{}, err
	}
	if h.static {
		return Resolved{}, fmt.Errorf("%s::%s is static: it has an address, not an offset", h.owner, name)
	}
	return h.Resolved, nil
}

// lookup finds a data member, static ones included. A class's own members hide
// those of its bases; what is found in two bases is ambiguous.
func (t *Type) lookup(name string) (hit, error) {
	u := t.Underlying()
	if !t.IsStruct() {
		return hit{}, fmt.Errorf("%s is no struct or class: it has no member %s", t, name)
	}
	if u.Incomplete {
		return hit{}, fmt.Errorf("%s is only declared, not defined, in %s: its member %s is not known", t, u.file.Path(), name)
	}
	parts := cxx.Split(name)
	if len(parts) > 1 {
		class := strings.Join(parts[:len(parts)-1], "::")
		off, base := int64(0), u
		if !u.is(class) {
			found := u.bases(class)
			if len(found) == 0 {
				return hit{}, fmt.Errorf("%s has no base class %s", t, class)
			}
			off, base = found[0].Offset, found[0].Type
			if len(found) > 1 && distinct(found) {
				return hit{}, fmt.Errorf("%s has more than one base class %s: name the way to it", t, class)
			}
		}
		h, err := base.lookup(parts[len(parts)-1])
		h.Offset += off
		return h, err
	}
	hits := u.hits(name)
	switch {
	case len(hits) == 0:
		return hit{}, fmt.Errorf("%s has no member %s%s", t, name, cxx.DidYouMean(cxx.Closest(name, u.memberNames())))
	case len(hits) > 1 && !hits[0].static:
		var in []string
		same := true
		for _, h := range hits {
			in = append(in, h.owner.String()+"::"+name)
			same = same && h.Offset == hits[0].Offset && h.owner == hits[0].owner
		}
		if !same {
			return hit{}, fmt.Errorf("member %s of %s is ambiguous: %s", name, t, strings.Join(in, " or "))
		}
	}
	return hits[0], nil
}

func distinct(rs []Resolved) bool {
	for _, r := range rs {
		if r.Offset != rs[0].Offset {
			return true
		}
	}
	return false
}

// maxHits bounds the members of one name, and the base classes.
const maxHits = 64

// budget bounds a walk through classes, which damaged debug info may make
// their own bases.
type budget struct{ left int } // types, and fields of theirs

func newBudget() *budget { return &budget{1 << 17} }

// enter says whether one more type may be looked at, with all its fields.
func (b *budget) enter(t *Type) bool {
	if t == nil {
		return false
	}
	b.left -= 1 + len(t.Fields)
	return b.left >= 0
}

// search looks for members of a name.
type search struct {
	*budget
	name  string
	found []hit
}

// hits are the members of a name, of a class or of its bases.
func (t *Type) hits(name string) []hit {
	s := &search{budget: newBudget(), name: name}
	s.members(t, 0)
	return s.found
}

// members looks for a class's own members, which hide those of its bases.
func (s *search) members(t *Type, off int64) {
	if len(s.found) >= maxHits || !s.enter(t) {
		return
	}
	before := len(s.found)
	for _, f := range t.Fields {
		switch {
		case f.IsBase:
		case f.Name == s.name:
			s.found = append(s.found, hit{t, Resolved{f.Type, off + f.Offset, f.BitSize, f.BitOffset}, f.Static})
			return
		case f.Name == "" && f.Type.IsStruct():
			if s.members(f.Type.Underlying(), off+f.Offset); len(s.found) > before {
				return
			}
		}
	}
	for _, f := range t.Fields {
		if f.IsBase && !f.Virtual {
			s.members(f.Type.Underlying(), off+f.Offset)
		}
	}
}

// memberNames lists all members' names for suggestions, those of each base class once:
// one that is damaged may be its own.
func (t *Type) memberNames() (out []string) {
	seen := map[*Type]bool{nil: true}
	for next := []*Type{t}; len(next) > 0; next = next[1:] {
		u := next[0]
		if seen[u] {
			continue
		}
		seen[u] = true
		for _, f := range u.Fields {
			if f.IsBase || f.Name == "" {
				next = append(next, f.Type.Underlying())
			} else {
				out = append(out, f.Name)
			}
		}
	}
	return out
}

// BaseOffset finds a direct or indirect base class by its qualified or its last
// name and tells where it lies. Virtual bases have no fixed place. Of several
// bases of one name it is the first.
func (t *Type) BaseOffset(name string) (int64, bool) {
	u := t.Underlying()
	if u == nil {
		return 0, false
	}
	found := u.bases(name)
	if len(found) == 0 {
		return 0, false
	}
	return found[0].Offset, true
}

// bases lists the base classes of a name, nearest first.
func (t *Type) bases(name string) (out []Resolved) {
	left := newBudget()
	for next := []Resolved{{Type: t}}; len(next) > 0 && len(out) < maxHits; next = next[1:] {
		in := next[0]
		if !left.enter(in.Type) {
			continue
		}
		for _, f := range in.Type.Fields {
			if !f.IsBase || f.Virtual {
				continue
			}
			base := Resolved{Type: f.Type.Underlying(), Offset: in.Offset + f.Offset}
			if f.Type.is(name) {
				out = append(out, base)
			}
			if len(next) < left.left {
				next = append(next, base)
			}
		}
	}
	return out
}

// is compares a type's name with a name that may lack outer scopes, or
// template arguments.
func (t *Type) is(name string) bool {
	own := t.Underlying()
	if own == nil || name == "" {
		return false
	}
	return cxx.Matches(own.Name, strings.TrimPrefix(name, "::"))
}
