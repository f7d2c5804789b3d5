package foc

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/session"
)

// In an input's first byte, beside the number of the system: it was not stopped; its
// processors are in the kernel where they were in user mode, and the other way round; the
// damage is found at a second stop, for which much is kept.
const isRunning, inKernel, isLater = 0x80, 0x40, 0x20

// The changes behind it have change bytes each: number of a page among the recorded ones,
// number of a word in the page, the word. An input has maxChanges at most, so that one
// does not take long.
const (
	change     = 2 + 2 + 8
	maxChanges = 512
)

// What is not done by words has these numbers instead of a word's.
const (
	pageMissing = 0xffff - iota
	pageFilled  // with the word
	cpuStack    // the stack pointer of the processor that has the page's number
	cpuKernel   // its kernel stack at the next entry
	cpuRoot     // its page tables
)

// interruptLabel is where the real systems' kernels handle page faults.
func interruptLabel(l *Layout) uint64 { return uint64(0xffff_ffff_fbcd_0000) >> (64 - 8*uint(l.ptr)) }

// interruptible are the real systems, with a label of the kernel's entries, which is not
// recorded as nothing leads there.
func interruptible(t testing.TB) (out []*frozen) {
	t.Helper()
	for _, good := range realSystems(t) {
		f := *good
		var err error
		if f.layout, err = NewLayout(labelled{good.layout.file, interruptLabel(good.layout), "in_page_fault"}); err != nil {
			t.Fatal(err)
		}
		out = append(out, &f)
	}
	return out
}

// apply does what an input says.
func (f *frozen) apply(data []byte) {
	numbers := slices.Sorted(maps.Keys(f.pages))
	for n := 0; len(data) >= change && n < maxChanges; n++ {
		number, what, v := binary.LittleEndian.Uint16(data), binary.LittleEndian.Uint16(data[2:]), binary.LittleEndian.Uint64(data[4:])
		data = data[change:]
		page, cpu := numbers[int(number)%len(numbers)], &f.cpus[int(number)%len(f.cpus)]
		switch what {
		case pageMissing:
			delete(f.pages, page)
		case cpuStack:
			cpu.SP = v
		case cpuKernel:
			cpu.KernelSP = v
		case cpuRoot:
			cpu.Root = v
		default:
			if f.pages[page] == nil {
				continue
			}
			if what == pageFilled {
				fill(f, f.page(page), v)
			} else {
				binary.LittleEndian.PutUint64(f.page(page)[int(what)%(session.PageSize/8)*8:], v)
			}
		}
	}
}

func appendChange(out []byte, number, what int, v uint64) []byte {
	out = binary.LittleEndian.AppendUint16(out, uint16(number))
	out = binary.LittleEndian.AppendUint16(out, uint16(what))
	return binary.LittleEndian.AppendUint64(out, v)
}

// changes says as an input how a damaged memory differs.
func changes(good, bad *frozen) []byte {
	var out []byte
	for i, n := range slices.Sorted(maps.Keys(good.pages)) {
		for at := 0; at < session.PageSize; at += 8 {
			was, is := binary.LittleEndian.Uint64(good.pages[n][at:]), binary.LittleEndian.Uint64(bad.pages[n][at:])
			if was != is && len(out) < maxChanges*change {
				out = appendChange(out, i, at/8, is)
			}
		}
	}
	return out
}

// cuts are changes that move an object to where the memory that is known ends, in the
// midst of it: one of each kind, before each of its words that are read.
func cuts(t testing.TB, good *frozen, whole *kernel.System, list []uint64) (out [][]byte) {
	l := good.layout
	th := &l.thread
	reads := map[kernel.Kind][]uint64{
		kindThread: {th.state, th.space, th.partner, th.queue, th.utcb, th.contIP, th.contSP, th.contFlags, th.frame + th.frameIP, th.frame + th.frameSP},
		kindTask:   {l.task.dir}, kindGate: {l.gate.thread, l.gate.label}, kindIRQ: {l.irq.thread, l.irq.label},
	}
	end := lastKnown(t, good, list)
	seen := map[kernel.Kind]bool{}
	for i, o := range whole.Objects {
		c, err := l.class(o.Class)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 || c.own || seen[o.Kind] || o.Addr+c.dbg+l.dbg.link != list[i] {
			continue
		}
		seen[o.Kind] = true
		link := c.dbg + l.dbg.link
		for _, off := range append(reads[o.Kind], c.dbg+uint64(l.dbg.id), c.dbg+l.dbg.jdbData) {
			size := c.ref + off
			if size < link+l.dbg.next+8 || size >= session.PageSize {
				continue
			}
			bad := good.copy()
			copy(bad.at(t, end-size), good.at(t, o.Addr)[:size]) // objects lie in one page, and of threads that part that counts
			bad.set(t, list[i-1]+l.dbg.next, end-size+link)
			out = append(out, changes(good, bad))
		}
	}
	return out
}

