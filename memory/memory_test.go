package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ram is a Source over plain bytes that counts what is asked of it.
type ram struct {
	data    []byte
	batches int
	asked   int
	lost    error
}

func (r *ram) ReadPhysical(reqs []Request) error {
	if r.lost != nil {
		return r.lost
	}
	r.batches++
	for i := range reqs {
		q := &reqs[i]
		r.asked += len(q.Buf)
		if q.Addr+uint64(len(q.Buf)) > uint64(len(r.data)) {
			q.Err = errors.New("outside")
			continue
		}
		copy(q.Buf, r.data[q.Addr:])
	}
	return nil
}

func TestViewReadsOnceAndAhead(t *testing.T) {
	r := &ram{data: make([]byte, 1<<16)}
	rand.New(rand.NewSource(1)).Read(r.data)
	v := NewView(r, 512, nil)
	buf := make([]byte, 700)
	for range 3 {
		if err := v.ReadMemory(300, buf); err != nil {
			t.Fatal(err)
		}
	}
	if string(buf) != string(r.data[300:1000]) {
		t.Error("a read over two blocks returned other bytes")
	}
	if err := v.ReadMemory(0x8000, buf[:8]); err != nil {
		t.Fatal(err)
	}
	if r.batches != 2 || r.asked != 3*512 {
		t.Errorf("%d batches of %d bytes, want 2 of 1536: blocks were read again", r.batches, r.asked)
	}

	// The next view fetches the same blocks with its first read.
	next := NewView(r, 512, v.Touched())
	r.batches = 0
	for _, a := range []uint64{0x8000, 300, 600} {
		if err := next.ReadMemory(a, buf[:8]); err != nil {
			t.Fatal(err)
		}
	}
	if r.batches != 1 {
		t.Errorf("%d batches after a hint, want 1", r.batches)
	}
}

func TestViewErrors(t *testing.T) {
	r := &ram{data: make([]byte, 1024)}
	v := NewView(r, 512, nil)
	var b [16]byte
	if err := v.ReadMemory(1020, b[:]); err == nil {
		t.Error("a read past the end succeeded")
	}
	if err := v.ReadMemory(1000, b[:]); err != nil {
		t.Errorf("a bad block spoiled a good one: %v", err)
	}
	if err := v.ReadMemory(^uint64(0)-3, b[:]); err == nil {
		t.Error("a read that wraps around succeeded")
	}
	r.lost = errors.New("lost")
	if err := v.ReadMemory(0x10000, b[:]); !errors.Is(err, r.lost) {
		t.Errorf("lost source: %v", err)
	}
	r.lost = nil
	if err := v.ReadMemory(0x20000, b[:]); err == nil {
		t.Error("a view over a lost source came back to life")
	}
}

// tables builds page tables in a ram.
type tables struct {
	*ram
	next uint64
}

func newTables() *tables { return &tables{&ram{data: make([]byte, 1<<20)}, 0x2000} }

func (b *tables) page() uint64 {
	p := b.next
	b.next += 0x1000
	return p
}

func (b *tables) set64(addr, v uint64) { binary.LittleEndian.PutUint64(b.data[addr:], v) }

// mapIn maps virt with an entry at a level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB), in tables of
// so many levels; table is what stands beside the address in an entry that leads to one.
func (b *tables) mapIn(root, virt, entry uint64, level, levels int, table uint64) {
	in := root
	for l := levels; l > level; l-- {
		slot := in + virt>>radixShift(l)&511*8
		e := binary.LittleEndian.Uint64(b.data[slot:])
		if e == 0 {
			e = b.page() | table
			b.set64(slot, e)
		}
		in = e & amd64AddrMask
	}
	b.set64(in+virt>>radixShift(level)&511*8, entry)
}

// mapAMD64 is mapIn for x86_64.
func (b *tables) mapAMD64(root, virt, entry uint64, level int) {
	b.mapIn(root, virt, entry, level, 4, 7)
}

