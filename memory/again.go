package memory

import "bytes"

// plan is how a refresh reads all that was read through a mirror, kept as long as that is
// the same: most refreshes find almost nothing changed, and what they cost is the reading,
// not finding out what to read.
type plan struct {
	runs     []run
	size     uint64    // of all
	was, now []Request // for the runs: what they had, and what they have
	done     bool      // was is filled
	// differ are the runs in which something differed at the last stop.
	differ []int
}

// newPlan plans to read pieces, in order, near ones together.
func newPlan(pieces []piece) *plan {
	p := &plan{runs: joined(nil, pieces, true)}
	p.size = size(p.runs)
	p.was, p.now = requests(nil, p.runs, make([]byte, p.size)), requests(nil, p.runs, make([]byte, p.size))
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
	m.stats.Batches++
	m.stats.Bytes += int64(p.size)
	if m.err = m.src.ReadPhysical(p.now); m.err != nil {
		return m.err
	}
	var bad []piece
	for i, r := range p.runs {
		now := &p.now[i]
		if p.done && now.Err == nil && bytes.Equal(p.was[i].Buf, now.Buf) {
			continue
		}
		p.differ = append(p.differ, i)
		for _, piece := range r.pieces {
			piece.l.have &^= mask(piece.from, piece.to)
		}
		if now.Err != nil {
			bad = append(bad, r.pieces...)
			continue
		}
		for _, piece := range r.pieces {
			m.arrived(piece, now)
		}
	}
	p.was, p.now, p.done = p.now, p.was, true
	if bad != nil {
		m.again = nil
		m.err = m.read(bad)
	}
	for _, i := range p.differ {
		m.noteSame(p.runs[i].pieces)
	}
	return m.err
}
