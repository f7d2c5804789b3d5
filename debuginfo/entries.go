package debuginfo

import (
	"debug/dwarf"
	"fmt"
)

// entries reads debug info entries in their order. Damaged sibling references
// would lead debug/dwarf's reader back to where it was, for ever: that is an
// error here.
type entries struct {
	r    *dwarf.Reader
	last dwarf.Offset
}

func (f *File) entries() *entries { return &entries{r: f.data.Reader()} }

// Seek goes to an entry.
func (w *entries) Seek(off dwarf.Offset) {
	w.r.Seek(off)
	w.last = 0
}

// Next reads the next entry, nil at the end.
func (w *entries) Next() (*dwarf.Entry, error) {
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
func (w *entries) SkipChildren() { w.r.SkipChildren() }

// eachChild calls fn for the direct children of an entry, until it fails.
func (f *File) eachChild(e *dwarf.Entry, fn func(k *dwarf.Entry) error) error {
	if !e.Children {
		return nil
	}
	r := f.entries()
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
