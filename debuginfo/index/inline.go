package index

import (
	"debug/dwarf"
	"sort"
	"sync"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
)

// AllInlined finds all inlined copies of functions, once.
func (f *File) AllInlined() ([]inlined, error) {
	t := &f.inlines
	t.once.Do(func() {
		defer f.Guard(&t.err)
		if f.Data == nil {
			return
		}
		r := f.Entries()
		seen := map[dwarf.Offset]bool{}
		for _, b := range f.Names.Bodies {
			if seen[b.Off] {
				continue
			}
			seen[b.Off] = true
			if t.err = f.inlinedIn(r, b); t.err != nil {
				return
			}
		}
		f.keep(t.all, true)
	})
	return t.all, t.err
}

// inlinedIn walks through everything in one function.
func (f *File) inlinedIn(r *Entries, b body) error {
	r.Seek(b.Off)
	e, err := r.Next()
	if err != nil || e == nil || !e.Children {
		return err
	}
	for depth := 1; depth > 0; {
		e, err := r.Next()
		if err != nil {
			return err
		}
		if e == nil {
			return nil
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if e.Children {
			depth++
		}
		if e.Tag != dwarf.TagInlinedSubroutine {
			continue
		}
		ref, _ := Reference(e)
		entry := f.entryOf(e)
		if fn := NodeAt(f.Names.ByOff, ref); fn != nil && f.InText(entry) {
			f.inlines.all = append(f.inlines.all, inlined{e.Offset, fn, b.N, entry})
		}
	}
	return nil
}

// BodyAt finds the function whose code is at an address.
func (f *File) BodyAt(pc uint64) (body, bool) {
	bs := f.Names.Bodies
	i := sort.Search(len(bs), func(i int) bool { return bs[i].Low > pc })
	// Aliases (constructors of complete objects and bases) share addresses.
	for n := 0; i > 0 && n < 8; n++ {
		i--
		if pc < bs[i].high {
			return bs[i], true
		}
	}
	return body{}, false
}

// FunctionAt tells the function that is not inlined at an address by its
// qualified name without parameters, and the distance from the start of that
// part of it. Without debug info it is the symbol.
func (f *File) FunctionAt(pc uint64) (name string, off uint64, ok bool) {
	if b, ok := f.BodyAt(pc); ok {
		return b.N.Path(), pc - b.Low, true
	}
	s, off, ok := f.SymbolAt(pc)
	if !ok || !s.Func && !f.InText(pc) {
		return "", 0, false
	}
	return cxx.StripParams(s.Name), off, true
}

// Block is a function, an inlined copy or a lexical block around an address.
type Block struct {
	E       *dwarf.Entry
	Fn      *Node // of functions and inlined copies, nil for lexical blocks
	entry   uint64
	Inlined bool
}

// BlocksAt lists what is around an address, the outermost, which is the
// function itself, first.
func (f *File) BlocksAt(pc uint64) ([]Block, error) {
	b, ok := f.BodyAt(pc)
	if !ok {
		return nil, nil
	}
	r := f.Entries()
	r.Seek(b.Off)
	e, err := r.Next()
	if err != nil || e == nil {
		return nil, err
	}
	_, entry := f.CodeRanges(e)
	out := []Block{{E: e, Fn: b.N, entry: entry}}
	if !e.Children {
		return out, nil
	}
	for len(out) < maxBlocks {
		k, err := r.Next()
		if err != nil {
			return nil, err
		}
		if k == nil || k.Tag == 0 {
			break
		}
		if b, ok := f.blockOf(k, pc); ok {
			out = append(out, b)
			if !k.Children {
				break
			}
			continue // on with what is in it
		}
		if k.Children {
			r.SkipChildren()
		}
	}
	return out, nil
}

// maxBlocks bounds how deep blocks nest.
const maxBlocks = 256

// blockOf says whether an entry is a block around an address.
func (f *File) blockOf(e *dwarf.Entry, pc uint64) (Block, bool) {
	if e.Tag != dwarf.TagInlinedSubroutine && e.Tag != dwarf.TagLexDwarfBlock {
		return Block{}, false
	}
	ranges, entry := f.CodeRanges(e)
	if len(ranges) == 0 || entry != pc && !containsAny(ranges, pc) {
		return Block{}, false
	}
	b := Block{E: e, entry: entry}
	if ref, ok := Reference(e); ok && e.Tag == dwarf.TagInlinedSubroutine {
		b.Fn, b.Inlined = NodeAt(f.Names.ByOff, ref), true
	}
	return b, true
}

func containsAny(rs []elffile.Range, pc uint64) bool {
	for _, r := range rs {
		if r.Contains(pc) {
			return true
		}
	}
	return false
}

// InlineStackAt names the functions around an address, the innermost inlined
// one first and the function that holds the code last.
func (f *File) InlineStackAt(pc uint64) []string {
	blocks, err := f.SafeBlocks(pc)
	if err != nil {
		return nil
	}
	var out []string
	for i := len(blocks) - 1; i >= 0; i-- {
		if blocks[i].Fn != nil {
			out = append(out, blocks[i].Fn.Path())
		}
	}
	return out
}

func (f *File) SafeBlocks(pc uint64) (b []Block, err error) {
	defer f.Guard(&err)
	return f.BlocksAt(pc)
}

// inlined is one inlined copy of a function.
type inlined struct {
	Off   dwarf.Offset
	Fn    *Node // the function
	Into  *Node // the function whose code holds it
	Entry uint64
}

// inlineTable lists the inlined copies, found on the first question.
type inlineTable struct {
	once sync.Once
	all  []inlined
	err  error
}