func TestAMD64(t *testing.T) {
	b := newTables()
	const root = 0x1000
	b.mapAMD64(root, 0x1000000, 0x5000|7, 1)
	b.mapAMD64(root, 0x1001000, 0x9000|5, 1)                  // read-only
	b.mapAMD64(root, 0x40000000, 0x200000|amd64Large|7, 2)    // 2 MiB
	b.mapAMD64(root, 0x80000000, 0x40000000|amd64Large|3, 3)  // 1 GiB, kernel
	b.mapAMD64(root, 0xfffffffff0800000, 0x1<<63|0x7000|3, 1) // no-execute bit
	s := NewSpace(NewView(b, 512, nil), AMD64{}, root|0x18)
	for _, c := range []struct {
		virt, phys, size uint64
		write, user      bool
	}{
		{0x1000123, 0x5123, 4096, true, true},
		{0x1001000, 0x9000, 4096, false, true},
		{0x40000000 + 0x1fffff, 0x3fffff, 2 << 20, true, true},
		{0x80000000 + 0x12345678, 0x40000000 + 0x12345678, 1 << 30, true, false},
		{0xfffffffff0800008, 0x7008, 4096, true, false},
	} {
		m, phys, err := s.Translate(c.virt)
		if err != nil || phys != c.phys || m.Size != c.size || m.Writable != c.write || m.User != c.user {
			t.Errorf("Translate(%#x) = %+v, %#x, %v; want %+v", c.virt, m, phys, err, c)
		}
	}
	for virt, level := range map[uint64]int{0x1002000: 1, 0x1200000: 2, 0x8000000000: 4, 0x0000800000000000: 4} {
		var f *Fault
		if _, _, err := s.Translate(virt); !errors.As(err, &f) || f.Level != level || f.Addr != virt {
			t.Errorf("Translate(%#x): %v, want a fault at level %d", virt, err, level)
		}
	}
	if err := s.ReadMemory(0x1001ff0, make([]byte, 32)); err == nil {
		t.Error("a read that runs off the mapped pages succeeded")
	}

	if _, _, err := s.Mapped(0x1001000, 0xffffffffffffffff, 10); err == nil {
		t.Error("a range across the hole of addresses was accepted")
	}
	pages, more, err := s.Mapped(0x1001000, 0x00007fffffffffff, 10)
	if err != nil || more || len(pages) != 3 || pages[0].Virt != 0x1001000 || pages[2].Size != 1<<30 {
		t.Errorf("Mapped = %+v, %v, %v", pages, more, err)
	}
	pages, _, err = s.Mapped(0xfffffffff0000000, 0xffffffffffffffff, 10)
	if err != nil || len(pages) != 1 || pages[0].Virt != 0xfffffffff0800000 {
		t.Errorf("Mapped in the upper half = %+v, %v", pages, err)
	}
	if pages, more, _ := s.Mapped(0, 0x00007fffffffffff, 2); len(pages) != 2 || !more {
		t.Errorf("a bounded list: %d pages, more %v", len(pages), more)
	}
}

// A table that points to itself makes the whole range look mapped; the list
// must end at its bound.
func TestAMD64Loop(t *testing.T) {
	b := newTables()
	for i := range uint64(512) {
		b.set64(0x1000+i*8, 0x1000|7)
	}
	s := NewSpace(NewView(b, 4096, nil), AMD64{}, 0x1000)
	pages, more, err := s.Mapped(0, 0x00007fffffffffff, 5000)
	if err != nil || !more || len(pages) != 5000 {
		t.Errorf("%d pages, more %v, %v", len(pages), more, err)
	}
}

