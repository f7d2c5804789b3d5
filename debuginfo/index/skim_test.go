package index

import (
	"bytes"
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"thaw/debuginfo/fixture"
)

// both indexes a file with either walker, and compares.
func both(t *testing.T, path string) {
	t.Helper()
	f := open(t, path)
	_, plain, err := readDWARF(f.DebugFile())
	if err != nil || plain == nil {
		t.Fatalf("%s: %v; its sections are plain: %v", path, err, plain != nil)
	}
	w, err := newSkimmer(*plain)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	skimmed, err := indexWith(f, w)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	read, err := indexWith(f, libraryWalk{f.Entries()})
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if len(read.units) == 0 || len(read.Bodies) == 0 || len(read.ByOff) < 10 {
		t.Fatalf("%s: %d units, %d functions, %d names: nothing to compare", path, len(read.units), len(read.Bodies), len(read.ByOff))
	}
	if !bytes.Equal(read.encode([16]byte{}, nil, false), skimmed.encode([16]byte{}, nil, false)) {
		t.Errorf("%s: the skimmer's index is another one", path)
	}
}

// What the skimmer finds is what debug/dwarf finds: in all versions, as several
// compilers write them.
func TestSkimmerReadsWhatTheLibraryReads(t *testing.T) {
	for _, name := range []string{"calls", "shapes"} {
		for _, flags := range [][]string{{"-gdwarf-2", "-gstrict-dwarf"}, {"-gdwarf-3", "-gstrict-dwarf"}, {"-gdwarf-4"}, {"-gdwarf-5"}, {"-gdwarf-5", "-O3"},
			{"-gdwarf-5", "-gdwarf64"}, {"-gdwarf-4", "-m32"}} {
			both(t, fixture.Build(t, name, flags...))
		}
	}
}

// The same of files of the real systems.
func TestSkimmerOnFiles(t *testing.T) {
	files := filepath.SplitList(os.Getenv("DEBUGINFO_BENCH"))
	if len(files) == 0 {
		t.Skip("set DEBUGINFO_BENCH to ELF files, with : between them")
	}
	for _, path := range files {
		both(t, path)
	}
}

// What a skimmer does not know is left to debug/dwarf.
func TestUnusualFormsAreLeftToTheLibrary(t *testing.T) {
	f := open(t, fixture.Build(t, "calls", "-gdwarf-5"))
	_, plain, err := readDWARF(f.DebugFile())
	if err != nil {
		t.Fatal(err)
	}
	want := f.Names.encode([16]byte{}, nil, false)
	for name, s := range map[string]sections{
		"no abbreviations": {info: plain.info, str: plain.str, lineStr: plain.lineStr},
		"no names":         {info: plain.info, abbrev: plain.abbrev},
		"indirect form":    {info: plain.info, abbrev: []byte{1, 0x11, 0, 0x03, 0x16, 0, 0, 0}, str: plain.str, lineStr: plain.lineStr},
		"cut":              {info: plain.info[:len(plain.info)-1], abbrev: plain.abbrev, str: plain.str, lineStr: plain.lineStr},
	} {
		w, err := newSkimmer(s)
		if err == nil {
			_, err = indexWith(f, w)
		}
		if !errors.Is(err, errUnusual) {
			t.Errorf("%s: %v", name, err)
		}
		x, err := buildIndex(f, &s)
		if err != nil || !bytes.Equal(x.encode([16]byte{}, nil, false), want) {
			t.Errorf("%s: another index: %v", name, err)
		}
	}
}

