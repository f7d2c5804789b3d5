package index

import (
	"debug/dwarf"
	"sort"
	"strings"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
)

// Node is a name in the tree of C++ scopes. Entries of all compilation units
// that spell the same name share one node; anonymous namespaces and anonymous
// types put their names into the scope around them.
type Node struct {
	name   string
	Parent *Node
	Kids   map[string]*Node

	Typ, Decl dwarf.Offset   // first definition and first declaration of a type, 0 if none
	Vars      []dwarf.Offset // variables: declarations and definitions
	IsFunc    bool
	isEnum    bool
	HasValue  bool // an enumerator
	Value     int64
	number    uint32 // in an index file
}

// kid returns the name in a scope and makes it when it is new.
func (n *Node) kid(name string) *Node {
	if k := n.Kids[name]; k != nil {
		return k
	}
	if n.Kids == nil {
		n.Kids = map[string]*Node{}
	}
	k := &Node{name: name, Parent: n}
	n.Kids[name] = k
	return k
}

// Make returns the node of a qualified name, nil if more than so many would have to be made,
// and how many were.
func (x *Names) Make(name string, most int) (n *Node, made int) {
	n = x.Root
	parts := cxx.Split(name)
	if len(parts) > MaxScopes {
		return nil, 0
	}
	for _, p := range parts {
		k := n.Look(p)
		if k == nil {
			if made == most {
				return nil, made
			}
			k = n.kid(p)
			made++
		}
		n = k
	}
	return n, made
}

// Constant puts an enumerator into a scope.
func (n *Node) Constant(name string, v int64) { n.kid(name).constant(v) }

// MaxScopes bounds how deep names nest.
const MaxScopes = 64

// Path is the qualified name.
func (n *Node) Path() string {
	var parts []string
	for ; n != nil && n.Parent != nil && len(parts) < MaxScopes; n = n.Parent {
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
	Off dwarf.Offset
	N   *Node
}

// body is the code of a function that is not inlined: one contiguous part.
type body struct {
	Low, high uint64
	Entry     bool // low is where the function is entered
	Off       dwarf.Offset
	N         *Node
}

// Unit is a compilation unit.
type Unit struct {
	Off   dwarf.Offset
	Entry *dwarf.Entry
	Low   uint64 // base of its location lists
}

// Names is what one pass over all entries, without those inside functions,
// finds.
type Names struct {
	Root   *Node
	ByOff  []named // by offset
	Bodies []body  // by address
	units  []Unit  // by offset
	anon   map[dwarf.Offset]bool
}

// merge joins two lists that are ordered by offset.
func merge(a, b []named) []named {
	out := make([]named, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].Off < b[0].Off {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// NodeAt finds the name of the entry at an offset, nil if it has none.
func NodeAt(list []named, off dwarf.Offset) *Node {
	i := sort.Search(len(list), func(i int) bool { return list[i].Off >= off })
	if i < len(list) && list[i].Off == off {
		return list[i].N
	}
	return nil
}

// CodeRanges are the parts of a function or block, and where it is entered.
// What has no code yields none.
func (f *File) CodeRanges(e *dwarf.Entry) ([]elffile.Range, uint64) {
	low, hasLow := e.Val(dwarf.AttrLowpc).(uint64)
	var out []elffile.Range
	if e.Val(dwarf.AttrRanges) != nil {
		rs, err := f.Data.Ranges(e)
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
	_, entry := f.CodeRanges(e)
	return entry
}

// Find follows a qualified name from the outermost scope; nil if there is no
// such name.
func (x *Names) Find(name string) *Node {
	n := x.Root
	for _, p := range cxx.Split(name) {
		if n = n.Look(p); n == nil {
			return nil
		}
	}
	return n
}

// Look finds a name in a scope. Template arguments may be spelled as the
// demangler does.
func (n *Node) Look(name string) *Node {
	if k := n.Kids[name]; k != nil {
		return k
	}
	base, _, ok := strings.Cut(name, "<")
	if !ok || base == "operator" {
		return nil
	}
	want := cxx.Canon(name)
	for s, k := range n.Kids {
		if strings.HasPrefix(s, base) && cxx.Canon(s) == want {
			return k
		}
	}
	return nil
}

// TypeNames lists the qualified names of all types, for suggestions.
func (x *Names) TypeNames() []string {
	var out []string
	x.Root.Walk(func(n *Node) {
		if n.Typ != 0 {
			out = append(out, n.Path())
		}
	})
	return out
}

// Walk visits all names below a scope.
func (n *Node) Walk(fn func(*Node)) {
	for _, k := range n.Kids {
		fn(k)
		k.Walk(fn)
	}
}

func (x *Names) VarNames() []string {
	var out []string
	x.Root.Walk(func(n *Node) {
		if len(n.Vars) > 0 {
			out = append(out, n.Path())
		}
	})
	return out
}

func (x *Names) EnumeratorNames() []string {
	var out []string
	x.Root.Walk(func(n *Node) {
		if n.HasValue {
			out = append(out, n.Path())
		}
	})
	return out
}
