package components

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/debuginfo/fixture"
	"thaw/kernel"
	"thaw/memory"
	"thaw/session/arch"
	"thaw/session/machine"
	"thaw/session/scenario"
	"thaw/session/target"
)

// small is a machine with a task whose page table is a word: where its text is, 0 while
// nothing is mapped.
type small struct {
	ram   []byte
	walks int // through page tables
	text  elffile.Range
}

func (s *small) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		clear(reqs[i].Buf)
		if at := reqs[i].Addr; at < uint64(len(s.ram)) {
			copy(reqs[i].Buf, s.ram[at:])
		}
	}
	return nil
}
func (s *small) BlockSize() uint64                                               { return 256 }
func (s *small) KernelStack(context.Context, int, memory.Reader) (uint64, error) { return 0, nil }
func (s *small) CPUs(context.Context) ([]target.Registers, error) {
	return []target.Registers{none{}}, nil
}
func (s *small) Trace(*memory.View) {}
func (s *small) Read(*memory.View)  {}
func (s *small) Asked(*memory.View) {}

type none struct{}

func (none) Uint64(string) (uint64, bool) { return 0, false }
func (none) Names() []string              { return nil }

// word is the page-table format.
type word struct {
	memory.Paging
	*small
}

func (word) PageSize() uint64 { return 0x1000 }
func (w word) Walk(phys memory.Reader, root, virt uint64) (memory.Mapping, error) {
	w.walks++
	at, err := memory.Uint(phys, root, 8)
	if err != nil || at == 0 || !w.text.Contains(virt) {
		return memory.Mapping{}, errors.Join(errors.New("not mapped"), err)
	}
	return memory.Mapping{Virt: w.text.Start, Phys: at, Size: w.text.End - w.text.Start}, nil
}

// A task whose program was not found is searched again as soon as its page tables or its
// text differ, and not before: it may come to run a program at any time.
func TestTaskOfNoProgram(t *testing.T) {
	f, err := debuginfo.Load(fixture.Compile(t, "g++", "testdata/operands.cc", append(fixture.Bare, "-O2")...), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	const root, place = 0x1000, 0x2000
	s := &small{text: f.Text()[0]}
	code := make([]byte, s.text.End-s.text.Start)
	if err := f.ReadFile(s.text.Start, code); err != nil {
		t.Fatal(err)
	}
	s.ram = make([]byte, place+len(code))
	x86, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		t.Fatal(err)
	}
	m := machine.Of(s, nil, word{small: s}, x86, 8, s)
	cs := New(map[string]*debuginfo.File{"operands": f}, &scenario.Scenario{})
	cs.On(m)
	task := &kernel.Object{ID: 7, PD: &kernel.PD{Root: root}}
	sys := kernel.NewSystem([]*kernel.Object{task}, nil)
	stop := func(name string, same bool) {
		t.Helper()
		s.walks = 0
		if err := m.Look(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			found := ""
			if c := cs.OfTask(sys, task); c != nil {
				found = c.Name
			}
			if found != name || same && s.walks > 0 {
				t.Errorf("found %q, want %q, after %d walks through page tables", found, name, s.walks)
			}
		}
	}
	mapped := func(at uint64) { binary.LittleEndian.PutUint64(s.ram[root:], at) }
	calm := func() {
		t.Helper()
		stop("", false)
		stop("", false)
		stop("", true)
		stop("", true)
	}
	calm()
	mapped(place) // another program's
	calm()
	copy(s.ram[place:], code)
	stop("operands", false)
	cs.ForgetTasks()
	mapped(0)
	calm()
	mapped(place)
	stop("operands", false)
	stop("operands", true)
}
