package memory

import (
	"cmp"
	"maps"
	"slices"
)

// Recall is a source behind which a round trip costs much more than some bytes. What is
// read at a stop is mostly what was read at the last ones, so that is fetched in one
// batch, with the registers or with the first of it. It belongs to one goroutine.
type Recall struct {
	// Known says whether n bytes from an address on are memory that may be read though
	// nobody has asked for it; nil: of none is it known.
	Known func(addr uint64, n int) bool
	Near  int // so many lines before and behind are fetched ahead with one, where that is so

	src   Source
	lines map[uint64][]byte // by address, as they are at this stop; nil: cannot be read
	large map[uint64][]byte // pieces of large batches, by address
	kinds [2]recalled       // of stops: see Stop
	*recalled
	ahead bool // what is likely to be asked for was fetched
}

// recalled is what was asked for at stops of a kind.
type recalled struct {
	stop  uint64
	asked map[uint64]uint64 // lines that were asked for bit by bit: at which stop, by address
	large map[uint64]int    // pieces of large batches: bytes, by address
	last  map[uint64]int    // of the stop before
}

// Bounds: more requests in one call are a large batch, by somebody who knows what to ask
// for; so many lines are fetched ahead, of so many stops; so many bytes in pieces; and with
// a line that nobody knew of, what is around it in a block of so many.
const (
	fewRequests = 16
	fewBytes    = 4096
	mostLikely  = 256
	recentStops = 24
	mostLarge   = 256 << 10
	wide        = 64 << 10
)

// NewRecall returns a source over src.
func NewRecall(src Source) *Recall {
	r := &Recall{src: src, lines: map[uint64][]byte{}, large: map[uint64][]byte{}}
	for i := range r.kinds {
		r.kinds[i] = recalled{asked: map[uint64]uint64{}, large: map[uint64]int{}, last: map[uint64]int{}}
	}
	r.recalled = &r.kinds[0]
	return r
}

// Stop begins a new stop of the guest: behind a single step mostly other things are
// asked for than behind a run. It returns what is worth to be read with the registers,
// for Take.
func (r *Recall) Stop(stepped bool) []Request {
	r.recalled = &r.kinds[0]
	if stepped {
		r.recalled = &r.kinds[1]
	}
	maps.DeleteFunc(r.asked, func(_, at uint64) bool { return at+recentStops < r.stop })
	at := r.stop
	r.stop++
	r.recalled.last, r.recalled.large = r.recalled.large, r.recalled.last
	clear(r.recalled.large)
	r.Forget()
	var reqs []Request
	for _, when := range r.asked {
		if when == at { // else it was a stop at which little was to be known
			reqs, r.ahead = inRuns(r.near(r.recent())), true
			break
		}
	}
	total := 0
	for a, n := range r.recalled.last {
		if total += n; total <= mostLarge {
			reqs = append(reqs, Request{Addr: a, Buf: make([]byte, n)})
		}
	}
	return reqs
}

// Take takes over what was read of what Stop has returned.
func (r *Recall) Take(reqs []Request) {
	for _, q := range reqs {
		switch {
		case q.Addr%lineSize == 0 && len(q.Buf)%lineSize == 0:
			r.store(q)
		case q.Err == nil:
			r.large[q.Addr] = q.Buf
		}
	}
}

// store keeps the lines of a run.
func (r *Recall) store(q Request) {
	for off := 0; off < len(q.Buf); off += lineSize {
		line := q.Buf[off:][:lineSize:lineSize]
		if q.Err != nil {
			line = nil
		}
		r.lines[q.Addr+uint64(off)] = line
	}
}

// Forget drops what was read: memory may have changed.
func (r *Recall) Forget() {
	clear(r.lines)
	clear(r.large)
	r.ahead = false
}

// inRuns are requests for lines, those side by side in one.
func inRuns(lines []uint64) (reqs []Request) {
	slices.Sort(lines)
	for i, a := range slices.Compact(lines) {
		if n := len(reqs) - 1; i > 0 && reqs[n].Addr+uint64(len(reqs[n].Buf)) == a && len(reqs[n].Buf) < maxRun {
			reqs[n].Buf = append(reqs[n].Buf, make([]byte, lineSize)...)
			continue
		}
		reqs = append(reqs, Request{Addr: a, Buf: make([]byte, lineSize, maxRun)})
	}
	return reqs
}

// ReadPhysical implements Source.
func (r *Recall) ReadPhysical(reqs []Request) error {
	if !isLittle(reqs) {
		return r.readLarge(reqs)
	}
	var missing []uint64
	for _, q := range reqs {
		for a := q.Addr &^ (lineSize - 1); a <= q.Addr+uint64(len(q.Buf))-1; a += lineSize {
			r.asked[a] = r.stop
			if _, there := r.lines[a]; !there {
				missing = append(missing, a)
			}
		}
	}
	if len(missing) > 0 {
		if err := r.fetch(missing); err != nil {
			return err
		}
	}
	return r.serveAll(reqs, r.fromLines)
}

