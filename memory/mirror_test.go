package memory

import (
	"bytes"
	"errors"
	"math/rand"
	"strings"
	"testing"
)

// place is a memory that counts what is read of it, and can be looked at in
// place.
type place struct {
	data    []byte
	bytes   int
	batches int
	reqs    int
	inPlace bool
}

func (p *place) ReadPhysical(reqs []Request) error {
	p.batches++
	for i := range reqs {
		r := &reqs[i]
		p.reqs++
		p.bytes += len(r.Buf)
		if r.Addr+uint64(len(r.Buf)) > uint64(len(p.data)) {
			r.Err = ErrOutside
			continue
		}
		copy(r.Buf, p.data[r.Addr:])
	}
	return nil
}

func (p *place) At(addr uint64, n int) []byte {
	if !p.inPlace || addr+uint64(n) > uint64(len(p.data)) {
		return nil
	}
	return p.data[addr:][:n]
}

func TestMirrorReadsAgainWhatWasRead(t *testing.T) {
	p := &place{data: make([]byte, 64<<10)}
	rand.New(rand.NewSource(1)).Read(p.data)
	m := NewMirror(p)
	var word, far, long Reads
	buf := make([]byte, 5000)
	read := func(reads *Reads, addr uint64, n int) {
		t.Helper()
		m.Collect(reads)
		if err := m.ReadMemory(addr, buf[:n]); err != nil || !bytes.Equal(buf[:n], p.data[addr:][:n]) {
			t.Fatalf("%d bytes at %#x: %v", n, addr, err)
		}
		m.Collect(nil)
	}
	read(&word, 0x1008, 8)
	read(&far, 0x1068, 16)
	read(&long, 0x2004, 5000)
	*p = place{data: p.data}
	if err := m.Refresh(); err != nil {
		t.Fatal(err)
	}
	// The first two are near each other.
	if want := 0x1078 - 0x1008 + 5008; p.batches != 1 || p.bytes != want || p.reqs != 4 {
		t.Errorf("%d bytes in %d requests and %d batches, want %d in 4 and 1", p.bytes, p.reqs, p.batches, want)
	}
	if word.Changed() || far.Changed() || long.Changed() {
		t.Error("something changed by itself")
	}
	p.data[0x100f]++
	p.data[0x1010]++ // between, read by nobody
	p.data[0x2004+4999]++
	for _, inPlace := range []bool{true, false} {
		p.inPlace = inPlace
		if err := m.Refresh(); err != nil {
			t.Fatal(err)
		}
		if word.Changed() != inPlace || far.Changed() || long.Changed() != inPlace {
			t.Errorf("in place %v: changed: %v %v %v", inPlace, word.Changed(), far.Changed(), long.Changed())
		}
	}
	before := p.batches
	read(nil, 0x1008, 8)
	read(nil, 0x2004, 5000)
	if p.batches != before {
		t.Error("read again within a stop")
	}
	read(nil, 0x1010, 8)
	if p.batches != before+1 {
		t.Error("what was between was not read")
	}
}

// Memory that cannot be read is an error for those who want it, and it is a
// change if it can be read later.
func TestMirrorWithoutMemory(t *testing.T) {
	for _, inPlace := range []bool{false, true} {
		p := &place{data: make([]byte, 512), inPlace: inPlace}
		m := NewMirror(p)
		var reads Reads
		m.Collect(&reads)
		if err := m.ReadMemory(600, make([]byte, 8)); !errors.Is(err, ErrOutside) || !strings.Contains(err.Error(), "8 bytes at physical 0x258") {
			t.Errorf("in place %v: %v", inPlace, err)
		}
		m.Collect(nil)
		if err := m.ReadMemory(500, make([]byte, 8)); err != nil {
			t.Errorf("in place %v: the memory before: %v", inPlace, err)
		}
		for _, size := range []int{512, 1024, 1024, 512} {
			was := len(p.data)
			p.data = make([]byte, size)
			if err := m.Refresh(); err != nil {
				t.Fatal(err)
			}
			if reads.Changed() != (was != size) {
				t.Errorf("in place %v: from %d to %d bytes: changed %v", inPlace, was, size, reads.Changed())
			}
			if err := m.ReadMemory(600, make([]byte, 8)); (err == nil) != (size > 600) {
				t.Errorf("in place %v: %d bytes: %v", inPlace, size, err)
			}
			if err := m.ReadMemory(500, make([]byte, 8)); err != nil {
				t.Errorf("in place %v: the memory before: %v", inPlace, err)
			}
		}
	}
	if err := NewMirror(&place{}).ReadMemory(1<<64-4, make([]byte, 8)); err == nil || !strings.Contains(err.Error(), "wraps around") {
		t.Errorf("at the end of all addresses: %v", err)
	}
}

