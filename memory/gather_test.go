package memory

import (
	"encoding/binary"
	"testing"
)

// TestGather follows three chains of pointers of different lengths: all their links come
// in as many batches as the longest has, and reading them then costs none.
func TestGather(t *testing.T) {
	mem := &ram{data: make([]byte, 64<<10)}
	chains := map[uint64]int{0x1000: 3, 0x5000: 5, 0x9000: 1}
	for at, links := range chains {
		for range links - 1 {
			binary.LittleEndian.PutUint64(mem.data[at:], at+0x800)
			at += 0x800
		}
	}
	v := NewView(mem, StubBlock, nil)
	follow := func(r Reader) (links int) {
		for at := range chains {
			for at != 0 {
				next, err := Uint(r, at, 8)
				if err != nil {
					break
				}
				at = next
				links++
			}
		}
		return links
	}
	v.Gather(func(r Reader) { follow(r) })
	if n := v.Stats().Batches; n != 5 {
		t.Errorf("%d batches for chains of 3, 5 and 1 links", n)
	}
	if n := follow(v); n != 9 || v.Stats().Batches != 5 {
		t.Errorf("%d links are there, read in %d batches", n, v.Stats().Batches)
	}
}

// TestGatherEnds holds what Gather does about memory that cannot be read, chains that do
// not end, and memory that costs nothing to read.
func TestGatherEnds(t *testing.T) {
	mem := &ram{data: make([]byte, 4096)}
	v := NewView(mem, StubBlock, nil)
	runs := 0
	v.Gather(func(r Reader) {
		runs++
		if _, err := Uint(r, 1<<40, 8); err == nil {
			t.Error("memory that is not there is read")
		}
		if err := r.ReadMemory(^uint64(0)-3, make([]byte, 8)); err == nil {
			t.Error("a range that wraps around is read")
		}
	})
	if runs != 2 {
		t.Errorf("%d runs, and the second one fails as reading does", runs)
	}
	at := uint64(0)
	v = NewView(&ram{data: make([]byte, 64<<10)}, StubBlock, nil)
	v.Gather(func(r Reader) { at += StubBlock; Uint(r, at, 8) })
	if n := v.Stats().Batches; n != mostRounds {
		t.Errorf("%d batches, at most %d", n, mostRounds)
	}
	NewView(mem, SharedBlock, nil).Gather(func(Reader) { t.Error("nothing is gained from shared memory") })
}
