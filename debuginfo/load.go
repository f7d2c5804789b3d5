package debuginfo

import (
	"debug/dwarf"
	"fmt"
	"sync"

	"thaw/debuginfo/elffile"
)

// File is an ELF file with its debug info, which may stand in a second file.
type File struct {
	*elffile.Image
	data *dwarf.Data
	arch *arch

	index *index

	cache *Cache   // where the index is kept, nil for nowhere
	key   [16]byte // see indexKey

	typesMu sync.Mutex
	types   map[dwarf.Offset]*Type
	derived map[derivedKey]*Type

	inlines  inlineTable
	lines    lineTable
	cfi      cfiTable
	location locationTable

	tapOnce sync.Once
	tap     *Tap
}

// Load reads an ELF file. When it is stripped its debug info is looked for in
// the file that .gnu_debuglink names and in "X.debug", next to it, in .debug
// and in ../debug. A file without debug info loads, with HasDWARF false. Errors
// are one sentence.
func Load(path string) (*File, error) { return LoadWith(path, "") }

// LoadWith reads an ELF file and takes debug info from a second file, which
// must be of the same build. An empty debugPath is searched as Load does.
func LoadWith(path, debugPath string) (*File, error) { return loadWith(path, debugPath, nil) }

func loadWith(path, debugPath string, cache *Cache) (f *File, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, fmt.Errorf("loading %s: its debug info is damaged (%v)", path, r)
		}
	}()
	image, err := elffile.Open(path, debugPath)
	if err != nil {
		return nil, err
	}
	f = &File{Image: image, arch: archOf(image.Machine()), types: map[dwarf.Offset]*Type{}, derived: map[derivedKey]*Type{}}
	var plain *sections
	if f.DebugPath() != "" {
		e, raw := f.DebugFile()
		if f.data, plain, err = readDWARF(e, raw); err != nil {
			return nil, fmt.Errorf("reading the debug info of %s: it is damaged: %w", f.DebugPath(), err)
		}
	}
	if cache.load(f) {
		return f, nil
	}
	if f.index, err = buildIndex(f, plain); err != nil {
		return nil, fmt.Errorf("reading the debug info of %s: it is damaged: %w", f.DebugPath(), err)
	}
	f.keep(nil, false)
	return f, nil
}

// HasDWARF says whether types, lines and variables are known.
func (f *File) HasDWARF() bool { return f.data != nil }

// needDWARF is the error of every question that needs debug info.
func (f *File) needDWARF() error {
	switch {
	case f.data != nil:
		return nil
	case f.WhyNoDebug() != "":
		return fmt.Errorf("%s has %w (%s)", f.Path(), elffile.ErrNoDebugInfo, f.WhyNoDebug())
	}
	return fmt.Errorf("%s has %w", f.Path(), elffile.ErrNoDebugInfo)
}