// Both parts of a 64-bit ARM's address space have tables of their own, as large as the
// processor was told (here 39 and 48 bits), and what is missing is a fault.
func TestARM64(t *testing.T) {
	b := newTables()
	const root, upper = 0x1000, 0x10_0000 - 0x1000
	const all, kernel, readOnly = 3 | 1<<6 | 1<<10, 3 | 1<<10, 3 | 1<<6 | 1<<7 | 1<<10
	b.mapIn(root, 0x1000000, 0x5000|all, 1, 3, 3)
	b.mapIn(root, 0x1001000, 0x9000|readOnly, 1, 3, 3)
	b.mapIn(root, 0x1002000, 0x9000|1|1<<10, 1, 3, 3)          // no page: not in the last level
	b.mapIn(root, 0x40000000, 0x200000|1|1<<6|1<<10, 2, 3, 3)  // 2 MiB
	b.mapIn(root, 0x80000000, 0x40000000|1|1<<10, 3, 3, 3)     // 1 GiB, kernel
	b.mapIn(root, 0xc0000000, 0x7000|all, 1, 3, 3|1<<61|1<<62) // what leads there takes rights away
	b.mapIn(upper, 0xffc0_0000_0000, 0x3<<53|0x7000|kernel, 1, 4, 3)
	paging := ARM64{TTBR1: upper | 1, TCR: 25 | 16<<16 | 2<<30}
	s := NewSpace(NewView(b, 512, nil), paging, 4<<48|root)
	for _, c := range []struct {
		virt, phys, size uint64
		write, user      bool
	}{
		{0x1000123, 0x5123, 4096, true, true},
		{0x1001000, 0x9000, 4096, false, true},
		{0x40000000 + 0x1fffff, 0x3fffff, 2 << 20, true, true},
		{0x80000000 + 0x12345678, 0x40000000 + 0x12345678, 1 << 30, true, false},
		{0xc0000008, 0x7008, 4096, false, false},
		{0xffffffc000000008, 0x7008, 4096, true, false},
	} {
		m, phys, err := s.Translate(c.virt)
		if err != nil || phys != c.phys || m.Virt+m.Size < c.virt || m.Virt > c.virt || m.Size != c.size || m.Writable != c.write || m.User != c.user || !m.Accessed {
			t.Errorf("Translate(%#x) = %+v, %#x, %v; want %+v", c.virt, m, phys, err, c)
		}
	}
	for virt, level := range map[uint64]int{0x1002000: 1, 0x1200000: 2, 0x8000000000: 3, 0x7f00000000: 3, 0xffff000000000000: 4, 0xfffeffffffffffff: 4} {
		var f *Fault
		if _, _, err := s.Translate(virt); !errors.As(err, &f) || f.Level != level || f.Addr != virt {
			t.Errorf("Translate(%#x): %v, want a fault at level %d", virt, err, level)
		}
	}
	pages, more, err := s.Mapped(0x1001000, 1<<48-1, 10)
	if err != nil || more || len(pages) != 4 || pages[0].Virt != 0x1001000 || pages[2].Size != 1<<30 {
		t.Errorf("Mapped = %+v, %v, %v", pages, more, err)
	}
	pages, _, err = s.Mapped(1<<63, ^uint64(0), 10)
	if err != nil || len(pages) != 1 || pages[0].Virt != 0xffffffc000000000 {
		t.Errorf("Mapped in the upper part = %+v, %v", pages, err)
	}
	for _, bad := range []ARM64{{}, {TTBR1: upper, TCR: 25 | 16<<16 | 1<<14 | 3<<30}, {TTBR1: upper, TCR: 25 | 16<<16 | 1<<7 | 1<<23}, {TTBR1: upper, TCR: 12 | 12<<16}} {
		s := NewSpace(NewView(b, 512, nil), bad, root)
		for _, virt := range []uint64{0x1000123, 0xffffffc000000008} {
			var f *Fault
			if _, _, err := s.Translate(virt); !errors.As(err, &f) {
				t.Errorf("%+v: Translate(%#x): %v", bad, virt, err)
			}
		}
		if pages, _, err := s.Mapped(0, 1<<47, 10); err != nil || len(pages) > 0 {
			t.Errorf("%+v: Mapped = %+v, %v", bad, pages, err)
		}
	}
}

