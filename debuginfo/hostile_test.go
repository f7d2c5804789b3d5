package debuginfo

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/dwarf/op"

	"thaw/debuginfo/fixture"
)

// hostile makes programs of one by changing its debug info into what no compiler writes:
// each kind of type leads to itself, and to one that leads back to it; counts and sizes
// are as large as their bytes take. The keys tell what was changed.
func hostile(t testing.TB, path string) map[string][]byte {
	t.Helper()
	good := mustRead(t, path)
	e, err := elf.NewFile(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.DWARF()
	if err != nil {
		t.Fatal(err)
	}
	info := int(e.Section(".debug_info").Offset)
	out := map[string][]byte{}
	changed := func(what string, at, size int, value uint64) {
		bad := bytes.Clone(good)
		copy(bad[at:at+size], binary.LittleEndian.AppendUint64(nil, value))
		out[what] = bad
	}
	var all []*dwarf.Entry
	var ends []int // of each, in the section: one byte that ends a list of children may follow
	nulls := 0
	for r := d.Reader(); ; {
		entry, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if entry == nil {
			break
		}
		if entry.Tag == 0 {
			nulls++
			continue
		}
		if len(all) > 0 {
			ends = append(ends, int(entry.Offset)-nulls)
		}
		all, nulls = append(all, entry), 0
	}
	var unit dwarf.Offset
	outer := map[dwarf.Tag]dwarf.Offset{} // the last of each
	for n, entry := range all[:len(ends)] {
		if entry.Tag == dwarf.TagCompileUnit {
			unit = entry.Offset - 11 // behind the header of a unit of version 4
		}
		end := info + ends[n] // of its attributes: of the last few it is known where they stand
		for i, f := range entry.Field {
			behind := len(entry.Field) - 1 - i
			switch v := f.Val.(type) {
			case dwarf.Offset:
				at := end - behind - 4 // what stands behind it are single bytes
				if f.Attr != dwarf.AttrType || behind > 2 || dwarf.Offset(binary.LittleEndian.Uint32(good[at:])) != v-unit {
					continue
				}
				changed(entry.Tag.String()+" of itself", at, 4, uint64(entry.Offset-unit))
				for tag, off := range outer {
					changed(fmt.Sprintf("%v of a %v before it", entry.Tag, tag), at, 4, uint64(off-unit))
				}
				outer[entry.Tag] = entry.Offset
			case int64:
				if at := end - 1 - behind; behind < 2 && good[at] == byte(v) {
					changed(f.Attr.String(), at, 1, math.MaxUint64)
				}
			}
		}
		if entry.Tag == dwarf.TagStructType || entry.Tag == dwarf.TagClassType {
			outer[entry.Tag] = entry.Offset
		}
	}
	return out
}

// Types that lead to themselves, and counts that no memory holds, are answered.
func TestHostileTypes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "program")
	bad := hostile(t, fixture.Build(t, "calls", "-gdwarf-4", "-O0"))
	for _, want := range []string{"PointerType of itself", "Typedef of itself", "Member of itself", "ConstType of itself", "Member of a StructType before it", "UpperBound", "DataMemberLoc"} {
		if bad[want] == nil {
			t.Errorf("the program has no %s", want)
		}
	}
	for what, data := range bad {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		prog, err := Load(file, "", nil)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		askAll(prog)
	}
}

// The operators of location expressions take any number: what a processor would trap at is
// a sentence, or the number that two's complement gives.
func TestHostileOperators(t *testing.T) {
	fr := &frame{f: load(t, fixture.Build(t, "calls", "-gdwarf-4", "-O0"))}
	lowest := binary.LittleEndian.AppendUint64([]byte{byte(op.DW_OP_const8s)}, 1<<63)
	for _, c := range []struct {
		name string
		then []byte
		want uint64
		err  string
	}{
		{"the lowest number by -1", []byte{byte(op.DW_OP_const1s), 0xff, byte(op.DW_OP_div)}, 1 << 63, ""},
		{"rest of the lowest number by -1", []byte{byte(op.DW_OP_const1s), 0xff, byte(op.DW_OP_mod)}, 1 << 63, ""}, // unsigned
		{"by 0", []byte{byte(op.DW_OP_lit0), byte(op.DW_OP_div)}, 0, "divides by zero"},
		{"rest by 0", []byte{byte(op.DW_OP_lit0), byte(op.DW_OP_mod)}, 0, "divides by zero"},
		{"shifted too far", []byte{byte(op.DW_OP_const1u), 200, byte(op.DW_OP_shl)}, 0, ""},
		{"its amount", []byte{byte(op.DW_OP_abs)}, 1 << 63, ""},
		{"itself for ever", []byte{byte(op.DW_OP_skip), 0xfd, 0xff}, 0, "does not end"},
	} {
		ps, err := fr.locate(append(bytes.Clone(lowest), append(c.then, byte(op.DW_OP_stack_value))...))
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: %v, want %s", c.name, err, c.err)
		case c.err == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.err == "" && ps[0].val != c.want:
			t.Errorf("%s: %#x, want %#x", c.name, ps[0].val, c.want)
		}
	}
}

// opaque is a place in a function whose frame base is an expression of somebody else's.
func opaque(t testing.TB, f *File, pc uint64, base []byte) (*Scope, *frame) {
	t.Helper()
	s := &Scope{File: f, Mem: supposition{}, Regs: supposition{}, PC: pc}
	blocks, err := f.BlocksAt(pc)
	if err != nil || len(blocks) == 0 {
		t.Fatalf("%d functions at %#x: %v", len(blocks), pc, err)
	}
	blocks[0].E = &dwarf.Entry{Offset: blocks[0].E.Offset, Tag: dwarf.TagSubprogram, Field: []dwarf.Field{{Attr: dwarf.AttrFrameBase, Val: base, Class: dwarf.ClassExprLoc}}}
	return s, s.frameOf(blocks)
}

// A frame base refers to itself, through what it was at the function's entry, too.
func TestFrameBaseOfItself(t *testing.T) {
	f := load(t, fixture.Build(t, "calls", "-gdwarf-4", "-O0"))
	base := []byte{byte(opEntryValue), 2, byte(op.DW_OP_fbreg), 0}
	for _, base := range [][]byte{base[2:], base} {
		_, fr := opaque(t, f, entryOf(t, f, "app::Thread::take"), base)
		if _, err := fr.locate(base[len(base)-2:]); err == nil || !strings.Contains(err.Error(), "refers to itself") {
			t.Errorf("% x: %v", base, err)
		}
	}
}
