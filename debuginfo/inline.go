package debuginfo

import (
	"debug/dwarf"
	"sort"

	"thaw/debuginfo/cxx"
	"thaw/debuginfo/elffile"
)

// allInlined finds all inlined copies of functions, once.
func (f *File) allInlined() ([]inlined, error) {
	t := &f.inlines
	t.once.Do(func() {
		defer f.Guard(&t.err)
		if f.data == nil {
			return
		}
		r := f.entries()
		seen := map[dwarf.Offset]bool{}
		for _, b := range f.index.bodies {
			if seen[b.off] {
				continue
			}
			seen[b.off] = true
			if t.err = f.inlinedIn(r, b); t.err != nil {
				return
			}
		}
		f.keep(t.all, true)
	})
	return t.all, t.err
}

// inlinedIn walks through everything in one function.
func (f *File) inlinedIn(r *entries, b body) error {
	r.Seek(b.off)
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
		ref, _ := reference(e)
		entry := f.entryOf(e)
		if fn := nodeAt(f.index.byOff, ref); fn != nil && f.InText(entry) {
			f.inlines.all = append(f.inlines.all, inlined{e.Offset, fn, b.n, entry})
		}
	}
	return nil
}

// bodyAt finds the function whose code is at an address.
func (f *File) bodyAt(pc uint64) (body, bool) {
	bs := f.index.bodies
	i := sort.Search(len(bs), func(i int) bool { return bs[i].low > pc })
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
	if b, ok := f.bodyAt(pc); ok {
		return b.n.path(), pc - b.low, true
	}
	s, off, ok := f.SymbolAt(pc)
	if !ok || !s.Func && !f.InText(pc) {
		return "", 0, false
	}
	return cxx.StripParams(s.Name), off, true
}

// block is a function, an inlined copy or a lexical block around an address.
type block struct {
	e       *dwarf.Entry
	fn      *node // of functions and inlined copies, nil for lexical blocks
	entry   uint64
	inlined bool
}

// blocksAt lists what is around an address, the outermost, which is the
// function itself, first.
func (f *File) blocksAt(pc uint64) ([]block, error) {
	b, ok := f.bodyAt(pc)
	if !ok {
		return nil, nil
	}
	r := f.entries()
	r.Seek(b.off)
	e, err := r.Next()
	if err != nil || e == nil {
		return nil, err
	}
	_, entry := f.codeRanges(e)
	out := []block{{e: e, fn: b.n, entry: entry}}
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
func (f *File) blockOf(e *dwarf.Entry, pc uint64) (block, bool) {
	if e.Tag != dwarf.TagInlinedSubroutine && e.Tag != dwarf.TagLexDwarfBlock {
		return block{}, false
	}
	ranges, entry := f.codeRanges(e)
	if len(ranges) == 0 || entry != pc && !containsAny(ranges, pc) {
		return block{}, false
	}
	b := block{e: e, entry: entry}
	if ref, ok := reference(e); ok && e.Tag == dwarf.TagInlinedSubroutine {
		b.fn, b.inlined = nodeAt(f.index.byOff, ref), true
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
	blocks, err := f.safeBlocks(pc)
	if err != nil {
		return nil
	}
	var out []string
	for i := len(blocks) - 1; i >= 0; i-- {
		if blocks[i].fn != nil {
			out = append(out, blocks[i].fn.path())
		}
	}
	return out
}

func (f *File) safeBlocks(pc uint64) (b []block, err error) {
	defer f.Guard(&err)
	return f.blocksAt(pc)
}
