package memory

import (
	"os"
	"strings"
	"testing"
	"unsafe"
)

// A process's memory is read by pieces of RAM: here our own stands for QEMU's.
func TestProcess(t *testing.T) {
	low, high := []byte("low memory"), make([]byte, 4096)
	copy(high[4000:], "high memory")
	host := func(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }
	p := NewProcess(os.Getpid(), []HostRAM{
		{First: 0x100000, Last: 0x100fff, Host: host(high)},
		{First: 0, Last: 9, Host: host(low)},
		{First: 0x200000, Last: 0x200fff, Host: 16}, // nothing is there
	})
	reqs := make([]Request, 0, 3000)
	for range 2000 { // more than one system call reads
		reqs = append(reqs, Request{Addr: 4, Buf: make([]byte, 6)}, Request{Addr: 0x100000 + 4000, Buf: make([]byte, 11)})
	}
	for _, bad := range []struct {
		addr uint64
		n    int
	}{{0x200000, 8}, {8, 3}, {10, 1}, {0x100fff, 2}, {^uint64(0), 2}} {
		reqs = append(reqs, Request{Addr: bad.addr, Buf: make([]byte, bad.n)}, Request{Addr: 4, Buf: make([]byte, 6)})
	}
	if err := p.ReadPhysical(reqs); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for _, r := range reqs {
		switch {
		case r.Err != nil:
			bad++
		case r.Addr == 4 && string(r.Buf) != "memory", r.Addr > 4 && string(r.Buf) != "high memory":
			t.Fatalf("%#x: %q", r.Addr, r.Buf)
		}
	}
	if bad != 5 {
		t.Errorf("%d of 5 bad requests were refused", bad)
	}
	for n, want := range []bool{false, true, false} {
		if _, ok := p.find(0x100fff, n); ok != want {
			t.Errorf("%d bytes from the last one of a piece of RAM on: %v", n, ok)
		}
	}
}

// A process that has ended is an error as a whole.
func TestProcessThatEnded(t *testing.T) {
	p := NewProcess(1<<30, []HostRAM{{First: 0, Last: 4095, Host: 4096}})
	err := p.ReadPhysical([]Request{{Addr: 0, Buf: make([]byte, 8)}})
	if err == nil || !strings.Contains(err.Error(), "process 1073741824") {
		t.Error(err)
	}
}
