package debuginfo

import (
	"debug/elf"
	"encoding/binary"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

func write(t testing.TB, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(p, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func tool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(args[0]); err != nil {
		t.Skip(args[0] + " is not installed")
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

func TestLoad(t *testing.T) {
	f := load(t, fixture.Build(t, "shapes"))
	if f.Machine() != elf.EM_X86_64 || f.PtrSize() != 8 || f.ByteOrder() != binary.LittleEndian || len(f.BuildID()) != 40 || !f.HasDWARF() {
		t.Errorf("%v %d %v %q %v", f.Machine(), f.PtrSize(), f.ByteOrder(), f.BuildID(), f.HasDWARF())
	}
	if s, err := f.Symbol("_start"); err != nil || s.Addr != f.Entry() || !f.InText(s.Addr) {
		t.Errorf("%+v %v %#x %v", s, err, f.Entry(), f.Text())
	}
	var word [8]byte
	if err := f.ReadFile(addrOf(t, f, "matrix"), word[:]); err != nil || binary.LittleEndian.Uint64(word[:]) != 2<<32|1 {
		t.Errorf("%x, %v", word, err)
	}
	if err := f.ReadFile(addrOf(t, f, "sys::first"), word[:]); err != nil {
		t.Errorf("bss: %v", err)
	}
	last := f.Segments()[len(f.Segments())-1]
	for _, addr := range []uint64{0, ^uint64(0), ^uint64(3), last.VAddr + last.MemSize - 4} {
		if err := f.ReadFile(addr, word[:]); err == nil {
			t.Errorf("8 bytes at %#x were read", addr)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	good, err := os.ReadFile(fixture.Build(t, "shapes"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, want string }{
		{filepath.Join(t.TempDir(), "none"), "no such file"},
		{t.TempDir(), "it is a directory"},
		{write(t, nil), "not an ELF file"},
		{write(t, []byte("#!/bin/sh\n")), "not an ELF file"},
		{write(t, good[:40]), "damaged"},
		{write(t, good[:len(good)/2]), ""},
	} {
		_, err := Load(c.path, "", nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestSeparateDebugFile(t *testing.T) {
	prog := fixture.Build(t, "calls")
	dir := t.TempDir()
	whole, stripped, debug := filepath.Join(dir, "whole"), filepath.Join(dir, "prog"), filepath.Join(dir, "prog.debug")
	data, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(whole, data, 0o755); err != nil {
		t.Fatal(err)
	}
	tool(t, "objcopy", "--only-keep-debug", whole, debug)
	tool(t, "strip", "-o", stripped, whole)
	bare := load(t, write(t, mustRead(t, stripped)))
	if bare.HasDWARF() {
		t.Error("a stripped file has debug info")
	}
	if _, err := bare.Type("app::Thread"); err == nil || !strings.Contains(err.Error(), "build with -g") {
		t.Errorf("%v", err)
	}
	linked := filepath.Join(dir, "linked")
	tool(t, "objcopy", "--add-gnu-debuglink="+debug, stripped, linked)
	beside := filepath.Join(t.TempDir(), "prog") // as Genode's build directory has both
	for to, from := range map[string]string{beside: linked, beside + ".debug": debug} {
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct{ path, debug, program string }{
		"X.debug":                  {stripped, "", debug},
		"debuglink":                {linked, "", linked},
		"given":                    {stripped, debug, debug},
		"the .debug":               {debug, "", debug},
		"the .debug of a link":     {beside + ".debug", "", beside},
		"a link that leads beside": {beside, "", beside},
		"not stripped":             {whole, "", whole},
	} {
		f, err := Load(c.path, c.debug, nil)
		if err != nil || !f.HasDWARF() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := f.Program(); got != c.program {
			t.Errorf("%s: debuggers are given %s, want %s", name, got, c.program)
		}
		fns, err := f.Functions("app::leaf")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var text [4]byte
		if err := f.ReadFile(fns[0].Locations[0].Addr, text[:]); err != nil || text == [4]byte{} {
			t.Errorf("%s: text %x, %v", name, text, err)
		}
		if len(f.cfi.entries()) == 0 {
			t.Errorf("%s: no CFI", name)
		}
		if s, err := f.Symbol("app::leaf(int)"); err != nil || s.Addr != fns[0].Locations[0].Addr {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	other := fixture.Build(t, "shapes")
	if _, err := Load(stripped, other, nil); err == nil || !strings.Contains(err.Error(), "another build") {
		t.Errorf("debug info of another program: %v", err)
	}
	if err := os.WriteFile(debug, mustRead(t, other), 0o644); err != nil {
		t.Fatal(err)
	}
	f := load(t, stripped)
	if _, err := f.Type("x"); f.HasDWARF() || err == nil || !strings.Contains(err.Error(), "build ids differ") {
		t.Errorf("debug file of another build: %v", err)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Test32 loads 32-bit files: of the host's compiler, and the same said to be
// for ARM, whose types are laid out alike.
func Test32(t *testing.T) {
	raw := mustRead(t, fixture.Build(t, "calls", "-m32", "-O1"))
	for _, c := range []struct {
		machine elf.Machine
		regs    unwound
		sp, ret uint64
	}{
		{elf.EM_386, unwound{"esp": 0x7000_0000}, 0x7000_0004, 0x0804_8000},
		{elf.EM_ARM, unwound{"sp": 0x7000_0000, "lr": 0x0804_8001}, 0x7000_0000, 0x0804_8000},
	} {
		data := append([]byte{}, raw...)
		binary.LittleEndian.PutUint16(data[18:], uint16(c.machine))
		f := load(t, write(t, data))
		if f.PtrSize() != 4 || f.Machine() != c.machine {
			t.Fatalf("%v: %d %v", c.machine, f.PtrSize(), f.Machine())
		}
		thread, err := f.Type("app::Thread")
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]int64{"badge": 0, "kept.ip": 4, "kept.regs[15]": 72, "next": 76} {
			if r, err := thread.FieldPath(path); err != nil || r.Offset != want || r.Type.Size != 4 {
				t.Errorf("%v: %s: %+v, %v", c.machine, path, r, err)
			}
		}
		// A State by value stands behind this, which the caller pushed first.
		scope := Scope{File: f, Regs: c.regs, PC: entryOf(t, f, "app::Thread::state(app::State)")}
		scope.Mem = wordsAt{map[uint64]uint64{0x7000_0000: 0xffff_f000_0804_8000, 0x7000_0008: 0x2222_0000_1111, c.sp + 4: 0x2222_0000_1111}, f}
		if v, err := scope.Eval("&s"); err != nil {
			t.Errorf("%v: %v", c.machine, err)
		} else if n, _ := v.Uint64(); n != c.sp+4 {
			t.Errorf("%v: s is at %#x, want %#x", c.machine, n, c.sp+4)
		}
		addr, sp, err := scope.ReturnAddress()
		if addr != c.ret || sp != c.sp || err != nil {
			t.Errorf("%v: returns to %#x, sp %#x, %v", c.machine, addr, sp, err)
		}
		if v, err := scope.Eval("(app::State*)0xfffffff0 + 1"); err != nil {
			t.Error(err)
		} else if n, _ := v.Uint64(); n >= 1<<32 {
			t.Errorf("%v: a pointer is %#x", c.machine, n)
		}
	}
}

// askAll puts every kind of question to a file; only panics and endless loops
// matter.
func askAll(f *File) {
	for _, name := range []string{"app::Thread", "app::State", "app::Small", "unsigned long"} {
		if typ, err := f.Type(name); err == nil {
			typ.FieldPath("kept.regs[1]")
			typ.FieldPath("nothing")
			typ.BaseOffset("x")
			for _, field := range typ.Fields {
				_ = field.Type.String()
				field.Type.Underlying()
			}
		}
	}
	f.Enumerator("app::X")
	f.Variable("app::thread")
	f.Variable("app::thread::x")
	f.BuildID()
	addrs := []uint64{f.Entry(), 0, ^uint64(0)}
	for _, name := range []string{"app::rare", "app::Thread::state", "app::leaf", "run", "nothing"} {
		fns, _ := f.Functions(name)
		for _, fn := range fns {
			for _, l := range fn.Locations {
				addrs = append(addrs, l.Addr, l.Addr+5)
			}
		}
	}
	for _, a := range addrs {
		f.SymbolAt(a)
		f.VTableAt(a)
		f.FunctionAt(a)
		f.InlineStackAt(a)
		f.LineAt(a)
		s := Scope{File: f, Mem: f, PC: a, Regs: unwound{"rsp": f.Entry(), "rdi": f.Entry(), "rbp": f.Entry()}}
		s.Backtrace(10)
		s.ReturnAddress()
		for _, e := range []string{"this->badge", "s.ip", "depth + 1", "app::thread", "*t", "v", "r"} {
			if v, err := s.Eval(e); err == nil {
				v.Format(3)
				v.Uint64()
			}
		}
	}
	f.AddrsForLine("calls.cc", 30)
}

// TestDamagedFiles truncates files and changes bytes at random places.
func TestDamagedFiles(t *testing.T) {
	for _, flag := range dwarfVersions {
		path := fixture.Build(t, "calls", flag)
		good := mustRead(t, path)
		e, err := elf.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var spots []*elf.Section
		for _, s := range e.Sections {
			if strings.HasPrefix(s.Name, ".debug") || strings.HasPrefix(s.Name, ".eh") || strings.HasSuffix(s.Name, "tab") {
				spots = append(spots, s)
			}
		}
		rnd := rand.New(rand.NewSource(1))
		file := filepath.Join(t.TempDir(), "damaged")
		for i := range 300 {
			data := append([]byte{}, good...)
			if i%5 == 0 {
				data = data[:rnd.Intn(len(data))]
			} else {
				for range 1 + rnd.Intn(8) {
					s := spots[rnd.Intn(len(spots))]
					data[s.Offset+uint64(rnd.Int63n(int64(max(s.Size, 1))))] = byte(rnd.Intn(256))
				}
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if f, err := Load(file, "", nil); err == nil {
				askAll(f)
			} else if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %v", err)
			}
		}
	}
}
