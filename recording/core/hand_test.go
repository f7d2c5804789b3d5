package core

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"thaw/kernel"
	"thaw/recording/stub/stubtest"
)

// armHand is an ARM machine that runs task 5, whose tables are at 0x4000, in
// user mode; those of task 6 are at 0x18000 and share the kernel, but for one
// part that only task 5 has so far. Both have something else at 0x8000, and in
// the kernel's page 0xf0001000, as capability tables are.
func armHand(t *testing.T) (*stubtest.Hand, *kernel.System) {
	h := &stubtest.Hand{Arch: elf.EM_ARM}
	const kernelTable, lateTable = 0x9000, 0x9400
	for task, at := range map[uint32]struct{ root, table, page, caps uint64 }{
		5: {0x4000, 0x8000, 0x10000, 0x30000}, 6: {0x18000, 0x8400, 0x11000, 0x31000},
	} {
		for i := range uint64(4) {
			h.Page(at.root + i*0x1000)
		}
		h.Put32(at.root, uint32(at.table)|stubtest.ARMTable)
		h.Put32(at.table+8*4, uint32(at.page)|stubtest.ARMPage)
		h.Put32(at.page, 0xa0000000|task)
		h.Put32(at.root+0xf00*4, uint32(kernelTable)|stubtest.ARMTable)
		h.Put32(at.caps, 0xc0000000|task)
		own := at.table + 0x100*4*2 // the task's own table of kernel pages
		h.Put32(at.root+0xf01*4, uint32(own)|stubtest.ARMTable)
		if task == 5 {
			h.Put32(at.root+0xf02*4, lateTable|stubtest.ARMTable)
			h.Put32(own+0x7*4, uint32(at.caps)|stubtest.ARMKPage)
		}
		h.Put32(own+0x1*4, uint32(at.caps)|stubtest.ARMKPage)
	}
	h.Put32(kernelTable, 0x20000|stubtest.ARMKPage, 0x21000|stubtest.ARMKPage)
	h.Put32(0x20000, 0xee000000)
	h.Put32(0x21000, 0xee000001)
	h.Put32(lateTable, 0x22000|stubtest.ARMKPage)
	h.Put32(0x22000, 0xee000002)
	h.Stop(t, "stop", []kernel.Register{{Name: "r0", Value: 0x11}, {Name: "r11"}, {Name: "sp", Value: 0x8ffc}, {Name: "pc", Value: 0x8004},
		{Name: "cpsr", Value: 0x10}, {Name: "TTBR0", Value: 0x404a}})
	thread := func(id, task kernel.ID, ip uint64) *kernel.Object {
		return &kernel.Object{ID: id, Addr: 0xf0000000 + uint64(id)*0x100, Size: 0x100, Kind: "Thread",
			Thread: &kernel.Thread{PD: task, IP: ip, SP: 0x8f00, Flags: 0x10, Source: "frame",
				Registers: []kernel.Register{{Name: "r4", Value: 0x44}, {Name: "lr", Value: 0x8010}}}}
	}
	sys := kernel.NewSystem([]*kernel.Object{
		{ID: 5, Kind: "Task", PD: &kernel.PD{Root: 0x4000}}, {ID: 6, Kind: "Task", PD: &kernel.PD{Root: 0x18000}},
		thread(0x51, 5, 0x8008), thread(0x61, 6, 0x800c), thread(0x61, 6, 0x9999), thread(FirstProcessor, 6, 0x9999),
	}, nil)
	return h, sys
}

