package memory

import (
	"errors"
	"slices"
)

// gap is how many bytes that nobody needs are asked for rather than one request
// more, and longest the most that one request asks for: what fits a packet of
// QEMU's stub.
const (
	gap     = 128
	longest = 2032
)

// room is what batches are made in, one after the other.
type room struct {
	pieces []piece
	guess  []uint64
	runs   []run
	reqs   []Request
	data   []byte
}

// read fetches pieces, in order, near ones together; what cannot be read
// together is read piece by piece, and what was not recorded as a whole granule by
// granule.
func (m *Mirror) read(pieces []piece) error {
	if m.err != nil {
		return m.err
	}
	bad, err := m.readRuns(pieces, true)
	bad = slices.DeleteFunc(bad, func(p piece) bool { return p.guess })
	for err == nil && len(bad) > 0 {
		bad, err = m.readRuns(bad, false)
	}
	m.err = err
	return err
}

// run is pieces that are asked for together.
type run struct {
	pieces []piece
	addr   uint64
	size   uint64
}

// joined puts near pieces, in ascending order, together, and adds them to runs.
func joined(runs []run, pieces []piece, join bool) []run {
	for i, p := range pieces {
		at, end := p.l.addr+p.from, p.l.addr+p.to
		if n := len(runs); join && n > 0 {
			r := &runs[n-1]
			if from := r.addr + r.size; at >= from && at-from <= gap && end-r.addr <= longest {
				r.pieces, r.size = r.pieces[:len(r.pieces)+1], end-r.addr
				continue
			}
		}
		runs = append(runs, run{pieces[i : i+1 : len(pieces)], at, end - at})
	}
	return runs
}

// size is how many bytes runs have.
func size(runs []run) (total uint64) {
	for _, r := range runs {
		total += r.size
	}
	return total
}

// requests ask for runs, and are added to reqs; their bytes come to room, one run behind
// the other.
func requests(reqs []Request, runs []run, room []byte) []Request {
	for _, r := range runs {
		reqs, room = append(reqs, Request{Addr: r.addr, Buf: room[:r.size:r.size]}), room[r.size:]
	}
	return reqs
}

// granules are the granules of a piece, each as a piece.
func (p piece) granules() []piece {
	var out []piece
	for from := p.from; from < p.to; from += Granule {
		out = append(out, piece{l: p.l, from: from, to: from + Granule, guess: p.guess})
	}
	return out
}

// readRuns fetches pieces in one batch; bad are those that could not be read together.
func (m *Mirror) readRuns(pieces []piece, join bool) (bad []piece, err error) {
	runs := joined(m.room.runs[:0], pieces, join)
	total := size(runs)
	if uint64(len(m.room.data)) < total {
		m.room.data = make([]byte, total)
	}
	reqs := requests(m.room.reqs[:0], runs, m.room.data)
	m.room.runs, m.room.reqs = runs, reqs
	m.stats.Batches++
	m.stats.Bytes += int64(total)
	if err := m.src.ReadPhysical(reqs); err != nil {
		return nil, err
	}
	for i, r := range runs {
		switch {
		case reqs[i].Err == nil:
		case len(r.pieces) > 1:
			bad = append(bad, r.pieces...)
			continue
		case r.size > Granule && errors.Is(reqs[i].Err, ErrNotRecorded):
			bad = append(bad, r.pieces[0].granules()...)
			continue
		}
		for _, p := range r.pieces {
			m.arrived(p, &reqs[i])
		}
	}
	return bad, nil
}

// arrived takes over a piece of an answer.
func (m *Mirror) arrived(p piece, r *Request) {
	if r.Err == nil {
		p.l.arrived(r.Buf[p.l.addr+p.from-r.Addr:][:p.to-p.from], p.from, mask(p.from, p.to))
	} else if !p.guess {
		m.failed(p.l, r.Err, mask(p.from, p.to))
	}
}
