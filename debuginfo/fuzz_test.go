package debuginfo

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/op"

	"thaw/debuginfo/fixture"
	"thaw/debuginfo/index"
)

// asExtract takes along what a file answers: the extract must answer the same.
func asExtract(t *testing.T, f *File) {
	t.Helper()
	tap := f.Tap()
	typ, terr := tap.Type("app::Thread")
	v, verr := tap.Variable("app::thread")
	tap.FunctionAt(f.Entry())
	x := tap.Extract()
	if x == nil {
		return
	}
	raw, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	var back Extract
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	p, err := back.Use()
	if err != nil {
		t.Fatalf("an extract that thaw made is refused: %v", err)
	}
	if got, err := p.Type("app::Thread"); (err == nil) != (terr == nil) || err == nil && (got.Size != typ.Size || len(got.Fields) > len(typ.Fields)) {
		t.Errorf("app::Thread: %v, in the extract %v", terr, err)
	}
	if got, err := p.Variable("app::thread"); verr == nil && v.Type != nil && (err != nil || got.Addr != v.Addr) {
		t.Errorf("app::thread at %#x; in the extract at %#x, %v", v.Addr, got.Addr, err)
	}
}

// FuzzExtract makes extracts of any contents answer, as a recording's reader
// does.
func FuzzExtract(f *testing.F) {
	prog := load(f, fixture.Build(f, "calls"))
	tap := prog.Tap()
	for _, name := range []string{"app::Thread", "app::State", "app::Small", "app::addr_t"} {
		tap.Type(name)
	}
	tap.Variable("app::thread")
	tap.FunctionAt(prog.Entry())
	tap.LineAt(prog.Entry())
	if err := tap.KeepAround(prog.Entry(), 2); err != nil {
		f.Fatal(err)
	}
	all := tap.Extract()
	all.Kept = tap.Kept(0, 0)
	if all.Kept == nil || len(all.Kept.Variables) == 0 {
		f.Fatal("no variables were kept")
	}
	whole, err := json.Marshal(all)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		string(whole),
		`{}`, `null`, `{"ptrSize":8}`,
		`{"ptrSize":8,"types":[{"kind":2,"name":"T","elem":-1}],"named":{"T":0},"variables":{"v":{"name":"v","type":0,"addr":4096}}}`,
		`{"ptrSize":8,"types":[{"kind":2,"name":"T","elem":0,"fields":[{"name":"a","type":0,"offset":-1,"base":true}]}],"named":{"T":0}}`,                                  // a member of its own
		`{"ptrSize":4,"types":[{"kind":9,"name":"T","elem":1},{"kind":9,"name":"U","elem":0}],"named":{"T":0,"U":1}}`,                                                      // names of each other
		`{"ptrSize":8,"types":[{"kind":7,"elem":0,"count":9223372036854775807,"size":-9223372036854775808}],"named":{"T":0}}`,                                              // an array of itself
		`{"ptrSize":8,"types":[{"kind":2,"name":"T","elem":-1,"fields":[{"type":1,"base":true}]},{"kind":2,"elem":-1,"fields":[{"type":0,"base":true}]}],"named":{"T":0}}`, // bases of each other
		`{"ptrSize":8,"types":[{"kind":2,"elem":7}],"named":{"T":3}}`,
		`{"ptrSize":8,"kept":{"types":[{"kind":2,"name":"T","elem":-1,"defines":2,"fields":[{"name":"a","type":1}]},{"kind":2,"name":"T","size":-1,"elem":-1,"incomplete":true,"defines":1}]}}`, // each other's declaration
		`{"ptrSize":8,"machine":40,"types":[{"kind":1,"name":"int","size":4,"elem":-1},{"kind":9,"name":"T","elem":0},{"kind":5,"elem":3},{"kind":2,"name":"S","size":-1,"elem":-1,"incomplete":true},{"kind":2,"name":"S","size":8,"elem":-1,"fields":[{"name":"a","type":0},{"name":"b","type":1,"static":true}]},{"kind":4,"name":"E","elem":-1,"values":[{"Name":"one","Value":1},{}]}],` +
			`"named":{"T":1,"S":4,"E":5,"":0,"(x)":0},"variables":{"v":{"name":"v","type":4,"addr":4096},"":{"type":0},"w":{"type":-1},"u":{"type":9}},"enumerators":{"E::one":1,"":2,"a::(b)":3},"vtables":{"4096":{"class":"S","offset":16}},"functions":{"4096":{"name":"f"}},"lines":{"4096":{"file":"a","line":1}}}`,
		`{"ptrSize":8,"named":{"T":0}}`, `{"ptrSize":8,"types":[{"kind":99,"elem":-1}]}`, `{"ptrSize":8,"types":[{"kind":2,"elem":-1,"fields":[{"type":-1}]}]}`, `{"ptrSize":8,"types":[{"kind":2,"elem":-1,"fields":[{"type":3}]}]}`,
		`{"ptrSize":8,"kept":{"types":[{"kind":2,"elem":-1,"defines":1}]}}`, `{"ptrSize":8,"kept":{"types":[{"kind":2,"elem":-1,"defines":9}]}}`, `{"ptrSize":8,"kept":{"types":[{"kind":2,"elem":9}]}}`,
		`{"ptrSize":8,"kept":{"variables":[{"name":"v","type":0}]}}`, `{"ptrSize":8,"kept":{"types":[{"kind":5,"elem":1},{"kind":2,"name":"S","elem":-1,"size":8,"fields":[{"name":"x","type":2},{"name":"a","type":2}]},{"kind":1,"name":"int","size":4,"elem":-1,"encoding":2,"signed":true},{"kind":4,"name":"n::E","elem":-1,"values":[{"Name":"one","Value":1}]}],"variables":[{"name":"n::v","type":2,"addr":4096},{"name":"n::v","type":1}]}}`,
		`{"ptrSize":8,"kept":{"types":[{"kind":2,"name":"S","elem":-1,"fields":[{"name":"B","type":1,"base":true},{"name":"C","type":2,"base":true}]},{"kind":2,"name":"B","elem":-1,"fields":[{"name":"q","type":3}]},{"kind":2,"name":"C","elem":-1,"fields":[{"name":"q","type":3}]},{"kind":1,"name":"int","size":4,"elem":-1}]}}`,
		`{"ptrSize":8,"kept":{"types":[{"kind":6,"elem":0},{"kind":2,"name":"a::T","elem":-1,"fields":[{"name":"a","type":0,"static":true}]}],"variables":[{"name":"a::T::a","type":1},{"name":"a","type":5}]}}`,
		`{"ptrSize":8,"kept":{"types":[{"kind":2,"name":"S","elem":-1,"fields":[{"name":"B","type":1},{"name":"C","base":true}]},{"kind":2,"name":"T","elem":-1,"fields":[{"name":"q"}]}]}}`,                                                                                                 // its own base: took 30 s
		`{"ptrSize":8,"kept":{"types":[{"kind":2,"name":"S","elem":-1,"fields":[{"name":"B","base":true},{"name":"C","type":2,"base":true}]},{"kind":2,"name":"B","elem":-1},{"kind":2,"name":"n","elem":-1,"fields":[{"name":"q","type":3}]},{"kind":1,"name":"int","size":4,"elem":-1}]}}`, // the same, of bases and of members of one name: took 6 s
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var x Extract
		if json.Unmarshal(data, &x) != nil {
			return
		}
		p, err := x.Use()
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("not one sentence: %q", err)
			}
			return
		}
		for name := range x.Named {
			typ, err := p.Type(name)
			if err != nil {
				t.Fatalf("%q is there and does not answer: %v", name, err)
			}
			_ = typ.String()
			typ.FieldPath("a.b[3].c")
			typ.FieldPath("a")
			typ.BaseOffset("B")
			typ.Underlying()
		}
		for name := range x.Variables {
			p.Variable(name)
		}
		for name, v := range x.Enumerators {
			if got, err := p.Enumerator(name); err != nil || got != v {
				t.Fatalf("%q is %d, %v, want %d", name, got, err, v)
			}
		}
		for at := range x.VTables {
			p.VTableAt(at)
		}
		p.Type("nothing")
		p.Variable("nothing")
		p.Enumerator("nothing")
		p.Machine()
		at := &Place{Function: "app::f", Locals: []Local{{Name: "lost", Type: 99}, {Name: "this", Addr: 4096}, {Name: "x", Type: 1, Data: []byte{1}}, {Name: "y", Type: 2, Why: "gone"}, {Name: "this", Why: "gone"}}}
		p.Scope(nil, supposition{}, supposition{}).Eval("x")
		for _, expr := range []string{"lost", "q", "one", "E::one", "n::v", "n::E", "(S*)1", "nothing", "this", "*this", "x", "x.a", "a", "*(T*)0x1000", "a::T::a", "y", "sizeof(app::Thread)", "$rip", "app::thread"} {
			if v, err := p.Scope(at, supposition{}, supposition{}).Eval(expr); err == nil {
				v.Format(2)
				v.Parts(8)
			}
		}
		p.Text()
		p.VTableAt(0)
		p.FunctionAt(0)
		p.LineAt(0)
		again := Extract{}
		again.Merge(&x)
		again.Merge(&x)
		if path, size := p.Path(), p.PtrSize(); path != x.File || size != x.PtrSize {
			t.Fatalf("%q with pointers of %d bytes", path, size)
		}
	})
}

