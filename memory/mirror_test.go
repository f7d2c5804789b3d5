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
			r.Err = errOutside
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
		if err := m.ReadMemory(600, make([]byte, 8)); !errors.Is(err, errOutside) || !strings.Contains(err.Error(), "8 bytes at physical 0x258") {
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