// readLarge reads a large batch.
func (r *Recall) readLarge(reqs []Request) error {
	for _, q := range reqs {
		r.recalled.large[q.Addr] = max(len(q.Buf), r.recalled.large[q.Addr])
	}
	return r.serveAll(reqs, func(q *Request) bool {
		if piece := r.large[q.Addr]; len(piece) >= len(q.Buf) {
			copy(q.Buf, piece)
			return true
		}
		return r.fromLines(q)
	})
}

// serveAll fills requests with what is there, and reads the rest.
func (r *Recall) serveAll(reqs []Request, from func(*Request) bool) error {
	var rest []int
	for i := range reqs {
		if !from(&reqs[i]) {
			rest = append(rest, i)
			continue
		}
		reqs[i].Err = nil
	}
	return Some(reqs, rest, r.src.ReadPhysical)
}

// isLittle says whether requests are few, small and within the address space.
func isLittle(reqs []Request) bool {
	bytes := 0
	for _, q := range reqs {
		if len(q.Buf) == 0 || q.Addr > ^uint64(0)-fewBytes-lineSize {
			return false
		}
		bytes += len(q.Buf)
	}
	return len(reqs) <= fewRequests && bytes <= fewBytes
}

// fetch reads lines, and with them what lies around them, and those that were asked for
// most recently.
func (r *Recall) fetch(lines []uint64) error {
	lines = append(lines, r.around(lines)...)
	if !r.ahead {
		lines = append(lines, r.recent()...)
		r.ahead = true
	}
	reqs := inRuns(lines)
	if err := r.src.ReadPhysical(reqs); err != nil {
		return err
	}
	for i, q := range reqs {
		if q.Err == nil || len(q.Buf) == lineSize {
			r.store(q)
			continue
		}
		// One bad line must not spoil its neighbours.
		single := make([]Request, 0, len(q.Buf)/lineSize)
		for off := 0; off < len(q.Buf); off += lineSize {
			single = append(single, Request{Addr: q.Addr + uint64(off), Buf: reqs[i].Buf[off:][:lineSize:lineSize]})
		}
		if err := r.src.ReadPhysical(single); err != nil {
			return err
		}
		for _, s := range single {
			r.store(s)
		}
	}
	return nil
}

// around are the lines in the same blocks as some that are missing: what belongs together
// mostly lies together.
func (r *Recall) around(missing []uint64) (lines []uint64) {
	for _, a := range missing {
		first := a &^ (wide - 1)
		if r.Known == nil || slices.Contains(lines, first) || !r.Known(first, wide) {
			continue
		}
		for l := first; l < first+wide; l += lineSize {
			if _, there := r.lines[l]; !there {
				lines = append(lines, l)
			}
		}
	}
	return lines
}

// near adds to lines those near them.
func (r *Recall) near(lines []uint64) []uint64 {
	for _, a := range slices.Clone(lines) {
		block := a &^ (wide - 1)
		if r.Near == 0 || r.Known == nil || !r.Known(block, wide) {
			continue
		}
		from, to := max(int(a-block)-r.Near*lineSize, 0), min(int(a-block)+r.Near*lineSize, wide-lineSize)
		for off := from; off <= to; off += lineSize {
			lines = append(lines, block+uint64(off))
		}
	}
	return lines
}

// recent are the lines that were asked for most recently and are not there.
func (r *Recall) recent() []uint64 {
	out := make([]uint64, 0, len(r.asked))
	for a := range r.asked {
		if _, there := r.lines[a]; !there {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b uint64) int { return cmp.Or(cmp.Compare(r.asked[b], r.asked[a]), cmp.Compare(a, b)) })
	return out[:min(len(out), mostLikely)]
}

// fromLines fills a request from lines that are there.
func (r *Recall) fromLines(q *Request) bool {
	for done := 0; done < len(q.Buf); {
		at := q.Addr + uint64(done)
		line := r.lines[at&^(lineSize-1)]
		if line == nil {
			return false
		}
		done += copy(q.Buf[done:], line[at%lineSize:])
	}
	return true
}

// Some reads those of the requests whose indices are given.
func Some(reqs []Request, which []int, read func([]Request) error) error {
	if len(which) == 0 {
		return nil
	}
	part := make([]Request, len(which))
	for i, w := range which {
		part[i] = reqs[w]
	}
	if err := read(part); err != nil {
		return err
	}
	for i, w := range which {
		reqs[w].Err = part[i].Err
	}
	return nil
}
