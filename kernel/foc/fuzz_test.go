package foc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"thaw/kernel"
	"thaw/memory"
	"thaw/recording"
	"thaw/session"
)

// frozen is the memory of a real system at one stop, page by page. Damage is
// done to copies of it.
type frozen struct {
	name   string
	layout *Layout
	paging memory.Paging
	cpus   []kernel.CPU
	pages  map[uint64][]byte // by number of the physical page
	shared bool              // pages belong to another one, too

	running bool // nobody has stopped it
}

func (f *frozen) ReadPhysical(reqs []memory.Request) error {
	for i := range reqs {
		r := &reqs[i]
		for done := 0; done < len(r.Buf); {
			addr := r.Addr + uint64(done)
			page, ok := f.pages[addr/session.PageSize]
			if !ok {
				r.Err = memory.ErrNotRecorded
				break
			}
			done += copy(r.Buf[done:], page[addr%session.PageSize:])
		}
	}
	return nil
}

func (f *frozen) machine() kernel.Machine {
	return kernel.Machine{Phys: memory.NewView(f, memory.SharedBlock, nil), Paging: f.paging, CPUs: f.cpus, Running: f.running}
}

// decode reads all objects, and holds what comes out against what the model
// promises, whatever the memory is like.
func (f *frozen) decode(t testing.TB) *kernel.System {
	t.Helper()
	sys, err := f.layout.Decode(f.machine())
	if err != nil {
		if sys != nil || strings.Contains(err.Error(), "\n") {
			t.Fatalf("%v, with a system: %v", err, sys != nil)
		}
		return nil
	}
	if len(sys.Objects) > maxObjects || len(sys.Problems) > 101 || sys.Capabilities() > maxCapBytes/int(f.layout.caps.entry) {
		t.Fatalf("%d objects, %d problems, %d capabilities", len(sys.Objects), len(sys.Problems), sys.Capabilities())
	}
	for _, o := range sys.Objects {
		missing := o.Kind == "Thread" && o.Thread == nil || o.Kind == "Task" && o.PD == nil || o.Kind == kindGate && o.Links == nil
		if missing && o.Problem == "" {
			t.Fatalf("%s %s has nothing in it, and nobody says why", o.Class, o.ID)
		}
		if o.Thread != nil {
			sys.Chain(o.ID)
		}
	}
	sys.Cycles()
	return sys
}

// page is a page that may be written to.
func (f *frozen) page(n uint64) []byte {
	if f.shared {
		f.pages[n] = bytes.Clone(f.pages[n])
	}
	return f.pages[n]
}

// copy is a copy to be damaged.
func (f *frozen) copy() *frozen {
	c := *f
	c.shared = false
	c.pages = make(map[uint64][]byte, len(f.pages))
	for n, p := range f.pages {
		c.pages[n] = bytes.Clone(p)
	}
	return &c
}

// at is the memory from a kernel address to the end of its page.
func (f *frozen) at(t testing.TB, addr uint64) []byte {
	t.Helper()
	space, err := f.layout.KernelSpace(f.machine())
	if err != nil {
		t.Fatal(err)
	}
	_, phys, err := space.Translate(addr)
	if err != nil {
		t.Fatal(err)
	}
	return f.page(phys / session.PageSize)[phys%session.PageSize:]
}

func (f *frozen) get(t testing.TB, addr uint64) uint64 {
	t.Helper()
	return memory.LittleEndian(f.at(t, addr)[:f.layout.ptr])
}

// set writes a word at a kernel address.
func (f *frozen) set(t testing.TB, addr, v uint64) {
	t.Helper()
	f.put(f.at(t, addr), v)
}

func (f *frozen) put(to []byte, v uint64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], v)
	copy(to[:f.layout.ptr], b[:])
}

// list is the object list: the links, in its order.
func (f *frozen) list(t testing.TB) []uint64 {
	t.Helper()
	var out []uint64
	first := f.get(t, f.layout.kobjects)
	end := f.layout.listEnd
	if end == 0 {
		end = first
	}
	for link := first; ; {
		out = append(out, link)
		if link = f.get(t, link+f.layout.dbg.next); link == end {
			return out
		}
	}
}

