package memory

import (
	"errors"
	"strings"
	"testing"
)

// holed is memory of which every byte whose address is in lost was not recorded.
type holed struct {
	place
	lost func(addr uint64) bool
}

func (h *holed) ReadPhysical(reqs []Request) error {
	for i := range reqs {
		for k := range reqs[i].Buf {
			if at := reqs[i].Addr + uint64(k); h.lost(at) && reqs[i].Err == nil {
				reqs[i].Err = NotRecorded(at)
			}
		}
		if reqs[i].Err == nil {
			if err := h.place.ReadPhysical(reqs[i : i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestReadKnown(t *testing.T) {
	h := &holed{place{data: make([]byte, 2*pageSize)}, func(a uint64) bool { return a%7 == 3 || a >= pageSize }}
	for i := range h.data {
		h.data[i] = byte(i) | 1
	}
	buf := make([]byte, 100)
	known, err := ReadKnown(NewDirect(h), 10, buf)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range buf {
		at := uint64(10 + i)
		if known[i] == h.lost(at) || known[i] && b != h.data[at] || !known[i] && b != 0 {
			t.Errorf("byte %d: %#x, known: %v", at, b, known[i])
		}
	}
	if _, err := ReadKnown(NewDirect(h), pageSize, buf); !errors.Is(err, ErrNotRecorded) {
		t.Errorf("nothing was recorded: %v", err)
	}
	if known, err := ReadKnown(NewDirect(h), 4, buf[:6]); err != nil || known != nil {
		t.Errorf("all was recorded: %v, %v", known, err)
	}
	if _, err := ReadKnown(NewDirect(h), ^uint64(3), buf); err == nil || errors.Is(err, ErrNotRecorded) {
		t.Errorf("beyond the end: %v", err)
	}
}

// A walk over an entry that was not recorded says so, and not that the page is not
// present.
func TestWalkOfWhatWasNotRecorded(t *testing.T) {
	for name, paging := range map[string]Paging{"AMD64": AMD64{}, "ARM": ARM{}} {
		h := &holed{place{data: make([]byte, 1<<16)}, func(a uint64) bool { return a < 8 }}
		space, fault := NewSpace(NewDirect(h), paging, 0), (*Fault)(nil)
		_, _, err := space.Translate(0x10)
		if !errors.Is(err, ErrNotRecorded) || errors.As(err, &fault) || !strings.Contains(err.Error(), "not recorded") {
			t.Errorf("%s: %v", name, err)
		}
		far := map[string]uint64{"AMD64": 1 << 40, "ARM": 0x7f00_0000}[name] // by another entry
		if _, _, err = space.Translate(far); !errors.As(err, &fault) || errors.Is(err, ErrNotRecorded) {
			t.Errorf("%s: another entry: %v", name, err)
		}
	}
}

func TestMask(t *testing.T) {
	var m Mask
	m.Set(3, 9)
	m.Set(4090, pageSize)
	var runs [][2]int
	for from, to := m.Run(0); from < to; from, to = m.Run(to) {
		runs = append(runs, [2]int{from, to})
	}
	if len(runs) != 2 || runs[0] != [2]int{3, 9} || runs[1] != [2]int{4090, pageSize} {
		t.Errorf("runs %v", runs)
	}
	none := (*Mask)(nil)
	if from, to := none.Run(0); from != 0 || to != pageSize || !none.Has(77) {
		t.Errorf("without a mask: %d to %d", from, to)
	}
	if from, to := none.Run(pageSize); from != to {
		t.Errorf("behind all: %d to %d", from, to)
	}
}
