package debuginfo

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"thaw/debuginfo/elffile"
	"thaw/debuginfo/fixture"
)

// How FuzzLoad has a file and another one.
const (
	beside  = iota // as PROGRAM and PROGRAM.debug
	given          // the other one is given as its debug info
	isDebug        // it is PROGRAM.debug, and the other one PROGRAM
	byID           // the other one stands in a folder by the build id
	ways
)

// FuzzLoad loads damaged ELF files, with another one for their debug info or their code,
// and puts every kind of question to those that load. Most of a file is debug info, of which
// any byte may be wrong.
func FuzzLoad(f *testing.F) {
	for _, s := range loadSeeds(f) {
		f.Add(s.data, s.other, s.how)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data, other []byte, how byte) {
		if len(data) > 1<<16 || len(other) > 1<<16 {
			return
		}
		prog, err := loadOf(t, dir, data, other, how%ways)
		if err != nil {
			if prog != nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %v", err)
			}
			return
		}
		askAll(prog)
		askEach(prog)
		asExtract(t, prog)
	})
}

// loadOf puts both files where they belong, and loads one.
func loadOf(t *testing.T, dir string, data, other []byte, how byte) (*File, error) {
	program, debug := filepath.Join(dir, "program"), filepath.Join(dir, "program.debug")
	if how == isDebug {
		data, other = other, data
	}
	if how == byID {
		e, err := elf.NewFile(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		id := elffile.BuildID(e)
		if len(id) < 3 || len(id) > 64 {
			return nil, os.ErrNotExist
		}
		debug = filepath.Join(dir, ".build-id", id[:2], id[2:]+".debug")
		defer os.RemoveAll(filepath.Join(dir, ".build-id"))
		if err := os.MkdirAll(filepath.Dir(debug), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range map[string][]byte{program: data, debug: other} {
		os.Remove(path)
		if len(content) == 0 {
			continue
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if how == isDebug {
		program = debug
	}
	if ok, err := elffile.IsELF(program); err == nil && !ok {
		if _, err := Load(program, "", nil); err == nil {
			t.Error("what is no ELF file was loaded")
		}
	}
	if how == given {
		return Load(program, debug, nil)
	}
	return Load(program, "", nil)
}

// How many types and functions of a file are asked for.
const mostTypes, mostFunctions = 80, 20

// askEach asks for the types and functions that a file names itself.
func askEach(f *File) {
	f.Segments()
	types := f.Names.TypeNames()
	for _, name := range types[:min(len(types), mostTypes)] {
		typ, err := f.Type(name)
		if err != nil {
			continue
		}
		_ = typ.String()
		typ.Underlying()
		typ.BaseOffset(name)
		for _, field := range typ.Fields {
			typ.FieldPath(field.Name)
		}
		f.Type("const " + name + " *&")
	}
	for _, name := range []string{"void*", "bool", "no such type", strings.Repeat("*", 20), "int&", "(anonymous namespace)::Private"} {
		f.Type(name)
	}
	names, _ := f.FunctionNames()
	names = append(f.functionNames(), names...)
	for _, name := range append(names[:min(len(names), mostFunctions)], "no_such_function", "run()", "app::leaf(long)", "app::leaf(int)") {
		fns, _ := f.Functions(name)
		for _, fn := range fns[:min(len(fns), 2)] {
			for _, l := range fn.Locations[:min(len(fn.Locations), 3)] {
				askAt(f, l.Addr)
				askAt(f, l.Addr+9)
			}
		}
	}
	n := 0
	for _, s := range f.Symbols() {
		if s.Func && n < mostFunctions {
			askAt(f, s.Addr+1)
			n++
		}
	}
	for _, name := range []string{"callback", "matrix", "greeting", "late_pointer", "never_pointer", "sys::first", "local_static::inner", "ratio"} {
		if v, err := f.Variable(name); err == nil && v.Type != nil {
			_ = v.Type.String()
			v.Type.Underlying()
		}
		s := Scope{File: f, Mem: f, PC: f.Entry()}
		if v, err := s.Eval(name); err == nil {
			v.Format(2)
		}
	}
	f.Enumerator("sys::Dbg::HIDDEN")
	f.NearLine("shapes.cc", 80)
	f.SymbolAt(f.Entry() + 1<<20)
	f.Symbol("no such symbol")
	f.Symbol("app::leaf")
}

// askAt evaluates what is around an address, and its callers.
func askAt(f *File, addr uint64) {
	s := Supposed(f, addr, "")
	s.Backtrace(4)
	s.ReturnAddress()
	for _, e := range []string{"s", "r"} {
		if v, err := s.Eval(e); err == nil {
			v.Format(2)
		}
	}
	s = Scope{File: f, Mem: f, PC: addr}
	s.Backtrace(4)
	s.ReturnAddress()
	s.Eval("s")
}

// loadSeed is an input of FuzzLoad.
type loadSeed struct {
	data, other []byte
	how         byte
}

// loadSeeds are programs of several compilers, processors and forms of debug info, with it
// in two files, and changed ones.
func loadSeeds(f *testing.F) (out []loadSeed) {
	for _, flags := range [][]string{{"-gdwarf-4"}, {"-gdwarf-5"}, {"-gdwarf-5", "-O1", "-gz"}, {"-gdwarf-4", "-O3", "-fno-inline", "-Wl,--strip-debug"}} {
		good := mustRead(f, fixture.Build(f, "calls", flags...))
		out = append(out, loadSeed{data: good}, loadSeed{data: good[:len(good)*3/4]})
	}
	for _, bad := range hostile(f, fixture.Build(f, "calls", "-gdwarf-4", "-O0")) {
		out = append(out, loadSeed{data: bad})
	}
	for _, path := range []string{
		fixture.Build(f, "shapes"), fixture.Build(f, "calls", "-m32", "-O1"), fixture.Build(f, "shapes", "-gdwarf-2", "-gstrict-dwarf"), fixture.Build(f, "shapes", "-c"), fixture.Build(f, "frames"),
		fixture.BuildBy(f, "clang++", "calls", "-gdwarf-4"), fixture.BuildBy(f, "clang++", "calls", "-gdwarf-5"),
		fixture.BuildBy(f, "clang++", "shapes", "-c", "--target=armv7-none-eabi"), fixture.BuildBy(f, "clang++", "shapes", "-c", "--target=powerpc64-none-elf"),
	} {
		out = append(out, loadSeed{data: mustRead(f, path)})
	}
	return append(out, pairSeeds(f)...)
}

// pairSeeds are programs with their debug info in another file, and with that of others.
func pairSeeds(f *testing.F) (out []loadSeed) {
	whole, other := fixture.Build(f, "calls", "-gdwarf-4"), mustRead(f, fixture.Build(f, "shapes"))
	dir := f.TempDir()
	changed := func(tool, path string, args ...string) []byte {
		to := filepath.Join(dir, "program")
		command(f, dir, tool, append(args, path, to)...)
		return mustRead(f, to)
	}
	debug := filepath.Join(dir, "program.debug")
	command(f, dir, "objcopy", "--only-keep-debug", whole, debug)
	kept, bare := mustRead(f, debug), changed("objcopy", whole, "--strip-all")
	linked := changed("objcopy", whole, "--strip-all", "--add-gnu-debuglink="+debug)
	nameless := changed("objcopy", whole, "--strip-all", "--remove-section=.note.gnu.build-id", "--add-gnu-debuglink="+debug)
	for _, debug := range [][]byte{kept, other, mustRead(f, fixture.Build(f, "calls", "-m32", "-O1")), bare, kept[:100], {}} {
		out = append(out, loadSeed{bare, debug, given})
	}
	for _, how := range []byte{beside, byID} {
		out = append(out, loadSeed{bare, kept, how}, loadSeed{bare, other, how})
	}
	for _, program := range [][]byte{bare, other, kept, {}} {
		out = append(out, loadSeed{kept, program, isDebug})
	}
	out = append(out, loadSeed{linked, kept, beside}, loadSeed{nameless, kept, beside}, loadSeed{nameless, other, beside})
	for _, name := range []string{".debug_types", ".debug_addr", ".gnu_debugaltlink", ".zdebug_line"} {
		out = append(out, loadSeed{data: changed("objcopy", whole, "--rename-section", ".debug_aranges="+name)})
	}
	return append(out, loadSeed{data: changed("objcopy", whole, "--strip-all", "--rename-section", ".comment=.debug_info.dwo")})
}
