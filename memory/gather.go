package memory

import (
	"errors"
	"fmt"
)

// Who follows pointers asks for one piece of memory after the other, and each costs a
// round trip. Where several go their ways that have nothing to do with each other, such as
// the stacks of threads, their next pieces can be asked for together.

// mostRounds bounds how often the ways are gone again: the links of the longest of them,
// each with the page tables that lead there.
const mostRounds = 12

// errMissing says that memory was not read so far.
var errMissing = errors.New("not read so far")

// Gather reads ahead what fn reads, which goes several ways: it runs fn over and over, and
// what was missing each time is fetched in one batch. fn must keep nothing of what it
// reads, and go on with the next way where reading fails. From memory that costs no round
// trips nothing is gained, and nothing is done.
func (v *View) Gather(fn func(Reader)) {
	for range mostRounds {
		if v.block >= SharedBlock {
			return
		}
		g := gatherer{view: v}
		if fn(&g); len(g.missing) == 0 || v.load(g.missing) != nil {
			return // reading will tell
		}
	}
}

// gatherer is a view's memory as far as it was read, and notes what was not.
type gatherer struct {
	view    *View
	missing []uint64 // blocks
}

// ReadMemory implements Reader.
func (g *gatherer) ReadMemory(addr uint64, buf []byte) error {
	if len(buf) == 0 || addr+uint64(len(buf))-1 < addr {
		return g.view.ReadMemory(addr, buf)
	}
	known := len(g.missing)
	for a, last := addr&^(g.view.block-1), addr+uint64(len(buf))-1; len(g.missing) < maxGuess; a += g.view.block {
		if g.view.blocks[a] == nil {
			g.missing = append(g.missing, a)
		}
		if last-a < g.view.block {
			break
		}
	}
	if len(g.missing) > known {
		return fmt.Errorf("reading %d bytes at physical %#x: %w", len(buf), addr, errMissing)
	}
	return g.view.ReadMemory(addr, buf)
}
