// Package index knows what stands where in the debug info of a file: the tree of its C++
// names, its functions' code, lines and inlined copies. It reads entries (DWARF 2 to 5),
// keeps what it finds in a cache, and knows neither types nor values.
package index

import (
	"debug/dwarf"
	"encoding/binary"
	"fmt"

	"thaw/debuginfo/elffile"
)

// File is an ELF file with the entries of its debug info, and an index of them.
type File struct {
	*elffile.Image
	Data  *dwarf.Data
	Names *Names

	cache *Cache   // where the index is kept, nil for nowhere
	key   [16]byte // see indexKey

	inlines inlineTable
	lines   lineTable
}

// Open opens a file as elffile.Open does and indexes its debug info, with the
// help of a cache, which may be nil.
func Open(path, debugPath string, cache *Cache) (f *File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("loading %s: its debug info is damaged (%v)", path, r)
		}
	}()
	image, err := elffile.Open(path, debugPath)
	if err != nil {
		return nil, err
	}
	f = &File{Image: image}
	var plain *sections
	if f.DebugPath() != "" {
		e, raw := f.DebugFile()
		if f.Data, plain, err = readDWARF(e, raw); err != nil {
			return nil, f.undecoded(err)
		}
	}
	if cache.load(f) {
		return f, nil
	}
	if f.Names, err = buildIndex(f, plain); err != nil {
		return nil, f.undecoded(err)
	}
	f.keep(nil, false)
	return f, nil
}

// undecoded says of debug info that cannot be decoded whether that is our fault. Go's
// package takes the 64-bit form of DWARF, but for tables of strings in it, as clang makes
// them.
func (f *File) undecoded(err error) error {
	if info := f.Section(".debug_info"); len(info) >= 4 && binary.LittleEndian.Uint32(info) == 0xffffffff {
		return fmt.Errorf("the debug info of %s is in the 64-bit form of DWARF with tables of strings, which %w (%w): build without -gdwarf64", f.DebugPath(), elffile.ErrForm, err)
	}
	return fmt.Errorf("reading the debug info of %s: it is damaged: %w", f.DebugPath(), err)
}

// Named is a file of which no more is known than its path and the size of its
// pointers, in bytes.
func Named(path string, ptr int) *File {
	return &File{Image: elffile.Named(path, ptr), Names: &Names{Root: &Node{}}}
}

// HasDWARF says whether types, lines and variables are known.
func (f *File) HasDWARF() bool { return f.Data != nil }

// NeedDWARF is the error of every question that needs debug info.
func (f *File) NeedDWARF() error {
	switch {
	case f.Data != nil:
		return nil
	case f.WhyNoDebug() != "":
		return fmt.Errorf("%s has %w (%s)", f.Path(), elffile.ErrNoDebugInfo, f.WhyNoDebug())
	}
	return fmt.Errorf("%s has %w", f.Path(), elffile.ErrNoDebugInfo)
}
