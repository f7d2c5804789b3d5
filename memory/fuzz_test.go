package memory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

// folded is a small physical memory that all addresses lead into, so that any
// entry of a page table leads to another table.
type folded []byte

func (f folded) ReadMemory(addr uint64, buf []byte) error {
	for done := 0; done < len(buf); {
		done += copy(buf[done:], f[(addr+uint64(done))%uint64(len(f)):])
	}
	return nil
}

// torn is such a memory in which one page is missing.
type torn struct{ folded }

func (h torn) ReadMemory(addr uint64, buf []byte) error {
	if addr%foldedSize>>12 == 5 {
		return errors.New("there is no memory")
	}
	return h.folded.ReadMemory(addr, buf)
}

// holes in an input's format asks for it. Its lower bits are the kind of tables, those
// between say how large the address space of an ARM64 is.
const holes = 0x80

var tcrs = []uint64{25 | 16<<16, 0, 25 | 1<<7 | 25<<16 | 1<<23, 1<<14 | 25 | 25<<16 | 1<<30, 10 | 60<<16, 39 | 39<<16, 16 | 25<<16, 34 | 34<<16}

// foldedSize is the size of that memory: some tables of x86_64, two of ARM's
// first level.
const foldedSize = 32 << 10

// Tables that run into themselves without a page at their end: listing them
// gives up.
func TestTablesWithoutEnd(t *testing.T) {
	mem := make(folded, foldedSize)
	for table, next := range []uint64{1, 2, 3} {
		for i := range 512 {
			binary.LittleEndian.PutUint64(mem[table<<12+8*i:], next<<12|7)
		}
	}
	s := NewSpace(mem, AMD64{}, 0)
	pages, more, err := s.Mapped(0, 0x00007fffffffffff, 10)
	if err == nil || !strings.Contains(err.Error(), "run into themselves") || len(pages) > 0 || more {
		t.Errorf("%d pages, more %v: %v", len(pages), more, err)
	}
}

