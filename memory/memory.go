// Package memory turns a guest's physical memory into the address spaces that
// its page tables describe.
//
// It knows physical addresses, page tables of the supported architectures and
// how to read little at a time and much at once. It must not know where the
// bytes come from (stub, shared RAM, recording), nor what any kernel keeps in
// them. Everything is read-only; the guest's tables are hostile input, so every
// walk is bounded.
package memory

import (
	"encoding/binary"
	"fmt"
)

// Request asks for len(Buf) bytes at the physical address Addr. The source
// sets Err where it could not fill Buf.
type Request struct {
	Addr uint64
	Buf  []byte
	Err  error
}

// Source is guest-physical memory as it stands while the guest is stopped. A
// batch costs about as much as one round trip, so callers ask for all they
// know at once. The error is for a source that is lost; what is wrong with one
// request stands in its Err.
type Source interface {
	ReadPhysical(reqs []Request) error
}

// Reader reads virtual or physical memory at an address of its own space. It
// fills buf whole or returns an error.
type Reader interface {
	ReadMemory(addr uint64, buf []byte) error
}

// Fault says that a virtual address has no translation.
type Fault struct {
	Addr  uint64 // virtual address that was asked for
	Level int    // level of the table whose entry stopped the walk, 1 = last
	Entry uint64 // that entry
	At    uint64 // its physical address, 0 for an address that no entry stands for
	Why   string // "not present", "table outside memory", …
}

func (f *Fault) Error() string {
	return fmt.Sprintf("no translation for %#x: level-%d entry %#x: %s", f.Addr, f.Level, f.Entry, f.Why)
}

// Uint reads an unsigned little-endian integer of size bytes (1, 2, 4 or 8).
func Uint(r Reader, addr uint64, size int) (uint64, error) {
	if size < 1 || size > 8 {
		return 0, fmt.Errorf("reading an integer at %#x: %d is no size of an integer", addr, size)
	}
	b := scratch(r)[:size]
	if err := r.ReadMemory(addr, b); err != nil {
		return 0, err
	}
	return LittleEndian(b), nil
}

// scratch is room for a word. Decoding reads some thousand words per stop: those
// readers that one goroutine uses at a time lend theirs.
func scratch(r Reader) []byte {
	if l, ok := r.(interface{ scratch() []byte }); ok {
		return l.scratch()
	}
	return make([]byte, 8)
}

// word is the room that a reader lends, and one that it is a part of.
type word [8]byte

func (w *word) scratch() []byte { return w[:] }

// LittleEndian is the unsigned integer that up to 8 bytes spell.
func LittleEndian(b []byte) uint64 {
	switch len(b) {
	case 8:
		return binary.LittleEndian.Uint64(b)
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	var v uint64
	for i := len(b) - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v
}

// CString reads a NUL-terminated string of at most max bytes. A string without
// an end is cut at max.
func CString(r Reader, addr uint64, max int) (string, error) {
	buf := make([]byte, max)
	n := max
	// A string may end just before an unmapped page: fall back to bytes.
	if err := r.ReadMemory(addr, buf); err != nil {
		for n = 0; n < max; n++ {
			if err := r.ReadMemory(addr+uint64(n), buf[n:n+1]); err != nil {
				return "", fmt.Errorf("reading a string at %#x: %w", addr, err)
			}
			if buf[n] == 0 {
				break
			}
		}
	}
	for i, c := range buf[:n] {
		if c == 0 {
			return string(buf[:i]), nil
		}
	}
	return string(buf[:n]), nil
}
