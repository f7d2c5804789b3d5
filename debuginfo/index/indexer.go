package index

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"sort"
)

// origin is a reference to the entry that holds an entry's name.
type origin struct {
	off, ref dwarf.Offset
}

// indexer is the pass.
type indexer struct {
	f        *File
	x        *Names
	w        walker
	whole    *Entries // for entries of which more is wanted than a walker tells
	stack    []*Node
	unnamed  []origin // functions and variables named by another entry
	variable map[dwarf.Offset]bool
}

// buildIndex indexes a file's debug info; plain are its sections, nil if they do
// not lie plainly in the file.
func buildIndex(f *File, plain *sections) (x *Names, err error) {
	if f.Data == nil {
		return &Names{Root: &Node{}}, nil
	}
	defer f.Guard(&err)
	if plain != nil {
		w, err := newSkimmer(*plain)
		if err == nil {
			x, err = indexWith(f, w)
		}
		if !errors.Is(err, errUnusual) {
			return x, err
		}
	}
	return indexWith(f, libraryWalk{f.Entries()})
}

// indexWith makes an index of what a walker tells.
func indexWith(f *File, w walker) (*Names, error) {
	b := &indexer{f: f, x: &Names{Root: &Node{}}, w: w, whole: f.Entries(), variable: map[dwarf.Offset]bool{}}
	for {
		e, done, err := w.next()
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		if e.tag == 0 {
			if len(b.stack) > 0 {
				b.stack = b.stack[:len(b.stack)-1]
			}
			continue
		}
		if err := b.visit(&e); err != nil {
			return nil, err
		}
	}
	b.resolve()
	return b.x, nil
}

// scope is the node of the entries around the current one.
func (b *indexer) scope() *Node {
	if len(b.stack) == 0 {
		return b.x.Root
	}
	return b.stack[len(b.stack)-1]
}

// visit takes one entry in, and goes into it or past it.
func (b *indexer) visit(e *entry) error {
	inside := (*Node)(nil) // scope of the children, nil to pass them by
	var err error
	switch e.tag {
	case dwarf.TagCompileUnit, dwarf.TagPartialUnit: // see isUnit
		b.stack = b.stack[:0] // a damaged unit may lack ends
		err = b.unit(e)
		inside = b.x.Root
	case dwarf.TagNamespace:
		inside = b.named(e)
	case dwarf.TagClassType, dwarf.TagStructType, dwarf.TagUnionType, dwarf.TagInterfaceType, dwarf.TagEnumerationType:
		inside = b.typ(e)
		// The values of an enum class do not reach the scope around it.
		inside.isEnum = inside.isEnum || e.tag == dwarf.TagEnumerationType && e.name != "" && !e.enumClass
	case dwarf.TagTypedef, dwarf.TagBaseType, dwarf.TagUnspecifiedType:
		if e.name != "" {
			b.typ(e)
		}
	case dwarf.TagEnumerator:
		b.enumerator(e)
	case dwarf.TagSubprogram:
		err = b.function(e)
	case dwarf.TagVariable:
		b.variables(e)
	case dwarf.TagMember:
		if e.static {
			b.variables(e)
		}
	}
	switch {
	case err != nil || !e.children:
		return err
	case inside == nil:
		return b.w.skip()
	}
	b.stack = append(b.stack, inside)
	return nil
}

func isUnit(t dwarf.Tag) bool { return t == dwarf.TagCompileUnit || t == dwarf.TagPartialUnit }

// all reads the whole entry at an offset.
func (b *indexer) all(off dwarf.Offset) (*dwarf.Entry, error) {
	b.whole.Seek(off)
	e, err := b.whole.Next()
	if err == nil && e == nil {
		err = fmt.Errorf("no entry at %#x", off)
	}
	return e, err
}

func (b *indexer) unit(e *entry) error {
	whole, err := b.all(e.off)
	if err != nil {
		return err
	}
	low, _ := whole.Val(dwarf.AttrLowpc).(uint64)
	b.x.units = append(b.x.units, Unit{e.off, whole, low})
	return nil
}

// named gives an entry its node; one without a name has that of its scope.
func (b *indexer) named(e *entry) *Node {
	n := b.scope()
	if e.name != "" {
		n = n.kid(e.name)
	}
	b.x.ByOff = append(b.x.ByOff, named{e.off, n})
	return n
}

func (b *indexer) typ(e *entry) *Node {
	n := b.named(e)
	switch {
	case e.name == "":
		if b.x.anon == nil {
			b.x.anon = map[dwarf.Offset]bool{}
		}
		b.x.anon[e.off] = true
	case e.declared && n.Decl == 0:
		n.Decl = e.off
	case !e.declared && n.Typ == 0:
		n.Typ = e.off
	}
	return n
}

// enumerator puts a constant into the scope around its enum, where C++ has it
// unless the enum is a class, and into the enum.
func (b *indexer) enumerator(e *entry) {
	if !e.hasValue || e.name == "" {
		return
	}
	within := b.scope()
	within.kid(e.name).constant(e.value)
	if within.isEnum && within.Parent != nil {
		within.Parent.kid(e.name).constant(e.value)
	}
}

// constant gives a name its value, unless it has one.
// constant makes a name an enumerator.
func (n *Node) constant(v int64) {
	if !n.HasValue {
		n.HasValue, n.Value = true, v
	}
}

func (b *indexer) function(e *entry) error {
	var n *Node
	if e.hasRef {
		b.unnamed = append(b.unnamed, origin{e.off, e.ref})
	} else if e.name != "" {
		n = b.named(e)
		n.IsFunc = true
	}
	if !e.code {
		return nil
	}
	whole, err := b.all(e.off)
	if err != nil {
		return err
	}
	ranges, entry := b.f.CodeRanges(whole)
	for _, r := range ranges {
		if b.f.InText(r.Start) {
			b.x.Bodies = append(b.x.Bodies, body{r.Start, r.End, r.Start == entry, e.off, n})
		}
	}
	return nil
}

func (b *indexer) variables(e *entry) {
	switch {
	case e.hasRef:
		b.unnamed = append(b.unnamed, origin{e.off, e.ref})
		b.variable[e.off] = true
	case e.name != "":
		n := b.named(e)
		n.Vars = append(n.Vars, e.off)
	}
}

// Reference is the entry that an entry completes or is an instance of.
func Reference(e *dwarf.Entry) (dwarf.Offset, bool) {
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
	plain := b.x.ByOff
	var found []named
	for _, o := range b.unnamed {
		off := o.ref
		for range maxChain {
			if n := NodeAt(plain, off); n != nil {
				found = append(found, named{o.off, n})
				if b.variable[o.off] {
					n.Vars = append(n.Vars, o.off)
				} else {
					n.IsFunc = true
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
	b.x.ByOff = merge(plain, found)
	kept := b.x.Bodies[:0]
	for _, c := range b.x.Bodies {
		if c.N == nil {
			c.N = NodeAt(b.x.ByOff, c.Off)
		}
		if c.N != nil {
			kept = append(kept, c)
		}
	}
	b.x.Bodies = kept
	sort.Slice(kept, func(i, j int) bool { return kept[i].Low < kept[j].Low })
}
