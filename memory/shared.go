package memory

import (
	"errors"
	"fmt"
	"runtime/debug"

	"thaw/readfile"

	"golang.org/x/sys/unix"
)

// Shared is guest RAM that a running QEMU shares as a file
// (memory-backend-file with share=on), mapped read-only. It is coherent only
// while the guest is stopped. Addresses are those of RAM below the 32-bit hole;
// what lies beyond the file is refused.
type Shared struct {
	data []byte
}

// MapShared maps the RAM file at path.
func MapShared(path string) (*Shared, error) {
	f, err := readfile.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mapping the guest's RAM %s: %w; give the mem-path of the guest's memory-backend-file", path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("mapping the guest's RAM %s: %w", path, err)
	}
	if st.Size() < leastRAM || st.Size() > lowRAM {
		return nil, fmt.Errorf("mapping the guest's RAM %s: %d bytes are not plain RAM below the 32-bit hole", path, st.Size())
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(st.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping the guest's RAM %s: %w", path, err)
	}
	return &Shared{data: data}, nil
}

// lowRAM is how much RAM QEMU's PC machines put at physical address 0 in one
// piece; the rest goes above 4 GiB, where file offset and address differ.
const lowRAM = 3 << 30

// leastRAM is less than any system of interest has.
const leastRAM = 64 << 10

// errCut says that there is less in a mapped file than there was.
var errCut = errors.New("the file with the guest's RAM was made shorter while it was read: attach again, and leave it alone")

// mapped runs what reads mapped memory. Where somebody cut the file off meanwhile that is
// an error: it would end us, and the guest would stand.
func mapped(read func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // a fault
			err = errCut
		default:
			panic(r)
		}
	}()
	read()
	return nil
}

// ReadPhysical copies from the mapping.
func (s *Shared) ReadPhysical(reqs []Request) error {
	return mapped(func() { s.copy(reqs) })
}

func (s *Shared) copy(reqs []Request) {
	for i := range reqs {
		r := &reqs[i]
		n := uint64(len(r.Buf))
		if r.Addr > uint64(len(s.data)) || n > uint64(len(s.data))-r.Addr {
			r.Err = fmt.Errorf("physical %#x is outside the guest's %d bytes of RAM", r.Addr, len(s.data))
			continue
		}
		copy(r.Buf, s.data[r.Addr:])
	}
}

// Size is how many bytes it has.
func (s *Shared) Size() uint64 { return uint64(len(s.data)) }

// At is a piece of the mapping, nil where it does not reach; see InPlace.
func (s *Shared) At(addr uint64, n int) []byte {
	if addr > uint64(len(s.data)) || uint64(n) > uint64(len(s.data))-addr {
		return nil
	}
	return s.data[addr:][:n:n]
}

// Close unmaps the file.
func (s *Shared) Close() error {
	if s.data == nil {
		return nil
	}
	data := s.data
	s.data = nil
	return unix.Munmap(data)
}
