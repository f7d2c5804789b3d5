package index

import (
	"debug/dwarf"
	"sort"
)

// Call is a function that another one calls, or that was inlined into it, by its
// qualified name.
type Call struct {
	Function string
	Addr     uint64 // behind the call, or where the inlined copy is entered
	Line     int    // of the call, 0 where it is not known
	Inlined  []Call // what an inlined copy calls
}

// maxInlined bounds how deep inlined copies nest.
const maxInlined = 64

// TagGNUCallSite is a call before DWARF 5.
const TagGNUCallSite dwarf.Tag = 0x4109

// Calls lists what a function calls, of all its overloads and clones, in the order of the
// source. Calls through pointers and virtual functions are not among them; there are none
// of code that was not optimised.
func (f *File) Calls(function string) (calls []Call, err error) {
	defer f.Guard(&err)
	if err := f.NeedDWARF(); err != nil {
		return nil, err
	}
	n := f.Names.Find(function)
	if n == nil || !n.IsFunc {
		return nil, nil
	}
	r := f.Entries()
	for _, b := range f.Names.Bodies {
		if b.N != n || !b.Entry {
			continue
		}
		r.Seek(b.Off)
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil || !e.Children {
			continue
		}
		found, err := f.callsIn(r, 0)
		if err != nil {
			return nil, err
		}
		calls = append(calls, found...)
	}
	return calls, nil
}

// callsIn reads the entries up to the end of the children that the reader is in.
func (f *File) callsIn(r *Entries, depth int) (calls []Call, err error) {
	for level := 1; level > 0; {
		e, err := r.Next()
		if err != nil || e == nil {
			return calls, err
		}
		if e.Tag == 0 {
			level--
			continue
		}
		inside := e.Children
		switch e.Tag {
		case dwarf.TagCallSite, TagGNUCallSite:
			if c, ok := f.callAt(e); ok {
				calls = append(calls, c)
			}
		case dwarf.TagInlinedSubroutine:
			c := Call{Addr: f.entryOf(e), Line: lineOfCall(e)}
			if e.Children && depth < maxInlined {
				if c.Inlined, err = f.callsIn(r, depth+1); err != nil {
					return calls, err
				}
				inside = false
			}
			if ref, ok := Reference(e); ok {
				if n := NodeAt(f.Names.ByOff, ref); n != nil {
					c.Function = n.Path()
					calls = append(calls, c)
				}
			}
		case dwarf.TagSubprogram, dwarf.TagClassType, dwarf.TagStructType:
			if inside {
				r.SkipChildren()
			}
			inside = false
		}
		if inside {
			level++
		}
	}
	sort.SliceStable(calls, func(i, j int) bool {
		a, b := calls[i], calls[j]
		if a.Line != b.Line && a.Line > 0 && b.Line > 0 {
			return a.Line < b.Line
		}
		return a.Addr < b.Addr
	})
	return calls, nil
}

// callAt reads a call site, false where it does not tell what is called.
func (f *File) callAt(e *dwarf.Entry) (Call, bool) {
	origin, ok := e.Val(dwarf.AttrCallOrigin).(dwarf.Offset)
	if !ok {
		origin, ok = e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
	}
	n := NodeAt(f.Names.ByOff, origin)
	if !ok || n == nil {
		return Call{}, false
	}
	c := Call{Function: n.Path()}
	for _, a := range []dwarf.Attr{dwarf.AttrCallReturnPC, dwarf.AttrCallPC, dwarf.AttrLowpc} {
		if at, ok := e.Val(a).(uint64); ok {
			c.Addr = at
			break
		}
	}
	if _, line, ok := f.LineAt(c.Addr - 1); ok {
		c.Line = line
	}
	return c, true
}

func lineOfCall(e *dwarf.Entry) int {
	n, _ := e.Val(dwarf.AttrCallLine).(int64)
	return int(n)
}

// FunctionNames lists the functions that have code, out of line or inlined, by their
// qualified names, each once.
func (f *File) FunctionNames() (names []string, err error) {
	defer f.Guard(&err)
	if err := f.NeedDWARF(); err != nil {
		return nil, err
	}
	seen := map[*Node]bool{}
	add := func(n *Node) {
		if n != nil && n.IsFunc && !seen[n] {
			seen[n] = true
			names = append(names, n.Path())
		}
	}
	for _, b := range f.Names.Bodies {
		if b.Entry {
			add(b.N)
		}
	}
	all, err := f.AllInlined()
	for _, i := range all {
		add(i.Fn)
	}
	sort.Strings(names)
	return names, err
}
