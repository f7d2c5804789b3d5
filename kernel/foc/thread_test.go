package foc

import (
	"slices"
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

// labelled is a kernel in whose text a label of its entries stands.
type labelled struct {
	kernel.Symbols
	at   uint64
	name string
}

func (l labelled) FunctionAt(pc uint64) (string, uint64, bool) {
	if pc >= l.at && pc < l.at+16 {
		return l.name, pc - l.at, true
	}
	return l.Symbols.FunctionAt(pc)
}

// Of a thread that came by an interrupt other registers are saved than by a system call,
// and the kernel's way back stands among them: none is told for another.
func TestRegistersOfAnInterrupted(t *testing.T) {
	for _, good := range realSystems(t) {
		if good.layout.ptr != 8 {
			continue // ARM has one way to save registers
		}
		l := good.layout
		label := uint64(0xffffffffabcd0000)
		var o *kernel.Object
		for _, c := range good.decode(t).Threads() {
			if len(c.Thread.Registers) > 9 && !c.Thread.Running {
				o = c
			}
		}
		slot := o.Addr&^(l.thread.block-1) + l.thread.frame + l.thread.regs[9].offset
		for _, c := range []struct {
			name  string
			value uint64
			known bool
		}{{"in_timer_interrupt", label, false}, {"in_page_fault", label, false}, {"in_page_fault", label + 4, true}, {"in_syscall", label, true}, {"in_interrupt", 0x1000, true}} {
			f := good.copy()
			f.set(t, slot, c.value)
			own, err := NewLayout(labelled{l.file, label, c.name})
			if err != nil {
				t.Fatal(err)
			}
			f.layout = own
			got := f.decode(t).Object(o.ID).Thread
			if (len(got.Registers) > 0) != c.known || got.IP != o.Thread.IP || got.SP != o.Thread.SP {
				t.Errorf("%s: %s at %#x: %d registers, ip %#x", f.name, c.name, c.value, len(got.Registers), got.IP)
			}
		}
	}
}

// A thread in an exception has its registers in the trap's frame, which ends with the same
// words as a system call's and has others before those.
func TestRegistersInAnException(t *testing.T) {
	for _, good := range realSystems(t) {
		l := good.layout
		if l.ptr != 8 {
			continue
		}
		var bit uint64
		for _, s := range l.thread.states {
			if s.name == "in_exception" {
				bit = s.bit
			}
		}
		var o *kernel.Object
		for _, c := range good.decode(t).Threads() {
			if len(c.Thread.Registers) > 9 && !c.Thread.Running && !c.Thread.Exception {
				o = c
			}
		}
		f, own := good.copy(), *l
		own.thread.trapIP, own.thread.trapRegs = 144, []regSlot{{"r15", 0}, {"rax", 120}}
		f.layout = &own
		trap := o.Addr&^(l.thread.block-1) + l.thread.frame + l.thread.frameIP - own.thread.trapIP
		f.set(t, o.Addr+l.thread.state, o.Thread.State|bit)
		f.set(t, trap, 0x1515)
		f.set(t, trap+120, 0xaaaa)
		got := f.decode(t).Object(o.ID).Thread
		if want := []kernel.Register{{Name: "r15", Value: 0x1515}, {Name: "rax", Value: 0xaaaa}}; !slices.Equal(got.Registers, want) || got.IP != o.Thread.IP || !got.Exception {
			t.Errorf("%s: %v, ip %#x", f.name, got.Registers, got.IP)
		}
	}
}
