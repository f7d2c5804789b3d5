package hw_test

import (
	"path/filepath"
	"testing"

	"thaw/oracle"
	"thaw/recording/stub/stubtest"
)

// Memory of real systems decodes to just what an independent reader saw at the same
// stop. testdata/README.md says what the files are.
func TestRealSystems(t *testing.T) { stubtest.Real(t, "base-hw", oracle.Rows) }

// Damaged memory is decoded as far as it goes, within bounds, and what is wrong is told.
func TestDecodeNoise(t *testing.T) {
	stubtest.Noise(t, filepath.Join("testdata", "genode-26.02-x86_64.thaw"), 300)
}

// Stopped in the vector, a thread's state is neither where it was saved last nor, as a
// whole, in the processor: ip, sp and flags are in its system registers, and those
// general registers that the kernel has used since are on its stack.
func TestInTheVector(t *testing.T) {
	v := stubtest.First(t, filepath.Join("testdata", "genode-26.02-arm64.thaw"), "base-hw")
	o := v.Snapshot.System.Running(0)
	if o == nil || o.Name != "spinner" {
		t.Fatalf("processor 0 runs %+v", o)
	}
	got := o.Thread
	if got.Source != "ELR_EL1" || got.IP != 0x10000c0 || got.SP != 0x408fef50 || got.Flags != 0x20000000 || len(got.Registers) != 31 {
		t.Errorf("%s: ip %#x, sp %#x, flags %#x, %d registers", got.Source, got.IP, got.SP, got.Flags, len(got.Registers))
	}
	for name, want := range map[string]uint64{"x0": 0x101a6e0, "x2": 0xe9b70, "x3": 0x77, "x29": 0x408fef50, "x30": 0x80b10} {
		if is, _ := got.Register(name); is != want {
			t.Errorf("%s is %#x, want %#x", name, is, want)
		}
	}
}

// In the kernel of 22.05 and of 24.05 no frame is copied: the saved registers are the thread's, not
// those of the processor, which is on the kernel's stack.
func TestOnTheKernelsStack(t *testing.T) {
	for name, sp := range map[string]uint64{"genode-22.05-x86_64.thaw": 0xffffffe0001fec38, "genode-24.05-x86_64.thaw": 0xffffffe0001fe9c8} {
		v := stubtest.First(t, filepath.Join("testdata", name), "base-hw")
		o := v.Snapshot.System.Running(0)
		if o == nil || o.Name != "entrypoint" {
			t.Fatalf("%s: processor 0 runs %+v", name, o)
		}
		if got := o.Thread; got.Source != "regs" || got.IP != 0xffffffc000001c62 || got.SP != sp {
			t.Errorf("%s: %s: ip %#x, sp %#x", name, got.Source, got.IP, got.SP)
		}
	}
}
