package memory

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Mirror is the part of physical memory that a model is made of, kept from stop
// to stop. Refresh reads again exactly what was read through it, in one batch,
// and notes what is different: what was made of the rest is as good as before.
// It belongs to one decoder, and to one goroutine.
type Mirror struct {
	src Source
	lines
	room  room
	stats Stats
	err   error  // the source is lost
	reads *Reads // what is being read, nil if nobody asks
	stop  uint64 // counts Refresh
	ahead ahead
	extra bool  // there may be lines that were only guessed
	same  bool  // see Same
	again *plan // of the last refresh, nil if other things are read since
	word        // see scratch
}

// InPlace is a source that can be looked at where it lies, while the guest
// stands.
type InPlace interface {
	// At is n bytes at a physical address, nil where there are none. They must
	// not be changed, nor kept.
	At(addr uint64, n int) []byte
}

// Steady is a source that knows of what is as it was at the stop before.
type Steady interface {
	// Same says whether that is so of a page, by its physical address.
	Same(page uint64) bool
}

// NewMirror returns an empty mirror of src.
func NewMirror(src Source) *Mirror {
	return &Mirror{src: src, lines: lines{pages: map[uint64]*sheet{}}}
}

// Reset forgets all that was read.
func (m *Mirror) Reset() {
	m.lines, m.reads = lines{pages: map[uint64]*sheet{}}, nil
	m.stats, m.ahead, m.extra, m.again, m.same = Stats{}, ahead{}, false, nil, false
	m.stop++
}

// Stop is the number of the current stop, counted by Refresh and Reset.
func (m *Mirror) Stop() uint64 { return m.stop }

// Same says whether all that was read at earlier stops is as it was at the last one.
func (m *Mirror) Same() bool { return m.same }

// Size is how much was read so far, in granules.
func (m *Mirror) Size() int {
	n := 0
	for _, l := range m.order {
		n += bits.OnesCount32(l.used)
	}
	return n
}

// Stats tells what the current stop has cost so far.
func (m *Mirror) Stats() Stats { return m.stats }

// Collect appends what is read from now on to r; nil ends that. It returns what
// was collected into before.
func (m *Mirror) Collect(r *Reads) *Reads {
	old := m.reads
	m.reads = r
	return old
}

// ReadMemory copies from physical memory at addr.
func (m *Mirror) ReadMemory(addr uint64, buf []byte) error {
	m.stats.Reads++
	if len(buf) == 0 {
		return nil
	}
	end := addr + uint64(len(buf)) - 1
	if end < addr {
		return fmt.Errorf("reading %d bytes at physical %#x: the range wraps around", len(buf), addr)
	}
	first := addr &^ (lineSize - 1)
	if end-first < lineSize {
		if l := m.line(first); l.have&mask(addr-first, end-first+1) == mask(addr-first, end-first+1) {
			return m.copy(l, addr, buf)
		}
	}
	if err := m.fetch(first, addr, end); err != nil {
		return err
	}
	for a := first; ; a += lineSize {
		from, to := max(addr, a), min(end, a+lineSize-1)
		if err := m.copy(m.line(a), from, buf[from-addr:to-addr+1]); err != nil {
			return err
		}
		if end-a < lineSize {
			return nil
		}
	}
}

// copy serves a read within a line that is there.
func (m *Mirror) copy(l *line, addr uint64, buf []byte) error {
	off := addr - l.addr
	which := mask(off, off+uint64(len(buf)))
	if l.used == 0 {
		m.ahead.note(m.sheet(l.addr), numberOf(l.addr))
	}
	if l.used&which != which {
		l.used, m.again = l.used|which, nil
	}
	if m.reads != nil {
		m.reads.add(l, which)
	}
	if l.lost&which != 0 {
		return fmt.Errorf("reading %d bytes at physical %#x: %w", len(buf), addr, m.why[l])
	}
	copy(buf, l.data[off:])
	return nil
}

// fetch makes sure that the bytes from addr to end are there; first is the
// address of their first line.
func (m *Mirror) fetch(first, addr, end uint64) error {
	var missing []*line
	for a := first; ; a += lineSize {
		l := m.line(a)
		if need := mask(max(addr, a)-a, min(end, a+lineSize-1)-a+1); l.have&need != need {
			missing = append(missing, l)
		}
		if end-a < lineSize {
			break
		}
	}
	if missing == nil {
		return nil
	}
	return m.load(missing)
}

// Prefetch reads pieces of memory, each an address and a number of bytes, in one batch. It
// is for those that ReadMemory will be asked for at this stop.
func (m *Mirror) Prefetch(ranges [][2]uint64) error {
	var missing []*line
	for _, r := range ranges {
		end := r[0] + r[1] - 1
		if r[1] == 0 || end < r[0] {
			continue
		}
		for a := r[0] &^ (lineSize - 1); ; a += lineSize {
			if l := m.line(a); l.have != all && (missing == nil || missing[len(missing)-1] != l) {
				missing = append(missing, l)
			}
			if end-a < lineSize || len(missing) >= maxGuess {
				break
			}
		}
	}
	if missing == nil {
		return nil
	}
	m.extra = true // what is not asked for is forgotten
	return m.load(missing)
}