// word reads a word of a core file, 0 where there is none.
func word(read func(uint64, []byte) bool, addr uint64) uint32 {
	var b [4]byte
	read(addr, b[:])
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func TestARM(t *testing.T) {
	h, sys := armHand(t)
	r := h.Replay(t, sys)
	for task, want := range map[kernel.ID]map[uint64]uint32{
		0: {0x8000: 0xa0000005, 0xf0000000: 0xee000000, 0xf0001000: 0xee000001, 0xf0200000: 0xee000002, 0xf0101000: 0xc0000005, 0xf0107000: 0xc0000005},
		6: {0x8000: 0xa0000006, 0xf0000000: 0xee000000, 0xf0001000: 0xee000001, 0xf0200000: 0xee000002, 0xf0101000: 0xc0000006, 0xf0107000: 0},
	} {
		path := written(t, r, h, Options{1, task})
		out := readelf(t, path)
		if n := strings.Count(out, "NT_PRSTATUS"); n != 3 {
			t.Errorf("%d threads, want a processor and 2:\n%s", n, out)
		}
		read := loaded(t, path)
		for addr, w := range want {
			if got := word(read, addr); got != w {
				t.Errorf("task %s: %#x at %#x, want %#x", task, got, addr, w)
			}
		}
	}
}

// Debian's gdb knows ARM only as gdb-multiarch.
func TestGDBOnARM(t *testing.T) {
	h, sys := armHand(t)
	path := written(t, h.Replay(t, sys), h, Options{Stop: 1})
	out := stubtest.GDB(t, []string{"gdb-multiarch"}, "core-file "+path, "info threads", "p/x $r0", "p/x $pc", "x/wx 0x8000",
		`thread apply all -q printf "%#x %#x %#x %#x\n", $pc, $sp, $r4, $lr`)
	for _, want := range []string{"LWP 1073741824", "= 0x11\n", "= 0x8004\n", "0x8000:\t0xa0000005", "\n0x8008 0x8f00 0x44 0x8010\n", "\n0x800c 0x8f00 0x44 0x8010\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("gdb does not say %q:\n%s", want, out)
		}
	}
}

// Page tables that refer to themselves, or to the same tables over and over, end
// in an error, soon.
func TestHostileTables(t *testing.T) {
	for says, next := range map[string][4]uint64{
		"map more than":       {0x1000, 0x1000, 0x1000, 0x1000},
		"run into themselves": {0x2000, 0x3000, 0x4000, 0x9000},
	} {
		h := &stubtest.Hand{Arch: elf.EM_X86_64}
		for level, to := range next {
			table := uint64(0x1000)
			if level > 0 {
				table = next[level-1]
			}
			for i := range uint64(512) {
				h.Put64(table+8*i, to|7)
			}
		}
		h.Stop(t, "stop", []kernel.Register{{Name: "rip"}, {Name: "cr3", Value: 0x1000}})
		err := Write(&bytes.Buffer{}, h.Replay(t, kernel.NewSystem(nil, nil)), h, Options{Stop: 1})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A task without page tables has no memory to write.
func TestTaskWithoutMemory(t *testing.T) {
	h, _ := armHand(t)
	r := h.Replay(t, kernel.NewSystem([]*kernel.Object{{ID: 7, Addr: 0x2000, PD: &kernel.PD{}}}, nil))
	if err := Write(&bytes.Buffer{}, r, h, Options{1, 7}); err == nil || !strings.Contains(err.Error(), "task 7 has no page tables") {
		t.Error(err)
	}
}

// Nothing mapped is no reason to fail: the registers are worth having.
func TestNoMemory(t *testing.T) {
	h := &stubtest.Hand{Arch: elf.EM_X86_64}
	h.Stop(t, "stop", []kernel.Register{{Name: "rip", Value: 0x1234}, {Name: "cr3", Value: 0x1000}}, []kernel.Register{{Name: "rip", Value: 0x5678}})
	h.Stops[0].CPU = 1
	path := written(t, h.Replay(t, kernel.NewSystem(nil, nil)), h, Options{Stop: 1})
	readelf(t, path)
	out := stubtest.GDB(t, []string{"gdb"}, "core-file "+path, "info threads")
	for _, want := range []string{"* 1    LWP 1073741825    0x0000000000005678", "  2    LWP 1073741824    0x0000000000001234"} {
		if !strings.Contains(out, want) {
			t.Errorf("gdb does not say %q:\n%s", want, out)
		}
	}
}
