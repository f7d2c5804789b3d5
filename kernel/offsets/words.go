package offsets

import "thaw/memory"

// Words reads numbers of the kernel's objects.
type Words struct {
	Space memory.Reader
	Ptr   int // bytes of a pointer
	room  [512]byte
}

// Field is a number at an offset, and where it goes.
type Field struct {
	Member
	To *uint64
}

// Into has the member read to a place.
func (m Member) Into(to *uint64) Field { return Field{m, to} }

// Pointer is a field of the size of a pointer.
func (w *Words) Pointer(off uint64, to *uint64) Field { return Field{Member{off, w.Ptr}, to} }

// Word is the pointer at an address.
func (w *Words) Word(addr uint64) (uint64, error) { return memory.Uint(w.Space, addr, w.Ptr) }

// Number is a member of an object.
func (w *Words) Number(base uint64, m Member) (uint64, error) {
	return memory.Uint(w.Space, base+m.Off, m.Size)
}

// Follow goes a route from an object.
func (w *Words) Follow(r Route, from uint64) (uint64, error) { return r.Follow(w.Space, w.Ptr, from) }

// Fields reads numbers at offsets from base; those that lie together in one piece.
func (w *Words) Fields(base uint64, all ...Field) error {
	first, end := all[0].Off, uint64(0)
	for _, f := range all {
		first, end = min(first, f.Off), max(end, f.Off+uint64(f.Size))
	}
	if end-first <= uint64(len(w.room)) {
		raw := w.room[:end-first]
		if w.Space.ReadMemory(base+first, raw) == nil {
			for _, f := range all {
				*f.To = memory.LittleEndian(raw[f.Off-first:][:f.Size])
			}
			return nil
		}
	}
	for _, f := range all {
		v, err := w.Number(base, f.Member)
		if err != nil {
			return err
		}
		*f.To = v
	}
	return nil
}