// load reads whole lines, and with them what is guessed to be asked for next.
func (m *Mirror) load(lines []*line) error {
	m.again = nil
	if src := m.inPlace(); src != nil {
		return mapped(func() {
			for _, l := range lines {
				m.look(l, src)
			}
		})
	}
	pieces := m.room.pieces[:0]
	for _, l := range lines {
		pieces = append(pieces, piece{l: l, to: lineSize})
	}
	m.room.guess = m.ahead.guess(m.room.guess[:0], m.sheet(lines[0].addr), lines[0].addr)
	for _, addr := range m.room.guess {
		if m.sheet(addr).lines[numberOf(addr)] == nil {
			pieces = append(pieces, piece{l: m.add(addr), to: lineSize, guess: true})
			m.extra = true
		}
	}
	m.room.pieces = pieces
	slices.SortFunc(pieces, func(a, b piece) int { return cmp.Compare(a.l.addr, b.l.addr) })
	return m.read(pieces)
}

// inPlace is the source, if it can be looked at where it lies.
func (m *Mirror) inPlace() InPlace {
	if src, ok := m.src.(InPlace); ok && src.At(0, 0) != nil {
		return src
	}
	return nil
}

// look reads a line where it lies.
func (m *Mirror) look(l *line, src InPlace) {
	now := src.At(l.addr, lineSize)
	if now == nil {
		m.failed(l, ErrOutside, all)
		return
	}
	m.stats.Bytes += lineSize
	l.arrived(now, 0, all)
}

// forgetGuesses drops lines that nobody has read.
func (m *Mirror) forgetGuesses() {
	m.order = slices.DeleteFunc(m.order, func(l *line) bool {
		if l.used == 0 {
			m.sheet(l.addr).lines[numberOf(l.addr)] = nil
		}
		return l.used == 0
	})
	m.last, m.extra = nil, false
}

// Refresh begins a new stop: what was read before is read again.
func (m *Mirror) Refresh() error {
	m.stats = Stats{}
	m.stop++
	if m.extra {
		m.forgetGuesses()
	}
	if m.added {
		slices.SortFunc(m.order, func(a, b *line) int { return cmp.Compare(a.addr, b.addr) })
		m.added = false
	}
	m.same = true
	if src := m.inPlace(); src != nil {
		return m.refreshInPlace(src)
	}
	steady, _ := m.src.(Steady)
	if m.again != nil && steady == nil {
		return m.readAgain()
	}
	pieces := m.used(steady)
	err := m.read(pieces)
	m.noteSame(pieces)
	if err != nil || steady != nil {
		return err
	}
	m.again = newPlan(pieces)
	return nil
}

// refreshInPlace is Refresh where memory can be looked at where it lies. If that is not
// there any more, nothing is known.
func (m *Mirror) refreshInPlace(src InPlace) error {
	err := mapped(func() {
		for _, l := range m.order {
			l.have, l.changed = l.used, 0
			m.compare(l, src.At(l.addr, lineSize))
			m.same = m.same && l.changed == 0
		}
	})
	if err != nil {
		for _, l := range m.order {
			m.failed(l, err, all)
		}
		m.same = false
	}
	return err
}

// noteSame notes whether pieces that were read again are as they were.
func (m *Mirror) noteSame(pieces []piece) {
	for _, p := range pieces {
		m.same = m.same && p.l.changed == 0
	}
}

// used are the pieces that were read before, and may not be what they were.
func (m *Mirror) used(steady Steady) (pieces []piece) {
	page, same := ^uint64(0), false
	for _, l := range m.order {
		if p := l.addr &^ (pageSize - 1); steady != nil && p != page {
			page, same = p, steady.Same(p)
		}
		if l.changed = 0; same {
			continue
		}
		l.have = 0
		for rest := l.used; rest != 0; {
			first := bits.TrailingZeros32(rest)
			n := bits.TrailingZeros32(^(rest >> first))
			pieces = append(pieces, piece{l: l, from: uint64(first) * Granule, to: uint64(first+n) * Granule})
			rest &^= all >> (32 - n) << first
		}
	}
	return pieces
}

// compare takes over what lies in place of a line.
func (m *Mirror) compare(l *line, now []byte) {
	if now == nil {
		m.failed(l, ErrOutside, all)
		return
	}
	m.stats.Bytes += int64(bits.OnesCount32(l.used) * Granule)
	l.found(l.used)
	l.take(now, 0, l.used)
}

// Each calls fn for every line of which something was read, in no order: its
// address and, in trace, the granules that were.
func (m *Mirror) Each(fn func(addr uint64)) {
	for _, l := range m.order {
		if l.used&^l.lost != 0 {
			fn(l.addr)
		}
	}
}

// Trace notes in t all that was read.
func (m *Mirror) Trace(t Trace) {
	for _, l := range m.order {
		for rest := l.used; rest != 0; rest &= rest - 1 {
			t[l.addr/Granule+uint64(bits.TrailingZeros32(rest))] = struct{}{}
		}
	}
}

// piece is a run of granules of a line to be read.
type piece struct {
	l        *line
	from, to uint64 // bytes in the line
	guess    bool   // nobody has asked for it
}
