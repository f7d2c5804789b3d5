package inferiors

import (
	"context"
	"debug/elf"
	"fmt"
	"testing"

	"thaw/gdbremote"
	"thaw/kernel"
	"thaw/session/arch"
)

// crowd is a guest with a component of many threads.
type crowd struct {
	guest
	threads int
}

func (c *crowd) Shown(ctx context.Context) (*Shown, error) {
	s, err := c.guest.Shown(ctx)
	objects := []*kernel.Object{s.System.Object(1)}
	for i := range c.threads {
		objects = append(objects, &kernel.Object{ID: kernel.ID(2 + i), Name: "t", Thread: &kernel.Thread{PD: 1, IP: 0x1000, SP: 0x2000, Source: "kernel stack"}})
	}
	s.System = kernel.NewSystem(objects, nil)
	return s, err
}

// BenchmarkThreads is what gdb asks at a stop: all threads, and the registers of each. The
// time for a thread is to be the same however many there are.
func BenchmarkThreads(b *testing.B) {
	a, err := arch.Of(elf.EM_X86_64)
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{100, 10000} {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			s, err := New(b.Context(), &crowd{guest{a: a}, n}, "")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := s.Resume(b.Context(), gdbremote.ActionContinue, gdbremote.ThreadID{}); err != nil {
					b.Fatal(err)
				}
				for _, d := range s.DescribeThreads() {
					if _, _, err := s.ReadRegisters(d.ID); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/thread")
		})
	}
}