// otherWords are changes of a word: an object's vtable is that of what is none, and a
// thread that came by an interrupt.
func otherWords(t testing.TB, good *frozen, whole *kernel.System, list []uint64) (out [][]byte) {
	_, ext := named(t, good, list)
	bad := good.copy()
	bad.set(t, list[middle(list)]-good.layout.dbg.link, good.get(t, ext-good.layout.dbg.extLink))
	out = append(out, changes(good, bad))
	for _, o := range whole.Threads() {
		if len(o.Thread.Registers) > 0 {
			bad := good.copy()
			bad.set(t, o.Addr+good.layout.thread.frame+good.layout.thread.regs[0].offset, interruptLabel(good.layout))
			return append(out, changes(good, bad))
		}
	}
	t.Fatal("no thread has registers")
	return nil
}

// lastKnown is where a page of objects ends that has no memory behind it.
func lastKnown(t testing.TB, good *frozen, list []uint64) uint64 {
	t.Helper()
	space, err := good.layout.KernelSpace(good.machine())
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range list[len(list)/2:] {
		end := link&^(session.PageSize-1) + session.PageSize
		if space.ReadMemory(end, make([]byte, 1)) != nil {
			return end
		}
	}
	t.Fatal("all memory is known")
	return 0
}

// processors are changes of where the processors are: on the stacks of some threads, and
// in the address space of some tasks, or of none.
func processors(whole *kernel.System) (out [][]byte) {
	for i, o := range whole.Threads() {
		if i < 2 {
			out = append(out, appendChange(nil, 0, cpuStack, o.Addr+o.Size-64), appendChange(nil, 0, cpuKernel, o.Addr+o.Size))
		}
	}
	out = append(out, appendChange(nil, 0, cpuRoot, 0x1000))
	for i, o := range whole.PDs() {
		if i < 4 {
			out = append(out, appendChange(nil, 0, cpuRoot, o.PD.Root))
		}
	}
	return out
}

// tables are changes of the tasks' page tables: capability tables without an end, of
// pages and of large ones, and one of another page.
func tables(t testing.TB, good *frozen, whole *kernel.System) (out [][]byte) {
	numbers := slices.Sorted(maps.Keys(good.pages))
	var pages []memory.Mapping
	for _, o := range whole.PDs() {
		space := memory.NewSpace(good.machine().Phys, good.paging, o.PD.Root)
		more, _, err := space.Mapped(good.layout.caps.start, good.layout.caps.end-1, maxCapPages)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, more...)
	}
	if len(pages) < 4 {
		t.Fatalf("%d pages of capabilities", len(pages))
	}
	// Each of the pages maps the one before it, in all its entries.
	for levels := 1; levels < 4; levels++ {
		var bomb []byte
		entry := uint64(0)
		for i, p := range pages[:levels] {
			n, _ := slices.BinarySearch(numbers, p.Phys/session.PageSize)
			bomb = appendChange(bomb, n, pageFilled, entry)
			entry = p.Phys&^(session.PageSize-1) | good.entry()
			if i == 0 && good.layout.ptr == 4 {
				entry |= 2
			}
		}
		bad := good.copy()
		eachRoot(t, bad, whole, func(table []byte) { fill(bad, table, entry) })
		out = append(out, append(bomb, changes(good, bad)...))
	}
	for _, n := range numbers {
		for at := 0; at < session.PageSize; at += good.layout.ptr {
			if w := memory.LittleEndian(good.pages[n][at:][:good.layout.ptr]); w>>12 == pages[0].Phys>>12 && w&3 != 0 {
				bad := good.copy()
				bad.put(bad.pages[n][at:], w&0xfff|pages[1].Phys)
				out = append(out, changes(good, bad))
			}
		}
	}
	return out
}
