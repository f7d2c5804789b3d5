package index

import (
	"debug/dwarf"
	"fmt"
)

// Entries reads debug info entries in their order. Damaged sibling references
// would lead debug/dwarf's reader back to where it was, for ever: that is an
// error here.
type Entries struct {
	r    *dwarf.Reader
	last dwarf.Offset
}

func (f *File) Entries() *Entries { return &Entries{r: f.Data.Reader()} }

// Seek goes to an entry.
func (w *Entries) Seek(off dwarf.Offset) {
	w.r.Seek(off)
	w.last = 0
}

// Next reads the next entry, nil at the end.
func (w *Entries) Next() (*dwarf.Entry, error) {
	e, err := w.r.Next()
	if err != nil || e == nil {
		return nil, err
	}
	if e.Tag == 0 {
		return e, nil // the end of children, which has no offset
	}
	if e.Offset <= w.last {
		return nil, fmt.Errorf("entries lead back from %#x to %#x", w.last, e.Offset)
	}
	w.last = e.Offset
	return e, nil
}

// SkipChildren goes past the children of the entry read last.
func (w *Entries) SkipChildren() { w.r.SkipChildren() }

// EachChild calls fn for the direct children of an entry, until it fails.
func (f *File) EachChild(e *dwarf.Entry, fn func(k *dwarf.Entry) error) error {
	if !e.Children {
		return nil
	}
	r := f.Entries()
	r.Seek(e.Offset)
	if _, err := r.Next(); err != nil {
		return err
	}
	for {
		k, err := r.Next()
		if err != nil || k == nil || k.Tag == 0 {
			return err
		}
		if err := fn(k); err != nil {
			return err
		}
		if k.Children {
			r.SkipChildren()
		}
	}
}

// Chain is an entry with those whose attributes it shares.
type Chain []*dwarf.Entry

// Chain reads an entry and follows DW_AT_abstract_origin and
// DW_AT_specification.
func (f *File) Chain(r *Entries, off dwarf.Offset) (Chain, error) {
	var c Chain
	for range maxChain {
		r.Seek(off)
		e, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("reading the debug info of %s at %#x: %w", f.DebugPath(), off, err)
		}
		if e == nil || e.Tag == 0 {
			break
		}
		c = append(c, e)
		ref, ok := Reference(e)
		if !ok {
			break
		}
		off = ref
	}
	if len(c) == 0 {
		return nil, fmt.Errorf("the debug info of %s has no entry at %#x", f.DebugPath(), off)
	}
	return c, nil
}

// Val is the first entry's value of an attribute that has one.
func (c Chain) Val(a dwarf.Attr) any {
	for _, e := range c {
		if v := e.Val(a); v != nil {
			return v
		}
	}
	return nil
}

func (c Chain) Name() string {
	s, _ := c.Val(dwarf.AttrName).(string)
	return s
}

// UnitAt is the compilation unit that an entry is in.
func (f *File) UnitAt(off dwarf.Offset) Unit {
	var found Unit
	for _, u := range f.Names.units {
		if u.Off > off {
			break
		}
		found = u
	}
	return found
}
