package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"path/filepath"

	"thaw/debuginfo/index"
)

// Call sites tell with which values a function was called. DWARF 5 has tags
// and attributes for them that GCC used before under other numbers.
const (
	tagCallSite         dwarf.Tag  = 0x48
	tagCallSiteParam    dwarf.Tag  = 0x49
	tagGNUCallSite                 = index.TagGNUCallSite
	tagGNUCallSiteParam dwarf.Tag  = 0x410a
	attrCallReturnPC    dwarf.Attr = 0x7d
	attrCallValue       dwarf.Attr = 0x7e
	attrGNUCallValue    dwarf.Attr = 0x2111
)

// callSiteValue asks the caller which value it passed in the place that an
// expression names (a register at the entry of the function at PC).
func (s *Scope) callSiteValue(expr []byte) (uint64, error) {
	caller, err := s.callerScope()
	if err != nil {
		return 0, err
	}
	site, err := s.File.callSite(caller.PC)
	if err != nil {
		return 0, err
	}
	value, err := s.File.callParam(site, expr)
	if err != nil {
		return 0, err
	}
	blocks, err := s.File.BlocksAt(caller.lookupPC())
	if err != nil {
		return 0, err
	}
	fr := caller.frameOf(blocks)
	fr.entry = nil // one caller is enough
	return fr.value(value)
}

// callSite finds the entry of the call that returns to an address.
func (f *File) callSite(ret uint64) (*dwarf.Entry, error) {
	b, ok := f.BodyAt(ret - 1)
	if !ok {
		return nil, fmt.Errorf("no function at %#x", ret)
	}
	r := f.Entries()
	r.Seek(b.Off)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return nil, fmt.Errorf("no call is described before %#x", ret)
	}
	for depth := 1; depth > 0; {
		if e, err = r.Next(); err != nil || e == nil {
			break
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if e.Children {
			depth++
		}
		at, _ := e.Val(attrCallReturnPC).(uint64)
		if e.Tag == tagGNUCallSite {
			at, _ = e.Val(dwarf.AttrLowpc).(uint64)
		}
		if (e.Tag == tagCallSite || e.Tag == tagGNUCallSite) && at == ret {
			return e, nil
		}
	}
	return nil, fmt.Errorf("no call is described before %#x", ret)
}

// callParam finds the value passed in a place.
func (f *File) callParam(site *dwarf.Entry, place []byte) ([]byte, error) {
	r := f.Entries()
	r.Seek(site.Offset)
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	for site.Children {
		e, err := r.Next()
		if err != nil {
			return nil, err
		}
		if e == nil || e.Tag == 0 {
			break
		}
		if e.Tag == tagCallSiteParam || e.Tag == tagGNUCallSiteParam {
			value := bytesOf(e.Val(attrCallValue))
			if value == nil {
				value = bytesOf(e.Val(attrGNUCallValue))
			}
			if value != nil && string(bytesOf(e.Val(dwarf.AttrLocation))) == string(place) {
				return value, nil
			}
		}
		if e.Children {
			r.SkipChildren()
		}
	}
	return nil, fmt.Errorf("the call does not tell this parameter")
}

// callLine is where an inlined copy was called; without it the given place.
func (f *File) callLine(b index.Block, file string, line int) (string, int) {
	var err error
	defer f.Guard(&err)
	n, ok := b.E.Val(dwarf.AttrCallLine).(int64)
	i, ok2 := b.E.Val(dwarf.AttrCallFile).(int64)
	if !ok || !ok2 {
		return file, line
	}
	lr, err := f.Data.LineReader(f.UnitAt(b.E.Offset).Entry)
	if err != nil || lr == nil {
		return file, int(n)
	}
	// The first row makes the reader take the file table in.
	var row dwarf.LineEntry
	if lr.Next(&row) != nil {
		return file, int(n)
	}
	if files := lr.Files(); i >= 0 && i < int64(len(files)) && files[i] != nil {
		file = filepath.Clean(files[i].Name)
	}
	return file, int(n)
}