// FuzzCachedIndex puts an index of any contents with a good checksum into a cache, and
// asks everything of a program that has it.
func FuzzCachedIndex(f *testing.F) {
	path, dir := fixture.Build(f, "calls", "-O2"), f.TempDir()
	cache := index.NewCache(dir)
	cached := func(t testing.TB) *File {
		prog, err := Load(path, "", cache)
		if err != nil {
			t.Fatal(err)
		}
		return prog
	}
	askAll(cached(f)) // which finds the inlined functions, too
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	whole, err := os.ReadFile(strings.Join(files, ""))
	if err != nil {
		f.Fatal(err)
	}
	const head, sum = 28, 24 // see index.decode
	f.Add(whole[head:])
	f.Fuzz(func(t *testing.T, body []byte) {
		file := append(bytes.Clone(whole[:head]), body...)
		binary.LittleEndian.PutUint32(file[sum:], crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
		if err := os.WriteFile(files[0], file, 0o600); err != nil {
			t.Fatal(err)
		}
		askAll(cached(t))
	})
}

// FuzzEval evaluates expressions of strangers at two places of a program, one of which has
// its own memory and no registers, the other whatever is supposed; and a member of what
// comes of it.
func FuzzEval(f *testing.F) {
	for expr := range operatorCases {
		f.Add(expr, "_next")
	}
	for expr := range wrongExpressions {
		f.Add(expr, "shared")
	}
	for _, expr := range []string{
		"ratio", "-ratio", "(double)1", "(int)ratio", "wide", "callback", "*callback", "greeting", "*greeting", "matrix", "matrix[0]", "matrix + 1", "sys::first", "sys::first._name", "sys::first.table",
		"sys::first.table.items[4]", "sys::first.self", "&sys::first.self.partner", "sys::first.partner->partner", "sys::first._signed_bits", "sys::first._far + 1", "sys::first.pos.x", "sys::first.octets",
		"(sys::Thread&)sys::first", "(sys::Dbg)sys::first", "(sys::Dbg&)sys::first", "(sys::Thread)1", "(void)1", "(void*)1 + 1", "(void*)&sys::first - &matrix", "*(void*)8", "(sys::Never*)1 + 1", "*(sys::Never*)8",
		"(sys::Never*)1 - (sys::Never*)2", "(sys::Thread*)8 - (sys::Dbg*)8", "1 + &sys::first", "&matrix == &matrix[0]", "matrix < 1 || nothing", "sys::tags._f", "sys::heads", "$rax", "$arg1", "$arg99", "$argx",
		"sizeof 'a'", "0x80000000", "4294967296u", "4294967295ul", "18446744073709551615", "1 ? 2", "-sys::first", "-greeting", "+1", "~1u", "!greeting", "1 || nothing", "0 && nothing", "nothing && 1",
		"sys::first && 1", "matrix[nothing]", "matrix[sys::first]", "nothing[1]", "matrix[-1]", "greeting[99999999999999]", "(sys::Dbg*)greeting", "&greeting[3]", "&(char)1", "sys::Dbg::_objects._first",
		"local_static::inner.deep", "Private", "private_object", "sys::Late", "sizeof(sys::Late)", "::PAGE", "sys::first.Base_a::in_a", "this", "step", "sys::Thread::Mode::IDLE + 1", "(sys::Thread::Mode)7", "(bool)ratio", "sys::late", "sizeof(nothing)", "sizeof nothing", "(int)nothing", "nothing.x", "nothing + 1", "1 + nothing", "(nothing", "*nothing", "sys::first * 1", "1 * sys::first", "matrix + sys::first",
		"(sys::Thread*)0 - 1 - (sys::Thread*)0", "(int)sys::first", "(sys::Dbg)matrix", "callback[1]", "!sys::first", "ratio + 1", "1 ^ 2", "1 != 2", "&sys::second > &sys::first", "(sys::Thread*)&sys::first.in_b",
		"1 == sys::first", "1 % 0", "7u % 3", "-5 % -1", "1 << -1", "(char)1 << 40", "1L << 40", "1 / ratio", "late_pointer.when", "&late_pointer->when", "(int[3])matrix", "*matrix == matrix[0]",
	} {
		f.Add(expr, "ip")
	}
	for _, expr := range []string{"s", "s.a", "s.b", "&s", "(long)s.a", "r", "r.ip", "r.regs", "this->kept.regs[3]", "kept", "*this", "app::thread"} {
		f.Add(expr, "b") // where a structure stands in registers
	}
	shapes, calls := load(f, fixture.Build(f, "shapes")), load(f, fixture.Build(f, "calls"))
	pc, take := entryOf(f, shapes, "local_static"), entryOf(f, calls, "app::Thread::take")
	scopes := []Scope{
		{File: shapes, Mem: shapes, Regs: unwound{"rip": pc, "rsp": 16}, PC: pc}, Supposed(shapes, pc, "local_static"), {File: shapes, PC: pc}, {},
		{File: calls, Mem: calls, Regs: unwound{"rsi": 3, "rdx": 4, "rdi": addrOf(f, calls, "app::thread")}, PC: take}, Supposed(calls, take, "app::Thread::take"),
	}
	f.Fuzz(func(t *testing.T, expr, member string) {
		for _, scope := range scopes {
			v, err := scope.Eval(expr)
			if err != nil {
				if !strings.Contains(expr, "\n") && strings.Contains(err.Error(), "\n") {
					t.Errorf("not one sentence: %q", err)
				}
			}
			useValue(v, member)
		}
	})
}

// useValue makes of a value all that can be made.
func useValue(v Value, member string) {
	v.Int64()
	v.Float64()
	_, _ = v.String()
	v.Format(2)
	v.Parts(8)
	v.Index(1)
	if d, err := v.Deref(); err == nil {
		d.Bytes()
		d.Float64()
	}
	if link, err := v.Path(member); err == nil {
		WalkChain(link, member, 8)
	}
	WalkList(v, "_first", member, 8)
	WalkList(v, "_f", "_n", 8)
	if v.Type != nil && v.Type.Target() != nil {
		WalkTree(v, v.Type.Target(), "partner", member, 8)
	}
	v.Field(member)
}

// FuzzLocate runs location expressions of strangers where a function is entered and inside
// of it, with a frame base of a stranger's, in programs with words of 8 and of 4 bytes, and
// makes values of what they lead to.
func FuzzLocate(f *testing.F) {
	of := func(all ...byte) []byte { return all }
	lowest := of(byte(op.DW_OP_const8s), 0, 0, 0, 0, 0, 0, 0, 0x80, byte(op.DW_OP_const1s), 0xff)
	for o := range 256 { // each operator: alone, with operands behind it, and with two numbers before it
		f.Add(of(byte(op.DW_OP_call_frame_cfa)), of(byte(o)))
		f.Add(of(byte(op.DW_OP_call_frame_cfa)), of(byte(o), 1, 8, 0, 0, 0, 0, 0, 0, byte(op.DW_OP_piece), 4))
		f.Add(of(byte(op.DW_OP_breg7), 8), append(bytes.Clone(lowest), byte(o), 2, 0, byte(op.DW_OP_stack_value)))
		f.Add(of(byte(op.DW_OP_reg5)), append(bytes.Clone(lowest), of(byte(op.DW_OP_lit3), byte(o))...))
	}
	entryOfBase := of(byte(opEntryValue), 2, byte(op.DW_OP_fbreg), 0)
	for _, expr := range [][]byte{
		entryOfBase, entryOfBase[2:], of(byte(opEntryValue), 4, byte(opGNUEntryValue), 2, byte(op.DW_OP_reg5), 0), of(byte(opEntryValue), 1, byte(op.DW_OP_reg5), byte(op.DW_OP_stack_value)),
		of(byte(op.DW_OP_lit0), byte(op.DW_OP_div)), of(byte(op.DW_OP_lit5), byte(op.DW_OP_lit0), byte(op.DW_OP_mod)), of(byte(op.DW_OP_skip), 0xfd, 0xff), of(byte(op.DW_OP_skip), 0xff, 0x7f), of(byte(op.DW_OP_lit1), byte(op.DW_OP_bra), 0, 0),
		of(byte(op.DW_OP_lit0), byte(op.DW_OP_dup), byte(op.DW_OP_skip), 0xfc, 0xff), bytes.Repeat(of(byte(op.DW_OP_lit1)), 300), of(byte(op.DW_OP_lit1), byte(op.DW_OP_deref_size), 200), of(byte(op.DW_OP_lit1), byte(op.DW_OP_deref_size), 3),
		of(byte(op.DW_OP_piece), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), of(byte(op.DW_OP_lit1), byte(op.DW_OP_piece), 0xff, 0xff, 0x3f, byte(op.DW_OP_piece), 0xff, 0xff, 0x3f), of(byte(op.DW_OP_lit1), byte(op.DW_OP_stack_value), byte(op.DW_OP_piece), 40),
		of(byte(op.DW_OP_reg0), byte(op.DW_OP_piece), 9), of(byte(op.DW_OP_reg0), byte(op.DW_OP_piece), 4, byte(op.DW_OP_piece), 4), of(byte(op.DW_OP_reg0), byte(op.DW_OP_nop)), of(byte(op.DW_OP_reg0), byte(op.DW_OP_piece)), of(byte(op.DW_OP_regx), 0xff, 0xff, 3),
		of(byte(op.DW_OP_implicit_value), 2, 7, 8), of(byte(op.DW_OP_implicit_value), 40, 7, 8), of(byte(op.DW_OP_implicit_value), 1, 7, byte(op.DW_OP_piece), 8), append(of(byte(op.DW_OP_constu)), bytes.Repeat(of(0x80), 12)...), of(byte(op.DW_OP_consts), 0x7f), {},
	} {
		f.Add(of(byte(op.DW_OP_call_frame_cfa)), expr)
		f.Add(expr, of(byte(op.DW_OP_fbreg), 8))
	}
	type place struct {
		file *File
		pc   uint64
		typ  *Type
	}
	var places []place
	for _, flags := range [][]string{{}, {"-m32", "-gdwarf-4"}} {
		file := load(f, fixture.Build(f, "calls", flags...))
		typ, err := file.Type("app::Small")
		if err != nil {
			f.Fatal(err)
		}
		take := entryOf(f, file, "app::Thread::take")
		places = append(places, place{file, take, typ}, place{file, take + 1, typ})
	}
	f.Fuzz(func(t *testing.T, base, expr []byte) {
		for _, p := range places {
			s, fr := opaque(t, p.file, p.pc, base)
			if _, err := fr.value(expr); err != nil && strings.Contains(err.Error(), "runtime error") {
				t.Errorf("% x: %v", expr, err)
			}
			if ps, err := fr.locate(expr); err == nil {
				if v, err := s.assemble(fr, ps, p.typ); err == nil {
					useValue(v, "b")
				}
			}
		}
	})
}
