package memory

import (
	"fmt"
	"slices"
)

// View is physical memory during one stop of the guest: what was read once is
// not asked for again. A new stop needs a new View; it can be told which blocks
// the last one touched, and then fetches all of them in one batch with the
// first read, because a model that is refreshed reads mostly the same places.
type View struct {
	src    Source
	block  uint64 // bytes per block, a power of two
	blocks map[uint64]*block
	guess  []uint64 // blocks to fetch along with the first miss
	stats  Stats
	err    error // the source is lost
	trace  Trace // nil: what was read is not kept
	word         // see scratch
}

// Trace is what was read of each granule of memory, by address in granules.
type Trace map[uint64]struct{}

// Granule is the unit of a Trace, in bytes.
const Granule = 8

// note adds a read.
func (t Trace) note(addr uint64, n int) {
	for g := addr / Granule; g <= (addr+uint64(n)-1)/Granule; g++ {
		t[g] = struct{}{}
	}
}

// Add adds what a mask says of a page that begins at addr.
func (t Trace) Add(addr uint64, m *Mask) {
	for off := 0; off < 8*len(m); off += Granule {
		if m.Has(off) {
			t.note(addr+uint64(off), Granule)
		}
	}
}

// Blank zeroes what was not read of a page that begins at addr. The mask says
// what was.
func (t Trace) Blank(addr uint64, page []byte) *Mask {
	var m Mask
	for off := 0; off < len(page); off += Granule {
		if _, read := t[(addr+uint64(off))/Granule]; read {
			m.Set(off, off+Granule)
		} else {
			clear(page[off : off+Granule])
		}
	}
	return &m
}

// TraceReads makes the view note in t what is read through it.
func (v *View) TraceReads(t Trace) { v.trace = t }

type block struct {
	data    []byte
	err     error
	touched bool
}

// Stats counts what a View cost.
type Stats struct {
	Batches int   // requests to the source
	Bytes   int64 // bytes fetched from it
	Reads   int   // reads served
}

// Default block sizes, in bytes. A stub moves some 25 MB/s, so small blocks
// save time there; from memory that is shared with the guest whole pages cost
// nothing.
const (
	StubBlock   = 256
	SharedBlock = 4096
)

// maxGuess bounds what is fetched ahead, in blocks.
const maxGuess = 1 << 16

// NewView returns a view of src in blocks of blockSize bytes (a power of two).
// touched are blocks that are likely to be read, from an earlier view's
// Touched.
func NewView(src Source, blockSize uint64, touched []uint64) *View {
	if blockSize == 0 || blockSize&(blockSize-1) != 0 {
		panic(fmt.Sprintf("memory: block size %d is no power of two", blockSize))
	}
	if len(touched) > maxGuess {
		touched = touched[:maxGuess]
	}
	return &View{src: src, block: blockSize, blocks: make(map[uint64]*block), guess: touched}
}

// ReadMemory reads physical memory.
func (v *View) ReadMemory(addr uint64, buf []byte) error {
	v.stats.Reads++
	if len(buf) == 0 {
		return nil
	}
	last := addr + uint64(len(buf)) - 1
	if last < addr {
		return fmt.Errorf("reading %d bytes at physical %#x: the range wraps around", len(buf), addr)
	}
	if v.trace != nil {
		v.trace.note(addr, len(buf))
	}
	first := addr &^ (v.block - 1)
	if err := v.fetch(first, last); err != nil {
		return err
	}
	for a := first; ; a += v.block {
		b := v.blocks[a]
		b.touched = true
		if b.err != nil {
			return fmt.Errorf("reading %d bytes at physical %#x: %w", len(buf), addr, b.err)
		}
		from, to := max(addr, a), min(last, a+v.block-1)
		copy(buf[from-addr:], b.data[from-a:to-a+1])
		if last-a < v.block {
			return nil
		}
	}
}

// Prefetch reads the blocks that hold the given ranges in one batch, so that
// single reads that follow cost nothing. Ranges are {address, length} pairs.
func (v *View) Prefetch(ranges [][2]uint64) error {
	var want []uint64
	for _, r := range ranges {
		if r[1] == 0 || r[0]+r[1]-1 < r[0] {
			continue
		}
		for a := r[0] &^ (v.block - 1); a <= r[0]+r[1]-1; a += v.block {
			want = append(want, a)
			if len(want) > maxGuess || a+v.block < a {
				break
			}
		}
	}
	return v.load(want)
}

// fetch makes sure that the blocks from first to the one that holds last are
// there.
func (v *View) fetch(first, last uint64) error {
	var want []uint64
	for a := first; ; a += v.block {
		if v.blocks[a] == nil {
			want = append(want, a)
		}
		if last-a < v.block {
			break
		}
	}
	if len(want) == 0 {
		return nil
	}
	want = append(want, v.guess...)
	v.guess = nil
	return v.load(want)
}

// load reads the blocks at the given addresses that are not there yet.
func (v *View) load(addrs []uint64) error {
	if v.err != nil {
		return v.err
	}
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	addrs = slices.DeleteFunc(addrs, func(a uint64) bool { return v.blocks[a] != nil })
	if len(addrs) == 0 {
		return nil
	}
	failed, err := v.loadRuns(addrs, maxRun)
	if err == nil && len(failed) > 0 {
		_, err = v.loadRuns(failed, v.block) // a bad block must not spoil its neighbours
	}
	return err
}

// maxRun is the most that is asked for in one request, in bytes: what fits a
// packet of QEMU's stub.
const maxRun = 2048

// loadRuns reads blocks, in ascending order; those side by side are asked for
// together, up to run bytes, since a stub's answer costs per packet, too. It
// returns the blocks of runs of several that could not be read.
func (v *View) loadRuns(addrs []uint64, run uint64) (failed []uint64, err error) {
	room := make([]byte, uint64(len(addrs))*v.block)
	var reqs []Request
	from := 0 // first block of the last request
	for i, a := range addrs {
		if n := uint64(i-from+1) * v.block; i > 0 && a == addrs[i-1]+v.block && n <= run {
			reqs[len(reqs)-1].Buf = room[uint64(from)*v.block:][:n:n]
			continue
		}
		from = i
		reqs = append(reqs, Request{Addr: a, Buf: room[uint64(i)*v.block:][:v.block:v.block]})
	}
	v.stats.Batches++
	v.stats.Bytes += int64(len(room))
	if err := v.src.ReadPhysical(reqs); err != nil {
		v.err = err
		return nil, err
	}
	for _, q := range reqs {
		for off := uint64(0); off < uint64(len(q.Buf)); off += v.block {
			if q.Err != nil && uint64(len(q.Buf)) > v.block {
				failed = append(failed, q.Addr+off)
				continue
			}
			v.blocks[q.Addr+off] = &block{data: q.Buf[off:][:v.block:v.block], err: q.Err}
		}
	}
	return failed, nil
}

// Touched lists the addresses of the blocks that were read so far, in order.
func (v *View) Touched() []uint64 {
	var t []uint64
	for a, b := range v.blocks {
		if b.touched && b.err == nil {
			t = append(t, a)
		}
	}
	slices.Sort(t)
	return t
}

// Stats tells what the view has cost so far.
func (v *View) Stats() Stats { return v.stats }