// real are the recorded systems of testdata.
var real = sync.OnceValues(func() ([]*frozen, error) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.thaw"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no recordings of real systems: %w", err)
	}
	var out []*frozen
	for _, file := range files {
		rec, err := recording.Open(file)
		if err != nil {
			return nil, err
		}
		symbols, _, err := rec.Kernel()
		if err != nil {
			return nil, err
		}
		f := &frozen{name: strings.TrimSuffix(filepath.Base(file), ".thaw"), pages: map[uint64][]byte{}}
		if f.layout, err = NewLayout(symbols); err != nil {
			return nil, err
		}
		if f.paging, err = kernel.Paging(symbols.Machine()); err != nil {
			return nil, err
		}
		r, err := session.NewReplay(rec, f.layout, f.paging)
		if err != nil {
			return nil, err
		}
		m, err := r.Machine(1)
		if err != nil {
			return nil, err
		}
		f.cpus = m.CPUs
		for _, p := range rec.Pages(0) {
			f.pages[p.Addr/session.PageSize] = bytes.Clone(p.Data)
		}
		out = append(out, f)
	}
	return out, nil
})

func realSystems(t testing.TB) []*frozen {
	t.Helper()
	all, err := real()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// FuzzDecode changes memory and processors of the real systems. The input is a system's
// number and the changes: see apply.
func FuzzDecode(f *testing.F) {
	all := interruptible(f)
	for i, good := range all {
		whole, list := good.decode(f), good.list(f)
		add := func(how byte, changes []byte) { f.Add(append([]byte{byte(i) | how}, changes...)) }
		for _, d := range damages {
			bad := good.copy()
			d.do(f, bad, whole, list)
			add(0, changes(good, bad))
			if i == 0 {
				add(isLater, changes(good, bad))
			}
		}
		for _, how := range []byte{isRunning, inKernel, isRunning | inKernel} {
			add(how, nil)
		}
		for n := range len(good.pages) * (1 - min(i, 1)) { // each page of one of them is missing
			add(0, appendChange(nil, n, pageMissing, 0))
		}
		for _, c := range slices.Concat(cuts(f, good, whole, list), otherWords(f, good, whole, list)) {
			add(0, c)
		}
		for _, c := range processors(whole) {
			add(0, c)
			add(inKernel, c)
		}
		for _, c := range tables(f, good, whole) {
			add(isLater, c)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		good := all[int(data[0]&^(isRunning|inKernel|isLater))%len(all)]
		bad := *good
		bad.pages, bad.cpus, bad.shared = maps.Clone(bad.pages), slices.Clone(bad.cpus), true
		bad.running = data[0]&isRunning != 0
		bad.apply(data[1:])
		if data[0]&inKernel != 0 {
			for i := range bad.cpus {
				c := &bad.cpus[i]
				if c.User = !c.User; !c.User && c.SP>>63 == 0 {
					c.SP = c.KernelSP
				}
			}
		}
		for n := range bad.cpus {
			bad.layout.CurrentThread(bad.machine(), n)
		}
		if data[0]&isLater == 0 {
			bad.decode(t)
			return
		}
		a := newAgain(good)
		a.decode(t, "before")
		a.restore(&bad)
		a.decode(t, "damaged")
	})
}

// Noise in any page: whole pages, and single words that are pointers to other
// places.
func TestDecodeNoise(t *testing.T) {
	rnd := rand.New(rand.NewSource(11))
	for _, good := range realSystems(t) {
		numbers := slices.Sorted(maps.Keys(good.pages))
		list := good.list(t)
		spoiled := 0
		for range 150 {
			bad := *good
			bad.pages, bad.shared = maps.Clone(good.pages), true
			for range 1 + rnd.Intn(3) {
				page := bad.page(numbers[rnd.Intn(len(numbers))])
				if rnd.Intn(2) == 0 {
					rnd.Read(page)
					continue
				}
				for range 8 {
					bad.put(page[rnd.Intn(session.PageSize/8)*8:], list[rnd.Intn(len(list))]+uint64(rnd.Intn(64)*8))
				}
			}
			if sys := bad.decode(t); sys == nil || len(sys.Problems) > 0 || len(sys.Objects) != len(list) {
				spoiled++
			}
		}
		if spoiled < 10 {
			t.Errorf("%s: noise was noticed %d times of 150", good.name, spoiled)
		}
	}
}
