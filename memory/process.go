package memory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// Process is guest RAM where it lies in the memory of the process that runs the
// guest (process_vm_readv of Linux): nothing has to be shared for it, but the
// reader must be allowed to trace that process.
type Process struct {
	pid    int
	pieces []HostRAM // by guest-physical address, none overlap
	hands  [2]hand
}

// hand gathers pieces for one system call.
type hand struct {
	local  []unix.Iovec
	remote []unix.RemoteIovec
	which  []*Request // of the iovecs
}

// HostRAM is a piece of guest RAM: its guest-physical addresses, both inclusive,
// and where its first byte lies in the process.
type HostRAM struct {
	First, Last uint64
	Host        uint64
}

// NewProcess returns the RAM of a guest that a process runs, without looking at it.
func NewProcess(pid int, pieces []HostRAM) *Process {
	p := &Process{pid: pid, pieces: slices.Clone(pieces)}
	slices.SortFunc(p.pieces, func(a, b HostRAM) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	return p
}

// Pieces are the pieces of RAM, by address.
func (p *Process) Pieces() []HostRAM { return p.pieces }

// find is where n bytes from addr on lie in the process.
func (p *Process) find(addr uint64, n int) (host uint64, ok bool) {
	i, found := slices.BinarySearchFunc(p.pieces, addr, func(r HostRAM, a uint64) int {
		switch {
		case r.Last < a:
			return -1
		case r.First > a:
			return 1
		}
		return 0
	})
	if !found || n <= 0 || uint64(n)-1 > p.pieces[i].Last-addr {
		return 0, false
	}
	return p.pieces[i].Host + (addr - p.pieces[i].First), true
}

// mostPieces is how many pieces one system call reads (IOV_MAX of Linux).
const mostPieces = 1024

// manyPieces are worth being read by two processors at once: each piece waits for memory
// that no cache has. While the guest stands its processors have nothing to do.
const manyPieces = 2 * mostPieces

// ReadPhysical copies from the process, many pieces with one system call. A process
// that has ended, or must not be read any more, is an error as a whole.
func (p *Process) ReadPhysical(reqs []Request) error {
	if len(reqs) < manyPieces {
		return p.read(&p.hands[0], reqs)
	}
	half, other := len(reqs)/2, make(chan error, 1)
	go func() { other <- p.read(&p.hands[1], reqs[half:]) }()
	mine := p.read(&p.hands[0], reqs[:half])
	return cmp.Or(<-other, mine)
}

func (p *Process) read(h *hand, reqs []Request) error {
	for i := range reqs {
		r := &reqs[i]
		r.Err = nil
		if len(r.Buf) == 0 {
			continue
		}
		host, ok := p.find(r.Addr, len(r.Buf))
		if !ok {
			r.Err = fmt.Errorf("physical %#x is %w", r.Addr, ErrOutside)
			continue
		}
		iov := unix.Iovec{Base: &r.Buf[0]}
		iov.SetLen(len(r.Buf))
		h.local, h.which = append(h.local, iov), append(h.which, r)
		h.remote = append(h.remote, unix.RemoteIovec{Base: uintptr(host), Len: len(r.Buf)})
		if len(h.local) == mostPieces {
			if err := p.flush(h); err != nil {
				return err
			}
		}
	}
	return p.flush(h)
}

// flush reads the pieces that were gathered. The kernel reads them in order and
// ends at the first that it cannot: that one is told, and the rest read on.
func (p *Process) flush(h *hand) error {
	local, remote, which := h.local, h.remote, h.which
	h.local, h.remote, h.which = local[:0], remote[:0], which[:0]
	for len(local) > 0 {
		n, err := unix.ProcessVMReadv(p.pid, local, remote, 0)
		if err != nil && !errors.Is(err, unix.EFAULT) {
			return fmt.Errorf("reading the memory of process %d: %w", p.pid, err)
		}
		done := 0
		for done < len(remote) && n >= remote[done].Len {
			n -= remote[done].Len
			done++
		}
		if done < len(remote) {
			which[done].Err = fmt.Errorf("physical %#x cannot be read in process %d", which[done].Addr, p.pid)
			done++
		}
		local, remote, which = local[done:], remote[done:], which[done:]
	}
	return nil
}