// FuzzTables lists and walks page tables of any contents: both must end, and
// agree with each other.
func FuzzTables(f *testing.F) {
	x86 := make(folded, foldedSize)
	for i, e := range []uint64{0x1007, 0x2003, 0x3087, 0x4001, 0xfff | 1<<63} {
		binary.LittleEndian.PutUint64(x86[i<<12:], e)
		binary.LittleEndian.PutUint64(x86[i<<12+8*511:], e)
	}
	arm := make(folded, foldedSize)
	for i, e := range []uint32{0x4001, 0x0070_0c02, 0x0104_0c02, 0x4401, 3} {
		binary.LittleEndian.PutUint32(arm[i<<2:], e)
		binary.LittleEndian.PutUint32(arm[0x4000+i<<2:], e|0x30)
		binary.LittleEndian.PutUint32(arm[0x4400+i<<6:], e&^2|1)
	}
	// What is listed is some GiB at most, so that an input does not take long.
	const longest = 4 << 30
	for i, mem := range []folded{x86, arm, bytes.Repeat([]byte{0xff}, foldedSize), bytes.Repeat([]byte{7, 0, 0, 0, 0, 0, 0, 0}, foldedSize/8), x86} {
		f.Add(uint8(i), uint64(0), uint64(0), uint64(longest-1), []byte(mem))
		f.Add(uint8(i), uint64(0x1018), uint64(0xf000_0000), uint64(0xffff_ffff), []byte(mem[:9000]))
		f.Add(uint8(i), uint64(0x4059), uint64(1<<64-1<<30), uint64(1<<64-1), []byte(mem))
		f.Add(uint8(i)|holes, uint64(0x5000), uint64(0x1000), uint64(longest-1), []byte(mem))
		f.Add(uint8(i)|holes, uint64(0), uint64(0x40_0000), uint64(longest-1), []byte(mem))
	}
	// ARM: a large page, a supersection, and both kinds of nothing, with addresses that are none.
	for i, e := range []uint32{0x4001, 0x8_0402, 0x0104_0c02, 0} {
		binary.LittleEndian.PutUint32(arm[i<<2:], e)
	}
	for i := range 16 {
		binary.LittleEndian.PutUint32(arm[0x4000+i<<2:], 0x1_0031)
	}
	for _, at := range []uint64{0x2000, 0x10_0000, 0x200_0000, 0x30_0000} {
		f.Add(uint8(1), uint64(0), at, at+0x1_0000, []byte(arm))
		f.Add(uint8(1), uint64(0), at, at-1, []byte(arm))
		f.Add(uint8(1)|holes, uint64(0), at, at+0x1_0000, bytes.Repeat([]byte{1, 0x50, 0, 0}, foldedSize/4))
	}
	f.Add(uint8(2), uint64(0), uint64(1<<47), uint64(1<<48), []byte(x86))
	// ARM64: tables, blocks, pages, with sizes of the parts and granules that there are and that there are not.
	arm64 := make(folded, foldedSize)
	for i, e := range []uint64{0x1003, 0x2003 | 3<<61, 0x3003, 0x4443, 0xc1 | 1<<10} {
		binary.LittleEndian.PutUint64(arm64[i<<12:], e)
		binary.LittleEndian.PutUint64(arm64[i<<12+8:], e&^2)
	}
	for tcr := range uint8(len(tcrs)) {
		f.Add(4|tcr<<4, uint64(0), uint64(0), uint64(1<<30), []byte(arm64))
		f.Add(4|tcr<<4, uint64(0x1000), uint64(0), uint64(1<<30), []byte(arm64))
		f.Add(4|tcr<<4, uint64(0), ^uint64(1<<30-1), ^uint64(0), []byte(arm64))
		f.Add(4|tcr<<4, uint64(0x1000), ^uint64(1<<30-1), ^uint64(0), []byte(arm64))
	}
	f.Fuzz(func(t *testing.T, format uint8, root, start, last uint64, data []byte) {
		mem := make(folded, foldedSize)
		copy(mem, data)
		paging := Paging(AMD64{})
		switch format & 7 % 5 {
		case 1:
			paging, start, last = ARM{}, start&0xffff_ffff, last&0xffff_ffff
		case 4:
			paging = ARM64{TTBR1: root ^ 0x1000, TCR: tcrs[format>>4&7]}
		}
		phys := Reader(mem)
		if format&holes != 0 {
			phys = torn{mem}
		}
		last = min(last, start+longest)
		s := NewSpace(phys, paging, root)
		const most = 64
		pages, more, err := s.Mapped(start, last, most)
		if len(pages) > most || more && len(pages) != most || more && err != nil {
			t.Fatalf("%d pages, more %v, %v", len(pages), more, err)
		}
		for i, p := range pages {
			if p.Size == 0 || p.Virt > last || p.Virt+(p.Size-1) < start || i > 0 && p.Virt+(p.Size-1) <= pages[i-1].Virt+(pages[i-1].Size-1) {
				t.Fatalf("page %d of %#x-%#x: %+v behind %+v", i, start, last, p, pages[max(i, 1)-1])
			}
			if !reached(s, p, start, last) {
				t.Fatalf("listed is %+v, and walking does not come there", p)
			}
		}
		buf := make([]byte, 8192)
		s.ReadMemory(start, buf)
		CString(s, last, 64)
		if same := NewSpace(phys, paging, root); !same.Holds(s) {
			t.Fatal("the same tables lead elsewhere")
		}
		NewSpace(phys, paging, root^0x1000).Holds(s)
	})
}

// reached says whether walking finds a listed page. ARM repeats the entry of a
// large one 16 times, and what is damaged may be the first of them.
func reached(s *Space, p Mapping, start, last uint64) bool {
	for i := range uint64(16) {
		at := max(start, p.Virt+i*p.Size/16)
		if m, phys, err := s.Translate(at); err == nil && m == p && phys == p.Phys+(at-p.Virt) && at <= last {
			return true
		}
	}
	return false
}
