package index

import (
	"debug/dwarf"
	"debug/elf"
	"strings"
)

// readDWARF is e.DWARF() without copies of the sections: raw is the file.
// Compressed ones, and those of object files, which must be relocated, are left
// to debug/elf; then there is nothing for a skimmer.
func readDWARF(e *elf.File, raw []byte) (*dwarf.Data, *sections, error) {
	found, plain := plainSections(e, raw)
	if !plain {
		d, err := e.DWARF()
		return d, nil, err
	}
	d, err := dwarf.New(found["abbrev"], nil, nil, found["info"], found["line"], nil, found["ranges"], found["str"])
	if err != nil {
		return nil, nil, err
	}
	for name, data := range found {
		switch name {
		case "abbrev", "info", "line", "ranges", "str":
		case "types":
			err = d.AddTypes("types-0", data)
		default:
			err = d.AddSection(".debug_"+name, data)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if e.Data != elf.ELFDATA2LSB {
		return d, nil, nil
	}
	return d, &sections{found["info"], found["abbrev"], found["str"], found["line_str"]}, nil
}

// plainSections are the sections with debug info as they lie in the file, by names
// without .debug_; false where they do not lie there plainly.
func plainSections(e *elf.File, raw []byte) (map[string][]byte, bool) {
	found := map[string][]byte{}
	for _, s := range e.Sections {
		if s.Flags&elf.SHF_COMPRESSED != 0 || strings.HasPrefix(s.Name, ".zdebug_") || e.Type == elf.ET_REL {
			return nil, false
		}
		name, ok := strings.CutPrefix(s.Name, ".debug_")
		if !ok || s.Type == elf.SHT_NOBITS {
			continue
		}
		if end := s.Offset + s.FileSize; end < s.Offset || end > uint64(len(raw)) {
			return nil, false
		}
		if _, twice := found[name]; twice {
			return nil, false
		}
		found[name] = raw[s.Offset : s.Offset+s.FileSize : s.Offset+s.FileSize]
	}
	return found, true
}
