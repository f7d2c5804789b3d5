package elffile

import (
	"debug/elf"
	"errors"
	"fmt"
	"strings"
)

// ErrForm is wrapped by the error for debug info in a form that is not read.
var ErrForm = errors.New("thaw does not read")

// Unit types of DWARF 5 (7.5.1) that are not read.
const (
	unitType     = 0x02
	unitSkeleton = 0x04
	unitSplit    = 0x05
	splitType    = 0x06
)

// The forms that are not read, with what makes debug info of the usual one.
const (
	formTypes = "types in units of their own, which %w: build with -fno-debug-types-section"
	formSplit = "split debug info, most of which stands in .dwo or .dwp files, which %w: build without -gsplit-dwarf"
	formDwo   = "the split-off part of a program's debug info, which %w: build without -gsplit-dwarf, and give the program"
	formDwz   = "parts in a file that programs share (.gnu_debugaltlink), which %w: take the file as it was before dwz -m"
)

// refuseForms is an error if a file's debug info is in a form that is not read: to
// look past it would tell of types that are there that they are not.
func (f *Image) refuseForms() error {
	refuse := func(form string) error {
		return fmt.Errorf("the debug info of %s has "+form, f.debugPath, ErrForm)
	}
	version, types := firstUnits(f)
	switch {
	case hasSection(f.debug, ".gnu_debugaltlink"):
		return refuse(formDwz)
	case types[unitSkeleton], types[unitSplit], types[splitType], version < 5 && hasSection(f.debug, ".debug_addr"):
		return refuse(formSplit)
	case types[unitType], hasSection(f.debug, ".debug_types"):
		return refuse(formTypes)
	}
	return nil
}

// refuseDwo is an error if a file holds nothing but split-off debug info.
func refuseDwo(e *elf.File, path string) error {
	for _, s := range e.Sections {
		if strings.HasSuffix(s.Name, "_info.dwo") {
			return fmt.Errorf("%s is "+formDwo, path, ErrForm)
		}
	}
	return nil
}

func hasSection(e *elf.File, name string) bool {
	return e.Section(name) != nil || e.Section(strings.Replace(name, ".debug", ".zdebug", 1)) != nil
}

// firstUnits walks the headers of all units: the DWARF version of the first one, and
// which unit types there are.
func firstUnits(f *Image) (version uint16, types map[byte]bool) {
	types = map[byte]bool{}
	data := f.Section(".debug_info")
	for len(data) >= 7 {
		length, head := uint64(f.order.Uint32(data)), uint64(4)
		if length == 0xffffffff && len(data) >= 15 {
			length, head = f.order.Uint64(data[4:]), 12
		}
		v := f.order.Uint16(data[head:])
		if version == 0 {
			version = v
		}
		if v >= 5 {
			types[data[head+2]] = true
		}
		if length < 3 || length > uint64(len(data))-head {
			break // damaged, which reading it will tell
		}
		data = data[head+length:]
	}
	return version, types
}
