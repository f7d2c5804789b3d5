package debuginfo

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"thaw/debuginfo/fixture"
)

// stack is words of a stack, by their address.
type stack map[uint64]uint64

func (w stack) ReadMemory(addr uint64, buf []byte) error {
	v, ok := w[addr]
	if !ok || len(buf) != 8 {
		return errors.New("nothing is there")
	}
	binary.LittleEndian.PutUint64(buf, v)
	return nil
}

// one is a register and its value.
type one struct {
	name  string
	value uint64
}

func (o one) Uint64(name string) (uint64, bool) { return o.value, name == o.name }

// A backtrace goes on in the file with the code at a return address, as a library returns
// to its program, and ends where no file has it.
func TestBacktraceThroughFiles(t *testing.T) {
	library := load(t, fixture.Build(t, "calls", "-Wl,-Ttext-segment=0x50000000"))
	program := load(t, fixture.Build(t, "calls"))
	entry := func(f *File) uint64 {
		fns, err := f.Functions("run")
		if err != nil || len(fns) == 0 {
			t.Fatal(err)
		}
		return fns[0].Locations[0].Addr
	}
	const sp = 0x7000
	s := Scope{File: library, Regs: one{"rsp", sp}, PC: entry(library), Mem: stack{sp: entry(program) + 1, sp + 8: entry(library) + 1, sp + 16: 0}}
	if frames, why := s.Backtrace(9); len(frames) != 1 || !strings.Contains(why, "is no code of "+library.Path()) {
		t.Errorf("without another file: %d frames, %q", len(frames), why)
	}
	s.FileAt = func(addr uint64) *File {
		if i := slices.IndexFunc([]*File{program, library}, func(f *File) bool { return f.InText(addr) }); i >= 0 {
			return []*File{program, library}[i]
		}
		return nil
	}
	frames, why := s.Backtrace(9)
	var of []*File
	for _, f := range frames {
		of = append(of, f.Scope.File)
		if f.Func != "run" {
			t.Errorf("%#x is in %q", f.PC, f.Func)
		}
	}
	if !slices.Equal(of, []*File{library, program, library}) || why != errOutermost.Error() {
		t.Errorf("%d frames, %q", len(frames), why)
	}
}
