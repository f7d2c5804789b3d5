package foc

import (
	"testing"

	"thaw/kernel"
)

// A kernel stack that is empty leaves its pointer just behind the thread's block,
// where another thread's may begin.
func TestCurrentAtTheEndOfABlock(t *testing.T) {
	l := &Layout{thread: threadLayout{block: 0x1000}}
	thread := func(id kernel.ID, addr uint64) *kernel.Object {
		return &kernel.Object{ID: id, Addr: addr, Size: 0x1000, Class: "Thread_object", Kind: "Thread", Thread: &kernel.Thread{}}
	}
	sys := kernel.NewSystem([]*kernel.Object{thread(1, 0xf1111000), thread(2, 0xf1112000)}, nil)
	for _, c := range []struct {
		what string
		cpu  kernel.CPU
		id   kernel.ID
	}{
		{"in the middle of its stack", kernel.CPU{SP: 0xf1111f80}, 1},
		{"empty stack", kernel.CPU{SP: 0xf1112000}, 1},
		{"one word on the stack", kernel.CPU{SP: 0xf1112ff8}, 2},
		{"user mode", kernel.CPU{User: true, SP: 0x1000, KernelSP: 0xf1112000}, 1},
	} {
		o := l.Current(sys, c.cpu)
		if o == nil || o.ID != c.id {
			t.Errorf("%s: %+v, want thread %d", c.what, o, c.id)
			continue
		}
		if block := l.CurrentThread(kernel.Machine{CPUs: []kernel.CPU{c.cpu}}, 0); block != o.Addr {
			t.Errorf("%s: block %#x, want %#x", c.what, block, o.Addr)
		}
	}
	if o := l.Current(sys, kernel.CPU{SP: 0xf1113001}); o != nil {
		t.Errorf("behind all threads: %+v", o)
	}
}
