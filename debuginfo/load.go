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

// Load reads an ELF file and takes debug info from a second one, which must be of the same
// build. With an empty debugPath that is the file itself or, when it is stripped, the file
// that .gnu_debuglink names or "X.debug", next to it, in .debug or in ../debug. A file
// without debug info loads, with HasDWARF false. What the cache, which may be nil, has kept
// of the file is taken from there. Errors are one sentence.
func Load(path, debugPath string, cache *index.Cache) (*File, error) {
	x, err := index.Open(path, debugPath, cache)
	if err != nil {
		return nil, err
	}
	return newFile(newTypes(x), archOf(x.Machine())), nil
}

func newFile(types *typeTable, a *arch) *File {
	return &File{typeTable: types, arch: a, cfi: cfiTable{f: types.File}, location: locationTable{f: types.File}}
}
