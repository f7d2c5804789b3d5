package debuginfo

import (
	"debug/dwarf"
	"sort"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
)

// node is a name in the tree of C++ scopes. Entries of all compilation units
// that spell the same name share one node; anonymous namespaces and anonymous
// types put their names into the scope around them.
type node struct {
	name   string
	parent *node
	kids   map[string]*node

	typ, decl dwarf.Offset   // first definition and first declaration of a type, 0 if none
	vars      []dwarf.Offset // variables: declarations and definitions
	isFunc    bool
	isEnum    bool
	hasValue  bool // an enumerator
	value     int64
	number    uint32 // in an index file
}

// kid returns the name in a scope and makes it when it is new.
func (n *node) kid(name string) *node {
	if k := n.kids[name]; k != nil {
		return k
	}
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	k := &node{name: name, parent: n}
	n.kids[name] = k
	return k
}

// maxScopes bounds how deep names nest.
const maxScopes = 64

// path is the qualified name.
func (n *node) path() string {
	var parts []string
	for ; n != nil && n.parent != nil && len(parts) < maxScopes; n = n.parent {
		parts = append(parts, n.name)
	}
	for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
		parts[i], parts[j] = parts[j], parts[i]
	}
	return strings.Join(parts, "::")
}

// named connects an entry with its name. debug/dwarf hands entries out by
// offset, without their parents.
type named struct {
	off dwarf.Offset
	n   *node
}

// body is the code of a function that is not inlined: one contiguous part.
type body struct {
	low, high uint64
	entry     bool // low is where the function is entered
	off       dwarf.Offset
	n         *node
}

// unit is a compilation unit.
type unit struct {
	off   dwarf.Offset
	entry *dwarf.Entry
	low   uint64 // base of its location lists
}

// index is what one pass over all entries, without those inside functions,
// finds.
type index struct {
	root   *node
	byOff  []named // by offset
	bodies []body  // by address
	units  []unit  // by offset
	anon   map[dwarf.Offset]bool
}

// merge joins two lists that are ordered by offset.
func merge(a, b []named) []named {
	out := make([]named, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].off < b[0].off {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// nodeAt finds the name of the entry at an offset, nil if it has none.
func nodeAt(list []named, off dwarf.Offset) *node {
	i := sort.Search(len(list), func(i int) bool { return list[i].off >= off })
	if i < len(list) && list[i].off == off {
		return list[i].n
	}
	return nil
}

// codeRanges are the parts of a function or block, and where it is entered.
// What has no code yields none.
func (f *File) codeRanges(e *dwarf.Entry) ([]elffile.Range, uint64) {
	low, hasLow := e.Val(dwarf.AttrLowpc).(uint64)
	var out []elffile.Range
	if e.Val(dwarf.AttrRanges) != nil {
		rs, err := f.data.Ranges(e)
		if err != nil {
			return nil, 0
		}
		for _, r := range rs {
			if r[0] < r[1] {
				out = append(out, elffile.Range{Start: r[0], End: r[1]})
			}
		}
	} else if hasLow {
		switch high := e.Val(dwarf.AttrHighpc).(type) {
		case uint64:
			out = append(out, elffile.Range{Start: low, End: high})
		case int64:
			out = append(out, elffile.Range{Start: low, End: low + uint64(high)})
		}
	}
	if len(out) == 0 {
		return nil, 0
	}
	entry := out[0].Start
	switch v := e.Val(dwarf.AttrEntrypc).(type) {
	case uint64:
		entry = v
	case int64:
		entry += uint64(v) // DWARF 5: counted from the first byte
	}
	return out, entry
}

// entryOf is where an inlined copy is entered. Its parts are not looked at where it
// tells.
func (f *File) entryOf(e *dwarf.Entry) uint64 {
	if at, ok := e.Val(dwarf.AttrEntrypc).(uint64); ok {
		return at
	}
	_, entry := f.codeRanges(e)
	return entry
}

// find follows a qualified name from the outermost scope; nil if there is no
// such name.
func (x *index) find(name string) *node {
	n := x.root
	for _, p := range cxx.Split(name) {
		if n = n.look(p); n == nil {
			return nil
		}
	}
	return n
}

// look finds a name in a scope. Template arguments may be spelled as the
// demangler does.
func (n *node) look(name string) *node {
	if k := n.kids[name]; k != nil {
		return k
	}
	base, _, ok := strings.Cut(name, "<")
	if !ok || base == "operator" {
		return nil
	}
	want := cxx.Canon(name)
	for s, k := range n.kids {
		if strings.HasPrefix(s, base) && cxx.Canon(s) == want {
			return k
		}
	}
	return nil
}