func TestARM(t *testing.T) {
	b := newTables()
	set32 := func(addr, v uint64) { binary.LittleEndian.PutUint32(b.data[addr:], uint32(v)) }
	const root, l2 = 0x8000, 0x4400
	set32(root+0x010*4, l2|1)                 // pages at 0x01000000
	set32(root+0xf00*4, 0x00300000|0x2|1<<10) // section, kernel
	for i := range uint64(16) {               // supersection at 0x20000000
		set32(root+(0x200+i)*4, 0x01000000|1<<18|2|3<<10)
	}
	set32(l2+0*4, 0x5000|2|3<<4)       // small page
	for i := uint64(16); i < 32; i++ { // large page at 0x01010000
		set32(l2+i*4, 0x70000|1|3<<4)
	}
	s := NewSpace(NewView(b, 512, nil), ARM{}, root|0x59)
	for virt, want := range map[uint64]uint64{0x01000010: 0x5010, 0x0101fffc: 0x7fffc, 0xf00abcde: 0x3abcde, 0x20fedcb8: 0x1fedcb8} {
		if _, phys, err := s.Translate(virt); err != nil || phys != want {
			t.Errorf("Translate(%#x) = %#x, %v; want %#x", virt, phys, err, want)
		}
	}
	var f *Fault
	if _, _, err := s.Translate(0x01001000); !errors.As(err, &f) || f.Level != 1 {
		t.Errorf("a hole: %v", err)
	}
	pages, _, err := s.Mapped(0, 0xffffffff, 100)
	if err != nil || len(pages) != 4 {
		t.Errorf("Mapped = %+v, %v; want 4 pages", pages, err)
	}
}

func TestShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ram")
	data := make([]byte, leastRAM)
	copy(data[4096:], "hello")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := MapShared(path)
	if err != nil {
		t.Fatal(err)
	}
	reqs := []Request{{Addr: 4096, Buf: make([]byte, 5)}, {Addr: leastRAM - 2, Buf: make([]byte, 5)}, {Addr: ^uint64(0), Buf: make([]byte, 5)}}
	if err := s.ReadPhysical(reqs); err != nil || string(reqs[0].Buf) != "hello" || reqs[0].Err != nil {
		t.Errorf("%q, %v, %v", reqs[0].Buf, reqs[0].Err, err)
	}
	if reqs[1].Err == nil || reqs[2].Err == nil {
		t.Error("a read outside RAM succeeded")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := MapShared(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a missing file was mapped")
	}
	if err := os.WriteFile(path, data[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{path: "65535 bytes are not plain RAM", t.TempDir(): "it is a directory", os.DevNull: "it is a device"} {
		if _, err := MapShared(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A file that is cut off while it is mapped is an error, however it is read, and what
// was known of it is not shown as if it were known still.
func TestSharedIsCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ram")
	if err := os.WriteFile(path, bytes.Repeat([]byte{1}, leastRAM), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := MapShared(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	m, buf := NewMirror(s), make([]byte, 8)
	if err := m.ReadMemory(leastRAM-8, buf); err != nil || buf[0] != 1 {
		t.Fatalf("%v, %v", buf, err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	reqs := []Request{{Addr: 4096, Buf: make([]byte, 5)}}
	for what, err := range map[string]error{
		"read":       s.ReadPhysical(reqs),
		"first look": NewMirror(s).ReadMemory(0, buf),
		"refresh":    m.Refresh(),
		"after that": m.ReadMemory(leastRAM-8, buf),
	} {
		if !errors.Is(err, errCut) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCString(t *testing.T) {
	r := &ram{data: append([]byte("sheep_counter\x00rest"), 'x')}
	v := NewView(r, 1, nil)
	for max, want := range map[int]string{32: "sheep_counter", 5: "sheep"} {
		if got, err := CString(v, 0, max); err != nil || got != want {
			t.Errorf("CString(max %d) = %q, %v; want %q", max, got, err, want)
		}
	}
}

// byBytes can be read one byte at a time only.
type byBytes string

func (s byBytes) ReadMemory(addr uint64, buf []byte) error {
	if len(buf) > 1 {
		return errors.New("too much at once")
	}
	buf[0] = s[addr]
	return nil
}

// A string without an end is cut, too, where it is read byte by byte.
func TestCStringByBytes(t *testing.T) {
	for want, max := range map[string]int{"abc": 3, "abcd": 5} {
		if got, err := CString(byBytes("abcd\x00"), 0, max); err != nil || got != want {
			t.Errorf("CString(max %d) = %q, %v; want %q", max, got, err, want)
		}
	}
}
