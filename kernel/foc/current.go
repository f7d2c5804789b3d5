package foc

import (
	"thaw/kernel"
	"thaw/kernel/offsets"
	"thaw/memory"
)

// currentLayout is where the kernel itself says who runs: every change to another thread
// writes the stack of the next entry from user mode into the processor's task-state
// segment, and that stack is at the end of the thread's block. A kernel for ARM has no
// such word.
type currentLayout struct {
	stack offsets.Route // to Tss::_rsp0, from how far a processor's data lies from the first's
	apart uint64        // address of Per_cpu_data::_offsets, which say how far; 0 with one processor
	count int           // of processors that the kernel may have
}

// notUp is the offset of a processor that is not there.
const notUp = ^uint64(0)

// findCurrent looks for it in the debug info; where that has nothing of the kind, it
// counts no processor.
func (l *Layout) findCurrent() *currentLayout {
	f := l.finder()
	c := &currentLayout{stack: f.Route(
		[]offsets.Hop{offsets.In("", "Cpu::cpus"), offsets.Through("Cpu", "tss"), offsets.In("Tss", "_rsp0")},
		[]offsets.Hop{offsets.In("", "tss"), offsets.In("Tss", "_rsp0")},
	)}
	if f.Err != nil {
		return c
	}
	c.count = 1
	if v, err := l.file.Variable("Per_cpu_data::_offsets"); err == nil {
		const most = 64
		c.apart = v.Addr
		c.count = int(min(max(v.Type.Underlying().Size/int64(l.ptr), 1), most))
	}
	return c
}

// markCurrent marks who runs by the kernel's own words. Whatever a word leads to that
// is no thread, nobody is known to run there.
func (d *decoder) markCurrent(sys *kernel.System) {
	if d.Layout.current == nil {
		d.Layout.current = d.findCurrent()
	}
	l := d.Layout.current
	for n := range l.count {
		apart := uint64(0)
		if l.apart != 0 {
			var err error
			if apart, err = d.word(l.apart + uint64(n*d.ptr)); err != nil || apart == notUp>>(64-8*d.ptr) {
				continue
			}
		}
		at, err := l.stack.Follow(d.kspace, d.ptr, apart)
		if err != nil || at == 0 {
			continue
		}
		top, err := memory.Uint(d.kspace, at, d.ptr)
		if err != nil {
			continue
		}
		if o := sys.At(top - 1); o != nil && o.Thread != nil {
			sys.Runs(o.Addr, n)
		}
	}
}
