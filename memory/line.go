package memory

import (
	"bytes"
	"cmp"
	"errors"
	"math/bits"
	"slices"
)

// A line is what a mirror asks for at once where it knows no better; it knows
// of every granule in it (by bit, the lowest first) what it is.
const (
	lineSize = 256
	all      = uint32(1<<(lineSize/Granule) - 1)
)

// lines are those that a mirror has.
type lines struct {
	pages map[uint64]*sheet // by address
	order []*line           // by address, once sorted
	added bool              // order has new ones at its end
	slab  []line
	last  *line           // that was asked for last
	here  *sheet          // that was looked up last
	why   map[*line]error // what is lost of a line cannot be read
}

// sheet is what a mirror has of a page of memory.
type sheet struct {
	addr  uint64
	lines [pageSize / lineSize]*line
	read  uint16 // lines that were read, the lowest first
}

// line has no pointers, so that the collector passes by the many there are.
type line struct {
	addr    uint64
	have    uint32 // as it is at this stop
	used    uint32 // was read, at this stop or before
	changed uint32 // was used, and is not what it was at the last stop
	lost    uint32 // cannot be read
	data    [lineSize]byte
}

// sheet is what there is of the page that an address is in.
func (s *lines) sheet(addr uint64) *sheet {
	addr &^= pageSize - 1
	if s.here == nil || s.here.addr != addr {
		if s.here = s.pages[addr]; s.here == nil {
			s.here = &sheet{addr: addr}
			s.pages[addr] = s.here
		}
	}
	return s.here
}

// line is the line at an address; what follows each other is mostly in the same.
func (s *lines) line(addr uint64) *line {
	if s.last == nil || s.last.addr != addr {
		if s.last = s.sheet(addr).lines[numberOf(addr)]; s.last == nil {
			s.last = s.add(addr)
		}
	}
	return s.last
}

// numberOf is the number of a line in its page.
func numberOf(addr uint64) uint64 { return addr % pageSize / lineSize }

// add makes an empty line.
func (s *lines) add(addr uint64) *line {
	if len(s.slab) == 0 {
		s.slab = make([]line, 64)
	}
	l := &s.slab[0]
	s.slab = s.slab[1:]
	l.addr = addr
	s.sheet(addr).lines[numberOf(addr)] = l
	s.added = s.added || len(s.order) > 0 && s.order[len(s.order)-1].addr > addr
	s.order = append(s.order, l)
	return l
}

// mask is the granules from byte from to before byte to of a line.
func mask(from, to uint64) uint32 {
	first, last := from/Granule, (to-1)/Granule
	return all >> (lineSize/Granule - 1 - (last - first)) << first
}

// Reads is what was read of a mirror, to ask later whether it changed.
type Reads []span

type span struct {
	*line
	mask uint32
}

// add notes a read; what was read last is mostly in the same few lines.
func (r *Reads) add(l *line, mask uint32) {
	for i := len(*r) - 1; i >= max(0, len(*r)-8); i-- {
		if (*r)[i].line == l {
			(*r)[i].mask |= mask
			return
		}
	}
	*r = append(*r, span{l, mask})
}

// Compact notes each line once.
func (r *Reads) Compact() {
	slices.SortFunc(*r, func(a, b span) int { return cmp.Compare(a.addr, b.addr) })
	out := (*r)[:0]
	for _, s := range *r {
		if n := len(out); n > 0 && out[n-1].line == s.line {
			out[n-1].mask |= s.mask
			continue
		}
		out = append(out, s)
	}
	*r = slices.Clip(out)
}

// Changed says whether any of it differs from the stop before the current one.
func (r Reads) Changed() bool {
	for _, s := range r {
		if s.changed&s.mask != 0 {
			return true
		}
	}
	return false
}

// failed notes that granules of a line cannot be read.
func (s *lines) failed(l *line, err error, which uint32) {
	l.changed |= l.used & which &^ l.lost
	l.have, l.lost = l.have|which, l.lost|which
	if s.why == nil {
		s.why = map[*line]error{}
	}
	s.why[l] = err
}

// found notes that granules can be read, which differ if they could not be before.
func (l *line) found(which uint32) {
	l.changed |= l.used & which & l.lost
	l.lost &^= which
}

// arrived takes over granules that were read.
func (l *line) arrived(now []byte, from uint64, which uint32) {
	if l.lost&which != 0 {
		l.have &^= l.lost & which
		l.found(which)
	}
	if which &^= l.have; l.used|l.have == 0 {
		copy(l.data[from:], now)
	} else {
		l.take(now, from, which)
	}
	l.have |= which
}

// take copies granules out of what lies from a byte of the line on, and notes
// those that were used and differ.
func (l *line) take(now []byte, from uint64, which uint32) {
	if which == all && bytes.Equal(l.data[:], now) {
		return
	}
	for rest := which; rest != 0; rest &= rest - 1 {
		g := uint64(bits.TrailingZeros32(rest))
		a, b := (*[Granule]byte)(l.data[g*Granule:]), (*[Granule]byte)(now[g*Granule-from:])
		if *a != *b {
			*a = *b
			l.changed |= l.used & (1 << g)
		}
	}
}

// ErrOutside is for addresses that no piece of the guest's RAM has.
var ErrOutside = errors.New("outside the guest's RAM")