// After each refresh what was read and is not what it was at the stop before is told, and
// nothing else: whether the refresh read by the plan of the one before or not, and where
// memory goes and comes back, too.
func TestRefreshAtRandom(t *testing.T) {
	type reading struct {
		addr  uint64
		n     int
		reads *Reads
	}
	for seed := range int64(80) {
		r := rand.New(rand.NewSource(seed))
		whole := make([]byte, 12*pageSize)
		r.Read(whole)
		p := &place{data: whole, inPlace: seed%4 == 0}
		at := func(data []byte, addr uint64) []byte { return (&place{data: data, inPlace: true}).At(addr, Granule) }
		m, was, planned := NewMirror(p), []byte(nil), 0
		var all []reading
		refused := false // a read was
		for range 60 {
			for range r.Intn(3) {
				one := reading{uint64(r.Intn(len(whole) - 64)), 1 + r.Intn(64), &Reads{}}
				m.Collect(one.reads)
				err := m.ReadMemory(one.addr, make([]byte, one.n))
				if m.Collect(nil); (err == nil) != (one.addr+uint64(one.n) <= uint64(len(p.data))) {
					t.Fatalf("seed %d: %d bytes at %#x of %#x: %v", seed, one.n, one.addr, len(p.data), err)
				}
				if err == nil {
					all = append(all, one)
				}
				refused = refused || err != nil
			}
			for range 1 + r.Intn(4) { // of which all but the first read what the one before did
				was = append(was[:0], p.data...)
				for range r.Intn(4) {
					whole[r.Intn(len(whole))]++
				}
				if r.Intn(4) == 0 {
					p.data = whole[:len(whole)-r.Intn(3)*pageSize]
				}
				if m.again != nil {
					planned++
				}
				if err := m.Refresh(); err != nil {
					t.Fatal(err)
				}
				same := true
				for _, one := range all {
					differs, is := false, one.addr+uint64(one.n) <= uint64(len(p.data))
					for g := one.addr &^ (Granule - 1); g < one.addr+uint64(one.n); g += Granule {
						differs = differs || !bytes.Equal(at(p.data, g), at(was, g))
					}
					same = same && !differs
					if one.reads.Changed() != differs {
						t.Fatalf("seed %d: %d bytes at %#x: changed: %v, want %v", seed, one.n, one.addr, !differs, differs)
					}
					buf := make([]byte, one.n)
					err := m.ReadMemory(one.addr, buf)
					if (err == nil) != is || is && !bytes.Equal(buf, p.data[one.addr:][:one.n]) {
						t.Fatalf("seed %d: %d bytes at %#x, there: %v: %v", seed, one.n, one.addr, is, err)
					}
				}
				// What was refused may be read now, or other parts of it.
				if m.Same() != same && (!same || !refused) {
					t.Fatalf("seed %d: the same: %v, want %v", seed, !same, same)
				}
			}
		}
		if planned < 20 && !p.inPlace {
			t.Errorf("seed %d: only %d refreshes by a plan", seed, planned)
		}
	}
}
