package stubtest

import (
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"

	"thaw/debuginfo"
	"thaw/debuginfo/elffile"
	"thaw/kernel"
	"thaw/memory"
	"thaw/scenarios"
	"thaw/session"
	"thaw/session/scenario"
	"thaw/session/view"
)

// Hand is a recording that a test makes by hand: every stop has the same
// memory. It is a session.Recorded.
type Hand struct {
	Arch  elf.Machine
	Stops []*session.StopRecord
	Mem   map[uint64][]byte       // pages by physical address
	Known map[uint64]*memory.Mask // of those that were recorded in part

	scenario *scenario.Scenario
}

// Replay makes a replay of it, in which every stop has the kernel objects sys.
func (h *Hand) Replay(t *testing.T, sys *kernel.System) *session.Replay {
	t.Helper()
	text, err := scenarios.Read(scenarios.Default)
	if err != nil {
		t.Fatal(err)
	}
	if h.scenario, err = scenario.Parse(scenarios.Default, text); err != nil {
		t.Fatal(err)
	}
	paging := map[elf.Machine]memory.Paging{elf.EM_X86_64: memory.AMD64{}, elf.EM_ARM: memory.ARM{}}[h.Arch]
	r, err := session.NewReplay(h, model{sys}, paging)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Stop adds a stop with processors that have the given registers.
func (h *Hand) Stop(t *testing.T, reason string, cpus ...[]kernel.Register) {
	t.Helper()
	s := &session.StopRecord{}
	if err := json.Unmarshal([]byte(`{"evidence":{"Format":1}}`), s); err != nil {
		t.Fatal(err)
	}
	s.Number, s.Reason = len(h.Stops)+1, reason
	for _, regs := range cpus {
		s.CPUs = append(s.CPUs, session.CPURecord{Registers: regs})
	}
	h.Stops = append(h.Stops, s)
}

// Page is a page of its memory; it is made if there is none.
func (h *Hand) Page(phys uint64) []byte {
	phys &^= session.PageSize - 1
	if h.Mem == nil {
		h.Mem = map[uint64][]byte{}
	}
	if h.Mem[phys] == nil {
		h.Mem[phys] = make([]byte, session.PageSize)
	}
	return h.Mem[phys]
}

// Put32 stores words at a physical address; they must not cross a page's end.
func (h *Hand) Put32(phys uint64, words ...uint32) {
	for i, w := range words {
		binary.LittleEndian.PutUint32(h.Page(phys)[phys%session.PageSize+4*uint64(i):], w)
	}
}

// Put64 stores words at a physical address; they must not cross a page's end.
func (h *Hand) Put64(phys uint64, words ...uint64) {
	for i, w := range words {
		binary.LittleEndian.PutUint64(h.Page(phys)[phys%session.PageSize+8*uint64(i):], w)
	}
}

// Name is for messages.
func (h *Hand) Name() string { return "hand.thaw" }

// Target is what was recorded.
func (h *Hand) Target() string { return "nothing" }

// Scenario is the default one.
func (h *Hand) Scenario() *scenario.Scenario { return h.scenario }

// Records are the stops.
func (h *Hand) Records() []*session.StopRecord { return h.Stops }

// Notes are none.
func (h *Hand) Notes() []view.Note { return nil }

// Questions are none.
func (h *Hand) Questions() []view.Question { return nil }

// Log is empty.
func (h *Hand) Log() []string { return nil }

// Components is the kernel.
func (h *Hand) Components() []string { return []string{"kernel"} }

// Program is the kernel's, without debug info.
func (h *Hand) Program(string) session.Program { return program{h.Arch} }

// Memory is the pages.
func (h *Hand) Memory(int) memory.Source { return source{h} }

// SamePage implements session.Recorded.
func (h *Hand) SamePage(_, _ int, _ uint64) bool { return false }

// Modelled is Memory.
func (h *Hand) Modelled(record int) memory.Source { return h.Memory(record) }

// Pages lists the pages by address.
func (h *Hand) Pages(int) []session.Page {
	var pages []session.Page
	for addr := uint64(0); len(pages) < len(h.Mem); addr += session.PageSize {
		if data := h.Mem[addr]; data != nil {
			pages = append(pages, session.Page{Addr: addr, Data: data, Known: h.Known[addr]})
		}
	}
	return pages
}

type source struct{ h *Hand }

func (s source) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		q := &reqs[i]
		for done := 0; done < len(q.Buf); {
			addr := q.Addr + uint64(done)
			n := addr &^ (session.PageSize - 1)
			if s.h.Mem[n] == nil || !s.h.Known[n].Has(int(addr-n)) {
				q.Err = memory.NotRecorded(addr)
				break
			}
			q.Buf[done] = s.h.Mem[n][addr-n]
			done++
		}
	}
	return nil
}

type program struct{ arch elf.Machine }

func (p program) Machine() elf.Machine { return p.arch }
func (p program) PtrSize() int {
	if p.arch == elf.EM_ARM {
		return 4
	}
	return 8
}
func (p program) Text() []elffile.Range                    { return nil }
func (p program) FunctionAt(uint64) (string, uint64, bool) { return "", 0, false }
func (p program) Scope(*debuginfo.Place, debuginfo.Memory, debuginfo.Registers) debuginfo.Scope {
	return debuginfo.Scope{}
}
func (p program) LineAt(uint64) (string, int, bool) { return "", 0, false }

// model is a decoder that knows its system already.
type model struct{ sys *kernel.System }

func (m model) Decode(kernel.Machine) (*kernel.System, error) {
	if m.sys == nil {
		return nil, errors.New("no kernel objects")
	}
	return m.sys, nil
}
func (m model) KernelSpace(k kernel.Machine) (*memory.Space, error) { return k.Space(0), nil }
func (m model) CurrentThread(kernel.Machine, int) uint64            { return 0 }
func (m model) Platform() *kernel.Platform                          { return &kernel.Platform{} }
func (m model) Slot(selector uint64) uint64                         { return selector }

// ARM page-table entries that tests need.
const (
	ARMTable = 1        // first level: a second-level table
	ARMPage  = 2 | 3<<4 // second level: a page for user mode
	ARMKPage = 2 | 1<<4 // second level: a page for the kernel only
)
