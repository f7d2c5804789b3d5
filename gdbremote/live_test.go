package gdbremote_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"thaw/gdbremote"
	"thaw/gdbremote/qemu"
)

// The tests here talk to a real QEMU without any guest image: the PC's reset
// vector is enough, and code is put into memory through the stub.

// startQEMU starts a frozen PC.
func startQEMU(t *testing.T, c qemu.Config) *qemu.VM {
	t.Helper()
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip("qemu-system-x86_64 is not installed")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	vm, err := qemu.Start(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { vm.Stop(context.Background()) })
	return vm
}

func attach(t *testing.T, vm *qemu.VM) *gdbremote.Client {
	t.Helper()
	c, err := gdbremote.Dial(t.Context(), vm.GDB(), gdbremote.Options{Timeout: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// live gives a context for everything a test waits for.
func live(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// codeBase is where loadCode puts code, in real mode.
const codeBase = 0x1000

// counter counts up at counterAt in an endless loop.
var counter = []byte{
	0x66, 0xff, 0x06, 0x00, 0x20, // inc dword [0x2000]
	0x40,       // inc ax
	0xeb, 0xf8, // jmp to the start
}

const counterAt = 0x2000

// loadCode makes the boot processor ready to execute code.
func loadCode(t *testing.T, c *gdbremote.Client, code []byte) {
	t.Helper()
	ctx := live(t)
	if err := c.WriteMemory(ctx, gdbremote.Physical, codeBase, code); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		name  string
		value uint64
	}{{"cs", 0}, {"ds", 0}, {"rip", codeBase}, {"rax", 0}} {
		if err := c.WriteRegister(ctx, gdbremote.ThreadID{}, r.name, r.value); err != nil {
			t.Fatal(err)
		}
	}
}

func register(t *testing.T, c *gdbremote.Client, name string) uint64 {
	t.Helper()
	regs, err := c.ReadRegisters(live(t), gdbremote.ThreadID{})
	if err != nil {
		t.Fatal(err)
	}
	v, ok := regs.Uint64(name)
	if !ok {
		t.Fatalf("no register %s", name)
	}
	return v
}

func TestLiveAttach(t *testing.T) {
	vm := startQEMU(t, qemu.Config{CPUs: 2})
	c := attach(t, vm)
	ctx := live(t)
	f := c.Features()
	if f.PacketSize < 0x400 || !f.VCont || !f.TargetXML || !f.Multiprocess || f.ReverseStep {
		t.Errorf("%+v", f)
	}
	if !c.HasPhysical() {
		t.Error("no physical addresses")
	}
	d := c.Description()
	if d.Architecture != "i386:x86-64" {
		t.Errorf("architecture %q", d.Architecture)
	}
	regs, err := c.ReadRegisters(ctx, gdbremote.ThreadID{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d registers described, %d bytes; g has %d bytes", len(d.Registers), d.Size(), len(regs.Raw()))
	for name, want := range map[string]uint64{"rip": 0xfff0, "cs": 0xf000, "cr3": 0, "efer": 0} {
		if v, ok := regs.Uint64(name); !ok || v != want {
			t.Errorf("%s is %#x, %v; want %#x", name, v, ok, want)
		}
		p, err := c.ReadRegister(ctx, gdbremote.ThreadID{}, name)
		if q, _ := regs.Bytes(name); err != nil || !bytes.Equal(p, q) {
			t.Errorf("%s alone: %x, %v", name, p, err)
		}
	}
	ids, err := c.Threads(ctx)
	if err != nil || len(ids) != 2 {
		t.Fatalf("%v, %v", ids, err)
	}
	for i, id := range ids {
		if s, err := c.ThreadExtra(ctx, id); err != nil || !strings.Contains(s, fmt.Sprintf("CPU#%d", i)) {
			t.Errorf("%v: %q, %v", id, s, err)
		}
		if _, err := c.ReadRegisters(ctx, id); err != nil {
			t.Errorf("%v: %v", id, err)
		}
	}
	if s, err := c.Monitor(ctx, "info registers"); err != nil || !strings.Contains(s, "CR0=") || !strings.Contains(s, "GDT=") {
		t.Errorf("info registers: %q, %v", s, err)
	}
	if s, err := c.Monitor(ctx, "info mtree -f"); err != nil || len(s) < 4096 {
		t.Errorf("long output: %d bytes, %v", len(s), err)
	}
	if all, err := c.Monitors(ctx, "info status", "info mtree -f", "info replay"); err != nil || !strings.Contains(all[0], "VM status") || len(all[1]) < 4096 || !strings.Contains(all[2], "not active") {
		t.Errorf("%.200q, %v", all, err)
	}
	if s, err := c.Monitor(ctx, "frobnicate"); err != nil || !strings.Contains(s, "unknown command") {
		t.Errorf("a command that is not: %q, %v", s, err)
	}
}

func TestLiveMemory(t *testing.T) {
	vm := startQEMU(t, qemu.Config{SharedRAM: true, MemoryMB: 16})
	c := attach(t, vm)
	ctx := live(t)
	// The reset vector is a far jump, which also is at the end of the first MiB.
	var vector [16]byte
	if err := c.ReadMemory(ctx, gdbremote.Physical, 0xfffffff0, vector[:]); err != nil || vector[0] != 0xea {
		t.Errorf("reset vector %x, %v", vector, err)
	}
	// A pattern over several packets arrives in the file that is guest memory.
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	if err := c.WriteMemory(ctx, gdbremote.Physical, 0x100003, data); err != nil {
		t.Fatal(err)
	}
	ram, err := os.Open(vm.RAMPath())
	if err != nil {
		t.Fatal(err)
	}
	defer ram.Close()
	mapped := make([]byte, len(data))
	if _, err := ram.ReadAt(mapped, 0x100003); err != nil || !bytes.Equal(mapped, data) {
		t.Errorf("the file differs (%v)", err)
	}
	var reqs []gdbremote.MemoryRequest
	for i := range 3000 {
		reqs = append(reqs, gdbremote.MemoryRequest{Addr: uint64(0x100003 + i*31), Buf: make([]byte, 8)})
	}
	for _, mode := range []gdbremote.AddressMode{gdbremote.Virtual, gdbremote.Physical, gdbremote.Virtual} {
		start := time.Now()
		if err := c.ReadMemoryBatch(ctx, mode, reqs); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d %v reads: %v each", len(reqs), mode, time.Since(start)/time.Duration(len(reqs)))
		for i, r := range reqs {
			if r.Err != nil || !bytes.Equal(r.Buf, data[i*31:][:8]) {
				t.Fatalf("%v read %d: %x, %v", mode, i, r.Buf, r.Err)
			}
		}
	}
	big := make([]byte, len(data))
	if err := c.ReadMemory(ctx, gdbremote.Virtual, 0x100003, big); err != nil || !bytes.Equal(big, data) {
		t.Errorf("big read: %v", err)
	}
	// What somebody else writes into the file is what the stub reads.
	if rw, err := os.OpenFile(vm.RAMPath(), os.O_RDWR, 0); err != nil {
		t.Error(err)
	} else {
		rw.WriteAt([]byte("thaw"), 0x5000)
		rw.Close()
		if err := c.ReadMemory(ctx, gdbremote.Physical, 0x5000, vector[:4]); err != nil || string(vector[:4]) != "thaw" {
			t.Errorf("%q, %v", vector[:4], err)
		}
	}
}

// TestLiveUnmapped turns paging on with one page mapped: reads of others must
// fail each on their own, and physical reads must still work.
func TestLiveUnmapped(t *testing.T) {
	c := attach(t, startQEMU(t, qemu.Config{MemoryMB: 16}))
	ctx := live(t)
	// A page directory at 0x8000 with one table at 0x9000, which maps page 0x1000.
	table := binary.LittleEndian.AppendUint32(nil, 0)
	table = binary.LittleEndian.AppendUint32(table, 0x1003)
	for addr, p := range map[uint64][]byte{0x8000: binary.LittleEndian.AppendUint32(nil, 0x9003), 0x9000: table} {
		if err := c.WriteMemory(ctx, gdbremote.Physical, addr, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.WriteMemory(ctx, gdbremote.Physical, 0x1ff8, []byte("lastword")); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		name  string
		value uint64
	}{{"cr3", 0x8000}, {"cr0", 0x80000011}} {
		if err := c.WriteRegister(ctx, gdbremote.ThreadID{}, r.name, r.value); err != nil {
			t.Fatal(err)
		}
	}
	reqs := []gdbremote.MemoryRequest{
		{Addr: 0x1ff8, Buf: make([]byte, 8)},
		{Addr: 0x2000, Buf: make([]byte, 8)},
		{Addr: 0x1ffc, Buf: make([]byte, 8)},
		{Addr: 0x1ffc, Buf: make([]byte, 4)},
	}
	if err := c.ReadMemoryBatch(ctx, gdbremote.Virtual, reqs); err != nil {
		t.Fatal(err)
	}
	if reqs[0].Err != nil || string(reqs[0].Buf) != "lastword" || reqs[3].Err != nil || string(reqs[3].Buf) != "word" {
		t.Errorf("mapped: %+v %+v", reqs[0], reqs[3])
	}
	for _, i := range []int{1, 2} {
		if !errors.Is(reqs[i].Err, gdbremote.ErrMemory) {
			t.Errorf("unmapped: %v", reqs[i].Err)
		}
	}
	if err := c.ReadMemoryBatch(ctx, gdbremote.Physical, reqs); err != nil || reqs[1].Err != nil || reqs[2].Err != nil {
		t.Errorf("physical: %v %+v", err, reqs)
	}
}

func TestLiveRunControl(t *testing.T) {
	c := attach(t, startQEMU(t, qemu.Config{MemoryMB: 16}))
	ctx := live(t)
	loadCode(t, c, counter)
	for i, want := range []uint64{codeBase + 5, codeBase + 6, codeBase, codeBase + 5} {
		s, err := c.Step(ctx, gdbremote.ThreadID{})
		if err != nil || s.Signal != gdbremote.SignalTrap || s.Thread.TID != 1 {
			t.Fatalf("step %d: %v, %v", i, s, err)
		}
		if rip := register(t, c, "rip"); rip != want {
			t.Fatalf("step %d: rip %#x, want %#x", i, rip, want)
		}
	}
	for _, kind := range []gdbremote.BreakKind{gdbremote.SoftwareBreak, gdbremote.HardwareBreak} {
		if err := c.Insert(ctx, kind, codeBase+5, 1); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			resume(t, c)
			if s, err := c.Wait(ctx); err != nil || s.Signal != gdbremote.SignalTrap {
				t.Fatalf("%v: %v, %v", kind, s, err)
			}
			if rip := register(t, c, "rip"); rip != codeBase+5 {
				t.Fatalf("%v: rip %#x", kind, rip)
			}
		}
		if err := c.Remove(ctx, kind, codeBase+5, 1); err != nil {
			t.Fatal(err)
		}
		if err := c.Remove(ctx, kind, codeBase+5, 1); !errors.Is(err, gdbremote.ErrNotInserted) {
			t.Errorf("%v: removed twice: %v", kind, err)
		}
	}
	if err := c.Insert(ctx, gdbremote.WatchWrite, counterAt, 4); err != nil {
		t.Fatal(err)
	}
	resume(t, c)
	s, err := c.Wait(ctx)
	if err != nil || s.Watch == nil || *s.Watch != (gdbremote.WatchHit{Kind: gdbremote.WatchWrite, Addr: counterAt}) {
		t.Errorf("watchpoint: %v, %v", s, err)
	}
	if err := c.Remove(ctx, gdbremote.WatchWrite, counterAt, 4); err != nil {
		t.Fatal(err)
	}
	list := make([]gdbremote.Breakpoint, 500)
	for i := range list {
		list[i] = gdbremote.Breakpoint{Kind: gdbremote.HardwareBreak, Addr: uint64(0x100000 + i), Length: 1}
	}
	for _, f := range []func(context.Context, []gdbremote.Breakpoint) error{c.InsertAll, c.RemoveAll} {
		if err := f(ctx, list); err != nil {
			t.Fatal(err)
		}
		for i := range list {
			if list[i].Err != nil {
				t.Fatal(list[i].Err)
			}
		}
	}
	if _, err := c.ReverseStep(ctx); !gdbremote.IsUnsupported(err) || c.Err() != nil {
		t.Errorf("reverse step: %v", err)
	}
}

func resume(t *testing.T, c *gdbremote.Client) {
	t.Helper()
	if err := c.Continue(live(t)); err != nil {
		t.Fatal(err)
	}
}
