package foc

import (
	"testing"

	"thaw/kernel"
	"thaw/memory"
)

// BenchmarkDecode reads real systems' objects from nothing, and again after a stop
// at which one thread's saved ip has changed: time and allocations per stop.
func BenchmarkDecode(b *testing.B) {
	for _, good := range realSystems(b) {
		b.Run("first/"+good.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l := *good.layout
				l.last = nil
				if _, err := l.Decode(kernel.Machine{Phys: memory.NewMirror(good), Paging: good.paging, CPUs: good.cpus}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("again/"+good.name, func(b *testing.B) {
			a := newAgain(good)
			sys := a.decode(b, "first")
			var at uint64
			for _, o := range sys.Threads() {
				if o.Thread.IP != 0 && !o.Thread.Running {
					at = o.Addr + a.layout.thread.frame + a.layout.thread.frameIP
					break
				}
			}
			b.ReportAllocs()
			for n := uint64(0x1000); b.Loop(); n++ {
				a.set(b, at, n)
				if err := a.mirror.Refresh(); err != nil {
					b.Fatal(err)
				}
				if _, err := a.layout.Decode(kernel.Machine{Phys: a.mirror, Paging: a.paging, CPUs: a.cpus}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
