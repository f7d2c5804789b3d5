package memory

import "bytes"

// plan is how a refresh reads all that was read through a mirror, kept as long as that is
// the same: most refreshes find almost nothing changed, and what they cost is the reading,
// not finding out what to read.
type plan struct {
	runs []run
	reqs []Request
	was  []byte // what the runs had, one behind the other
	now  []byte // room for what they have
	done bool   // was is filled
	// differ are the runs in which something differed at the last stop.
	differ []int
}

// newPlan plans to read pieces, in order, near ones together.
func newPlan(pieces []piece) *plan {
	p := &plan{runs: joined(pieces, true)}
	total := uint64(0)
	for _, r := range p.runs {
		total += r.size
	}
	p.was, p.now, p.reqs = make([]byte, total), make([]byte, total), make([]Request, len(p.runs))
	for i := range p.runs {
		p.differ = append(p.differ, i) // nobody compared them so far
	}
	return p
}

// readAgain is a refresh by the plan of the one before. What differs, and what cannot be
// read together any more, is looked at piece by piece.
func (m *Mirror) readAgain() error {
	if m.err != nil {
		return m.err
	}
	p := m.again
	for _, i := range p.differ {
		for _, piece := range p.runs[i].pieces {
			piece.l.changed = 0
		}
	}
	p.differ = p.differ[:0]
	rest := p.now
	for i, r := range p.runs {
		p.reqs[i], rest = Request{Addr: r.addr, Buf: rest[:r.size:r.size]}, rest[r.size:]
	}
	m.stats.Batches++
	m.stats.Bytes += int64(len(p.now))
	if m.err = m.src.ReadPhysical(p.reqs); m.err != nil {
		return m.err
	}
	var bad []piece
	rest = p.was
	for i, r := range p.runs {
		was := rest[:r.size]
		rest = rest[r.size:]
		if p.done && p.reqs[i].Err == nil && bytes.Equal(was, p.reqs[i].Buf) {
			continue
		}
		p.differ = append(p.differ, i)
		for _, piece := range r.pieces {
			piece.l.have &^= mask(piece.from, piece.to)
		}
		if p.reqs[i].Err != nil {
			bad = append(bad, r.pieces...)
			continue
		}
		for _, piece := range r.pieces {
			m.arrived(piece, &p.reqs[i])
		}
	}
	p.was, p.now, p.done = p.now, p.was, true
	if bad != nil {
		m.again = nil
		return m.read(bad)
	}
	return nil
}
