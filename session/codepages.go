package session

import (
	"fmt"

	"thaw/session/components"
)

// codeChunk is the length of the pieces by which machine code is recognised,
// and codeEnough how many of them make a page one of code.
const (
	codeChunk  = 32
	codeEnough = 4
)

// codePages recognises pages that hold machine code of the known programs, by
// their text: wherever the kernel has mapped or copied it.
type codePages struct{ chunks map[[codeChunk]byte]struct{} }

func newCodePages(comps map[string]*components.Component) (*codePages, error) {
	c := &codePages{chunks: map[[codeChunk]byte]struct{}{}}
	for name, comp := range comps {
		for _, r := range comp.Text {
			for a := (r.Start + codeChunk - 1) &^ (codeChunk - 1); a+codeChunk <= r.End; a += codeChunk {
				var chunk [codeChunk]byte
				if err := comp.File.ReadFile(a, chunk[:]); err != nil {
					return nil, fmt.Errorf("reading the text of %s: %w", name, err)
				}
				if !filler(chunk) {
					c.chunks[chunk] = struct{}{}
				}
			}
		}
	}
	return c, nil
}

// in says whether a page holds machine code.
func (c *codePages) in(page []byte) bool {
	if c == nil {
		return false
	}
	found := 0
	for off := 0; off+codeChunk <= len(page); off += codeChunk {
		if _, ok := c.chunks[[codeChunk]byte(page[off:off+codeChunk])]; ok {
			if found++; found == codeEnough {
				return true
			}
		}
	}
	return false
}

// filler says whether a chunk is one byte over and over, as between functions.
func filler(chunk [codeChunk]byte) bool {
	for _, b := range chunk {
		if b != chunk[0] {
			return false
		}
	}
	return true
}
