package memory

import (
	"errors"
	"fmt"
)

// Mask says which bytes of a page are known: a bit each, the lowest first. A
// page without a mask is known as a whole.
type Mask [pageSize / 8]byte

// Set marks the bytes from one offset to before another as known.
func (m *Mask) Set(from, to int) {
	for ; from < to; from++ {
		m[from/8] |= 1 << (from % 8)
	}
}

// Has says whether a byte is known; of no mask every one is.
func (m *Mask) Has(off int) bool { return m == nil || m[off/8]>>(off%8)&1 != 0 }

// Run is the first run of known bytes that begins at an offset or behind it; from
// is the page's size if there is none.
func (m *Mask) Run(off int) (from, to int) {
	if m == nil {
		return off, pageSize
	}
	for from = off; from < pageSize && !m.Has(from); from++ {
		continue
	}
	for to = from; to < pageSize && m.Has(to); to++ {
		continue
	}
	return from, to
}

// ErrNotRecorded is wrapped by sources that hold only a part of memory.
var ErrNotRecorded = errors.New("not recorded")

// NotRecorded is the error about a physical address of which a source does not
// know the contents.
func NotRecorded(phys uint64) error { return fmt.Errorf("physical %#x was %w", phys, ErrNotRecorded) }

// Direct reads a source as it is: no block of it fails because of a byte that
// nobody has asked for. It is not for use by several goroutines.
type Direct struct {
	src  Source
	req  [1]Request
	word // see scratch
}

// NewDirect returns a reader of src, which should cost nothing to ask.
func NewDirect(src Source) *Direct { return &Direct{src: src} }

// ReadMemory reads physical memory.
func (d *Direct) ReadMemory(addr uint64, buf []byte) error {
	if len(buf) > 0 && addr+uint64(len(buf))-1 < addr {
		return fmt.Errorf("reading %d bytes at physical %#x: the range wraps around", len(buf), addr)
	}
	d.req[0] = Request{Addr: addr, Buf: buf}
	if err := d.src.ReadPhysical(d.req[:]); err != nil {
		return err
	}
	if err := d.req[0].Err; err != nil {
		return fmt.Errorf("reading %d bytes at physical %#x: %w", len(buf), addr, err)
	}
	return nil
}

// ReadKnown reads memory of which a part may not have been recorded: known says
// which bytes of buf were, nil for all of them; the others are 0. The error is
// for memory that cannot be read for another reason, or of which nothing was
// recorded.
func ReadKnown(r Reader, addr uint64, buf []byte) (known []bool, err error) {
	if err = r.ReadMemory(addr, buf); !errors.Is(err, ErrNotRecorded) {
		return nil, err
	}
	known = make([]bool, len(buf))
	if some, other := readHalves(r, addr, buf, known); other != nil {
		return nil, other
	} else if !some {
		return nil, err
	}
	return known, nil
}

// readHalves reads both halves of what cannot be read as a whole.
func readHalves(r Reader, addr uint64, buf []byte, known []bool) (some bool, err error) {
	if len(buf) < 2 {
		clear(buf)
		return false, nil
	}
	half := len(buf) / 2
	for _, part := range [][2]int{{0, half}, {half, len(buf)}} {
		from, to := part[0], part[1]
		err := r.ReadMemory(addr+uint64(from), buf[from:to])
		switch {
		case err == nil:
			for i := from; i < to; i++ {
				known[i] = true
			}
			some = true
		case !errors.Is(err, ErrNotRecorded):
			return some, err
		default:
			more, err := readHalves(r, addr+uint64(from), buf[from:to], known[from:to])
			if some = some || more; err != nil {
				return some, err
			}
		}
	}
	return some, nil
}
