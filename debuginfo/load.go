package debuginfo

import (
	"sync"

	"thaw/debuginfo/index"
)

// File is an ELF file with its debug info, which may stand in a second file.
type File struct {
	*typeTable
	arch *arch

	cfi      cfiTable
	location locationTable

	tapOnce sync.Once
	tap     *Tap

	vars map[*index.Node]Variable // of a program that is known without its file, else nil
}

// Load reads an ELF file. When it is stripped its debug info is looked for in
// the file that .gnu_debuglink names and in "X.debug", next to it, in .debug
// and in ../debug. A file without debug info loads, with HasDWARF false. Errors
// are one sentence.
func Load(path string) (*File, error) { return LoadWith(path, "") }

// LoadWith reads an ELF file and takes debug info from a second file, which
// must be of the same build. An empty debugPath is searched as Load does.
func LoadWith(path, debugPath string) (*File, error) {
	return LoadCached(path, debugPath, nil)
}

// LoadCached is LoadWith with a cache's help, which may be nil.
func LoadCached(path, debugPath string, cache *index.Cache) (*File, error) {
	x, err := index.Open(path, debugPath, cache)
	if err != nil {
		return nil, err
	}
	return &File{typeTable: newTypes(x), arch: archOf(x.Machine())}, nil
}
