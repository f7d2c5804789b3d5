package index

import (
	"bytes"
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
