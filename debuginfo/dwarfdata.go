package debuginfo

import (
	"debug/dwarf"
	"debug/elf"
	"strings"
)

// readDWARF is e.DWARF() without copies of the sections: raw is the file.
// Compressed ones, and those of object files, which must be relocated, are left
// to debug/elf.
func readDWARF(e *elf.File, raw []byte) (*dwarf.Data, error) {
	sections := map[string][]byte{}
	for _, s := range e.Sections {
		if s.Flags&elf.SHF_COMPRESSED != 0 || strings.HasPrefix(s.Name, ".zdebug_") || e.Type == elf.ET_REL {
			return e.DWARF()
		}
		name, ok := strings.CutPrefix(s.Name, ".debug_")
		if !ok || s.Type == elf.SHT_NOBITS {
			continue
		}
		if end := s.Offset + s.FileSize; end < s.Offset || end > uint64(len(raw)) {
			return e.DWARF()
		}
		if _, twice := sections[name]; twice {
			return e.DWARF()
		}
		sections[name] = raw[s.Offset : s.Offset+s.FileSize : s.Offset+s.FileSize]
	}
	d, err := dwarf.New(sections["abbrev"], nil, nil, sections["info"], sections["line"], nil, sections["ranges"], sections["str"])
	if err != nil {
		return nil, err
	}
	for name, data := range sections {
		switch name {
		case "abbrev", "info", "line", "ranges", "str":
		case "types":
			err = d.AddTypes("types-0", data)
		default:
			err = d.AddSection(".debug_"+name, data)
		}
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}
