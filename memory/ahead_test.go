package memory

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"
)

// list puts objects into pages, each with a pointer to the next at its start, and
// something else that is read near its end.
func list(data []byte, pages []uint64) {
	for i, p := range pages {
		next := uint64(end)
		if i+1 < len(pages) {
			next = pages[i+1] * pageSize
		}
		binary.LittleEndian.PutUint64(data[p*pageSize:], next)
		binary.LittleEndian.PutUint64(data[p*pageSize+4000:], ^p)
	}
}

const end = 1<<64 - 1 // of a list

// follow reads a list.
func follow(t *testing.T, m *Mirror, first uint64) (members int) {
	t.Helper()
	for at := first * pageSize; ; members++ {
		next, err := Uint(m, at, 8)
		last, err2 := Uint(m, at+4000, 8)
		if err != nil || err2 != nil || last != ^(at/pageSize) {
			t.Fatalf("member at %#x: %#x, %#x, %v, %v", at, next, last, err, err2)
		}
		if next == end {
			return members + 1
		}
		at = next
	}
}

func TestListInFewBatches(t *testing.T) {
	up := make([]uint64, 256)
	for i := range up {
		up[i] = uint64(i)
	}
	down := make([]uint64, 256)
	for i := range down {
		down[i] = uint64(len(down) - 1 - i)
	}
	mixed := rand.New(rand.NewSource(1)).Perm(256)
	random := make([]uint64, 0, 256)
	for _, p := range mixed {
		random = append(random, uint64(p))
	}
	for name, test := range map[string]struct {
		pages []uint64
		most  int // batches; two for each member if nothing is guessed
	}{"up": {up, 30}, "down": {down, 30}, "at random": {random, 256 + 30}} {
		t.Run(name, func(t *testing.T) {
			p := &place{data: make([]byte, 1<<20)}
			list(p.data, test.pages)
			m := NewMirror(p)
			if n := follow(t, m, test.pages[0]); n != len(test.pages) {
				t.Errorf("%d members of %d", n, len(test.pages))
			}
			if p.batches > test.most {
				t.Errorf("%d batches, want %d at most", p.batches, test.most)
			}
			if m.Size() != 2*len(test.pages) {
				t.Errorf("%d granules were read, want two of each", m.Size())
			}
			// What was only guessed is not read again.
			*p = place{data: p.data}
			if err := m.Refresh(); err != nil {
				t.Fatal(err)
			}
			if p.bytes > len(test.pages)*lineSize {
				t.Errorf("%d bytes for %d granules", p.bytes, m.Size())
			}
			if follow(t, m, test.pages[0]); p.batches != 1 {
				t.Errorf("%d batches for what was read before", p.batches)
			}
		})
	}
}

// Small objects lie side by side in a page.
func TestRowInFewBatches(t *testing.T) {
	for _, by := range []int{lineSize, -lineSize} {
		p := &place{data: make([]byte, 2*pageSize)}
		rand.New(rand.NewSource(1)).Read(p.data)
		m, at, buf := NewMirror(p), pageSize, make([]byte, 8)
		if by < 0 {
			at = 2*pageSize - lineSize
		}
		for range pageSize / lineSize {
			if err := m.ReadMemory(uint64(at), buf); err != nil || !bytes.Equal(buf, p.data[at:][:8]) {
				t.Fatalf("at %#x: %v", at, err)
			}
			at += by
		}
		if p.batches > 5 || p.bytes != pageSize {
			t.Errorf("%d bytes a line: %d batches and %d bytes for a page", by, p.batches, p.bytes)
		}
	}
}

// alarm is memory with devices behind it, which must not be touched.
type alarm struct {
	place
	t *testing.T
}

func (a *alarm) ReadPhysical(reqs []Request) error {
	for _, r := range reqs {
		if r.Addr+uint64(len(r.Buf)) > uint64(len(a.data)) {
			a.t.Errorf("%d bytes at %#x were asked for", len(r.Buf), r.Addr)
		}
	}
	return a.place.ReadPhysical(reqs)
}

func TestGuessesKeepToMemory(t *testing.T) {
	a := &alarm{place{data: make([]byte, 3*blockAhead)}, t}
	var pages []uint64
	for p := range uint64(len(a.data) / pageSize) {
		pages = append(pages, p)
	}
	list(a.data, pages)
	follow(t, NewMirror(a), 0)
	var back []uint64
	for _, p := range pages {
		back = append([]uint64{p}, back...)
	}
	list(a.data, back)
	follow(t, NewMirror(a), back[0])
}

// A guess that cannot be read is no error, then and for those who want its
// neighbours.
func TestWrongGuess(t *testing.T) {
	p := &place{data: make([]byte, 10*pageSize+lineSize)}
	list(p.data[:10*pageSize], []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	m := NewMirror(p)
	follow(t, m, 0)
	if _, err := Uint(m, 10*pageSize, 8); err != nil {
		t.Errorf("behind them: %v", err)
	}
	if _, err := Uint(m, 10*pageSize+4000, 8); err == nil {
		t.Error("memory that is not there was read")
	}
	p.data = append(p.data, make([]byte, pageSize)...)
	if err := m.Refresh(); err != nil {
		t.Fatal(err)
	}
	if _, err := Uint(m, 10*pageSize+4000, 8); err != nil {
		t.Errorf("later it is there: %v", err)
	}
}

// Whatever is read in whatever order, it is what the memory holds.
func TestMirrorAtRandom(t *testing.T) {
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		p := &place{data: make([]byte, 40*pageSize+3*lineSize)}
		r.Read(p.data)
		m, at := NewMirror(p), uint64(0)
		for range 300 {
			switch r.Intn(12) {
			case 0:
				at = uint64(r.Intn(len(p.data)))
			case 1:
				at -= pageSize
			case 2:
				for range 100 {
					p.data[r.Intn(len(p.data))]++
				}
				if err := m.Refresh(); err != nil {
					t.Fatal(err)
				}
			case 3, 4:
				at += lineSize
			default:
				at += pageSize
			}
			at %= uint64(len(p.data))
			buf := make([]byte, 1+r.Intn(40))
			err := m.ReadMemory(at, buf)
			if there := at+uint64(len(buf)) <= uint64(len(p.data)); there && (err != nil || !bytes.Equal(buf, p.data[at:][:len(buf)])) {
				t.Fatalf("seed %d: %d bytes at %#x: %v", seed, len(buf), at, err)
			}
		}
	}
}
