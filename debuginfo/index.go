package debuginfo

import (
	"debug/dwarf"
	"sort"
	"strings"
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

// origin is a reference to the entry that holds an entry's name.
type origin struct {
	off, ref dwarf.Offset
}

// indexer is the pass.
type indexer struct {
	f        *File
	x        *index
	r        *entries
	stack    []*node
	unnamed  []origin // functions and variables named by another entry
	variable map[dwarf.Offset]bool
}

func buildIndex(f *File) (x *index, err error) {
	x = &index{root: &node{}}
	if f.data == nil {
		return x, nil
	}
	defer f.guard(&err)
	b := &indexer{f: f, x: x, r: f.entries(), variable: map[dwarf.Offset]bool{}}
	for {
		e, err := b.r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if e.Tag == 0 {
			if len(b.stack) > 0 {
				b.stack = b.stack[:len(b.stack)-1]
			}
			continue
		}
		if err := b.visit(e); err != nil {
			return nil, err
		}
	}
	b.resolve()
	return x, nil
}

// scope is the node of the entries around the current one.
func (b *indexer) scope() *node {
	if len(b.stack) == 0 {
		return b.x.root
	}
	return b.stack[len(b.stack)-1]
}

// visit takes one entry in, and goes into it or past it.
func (b *indexer) visit(e *dwarf.Entry) error {
	inside := (*node)(nil) // scope of the children, nil to pass them by
	name, _ := e.Val(dwarf.AttrName).(string)
	switch e.Tag {
	case dwarf.TagCompileUnit, dwarf.TagPartialUnit: // see isUnit
		b.stack = b.stack[:0] // a damaged unit may lack ends
		low, _ := e.Val(dwarf.AttrLowpc).(uint64)
		b.x.units = append(b.x.units, unit{e.Offset, e, low})
		inside = b.x.root
	case dwarf.TagNamespace:
		inside = b.named(e, name)
	case dwarf.TagClassType, dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagInterfaceType, dwarf.TagEnumerationType:
		inside = b.typ(e, name)
		// The values of an enum class do not reach the scope around it.
		inside.isEnum = inside.isEnum || e.Tag == dwarf.TagEnumerationType && name != "" && e.Val(dwarf.AttrEnumClass) == nil
	case dwarf.TagTypedef, dwarf.TagBaseType, dwarf.TagUnspecifiedType:
		if name != "" {
			b.typ(e, name)
		}
	case dwarf.TagEnumerator:
		b.enumerator(e, name)
	case dwarf.TagSubprogram:
		b.function(e, name)
	case dwarf.TagVariable:
		b.variables(e, name)
	case dwarf.TagMember:
		if e.Val(dwarf.AttrExternal) != nil || e.Val(dwarf.AttrConstValue) != nil {
			b.variables(e, name)
		}
	}
	if !e.Children {
		return nil
	}
	if inside == nil {
		b.r.SkipChildren()
		return nil
	}
	b.stack = append(b.stack, inside)
	return nil
}

func isUnit(t dwarf.Tag) bool { return t == dwarf.TagCompileUnit || t == dwarf.TagPartialUnit }

// named gives an entry its node; one without a name has that of its scope.
func (b *indexer) named(e *dwarf.Entry, name string) *node {
	n := b.scope()
	if name != "" {
		n = n.kid(name)
	}
	b.x.byOff = append(b.x.byOff, named{e.Offset, n})
	return n
}

func (b *indexer) typ(e *dwarf.Entry, name string) *node {
	if name == "" {
		if b.x.anon == nil {
			b.x.anon = map[dwarf.Offset]bool{}
		}
		b.x.anon[e.Offset] = true
		return b.named(e, name)
	}
	n := b.named(e, name)
	if decl, _ := e.Val(dwarf.AttrDeclaration).(bool); decl {
		if n.decl == 0 {
			n.decl = e.Offset
		}
	} else if n.typ == 0 {
		n.typ = e.Offset
	}
	return n
}

// enumerator puts a constant into the scope around its enum, where C++ has it
// unless the enum is a class, and into the enum.
func (b *indexer) enumerator(e *dwarf.Entry, name string) {
	v, ok := e.Val(dwarf.AttrConstValue).(int64)
	if !ok || name == "" {
		return
	}
	scopes := []*node{b.scope()}
	if b.scope().isEnum && b.scope().parent != nil {
		scopes = append(scopes, b.scope().parent)
	}
	for _, s := range scopes {
		if k := s.kid(name); !k.hasValue {
			k.hasValue, k.value = true, v
		}
	}
}

func (b *indexer) function(e *dwarf.Entry, name string) {
	var n *node
	if ref, ok := reference(e); ok {
		b.unnamed = append(b.unnamed, origin{e.Offset, ref})
	} else if name != "" {
		n = b.named(e, name)
		n.isFunc = true
	}
	ranges, entry := b.f.codeRanges(e)
	for _, r := range ranges {
		if b.f.inText(r.Start) {
			b.x.bodies = append(b.x.bodies, body{r.Start, r.End, r.Start == entry, e.Offset, n})
		}
	}
}

func (b *indexer) variables(e *dwarf.Entry, name string) {
	if ref, ok := reference(e); ok {
		b.unnamed = append(b.unnamed, origin{e.Offset, ref})
		b.variable[e.Offset] = true
		return
	}
	if name != "" {
		n := b.named(e, name)
		n.vars = append(n.vars, e.Offset)
	}
}

// reference is the entry that an entry completes or is an instance of.
func reference(e *dwarf.Entry) (dwarf.Offset, bool) {
	for _, a := range []dwarf.Attr{dwarf.AttrAbstractOrigin, dwarf.AttrSpecification} {
		if off, ok := e.Val(a).(dwarf.Offset); ok {
			return off, true
		}
	}
	return 0, false
}

// maxChain bounds how many entries a name is passed on through.
const maxChain = 16

// resolve names what is named by other entries, which may stand later.
func (b *indexer) resolve() {
	refs := make(map[dwarf.Offset]dwarf.Offset, len(b.unnamed))
	for _, o := range b.unnamed {
		refs[o.off] = o.ref
	}
	plain := b.x.byOff
	var found []named
	for _, o := range b.unnamed {
		off := o.ref
		for range maxChain {
			if n := nodeAt(plain, off); n != nil {
				found = append(found, named{o.off, n})
				if b.variable[o.off] {
					n.vars = append(n.vars, o.off)
				} else {
					n.isFunc = true
				}
				break
			}
			next, ok := refs[off]
			if !ok {
				break
			}
			off = next
		}
	}
	b.x.byOff = merge(plain, found)
	kept := b.x.bodies[:0]
	for _, c := range b.x.bodies {
		if c.n == nil {
			c.n = nodeAt(b.x.byOff, c.off)
		}
		if c.n != nil {
			kept = append(kept, c)
		}
	}
	b.x.bodies = kept
	sort.Slice(kept, func(i, j int) bool { return kept[i].low < kept[j].low })
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
func (f *File) codeRanges(e *dwarf.Entry) ([]Range, uint64) {
	low, hasLow := e.Val(dwarf.AttrLowpc).(uint64)
	var out []Range
	if e.Val(dwarf.AttrRanges) != nil {
		rs, err := f.data.Ranges(e)
		if err != nil {
			return nil, 0
		}
		for _, r := range rs {
			if r[0] < r[1] {
				out = append(out, Range{r[0], r[1]})
			}
		}
	} else if hasLow {
		switch high := e.Val(dwarf.AttrHighpc).(type) {
		case uint64:
			out = append(out, Range{low, high})
		case int64:
			out = append(out, Range{low, low + uint64(high)})
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

// splitName cuts a qualified name at the "::" that are outside of template
// arguments and parameter lists.
func splitName(name string) []string {
	var parts []string
	depth, start := 0, 0
	name = strings.TrimPrefix(name, "::")
	for i := 0; i < len(name); i++ {
		if strings.HasPrefix(name[i:], "operator") && (i == start) {
			break // the rest is an operator's name
		}
		switch name[i] {
		case '<', '(':
			depth++
		case '>', ')':
			depth--
		case ':':
			if depth == 0 && i+1 < len(name) && name[i+1] == ':' {
				if p := name[start:i]; p != "(anonymous namespace)" {
					parts = append(parts, p)
				}
				i++
				start = i + 1
			}
		}
	}
	return append(parts, name[start:])
}

// find follows a qualified name from the outermost scope; nil if there is no
// such name.
func (x *index) find(name string) *node {
	n := x.root
	for _, p := range splitName(name) {
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
	want := canonTemplate(name)
	for s, k := range n.kids {
		if strings.HasPrefix(s, base) && canonTemplate(s) == want {
			return k
		}
	}
	return nil
}