// smallUnit is .debug_info and .debug_abbrev of a unit of the given version, 64-bit if
// wide: an entry with one attribute, of a structure in a unit that has children.
func smallUnit(version int, kind byte, wide bool, attr, form uint64, implicit, value []byte) (info, abbrev []byte) {
	abbrev = binary.AppendUvarint([]byte{1, 0x11, 1, 0, 0, 2, 0x13, 0}, attr)
	abbrev = append(append(binary.AppendUvarint(abbrev, form), implicit...), 0, 0, 0)
	offset := func(v uint64) []byte {
		if wide {
			return binary.LittleEndian.AppendUint64(nil, v)
		}
		return binary.LittleEndian.AppendUint32(nil, uint32(v))
	}
	body := []byte{byte(version), 0}
	switch {
	case version < 5:
		body = append(append(body, offset(0)...), 8)
	default:
		body = append(append(body, kind, 8), offset(0)...)
		if kind == 2 || kind == 6 {
			body = append(append(body, make([]byte, 8)...), offset(24)...)
		} else if kind >= 4 {
			body = append(body, make([]byte, 8)...)
		}
	}
	body = append(append(append(body, 1, 2), value...), 0)
	if wide {
		info = []byte{0xff, 0xff, 0xff, 0xff}
	}
	return append(append(info, offset(uint64(len(body)))...), body...), abbrev
}

// Whatever is damaged, the skimmer comes to an end, and says that it is unusual or
// finds something.
func FuzzSkim(f *testing.F) {
	for _, flags := range [][]string{{"-gdwarf-4"}, {"-gdwarf-5"}, {"-gdwarf-2", "-gstrict-dwarf"}} {
		prog := open(f, fixture.Build(f, "shapes", flags...))
		_, plain, err := readDWARF(prog.DebugFile())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(plain.info, plain.abbrev, plain.str)
		f.Add(plain.info[:len(plain.info)/2], plain.abbrev, plain.str)
	}
	// Every form, of an attribute that is passed over and of all that are taken.
	value := []byte("\x01\x00\x00\x00\x00\x00\x00\x00\x81\x00\x00\x00\x00\x00\x00\x00")
	for form := uint64(0); form <= formAddrx4+1; form++ {
		for _, attr := range []dwarf.Attr{dwarf.AttrByteSize, dwarf.AttrName, dwarf.AttrSibling, dwarf.AttrConstValue, dwarf.AttrSpecification, dwarf.AttrAbstractOrigin, dwarf.AttrDeclaration} {
			info, abbrev := smallUnit(5, 1, false, uint64(attr), form, nil, value)
			f.Add(info, abbrev, []byte("\x00text\x00"))
		}
	}
	for _, attr := range []dwarf.Attr{dwarf.AttrConstValue, dwarf.AttrDeclaration, dwarf.AttrLowpc, dwarf.AttrEnumClass, dwarf.AttrExternal} {
		for _, implicit := range [][]byte{{0x7f}, {0x80, 1}, bytes.Repeat([]byte{0x80}, 11)} {
			info, abbrev := smallUnit(5, 1, false, uint64(attr), formImplicit, implicit, nil)
			f.Add(info, abbrev, []byte{})
		}
	}
	for version := range 7 {
		for kind := range byte(7) {
			info, abbrev := smallUnit(version, kind, kind%2 > 0, uint64(dwarf.AttrName), formRefAddr, nil, value)
			f.Add(append(make([]byte, 4), info...), abbrev, []byte{})
			f.Add(info[:len(info)-len(value)], abbrev[:len(abbrev)-1], []byte{})
		}
	}
	info, _ := smallUnit(4, 0, false, uint64(dwarf.AttrName), formString, nil, []byte("text"))
	for _, abbrev := range [][]byte{nil, {1, 0x11}, {200, 1, 0x11, 0, 0, 0, 0}, {1, 0x11, 1, 0, 0, 2, 0x13, 1, 0x03, 0x08, 0, 0, 0}, {2, 0x11, 0, 0, 0, 0}, bytes.Repeat([]byte{0x80}, 12)} {
		f.Add(info, abbrev, []byte{})
	}
	f.Add([]byte("\x08\x00\x00\x00\x04\x00\xff\xff\x00\x00\x08\x01"), []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, info, abbrev, str []byte) {
		w, err := newSkimmer(sections{info: info, abbrev: abbrev, str: str})
		for n := 0; err == nil; n++ {
			e, done, nerr := w.next()
			if err = nerr; done || err != nil {
				break
			}
			if n > len(info) {
				t.Fatal("more entries than bytes")
			}
			if e.tag != 0 && n%3 == 0 {
				err = w.skip()
			}
		}
		if err != nil && !errors.Is(err, errUnusual) {
			t.Fatal(err)
		}
	})
}
