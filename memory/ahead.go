package memory

import "math/bits"

// A model that is read for the first time leads from pointer to pointer, and each
// would cost a round trip to the stub. ahead guesses what comes next: objects of a
// kind lie in pages side by side, and of each the same parts are read.
type ahead [pageSize / lineSize]entered

// entered is what is known of pages that were first read at the same line.
type entered struct {
	last *sheet
	far  uint64 // pages to look ahead
}

// Bounds of a guess: so many pages at most, near the ones before, and none beyond
// a block of addresses in which a machine has either memory or devices, to read
// which may have effects.
const (
	pageSize   = 4096
	mostAhead  = 16
	nearAhead  = 4
	blockAhead = 64 << 10
)

// several lines of a page that were read tell what lies in all of it. (Two would do with a
// tenth fewer batches, but with bytes that nobody asks for; all of them at once, with more.)
const several = 3

// note notes that a line of a page was read for the first time.
func (a *ahead) note(s *sheet, n uint64) {
	if s.read == 0 {
		a[n].last = s
	}
	s.read |= 1 << n
}

// guess adds lines that are likely to be read soon after one that is missing.
func (a *ahead) guess(lines []uint64, s *sheet, addr uint64) []uint64 {
	if s.read != 0 {
		return s.next(lines, addr)
	}
	return a.others(lines, addr)
}

// next are all lines of a page of which several were read already: what lies there is of
// one kind.
func (s *sheet) next(lines []uint64, addr uint64) []uint64 {
	if bits.OnesCount16(s.read) < several {
		return lines
	}
	for a := s.addr; a < s.addr+pageSize; a += lineSize {
		if a != addr {
			lines = append(lines, a)
		}
	}
	return lines
}

// others are the lines of a new page that were read of the last one that was
// entered at the same line, and those of pages behind it, or before it if the last
// ones descend; twice as many pages each time, as long as they are near each other.
func (a *ahead) others(lines []uint64, addr uint64) []uint64 {
	page, e := addr&^(pageSize-1), &a[numberOf(addr)]
	if e.last == nil {
		return lines
	}
	by := page - e.last.addr // wraps around if they descend
	down := by > -by
	if down {
		by = -by
	}
	if by > nearAhead*pageSize {
		e.far = 0
	}
	e.far = min(max(2*e.far, 1), mostAhead)
	for n, p := uint64(0), page; n <= e.far && p/blockAhead == page/blockAhead; n++ {
		for i := range uint64(pageSize / lineSize) {
			if e.last.read>>i&1 != 0 {
				lines = append(lines, p+i*lineSize)
			}
		}
		if p += pageSize; down {
			p -= 2 * pageSize
		}
	}
	return lines
}
